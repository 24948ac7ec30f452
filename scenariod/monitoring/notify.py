"""Tell the service manager how the service is (sd_notify(3)).

Owns what is told, and how often the watchdog is to be petted. Never decides anything.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base.names import printable
from systemd import daemon

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGER_S = 60


class Notifier:
    """Tells the service manager how the service is (sd_notify(3)); does nothing without one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.watchdog_s = _watchdog_s(environment)
        self.is_heard = bool(environment.get("NOTIFY_SOCKET"))
        """Whether a service manager started this process, and restarts it when it fails."""
        self._status = ""
        self._is_ready = False

    def ready(self) -> None:
        """Say that the service is up."""
        self._is_ready = True
        _notify("READY=1")

    def takes_longer(self) -> None:
        """Have the start not be given up for the next minute; says nothing once it is up."""
        if not self._is_ready:
            _notify(f"EXTEND_TIMEOUT_USEC={_LONGER_S * 1_000_000}")

    def status(self, line: str) -> None:
        """Show `line` in `systemctl status`; says nothing new where it has not changed."""
        if line != self._status:
            self._status = line
            _notify(f"STATUS={printable(line)}")

    def alive(self) -> None:
        """Pet the watchdog."""
        _notify("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that the service goes on by another configuration; `ready` ends it."""
        # Sent again: this is checked as at a start, and the watchdog's time starts again.
        _notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}\nWATCHDOG=1")

    def stopping(self) -> None:
        """Say that the service is going down."""
        _notify("STOPPING=1")


def _notify(said: str) -> None:
    with suppress(OSError):  # nobody listens: a socket of a service that has ended, say
        daemon.notify(said)


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Return how often to pet the watchdog, in seconds: half of what the manager allows."""
    usec = environment.get("WATCHDOG_USEC", "")
    ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(usec) / 2_000_000 if usec.isdecimal() and ours else None
