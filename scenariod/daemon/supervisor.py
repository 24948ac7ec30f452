"""The loop: take in, admit, launch, settle, next; the only module that wires the rest.

Never parses a scenario, and holds at most one batch's small verdict in memory.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base.errors import (
    CommandInterruptedError,
    ExitCode,
    LibraryDamagedError,
    ScenariodError,
)
from scenariod.base.faults import ENVIRONMENT_FAULTS, Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.daemon.attempt import Attempts
from scenariod.daemon.choice import next_batch
from scenariod.daemon.cleanup import Cleanup
from scenariod.daemon.drain import Drain
from scenariod.daemon.error_policy import Backoff, End, ErrorPolicy, Pause, Rebuild
from scenariod.daemon.reporter import StatusReporter
from scenariod.daemon.reporting import Reporting
from scenariod.daemon.speaking import Speaking
from scenariod.intake.claim import Nothing
from scenariod.intake.delivery import Delivery
from scenariod.monitoring import status, status_socket
from scenariod.monitoring.journal import Event
from scenariod.workers.admission import Waits

if TYPE_CHECKING:
    from scenariod.base.faults import Fault
    from scenariod.daemon.setup import Setup
    from scenariod.daemon.signals import SignalRequests
    from scenariod.intake.batch import Batch

ADMISSION_RETRY_S = 2.0
MOST_REBUILDS = 3
"""How often one run rebuilds a damaged library: where that does not help, the disk is bad."""


class Supervisor:
    """One root folder's supervisor; `run` it to the end."""

    def __init__(self, setup: Setup, *, stop: SignalRequests) -> None:
        config, settler, journal = setup.config, setup.settler, setup.journal
        self._setup = setup
        self._config = config
        self._settler = settler
        self._queue = setup.queue
        self._claimer = setup.claimer
        self._stop = stop
        self._attempts = Attempts(setup)
        self._drain = Drain(config, settler=settler, journal=journal)
        self._cleanup = Cleanup(config, settler=settler, journal=journal)
        self._speaking = Speaking(setup)
        self._reporting = Reporting(config, settler=settler, journal=journal)
        self._reporter = StatusReporter(setup, voices=self._speaking.progress)
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._error_policy = ErrorPolicy(
            journal=journal,
            rebuilds_library=config.library.auto_restore,
            is_service=setup.notifier.is_heard,
        )
        self._backoff = Backoff(
            journal=journal,
            longest_s=config.intake.longest_retry_s,
            on_end=setup.settler.note_pause,
        )
        self._damage: LibraryDamagedError | None = None
        self._fatal: ScenariodError | None = None
        self._rebuilds = 0

    async def run(self) -> ExitCode:
        """Work until `stop` asks to end, or with `once` until the inbox is empty.

        Raises `NoLimitError` where no limit can be put in force (then nothing was touched), and
        what makes going on senseless later.
        """
        # First: who is to end while the limit is checked ends in order, and takes its slices away.
        self._stop.listen(wake=self._signalled, grace_s=self._config.worker.stop_grace_s)
        await self._setup.launcher.check(self._config.root)
        self._setup.starter.prepare()
        heartbeat = asyncio.create_task(self._reporter.keep_telling())
        heartbeat.add_done_callback(self._heartbeat_ended)
        server = await status_socket.serve(self._config.socket, self._answer)
        try:
            await self._recover_once_it_can()
            await self._loop()
        finally:
            heartbeat.cancel()
            server.close()
            self._config.socket.unlink(missing_ok=True)
            await self._claimer.stop_watching()
            await self._cleanup.stop()
            await self._speaking.stop()
            await self._reporting.stop()
            await self._settler.close()
            await self._setup.starter.close()
            await self._setup.launcher.sweep(self._config.root)
        if self._fatal is not None:
            raise self._fatal
        return self._exit_code()

    def _heartbeat_ended(self, heartbeat: asyncio.Task[None]) -> None:
        """Tell of a defect of ours: the service manager's watchdog will end this run."""
        if not heartbeat.cancelled() and isinstance(error := heartbeat.exception(), Exception):
            self._take(error)

    async def _loop(self) -> None:
        loop = asyncio.get_running_loop()

        def wake_from_elsewhere() -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody looks any more
                loop.call_soon_threadsafe(self._wake.set)

        self._claimer.keep_watching(wake=wake_from_elsewhere, on_return=self._end_pause)
        self._reporter.report_start()
        while not self._finished():
            await self._sleep(await self.tick(now=time.monotonic()))
        self._show_stop()
        if self._settler.is_open and self._fatal is None and not self._stop.is_reload:
            await self._drain.catch_up()

    async def tick(self, *, now: float) -> float:
        """Do all that can be done at `now` (monotonic seconds); return when to come back, in s."""
        self._show_stop()
        if self._stop.is_asked or self._fatal is not None:
            self._give_way()
            return self._config.intake.rescan_s
        if (left_s := self._backoff.left_s(now)) > 0:
            return left_s
        try:
            if self._damage is not None:
                return await self._rebuild_if_at_rest(self._damage)
            wait_s = await self._start_what_may(now)
            if self._is_drained():
                self._drain.close_if_due(now, on_end=self._drain_ended)
            if self._drain.is_closed:
                self._cleanup.begin_if_due(now, on_end=self._cleanup_ended)
                self._speaking.begin_if_due(now, on_end=self._wake.set)
                wait_s = self._speaking.wait_s(now, at_most=wait_s)
                if not self._speaking.is_busy:
                    self._reporting.begin_if_due(now, on_end=self._wake.set)
                wait_s = self._reporting.wait_s(now, at_most=wait_s)
        except (OSError, ScenariodError) as error:
            return self._take(error)
        return wait_s

    # Signals and waiting

    def _signalled(self) -> None:
        if self._stop.is_urgent:
            self._settler.hurry()
        self._wake.set()

    def snapshot(self) -> status.Status:
        """Return the status as it is now."""
        return self._reporter.snapshot()

    async def _answer(self) -> status.Status:
        """Return the status for who asks; a command that has changed the library asks, too."""
        if not self._setup.once:
            self._speaking.look_soon()
            self._wake.set()
        return await self._reporter.answer()

    def _show_stop(self) -> None:
        if self._stop.is_new(running=len(self._running)):
            self._reporter.set_state(status.State.STOPPING)
            self._setup.notifier.stopping()
        elif self._stop.is_reload:
            self._reporter.set_state(status.State.RELOADING)

    async def _sleep(self, longest_s: float) -> None:
        """Wait until something happens, `longest_s` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._wake.wait()
        self._wake.clear()

    def _finished(self) -> bool:
        if self._running or self._drain.is_busy or self._is_occupied():
            return False
        if self._stop.is_asked or self._fatal is not None:
            return True
        if not self._setup.once:
            return False
        now = time.monotonic()
        due = self._cleanup.is_due(now) or self._speaking.is_due(now)
        return self._backoff.is_on or (self._drain.is_closed and not due)

    def _is_drained(self) -> bool:
        """Say whether nothing is left to do but what waits for memory that others use.

        With `once` that is waited for too: nobody would come back to it.
        """
        if self._setup.once:
            return not self._queue and self._claimer.is_empty()
        at_rest = not self._queue.running and self._setup.budget.lets_others_pass()
        return at_rest and self._claimer.is_empty()

    def _exit_code(self) -> ExitCode:
        if not self._setup.once:
            return ExitCode.OK
        if self._stop.is_asked and (not self._drain.is_closed or self._speaking.is_behind):
            return ExitCode.INTERRUPTED
        if self._backoff.is_on:
            return ExitCode.PAUSED
        if self._reporter.status.counts.refused:
            return ExitCode.SOME_REFUSED
        if self._claimer.total:
            return ExitCode.SOME_LEFT
        return ExitCode.SOME_UNSPOKEN if self._speaking.has_failed else ExitCode.OK

    def _is_occupied(self) -> bool:
        """Say whether something is being done that gives way to files."""
        return self._speaking.is_busy or self._reporting.is_busy

    def _give_way(self) -> None:
        """End what gives way to files: it goes on once the inbox is empty."""
        self._speaking.give_way()
        self._reporting.give_way()

    # Starting batches

    async def _start_what_may(self, now: float) -> float:
        """Start the batches that may be started; return when to come back, in s."""
        budget = self._setup.budget
        while budget.has_place() and not self._stop.is_asked and self._fatal is None:
            match await next_batch(self._setup, now=now):
                case Nothing(again_s):
                    self._reporter.show_what_files_wait_for(at_rest=self._drain.is_closed)
                    return again_s
                case Waits(reason, for_host):
                    if not for_host:
                        self._speaking.give_way()
                    self._reporter.show_memory_wait(reason)
                    return ADMISSION_RETRY_S
                case batch:
                    self._start(batch)
        return self._config.intake.rescan_s

    def _start(self, batch: Batch) -> None:
        self._drain.reopen()
        self._give_way()
        self._reporter.status.next_waits = ""
        self._reporter.set_state(status.State.WORKING)
        self._queue.start(batch, limit_bytes=self._setup.budget.limit_of(batch))
        task = asyncio.create_task(self._process(batch))
        self._running.add(task)
        task.add_done_callback(self._batch_ended)

    def _batch_ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    # One batch

    async def _process(self, batch: Batch) -> None:
        """Take one batch to its end; whatever goes wrong here, the loop goes on."""
        try:
            concluded = await self._attempts.take(batch, stop=self._stop.workers)
        except Exception as error:  # noqa: BLE001  the loop's per-batch border: attempts count
            self._queue.end(batch)
            self._derive_queue(batch)
            self._take(error, batch=batch.id)
            return
        self._queue.end(batch)
        self._queue.put_first(concluded.again)
        self._claimer.set_aside(concluded.damaged)
        self._reporter.count(concluded.settled)
        self._reporter.show_library()
        if concluded.pause is None:
            self._backoff.end_if_over()
        else:
            self._pause_for(concluded.pause)

    def _derive_queue(self, batch: Batch) -> None:
        """Queue what is in work/: after a failure, as in the middle of a split, only that tells."""
        try:
            self._queue.replace(self._setup.work.batches())
        except OSError:  # not now; the start of the batch at hand will tell
            self._queue.put_first([batch])

    def _cleanup_ended(self) -> None:
        self._reporter.status.clock_doubt = self._cleanup.clock_doubt
        self._wake.set()

    # What goes wrong

    def _take(self, error: Exception, *, batch: int | None = None) -> float:
        """Have done what follows from an error; return when to come back, in s."""
        if isinstance(error, CommandInterruptedError):  # that was asked for
            return 0.0
        match self._error_policy.take(error, batch=batch, is_paused=self._backoff.is_on):
            case Pause(fault):
                return self._pause_for(fault)
            case Rebuild(damage):
                self._damage = damage
            case End(fatal):
                self._fatal = fatal
        return 0.0

    def _pause_for(self, fault: Fault) -> float:
        """Have intake pause, and show it; return for how long, in seconds."""
        delay_s = self._backoff.begin(fault)
        self._reporter.set_state(status.State.PAUSED, str(fault))
        return delay_s

    def _end_pause(self) -> None:
        """Try again now: what was in the way may be gone."""
        self._backoff.cut_short()
        self._wake.set()

    # Around the batches

    async def _recover_once_it_can(self) -> None:
        """Recover, and pause until that goes where the environment is at fault, as for a batch.

        With `once` it raises what is at fault. Returns at a signal, too.
        """
        while not self._stop.is_asked:
            try:
                return await self._recover()
            except ENVIRONMENT_FAULTS as error:
                if self._setup.once:
                    raise
                pause_s = self._take(error)
                self._setup.notifier.ready()  # it is up, and says what it waits for
            await self._sleep(pause_s)
        return None

    async def _recover(self) -> None:
        """Queue what a crash or a stop cut off: each batch is finished, or run again."""
        with during(Step.OPENING, self._config.database):
            await self._settler.open()
        await self._drain.catch_up()
        Delivery.of(self._config).remove_leftovers()
        cut_off = self._setup.work.batches()
        self._queue.put_last(cut_off)
        reached(KillPoint.RECOVERED)
        self._reporter.show_library()
        self._backoff.end_if_over()
        if cut_off:
            numbers = ", ".join(str(batch.id) for batch in cut_off)
            words = f"resuming what was interrupted: batch {numbers}"
            self._setup.journal.tell(Event.RECOVERED, words)

    async def _rebuild_if_at_rest(self, damage: LibraryDamagedError) -> float:
        """Have a damaged library rebuilt once no batch runs; return when to come back, in s."""
        if self._running or self._drain.is_busy or self._is_occupied():
            self._give_way()
            return self._config.intake.rescan_s
        if self._rebuilds == MOST_REBUILDS:
            self._fatal = damage
            return 0.0
        try:
            await self._settler.rebuild(str(damage))
        except LibraryDamagedError as hopeless:  # no backup is good
            self._fatal = hopeless
            return 0.0
        self._rebuilds += 1
        self._damage = None
        self._drain.reopen()
        self._backoff.end_if_over()
        self._queue.replace(self._setup.work.batches())
        self._reporter.show_library()
        return 0.0

    def _drain_ended(self, failed: Exception | None) -> None:
        if failed is not None:
            self._take(failed)
        else:
            self._backoff.end_if_over()
            self._reporter.show_library()  # a command may have changed it
            if not self._is_drained():  # what came meanwhile may go away without a batch
                self._drain.reopen()
            elif not self._setup.once:
                self._setup.starter.renew()
        self._wake.set()
