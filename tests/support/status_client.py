"""One who asks a daemon for its status all the time, as `scenariodctl status` would."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base.errors import NotAnsweringError
from scenariod.monitoring import status

if TYPE_CHECKING:
    from pathlib import Path


class Asker(threading.Thread):
    """Asks for the status ten times a second, and notes how long each answer takes."""

    def __init__(self, socket: Path) -> None:
        super().__init__(daemon=True)  # where a test fails, nobody tells it to end
        self._socket = socket
        self._over = threading.Event()
        self._taken_s: list[float] = []

    def run(self) -> None:
        while not self._over.wait(0.1):
            began = time.monotonic()
            with suppress(NotAnsweringError):  # then it took as long as anybody waits
                if status.ask(self._socket) is None:
                    continue
            self._taken_s.append(time.monotonic() - began)

    def end(self) -> list[float]:
        """Stop asking; return how long each answer took, in seconds."""
        self._over.set()
        self.join()
        return self._taken_s
