"""Processes that stand still at a named moment, for as long as a test needs."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import psutil

from scenariod.base.killpoint import VARIABLE, KillPoint, Order
from support.home import wait_until


class Standstill:
    """The orders by which the next process that comes to a point stands still there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = {VARIABLE: str(folder)}

    def order(self, point: KillPoint) -> None:
        """Have the next process that comes to `point` stand still."""
        aside = self._folder / "aside"
        aside.write_text(Order.HOLD)
        aside.rename(self._folder / point)  # whole at once: an empty order kills

    def wait_until_still(self, pid: int) -> psutil.Process:
        """Return the process `pid` itself, as soon as it stands still."""
        process = psutil.Process(pid)
        wait_until(lambda: is_still(process), f"process {pid} stands still")
        return process

    def wait_for(self, pid: int, module: str = "scenariod.workers.worker") -> psutil.Process:
        """Return the child of the process `pid` that stands still, as soon as it does."""
        return self.wait_for_all(1, pid, module)[0]

    def wait_for_all(
        self, count: int, pid: int, module: str = "scenariod.workers.worker"
    ) -> list[psutil.Process]:
        """Return the children of `pid` that stand still, as soon as they are so many."""
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


def is_asked_to_end(worker: psutil.Process) -> bool:
    """Say whether SIGTERM waits for a process that stands still; see proc(5)."""
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    pending = next(int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd:"))
    return bool(pending >> (signal.SIGTERM - 1) & 1)
