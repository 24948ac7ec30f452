"""A daemon that runs on a root folder, and what is dropped into it.

Owns its process. Never measures what it costs.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import scenarios
from bench.processes import scenariod
from scenariod.monitoring import status

DEADLINE_S = 1800.0
IDLE_S = 1.5
"""How long it must be idle: between a batch and what follows it, it is so for a moment."""


@dataclass
class Daemon:
    """A running daemon, and when it printed what."""

    root: Path
    process: subprocess.Popen[str]
    lines: list[tuple[float, str]] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self.process.pid

    def listen(self) -> None:
        """Note each line with its time."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append((time.perf_counter(), line.strip()))

    def times_of(self, pattern: str) -> list[float]:
        """Return when the lines that match were printed."""
        return [moment for moment, line in list(self.lines) if re.match(pattern, line)]

    def ask(self) -> dict[str, object]:
        """Return its status; empty while it does not answer yet."""
        return status.ask(self.root / "library" / "scenariod.sock") or {}

    def wait_until(self, holds: Callable[[], bool], *, every_s: float = 0.05) -> None:
        """Wait until something holds; raise TimeoutError, with what the daemon printed last."""
        end = time.monotonic() + DEADLINE_S
        while not holds():
            if time.monotonic() > end or self.process.poll() is not None:
                raise TimeoutError(f"{self.root}: {self.lines[-5:]}")
            time.sleep(every_s)

    def wait_until_idle(self) -> None:
        """Wait until nothing has happened for a while; a new template is ready, too."""
        since = time.monotonic()

        def is_idle() -> bool:
            nonlocal since
            now = self.ask()
            if now.get("state") != "idle" or now.get("inbox") != 0:
                since = time.monotonic()
            return time.monotonic() - since > IDLE_S

        self.wait_until(is_idle)

    def drop(self, name: str) -> tuple[float, list[Path]]:
        """Rename a pair into the inbox; return when that began, and where both files end."""
        ids = [f"{name}-{half}" for half in "ab"]
        scenarios.write(self.root, ids)
        names = [scenarios.file_name(named) for named in ids]
        begun = time.perf_counter()
        for dropped in names:
            (self.root / dropped).rename(self.root / "inbox" / dropped)
        return begun, [self.root / "done" / dropped for dropped in names]

    def drop_and_wait(self, name: str) -> float:
        """Rename a pair into the inbox; return the seconds until both files are in done/."""
        begun, done = self.drop(name)
        self.wait_until(lambda: all(path.exists() for path in done), every_s=0.002)
        return time.perf_counter() - begun


@contextmanager
def running(root: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    """Run a daemon on `root`, from when it watches the inbox."""
    process = subprocess.Popen(
        scenariod(root),
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | dict(environment or {}),
    )
    daemon = Daemon(root, process)
    threading.Thread(target=daemon.listen, daemon=True).start()
    try:
        daemon.wait_until(lambda: bool(daemon.times_of(".* watches ")))
        yield daemon
    finally:
        process.terminate()
        process.wait()
