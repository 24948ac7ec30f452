"""What people see of the supervisor: its status, its state, and the line in `systemctl status`.

Gathers what others know. Never decides what happens.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from scenariod import __version__
from scenariod.backups.damage import CHECKING
from scenariod.base import clock
from scenariod.base.names import printable
from scenariod.monitoring import status

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.base.config import Config
    from scenariod.daemon.settle import Settled, Settler
    from scenariod.intake.claim import Claimer
    from scenariod.monitoring.notify import Notifier
    from scenariod.workers.budget import Budget
    from scenariod.workers.queue import Queue

HEARTBEAT_S = 1.0
LIVE_S = 0.25
"""How often we say how we are: without a worker, and with one."""
TOLD_PERCENT = 3
"""By how much of a limit, or of the machine, memory must change to be told anew."""
_MOST_WAITING_SHOWN = 100
_LONG_BEFORE_READY = {status.State.STARTING, status.State.REBUILDING, status.State.PAUSED}
"""A large library is read through at a start, and where it is damaged, rebuilt."""


class StatusReporter:
    """The status of one supervisor, kept up to date."""

    def __init__(
        self,
        config: Config,
        *,
        claimer: Claimer,
        queue: Queue,
        budget: Budget,
        notifier: Notifier,
        launcher_name: str,
        doing: Callable[[], str],
    ) -> None:
        self._config = config
        self._claimer = claimer
        self._queue = queue
        self._budget = budget
        self._notifier = notifier
        self._told: dict[int, status.Running] = {}
        self._told_available_bytes = 0
        self._doing = doing
        self.status = status.Status(
            root=str(config.root),
            pid=os.getpid(),
            version=__version__,
            launcher=launcher_name,
            started_at=clock.now().isoformat(timespec="seconds"),
            most_workers=budget.most_workers,
        )

    def snapshot(self) -> status.Status:
        """Return the status as it is now."""
        self.status.inbox = self._claimer.total
        self.status.watch, self.status.watch_detail = self._claimer.sight
        self.status.workers = self._queue.workers
        self.status.memory = self._budget.shown()
        if doing := self._doing():
            at_start = doing == CHECKING
            self.set_state(status.State.STARTING if at_start else status.State.REBUILDING, doing)
        self.status.waiting = [
            {"file": printable(w.name), "reason": str(w.hold)}
            for w in self._claimer.waiting[:_MOST_WAITING_SHOWN]
        ]
        return self.status

    async def keep_telling(self) -> None:
        """Tell the service manager, for ever, that we are alive and how we are."""
        every_s = min(self._notifier.watchdog_s or HEARTBEAT_S, HEARTBEAT_S)
        while True:
            self._notifier.alive()
            if self.status.state in _LONG_BEFORE_READY:
                self._notifier.takes_longer()
            with suppress(OSError):  # as /proc cannot be read while too many files are open
                self._notifier.status(self.line())
            await asyncio.sleep(min(every_s, LIVE_S) if self._queue.running else every_s)

    def line(self) -> str:
        """Return the line for `systemctl status`, with memory as last told if it is near that."""
        now = self.snapshot()
        if _has_changed(
            now.memory.available_bytes,
            self._told_available_bytes,
            whole_bytes=now.memory.total_bytes,
        ):
            self._told_available_bytes = now.memory.available_bytes
        told = {}
        for worker in now.workers:
            last = self._told.get(worker.batch)
            told[worker.batch] = replace(worker) if last is None or _differ(worker, last) else last
        self._told = told
        memory = replace(now.memory, available_bytes=self._told_available_bytes)
        return replace(now, workers=list(told.values()), memory=memory).line()

    def greeting(self) -> str:
        """Return what is said once files are taken."""
        now = self.status
        return (
            f"scenariod {now.version} watches {self._config.inbox}; workers under "
            f"{self._config.memory.limit_mb} MB by {now.launcher}; {now.scenarios} scenarios in "
            "the library"
        )

    def set_state(self, state: status.State, detail: str = "") -> None:
        """Show a state, and why; once stopping, no other."""
        if self.status.state is not status.State.STOPPING:
            self.status.state = state
            self.status.detail = detail

    def show_what_files_wait_for(self, *, at_rest: bool) -> None:
        """Say what the files in the inbox wait for, or that there are none; no worker runs.

        `at_rest` says whether what was added is published, too: who sees idle finds it there.
        """
        waiting = self._claimer.waiting
        if self._claimer.total == 0:
            self.set_state(status.State.IDLE if at_rest else status.State.PUBLISHING)
        elif waiting:
            words = f"{printable(waiting[0].name)}: {waiting[0].hold}"
            self.set_state(status.State.WAITING, words)
        else:
            self.set_state(status.State.WAITING, "a lone file waits for a partner")

    def count(self, settled: Settled) -> None:
        """Add what was settled to what is shown since the start."""
        self.status.added += settled.added
        self.status.replaced += settled.replaced
        self.status.already_added += settled.already_added
        self.status.refused += settled.refused
        self.status.batches += settled.batches

    def show_library(self, settler: Settler) -> None:
        """Show how many scenarios there are, and the newest backup."""
        self.status.scenarios = settler.scenarios
        self.status.newest_backup = settler.newest_backup
        self.status.backup_doubt = settler.backup_doubt


def _differ(worker: status.Running, told: status.Running) -> bool:
    whole = worker.limit_bytes
    return worker.files != told.files or any(
        _has_changed(now, then, whole_bytes=whole)
        for now, then in (
            (worker.used_bytes, told.used_bytes),
            (worker.peak_bytes, told.peak_bytes),
        )
    )


def _has_changed(now_bytes: int, told_bytes: int, *, whole_bytes: int) -> bool:
    return abs(now_bytes - told_bytes) * 100 > TOLD_PERCENT * whole_bytes
