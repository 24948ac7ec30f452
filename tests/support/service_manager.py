"""A service manager, as far as its services tell it anything (sd_notify(3))."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from support.home import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.home import Daemon, Home


class ServiceManager:
    """Hears what a service tells its service manager, for as long as it lives."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("")  # the kernel chooses an address that is no path
        self.environment = {"NOTIFY_SOCKET": f"@{self._socket.getsockname()[1:].decode()}"}
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def start(self, home: Home, *, environment: Mapping[str, str] | None = None) -> Daemon:
        """Start the daemon as a service, and wait until it is up."""
        daemon = home.launch(environment={**self.environment, **(environment or {})})
        self.wait_for_ready(1)
        return daemon

    def wait_for_ready(self, times: int) -> None:
        """Wait until the service has said so often that it is up."""
        self.wait_for("READY=1", times=times)

    def wait_for(self, words: str, *, times: int = 1) -> None:
        """Wait until it was told so often something that begins with these words."""
        wait_until(lambda: self.count(words) >= times, f"{words} is told {times} times")

    def count(self, words: str) -> int:
        """Return how often it was told something that begins with these words."""
        return sum(told.startswith(words) for told in self.heard)

    def close(self) -> None:
        """Hear no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while told := self._socket.recv(4096).decode():
            self.heard.append(told)
