"""One attempt at a batch: launch its worker, read its verdict, and see to what follows.

Wires run, batch and settle for one batch. Never claims, never admits, never waits for a turn.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from scenariod.base import clock
from scenariod.base.errors import DroppedFileError, ScenariodError
from scenariod.base.faults import Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.units import MIB
from scenariod.base.value import Value, replace
from scenariod.intake.delivery import Delivery
from scenariod.library import SettledBatch
from scenariod.monitoring.journal import Event
from scenariod.validation import verdict
from scenariod.validation.verdict import InvalidVerdictError, Rejected, Verdict
from scenariod.workers import failures
from scenariod.workers.job import Ended, Job, Reading
from scenariod.workers.outcome import MAX_ATTEMPTS, NextStep, Outcome, judge, next_step
from scenariod.workers.queue import Worker
from scenariod.workers.run import run as run_worker

if TYPE_CHECKING:
    import asyncio

    from scenariod.base.faults import Fault
    from scenariod.daemon.setup import Setup
    from scenariod.intake.batch import Batch
    from scenariod.monitoring.counts import Counts


class Concluded(Value):
    """What an attempt came to: what was settled, batches to take next, and why to pause if so.

    `damaged` are files that the disk could not read; they are back in the inbox.
    """

    settled: Counts | None = None
    again: tuple[Batch, ...] = ()
    pause: Fault | None = None
    damaged: tuple[str, ...] = ()


class Attempts:
    """Takes batches to their end, one call a batch.

    Each takes three steps: `_begin` in the settle thread, `_run_worker` on the loop, `_conclude` in
    the settle thread. A step there runs as a whole: no other batch comes between its parts.
    """

    def __init__(self, setup: Setup) -> None:
        self._config = setup.config
        self._settler = setup.settler
        self._work = setup.work
        self._delivery = Delivery.of(setup.config)
        self._launcher = setup.launcher
        self._starter = setup.starter
        self._journal = setup.journal
        self._queue = setup.queue
        self._budget = setup.budget
        self._overcounted: set[int] = set()  # used in the settle thread only

    async def take(self, batch: Batch, *, stop: asyncio.Event) -> Concluded:
        """Run the batch's worker and do what its end asks for.

        Raises OSError, `NoLimitError` or `LibraryLockedError` for what is no file's fault; the
        batch is then as it was, to be taken again.
        """
        begun = await self._settler.in_thread(self._begin, batch)
        if isinstance(begun, Concluded):
            return begun
        counted, names = begun
        try:
            ended = await self._run_worker(counted, names, stop=stop)
            # Asked here, not in the thread: it looks at the queue, which is the loop's.
            may_have_more = not counted.larger and self._budget.has_room_for_more()
            return await self._settler.in_thread(
                self._conclude, counted, names, ended, may_have_more=may_have_more
            )
        except (OSError, ScenariodError):
            # No fault of the files: only a supervisor that dies may use up their attempts.
            await self._settler.in_thread(self._take_back, counted)
            raise

    async def _run_worker(self, batch: Batch, names: list[str], *, stop: asyncio.Event) -> Ended:
        job = Job(self._config, batch, tuple(names), self._budget.limit_of(batch))

        def note(reading: Reading) -> None:
            self._queue.show(batch.id, Worker(batch.id, job.names, reading))

        note(Reading(used_bytes=0, limit_bytes=job.limit_bytes))
        self._journal.tell(
            Event.BATCH_STARTED,
            f"batch {batch.id}: {', '.join(names)}",
            batch=batch.id,
            files=len(names),
            memory_limit_bytes=job.limit_bytes,
        )

        try:
            with during(Step.LAUNCHING, batch.folder):
                await self._launcher.check_again(self._config.root)
                ended = await run_worker(
                    self._launcher, job, stop=stop, on_reading=note, start=self._starter.start
                )
                await self._starter.note_end(ended)
                return ended
        finally:
            self._queue.show(batch.id, None)

    # In the settle thread. What is the loop's (queue, reporter) changes only by what is returned.
    # Safe in any thread are the journal, `Budget.limit_of`, which only reads, and
    # `Budget.back_off` and `Launcher.doubt`, which set one attribute each.

    def _begin(self, batch: Batch) -> tuple[Batch, list[str]] | Concluded:
        """Count an attempt, and return the batch so counted and the names of its files.

        Where there is nothing to launch, return what the batch has come to.
        """
        if not batch.folder.exists():  # somebody has removed it by hand
            return Concluded()
        finished = self._settler.finish(batch)
        names = batch.names()
        if finished is not None or not names:
            return self._tidy(batch, finished)
        if batch.id in self._overcounted:
            batch = replace(batch, attempts=max(batch.attempts - 1, 0))
        if batch.attempts >= MAX_ATTEMPTS:
            words = f"its processing was interrupted {batch.attempts} times"
            return self._isolate(batch, Outcome.CRASH, ended=None, detail=words)
        with during(Step.COUNTING, batch.folder):
            self._work.forget_verdict(batch)
            reached(KillPoint.VERDICT_FORGOTTEN)
            counted = self._work.count_attempt(batch)
            reached(KillPoint.ATTEMPT_COUNTED)
        self._overcounted.discard(batch.id)
        return counted, names

    def _conclude(
        self, batch: Batch, names: list[str], ended: Ended, *, may_have_more: bool
    ) -> Concluded:
        """Do what the end of the batch's worker asks for; `names` are the files it was given."""
        if (lost := failures.lost_file(ended, names)) is not None:
            return self._set_aside(batch, lost)
        with during(Step.JUDGING, batch.folder):
            verdicts = _verdicts(self._work.verdict(batch), names)
        reached(KillPoint.VERDICT_READ)
        if ended.evidence.exit_status == 0 and _left_out(verdicts, batch.names()):
            verdicts = None
        count = None if verdicts is None else len(verdicts)
        outcome = judge(replace(ended.evidence, verdicts=count))
        if outcome is Outcome.NO_LIMIT:
            self._launcher.doubt()
        step = next_step(
            outcome,
            files=len(names),
            spared=batch.spared,
            verdicts=count,
            may_have_more=may_have_more,
        )
        if step is NextStep.SETTLE:
            return self._settle(batch, verdicts or [], outcome=outcome, ended=ended)
        if step in {NextStep.SPLIT, NextStep.FAIL}:
            return self._isolate(batch, outcome, ended=ended, detail=ended.detail)
        with during(Step.COUNTING, batch.folder):
            if step is NextStep.LARGER:
                return self._give_more(batch, ended=ended, outcome=outcome)
            if step is NextStep.AGAIN:
                return self._run_again(batch, ended=ended, outcome=outcome)
            return self._put_off(batch, step, ended=ended)

    def _give_more(self, batch: Batch, *, ended: Ended, outcome: Outcome) -> Concluded:
        """Have a single file that needed more than the limit run once under the larger one."""
        larger = self._work.allow_more(batch)
        reached(KillPoint.MORE_ALLOWED)
        limit = self._budget.limit_of(larger)
        self._journal.tell(
            Event.BATCH_LARGER,
            f"batch {batch.id}: {failures.shortage(ended)}; it gets one try with {limit // MIB} MB",
            batch=batch.id,
            outcome=outcome,
            exit_status=ended.evidence.exit_status,
            memory_peak_bytes=ended.peak_bytes,
            memory_limit_bytes=limit,
        )
        return Concluded(again=(larger,))

    def _run_again(self, batch: Batch, *, ended: Ended, outcome: Outcome) -> Concluded:
        """Have a batch run again that ended by no fault of its files; that costs no attempt."""
        spared = self._work.spare(batch)
        reached(KillPoint.BATCH_SPARED)
        self._journal.tell(
            Event.BATCH_AGAIN,
            f"batch {batch.id}: {outcome}, not caused by its files; it runs again",
            batch=batch.id,
            outcome=outcome,
            exit_status=ended.evidence.exit_status,
            spared=spared.spared,
        )
        if outcome is not Outcome.HOST_OUT_OF_MEMORY:
            return Concluded(again=(spared,))
        self._budget.back_off()
        return Concluded(again=(spared,), pause=failures.of_host(batch))

    def _take_back(self, batch: Batch) -> Batch:
        """Take back an attempt; where the disk fails at that too, when the batch is taken again."""
        try:
            return self._work.count_attempt(batch, by=-1)
        except OSError:
            self._overcounted.add(batch.id)
            return batch

    def _put_off(self, batch: Batch, step: NextStep, *, ended: Ended) -> Concluded:
        """Have a batch run later: the environment is at fault, or the daemon ends."""
        uncounted = self._take_back(batch)
        pause = failures.of_environment(ended, batch) if step is NextStep.PAUSE else None
        return Concluded(again=(uncounted,), pause=pause)

    def _set_aside(self, batch: Batch, name: str) -> Concluded:
        """Put a file that the disk cannot read back into the inbox, and go on with the others."""
        back = self._delivery.back_to_inbox(batch, name)
        damaged = () if back is None else (back.name,)
        if not batch.names():
            self._work.remove(batch)
            return Concluded(damaged=damaged)
        uncounted = self._take_back(batch)
        return Concluded(again=(uncounted,), damaged=damaged)

    def _isolate(
        self, batch: Batch, outcome: Outcome, *, ended: Ended | None, detail: str
    ) -> Concluded:
        """Have the files of a batch that ended badly run one at a time; a single one fails."""
        names = batch.names()
        if len(names) == 1:
            size = (batch.folder / names[0]).lstat().st_size
            problem = failures.of_file(outcome, ended=ended, detail=detail, size_bytes=size)
            refusal = Rejected(names[0], size_bytes=size, sha256=None, problems=(problem,))
            return self._settle(batch, [refusal], outcome=outcome, ended=ended)
        self._journal.tell(
            Event.BATCH_SPLIT,
            f"batch {batch.id}: {outcome}{f' ({detail})' if detail else ''}; "
            f"its {len(names)} files run one at a time",
            batch=batch.id,
            outcome=outcome,
            exit_status=_exit_status(ended),
        )
        singles = [self._set_apart(batch, [name]) for name in names]
        concluded = self._settle(batch, [], outcome=outcome, ended=ended)
        return replace(concluded, again=(*singles, *concluded.again))

    def _settle(
        self, batch: Batch, verdicts: list[Verdict], *, outcome: Outcome, ended: Ended | None
    ) -> Concluded:
        record = self._record(batch, outcome=outcome, ended=ended)
        try:
            settled = self._settler.settle(batch, verdicts, record)
        except DroppedFileError as error:
            return self._set_aside(batch, str(error.filename))
        self._tell_settled(record, settled, exit_status=_exit_status(ended))
        return self._tidy(batch, settled)

    def _record(self, batch: Batch, *, outcome: Outcome, ended: Ended | None) -> SettledBatch:
        """Return what the library records of a batch; `ended` is None where no worker ran."""
        now = clock.now()
        return SettledBatch(
            id=batch.id,
            started_at=ended.started_at if ended else now,
            settled_at=now,
            outcome=outcome,
            duration_ms=round(ended.duration_s * 1000) if ended else 0,
            launcher=self._launcher.name,
            memory_peak_bytes=ended.peak_bytes if ended else None,
            memory_limit_bytes=ended.limit_bytes if ended else self._budget.sizes.limit_bytes,
            started_by=ended.started_by if ended else None,
            waited_ms=_waited_ms(batch, ended) if ended else None,
            ready_ms=ended.ready_ms if ended else None,
        )

    def _tell_settled(
        self, record: SettledBatch, settled: Counts, *, exit_status: int | None
    ) -> None:
        peak, limit = record.memory_peak_bytes or 0, record.memory_limit_bytes or 0
        self._journal.tell(
            Event.BATCH_SETTLED,
            f"batch {record.id}: {record.outcome}; {settled.words()}; "
            f"{record.duration_ms / 1000:.1f} s, peak {peak // MIB} MB of {limit // MIB} MB",
            batch=record.id,
            outcome=record.outcome,
            exit_status=exit_status,
            added=settled.added,
            replaced=settled.replaced,
            already_added=settled.already_added,
            refused=settled.refused,
            duration_ms=record.duration_ms,
            memory_peak_bytes=record.memory_peak_bytes,
            memory_limit_bytes=record.memory_limit_bytes,
            launcher=record.launcher,
        )

    def _tidy(self, batch: Batch, settled: Counts | None) -> Concluded:
        """Remove the batch's folder; files that were not settled go back into the inbox.

        There they wait for their writer like any other. A file whose name is taken again by
        another one becomes a batch of its own.
        """
        with during(Step.MOVING, batch.folder):
            names = batch.names()
            left = [name for name in names if not self._delivery.to_inbox(batch, name)]
            again = (self._set_apart(batch, left),) if left else ()
            self._work.remove(batch)
        reached(KillPoint.FOLDER_REMOVED)
        return Concluded(settled, again=again)

    def _set_apart(self, batch: Batch, names: list[str]) -> Batch:
        number = self._settler.reserve_batch()
        reached(KillPoint.BATCH_APART_RESERVED)
        return self._work.set_apart(batch, names, batch_id=number)


def _waited_ms(batch: Batch, ended: Ended) -> int | None:
    """Return how long a batch was claimed before its last process was started, if that is known."""
    if batch.claimed_at is None:
        return None
    waited = ended.started_at - datetime.fromisoformat(batch.claimed_at)
    return max(round(waited.total_seconds() * 1000), 0)  # the clock may have been set


def _exit_status(ended: Ended | None) -> int | None:
    return None if ended is None else ended.evidence.exit_status


def _verdicts(content: bytes | None, names: list[str]) -> list[Verdict] | None:
    """Return the verdicts on files of this batch, each at most once; None where they are not."""
    if content is None:
        return None
    try:
        verdicts = verdict.decode(content)
    except InvalidVerdictError:
        return None
    told = [v.name for v in verdicts]
    return verdicts if len(set(told)) == len(told) and set(told) <= set(names) else None


def _left_out(verdicts: list[Verdict] | None, names: list[str]) -> bool:
    """Say whether a worker that claims to be done has no word on a file that is still there."""
    return not set(names) <= {v.name for v in verdicts or []}
