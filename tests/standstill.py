"""Processes that stand still at a named moment, for as long as a test needs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
from conftest import wait_until

from scenariod.killpoint import VARIABLE, KillPoint, Order


class Standstill:
    """The orders by which the next process that comes to a point stands still there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()
        self.environment = {VARIABLE: str(folder)}

    def order(self, point: KillPoint) -> None:
        """Have the next process that comes to `point` stand still."""
        aside = self._folder / "aside"
        aside.write_text(Order.HOLD)
        aside.rename(self._folder / point)  # whole at once: an empty order kills

    def wait_for(self, pid: int, module: str = "scenariod.worker") -> psutil.Process:
        """Return the child of a daemon that stands still, as soon as it does."""
        return self.wait_for_all(1, pid, module)[0]

    def wait_for_all(
        self, count: int, pid: int, module: str = "scenariod.worker"
    ) -> list[psutil.Process]:
        """Return the children of a daemon that stand still, as soon as they are so many."""
        found: list[psutil.Process] = []

        def stand() -> bool:
            with suppress(psutil.Error):
                children = psutil.Process(pid).children()
                found[:] = [p for p in children if module in p.cmdline() and is_still(p)]
            return len(found) == count

        wait_until(stand, f"{count} of {module} stand still")
        return found


def is_still(process: psutil.Process) -> bool:
    """Say whether a process was stopped, and has not been told to go on."""
    return bool(process.status() == psutil.STATUS_STOPPED)
