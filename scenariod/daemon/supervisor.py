"""The loop: take in, admit, launch, settle, next; the only module that wires the rest.

Never parses a scenario, and holds at most one batch's small verdict in memory.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base.errors import ExitCode, LibraryDamagedError, ScenariodError
from scenariod.base.faults import ENVIRONMENT_FAULTS, Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.daemon.attempt import Attempts
from scenariod.daemon.cleanup import Cleanup
from scenariod.daemon.error_policy import Backoff, End, ErrorPolicy, Pause, Rebuild
from scenariod.daemon.reporter import StatusReporter
from scenariod.intake.claim import Claimer
from scenariod.intake.delivery import Delivery
from scenariod.monitoring import status, status_socket
from scenariod.monitoring.journal import Event
from scenariod.workers.admission import Waits
from scenariod.workers.budget import Budget
from scenariod.workers.queue import Queue

if TYPE_CHECKING:
    from scenariod.base.config import Config
    from scenariod.base.faults import Fault
    from scenariod.daemon.settle import Settler
    from scenariod.daemon.signals import SignalRequests
    from scenariod.intake.batch import Batch, Work
    from scenariod.monitoring.journal import Journal
    from scenariod.monitoring.notify import Notifier
    from scenariod.workers.launchers.launcher import Launcher

ADMISSION_RETRY_S = 2.0
MOST_REBUILDS = 3
"""How often one run rebuilds a damaged library: where that does not help, the disk is bad."""


class Supervisor:
    """One root folder's supervisor; `run` it to the end."""

    def __init__(
        self,
        config: Config,
        *,
        settler: Settler,
        work: Work,
        launcher: Launcher,
        journal: Journal,
        notifier: Notifier,
        stop: SignalRequests,
        once: bool,
    ) -> None:
        self._config = config
        self._settler = settler
        self._work = work
        self._launcher = launcher
        self._journal = journal
        self._notifier = notifier
        self._once = once
        self._claimer = Claimer(
            config,
            work=work,
            reserve_batch=lambda: settler.in_thread(settler.reserve_batch),
            journal=journal,
            pair_wait_s=0.0 if once else config.intake.pair_wait_s,
        )
        self._queue = Queue()
        self._budget = Budget(config, queue=self._queue)
        self._attempts = Attempts(
            config,
            settler=settler,
            work=work,
            launcher=launcher,
            journal=journal,
            budget=self._budget,
            show=self._queue.show,
        )
        self._cleanup = Cleanup(config, settler=settler, journal=journal)
        self._running: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self._close_due = 0.0
        self._drain_ended = False
        self._reporter = StatusReporter(
            config,
            claimer=self._claimer,
            queue=self._queue,
            budget=self._budget,
            notifier=notifier,
            launcher_name=launcher.name,
            doing=lambda: settler.doing,
        )
        self._status = self._reporter.status
        self._wake = asyncio.Event()
        self._error_policy = ErrorPolicy(
            journal=journal,
            rebuilds_library=config.library.auto_restore,
            is_service=notifier.is_heard,
        )
        self._backoff = Backoff(journal=journal, longest_s=config.intake.longest_retry_s)
        self._damage: LibraryDamagedError | None = None
        self._fatal: ScenariodError | None = None
        self._rebuilds = 0
        self._stop = stop

    async def run(self) -> ExitCode:
        """Work until `stop` asks to end, or with `once` until the inbox is empty.

        Raises `NoLimitError` where no limit can be put in force (then nothing was touched), and
        what makes going on senseless later.
        """
        await self._launcher.check(self._config.root)
        self._stop.listen(wake=self._wake.set, grace_s=self._config.worker.stop_grace_s)
        heartbeat = asyncio.create_task(self._reporter.keep_telling())
        heartbeat.add_done_callback(self._heartbeat_ended)
        server = await status_socket.serve(self._config.socket, self._reporter.snapshot)
        try:
            await self._recover_once_it_can()
            await self._loop()
        finally:
            heartbeat.cancel()
            server.close()
            self._config.socket.unlink(missing_ok=True)
            await self._claimer.stop_watching()
            await self._cleanup.stop()
            await self._settler.close()
            await self._launcher.sweep(self._config.root)
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
        self._tell_started()
        while not self._finished():
            await self._sleep(await self.tick(now=time.monotonic()))
        self._show_stop()

    async def tick(self, *, now: float) -> float:
        """Do all that can be done at `now` (monotonic seconds); return when to come back, in s."""
        self._show_stop()
        if self._stop.is_asked or self._fatal is not None:
            return self._config.intake.rescan_s
        if (left_s := self._backoff.left_s(now)) > 0:
            return left_s
        try:
            if self._damage is not None:
                return await self._rebuild_if_at_rest(self._damage)
            wait_s = await self._start_what_may(now)
            if self._is_drained() and self._closing is None and now >= self._close_due:
                self._close_due = now + self._config.intake.rescan_s
                self._closing = asyncio.create_task(self._end_drain())
            if self._drain_ended:
                self._cleanup.begin_if_due(now, on_end=self._wake.set)
        except (OSError, ScenariodError) as error:
            return self._take(error)
        return wait_s

    # Signals and waiting

    def snapshot(self) -> status.Status:
        """Return the status as it is now."""
        return self._reporter.snapshot()

    def _show_stop(self) -> None:
        if self._stop.is_new(running=len(self._running)):
            self._reporter.set_state(status.State.STOPPING)
            self._notifier.stopping()
        elif self._stop.is_reload:
            self._reporter.set_state(status.State.RELOADING)

    async def _sleep(self, longest_s: float) -> None:
        """Wait until something happens, `longest_s` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._wake.wait()
        self._wake.clear()

    def _tell_started(self) -> None:
        self._reporter.set_state(status.State.STARTING)
        self._notifier.ready()
        self._journal.tell(
            Event.STARTED,
            self._reporter.greeting(),
            root=str(self._config.root),
            launcher=self._launcher.name,
            memory_limit_bytes=self._config.memory.limit_bytes,
        )

    def _finished(self) -> bool:
        if self._running or self._closing is not None:
            return False
        if self._stop.is_asked or self._fatal is not None:
            return True
        if not self._once:
            return False
        drained = self._drain_ended and not self._cleanup.is_due(time.monotonic())
        return self._backoff.is_on or drained

    def _is_drained(self) -> bool:
        """Say whether nothing is left to do but what waits for memory that others use.

        With `once` that is waited for too: nobody would come back to it.
        """
        if self._once:
            return not self._queue and self._claimer.is_empty()
        at_rest = not self._queue.running and self._budget.lets_others_pass()
        return at_rest and self._claimer.is_empty()

    def _exit_code(self) -> ExitCode:
        if not self._once:
            return ExitCode.OK
        if self._stop.is_asked and not self._drain_ended:
            return ExitCode.INTERRUPTED
        if self._backoff.is_on:
            return ExitCode.PAUSED
        if self._status.refused:
            return ExitCode.SOME_REFUSED
        return ExitCode.SOME_LEFT if self._claimer.total else ExitCode.OK

    # Starting batches

    async def _start_what_may(self, now: float) -> float:
        """Start the batches that may be started; return when to come back, in s."""
        while self._budget.has_place() and not self._stop.is_asked and self._fatal is None:
            wait_s = await self._start_next(now)
            if wait_s is not None:
                return wait_s
        return self._config.intake.rescan_s

    async def _start_next(self, now: float) -> float | None:
        """Start the batch whose turn it is; else return when to come back, in s."""
        chosen: Batch | Waits | float | None = self._budget.next()
        if chosen is None or (isinstance(chosen, Waits) and self._budget.lets_others_pass()):
            claimed = await self._claim_next(now)
            chosen = claimed if chosen is None or not isinstance(claimed, float) else chosen
        if isinstance(chosen, float):
            self._show_waiting()
            return chosen
        if isinstance(chosen, Waits):
            self._tell_memory_wait(chosen.reason)
            return ADMISSION_RETRY_S
        self._start(chosen)
        return None

    async def _claim_next(self, now: float) -> Batch | Waits | float:
        """Claim a batch; return it if it may start, what it waits for, or when to come back.

        Beside a running one nothing is claimed that would only wait for memory.
        """
        if self._running and (waits := self._budget.another()) is not None:
            return waits
        claimed, wait_s = await self._claimer.claim_next(now=now)
        if claimed is None:
            return wait_s
        self._queue.put_last([claimed])
        return self._budget.next() or wait_s

    def _start(self, batch: Batch) -> None:
        self._drain_ended = False
        self._close_due = 0.0
        self._status.next_waits = ""
        self._reporter.set_state(status.State.WORKING)
        self._queue.start(batch, limit_bytes=self._budget.limit_of(batch))
        task = asyncio.create_task(self._process(batch))
        self._running.add(task)
        task.add_done_callback(self._batch_ended)

    def _tell_memory_wait(self, why: str) -> None:
        told, self._status.next_waits = self._status.next_waits, why
        if self._running:  # the end of a batch makes room: that is an ordinary day
            return
        if not told:
            self._journal.tell(Event.MEMORY_WAITS, f"the next batch waits for memory: {why}")
        self._reporter.set_state(status.State.WAITING, why)

    def _show_waiting(self) -> None:
        self._status.next_waits = ""
        if not self._running:
            self._reporter.show_what_files_wait_for(at_rest=self._drain_ended)

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
        self._reporter.show_library(self._settler)
        if concluded.pause is None:
            self._backoff.end_if_over()
        else:
            self._pause_for(concluded.pause)

    def _derive_queue(self, batch: Batch) -> None:
        """Queue what is in work/: after a failure, as in the middle of a split, only that tells."""
        try:
            self._queue.replace(self._work.batches())
        except OSError:  # not now; the start of the batch at hand will tell
            self._queue.put_first([batch])

    # What goes wrong

    def _take(self, error: Exception, *, batch: int | None = None) -> float:
        """Have done what follows from an error; return when to come back, in s."""
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
                if self._once:
                    raise
                pause_s = self._take(error)
                self._notifier.ready()  # it is up, and says what it waits for
            await self._sleep(pause_s)
        return None

    async def _recover(self) -> None:
        """Queue what a crash or a stop cut off: each batch is finished, or run again."""
        with during(Step.OPENING, self._config.database):
            await self._settler.open()
        Delivery.of(self._config).remove_leftovers()
        cut_off = self._work.batches()
        self._queue.put_last(cut_off)
        reached(KillPoint.RECOVERED)
        self._reporter.show_library(self._settler)
        self._backoff.end_if_over()
        if cut_off:
            numbers = ", ".join(str(batch.id) for batch in cut_off)
            self._journal.tell(Event.RECOVERED, f"taking up what was cut off: batch {numbers}")

    async def _rebuild_if_at_rest(self, damage: LibraryDamagedError) -> float:
        """Have a damaged library rebuilt once no batch runs; return when to come back, in s."""
        if self._running or self._closing is not None:
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
        self._drain_ended = False
        self._backoff.end_if_over()
        self._queue.replace(self._work.batches())
        self._reporter.show_library(self._settler)
        return 0.0

    async def _end_drain(self) -> None:
        """Do what is dear and can wait, beside the loop; a batch that comes meanwhile goes on."""
        try:
            await self._settler.end_drain()
            if not self._once:  # the next run of this kind would not know it
                await self._settler.prepare_backup()
        except Exception as error:  # noqa: BLE001  the same border as for a batch
            self._close_due = 0.0
            self._take(error)
        else:
            self._backoff.end_if_over()
            self._reporter.show_library(self._settler)  # a command may have changed it
            self._drain_ended = self._is_drained()
            if not self._drain_ended:  # what came meanwhile may go away without a batch
                self._close_due = 0.0
        finally:
            self._closing = None
            self._wake.set()
