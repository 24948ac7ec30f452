"""What people see of the supervisor: its status, its state, and the line in `systemctl status`.

Gathers what others know. Never decides what happens.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod import __version__
from scenariod.backups.damage import CHECKING
from scenariod.base import clock
from scenariod.base.errors import ScenariodError
from scenariod.base.names import printable
from scenariod.base.owner import own_name, user_name
from scenariod.base.value import replace
from scenariod.intake import misnamed
from scenariod.monitoring import status
from scenariod.monitoring.journal import Event
from scenariod.workers import host

if TYPE_CHECKING:
    from scenariod.daemon.setup import Setup
    from scenariod.monitoring.counts import Counts
    from scenariod.workers.host import Host
    from scenariod.workers.queue import Worker
    from scenariod.workers.sizes import Sizes

HEARTBEAT_S = 1.0
"""How often the status line is sent, at most."""
RESTING_HEARTBEAT_S = 10.0
"""The same while nothing happens: a small machine is to sleep as long as it can."""
_LONG_BEFORE_READY = {status.State.STARTING, status.State.REBUILDING, status.State.PAUSED}
"""A large library is read through at a start, and where it is damaged, rebuilt."""


class StatusReporter:
    """The status of one supervisor, kept up to date."""

    def __init__(self, setup: Setup, *, voices: status.VoiceProgress) -> None:
        self._config = setup.config
        self._journal = setup.journal
        self._settler = setup.settler
        self._queue = setup.queue
        self._claimer = setup.claimer
        self._notifier = setup.notifier
        self._sizes = setup.budget.sizes
        self._starter = setup.starter
        self._awake = asyncio.Event()
        self.status = status.Status(
            root=str(setup.config.root),
            pid=os.getpid(),
            version=__version__,
            launcher=setup.launcher.name,
            started_at=clock.now().isoformat(timespec="seconds"),
            user=own_name(),
            worker_user=user_name(setup.launcher.worker_uid),
            most_workers=setup.budget.most_workers,
            voices=None if voices.engine == "off" else voices,
        )

    def snapshot(self) -> status.Status:
        """Return the status as it is now."""
        if doing := self._settler.doing:
            at_start = doing == CHECKING
            self.set_state(status.State.STARTING if at_start else status.State.REBUILDING, doing)
        watch, watch_detail = self._claimer.sight
        waiting = self._claimer.waiting[: status.MOST_WAITING]
        return replace(
            self.status,
            worker_start=self._starter.words,
            inbox=self._claimer.total,
            waiting=[{"file": printable(w.name), "reason": str(w.hold)} for w in waiting],
            left_alone=len(self._claimer.left_alone),
            left_alone_files=misnamed.shown(self._claimer.left_alone, self._config.inbox),
            workers=[_running(worker) for worker in self._queue.workers],
            speaker=_running(self._queue.speaker) if self._queue.speaker else None,
            memory=_memory(host.look(), self._sizes),
            watch=watch,
            watch_detail=watch_detail,
        )

    async def answer(self) -> status.Status:
        """Return the status for somebody who asks, with the library and backups as they are now."""
        found = None
        with suppress(OSError, ScenariodError):  # the loop meets it too, and reports it
            found = await asyncio.to_thread(self._settler.look)
        if found is None:
            return self.snapshot()
        scenarios, newest, doubt = found
        return replace(
            self.snapshot(), scenarios=scenarios, newest_backup=newest, backup_doubt=doubt
        )

    async def keep_telling(self) -> None:
        """Tell the service manager, for ever, that we are alive and how we are."""
        longest_s = self._notifier.watchdog_s or RESTING_HEARTBEAT_S
        while True:
            self._awake.clear()
            self._notifier.alive()
            if self.status.state in _LONG_BEFORE_READY:
                self._notifier.takes_longer()
            with suppress(OSError):  # as /proc cannot be read while too many files are open
                self._notifier.status(self.snapshot().line())
            if self.status.state is not status.State.IDLE:
                await asyncio.sleep(min(HEARTBEAT_S, longest_s))
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(min(RESTING_HEARTBEAT_S, longest_s)):
                    await self._awake.wait()

    def report_start(self) -> None:
        """Report, to the service manager too, that files are taken from now on."""
        self.set_state(status.State.STARTING)
        self._notifier.ready()
        now, sizes = self.status, self._sizes
        self._journal.tell(
            Event.STARTED,
            f"scenariod {now.version} as {now.user} watches {self._config.inbox}; workers under "
            f"{sizes.shown('limit_mb')} by {now.launcher} as {now.worker_user}, "
            f"{sizes.shown('reserve_mb')} kept free; {now.scenarios} scenarios in the library",
            root=now.root,
            launcher=now.launcher,
            memory_limit_bytes=sizes.limit_bytes,
        )

    def set_state(self, state: status.State, detail: str = "") -> None:
        """Show a state, and why; once stopping, no other."""
        if self.status.state is not status.State.STOPPING:
            if state is not self.status.state:
                self._awake.set()
            self.status.state = state
            self.status.detail = detail

    def show_memory_wait(self, why: str) -> None:
        """Show what the next batch waits for; report it once, but not while a worker runs."""
        told, self.status.next_waits = self.status.next_waits, why
        if self._queue.running:  # the end of a batch makes room: that is an ordinary day
            return
        if not told:
            self._journal.tell(Event.MEMORY_WAITS, f"the next batch waits for memory: {why}")
        self.set_state(status.State.WAITING, why)

    def show_what_files_wait_for(self, *, at_rest: bool) -> None:
        """Show what the files in the inbox wait for, or that it is empty.

        `at_rest` says whether what was added is published, too: who sees idle finds it there.
        """
        self.status.next_waits = ""
        if self._queue.running:
            return
        waiting = self._claimer.waiting
        if self._queue.speaker is not None:
            self.set_state(status.State.SPEAKING)
        elif self._claimer.total == 0:
            self.set_state(status.State.IDLE if at_rest else status.State.PUBLISHING)
        elif waiting:
            words = f"{printable(waiting[0].name)}: {waiting[0].hold}"
            self.set_state(status.State.WAITING, words)
        else:
            self.set_state(status.State.WAITING, "a lone file waits for a partner")

    def count(self, settled: Counts | None) -> None:
        """Add a batch that was settled, if one was, to what is shown since the start."""
        if settled is not None:
            self.status.counts += settled
            self.status.batches += 1

    def show_library(self) -> None:
        """Show how many scenarios there are, and the newest backup."""
        self.status.scenarios = self._settler.scenarios
        self.status.newest_backup = self._settler.schedule.newest
        self.status.backup_doubt = self._settler.schedule.doubt


def _running(worker: Worker) -> status.Running:
    reading = worker.reading
    return {
        "batch": worker.batch_id,
        "files": [printable(name) for name in worker.names],
        "used_bytes": reading.used_bytes,
        "limit_bytes": reading.limit_bytes,
        "used_percent": round(100 * reading.used_bytes / reading.limit_bytes, 1),
        "peak_bytes": reading.peak_bytes,
        "stalled_percent": reading.stalled_percent,
    }


def _memory(machine: Host, sizes: Sizes) -> status.Memory:
    return {
        "total_bytes": machine.total_bytes,
        "available_bytes": machine.available_bytes,
        "reserve_bytes": sizes.reserve_bytes,
        "limit_bytes": sizes.limit_bytes,
        "limit_max_bytes": sizes.limit_max_bytes,
        "chosen": list(sizes.chosen),
        "stalled_percent": machine.stalled_percent,
    }
