"""Settle a batch: a backup first, then one transaction, then the moves.

Owns the order of these steps, and the thread in which they run: fsync must not hold up the loop.
Wires library, backups and delivery; never launches anything.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, ParamSpec, TypeVar

from scenariod.backups import rebuild
from scenariod.backups.damage import damage_of, find_damage, mark
from scenariod.backups.schedule import Schedule, look_at_newest
from scenariod.base import clock, safe_open
from scenariod.base.errors import DroppedFileError, LibraryDamagedError, ScenariodError
from scenariod.base.faults import OF_ONE_FILE, Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import REASON_SUFFIX, with_suffix
from scenariod.base.value import replace
from scenariod.intake.delivery import Delivery
from scenariod.library import (
    Entry,
    Library,
    OnConflict,
    Result,
    SettledFile,
    measures,
)
from scenariod.monitoring.counts import Counts
from scenariod.monitoring.journal import Event, Once
from scenariod.validation import reason_file
from scenariod.validation.verdict import Accepted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.intake.batch import Batch, Work
    from scenariod.library import Paused, SettledBatch
    from scenariod.monitoring.journal import Journal
    from scenariod.validation.verdict import Verdict

MOST_PAUSES = 100
"""Pauses kept until they are recorded; what is more is in the journal only."""

P = ParamSpec("P")
T = TypeVar("T")


class Settler:
    """The one writer of the library, with a thread of its own: one call at a time runs in it.

    `reserve_batch`, `finish`, `settle` and `record_pauses` are for what `in_thread` runs there, all
    else is for the loop. They raise OSError, `LibraryLockedError` or `LibraryDamagedError`; a batch
    is then settled whole or not at all, and `finish` tells which.
    """

    def __init__(self, config: Config, *, work: Work, journal: Journal) -> None:
        self._config = config
        self._work = work
        self._delivery = Delivery.of(config)
        self._journal = journal
        self._journal_of_trials = Once(journal)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="settle")
        self._on_conflict = OnConflict(config.library.on_conflict)
        self._library: Library | None = None
        self._first_batch: int | None = None
        self._pauses: list[Paused] = []
        self.schedule = Schedule(config, journal=journal)
        self.scenarios = 0
        self.doing = ""

    @property
    def library(self) -> Library:
        """The library, which is open."""
        if self._library is None:
            raise RuntimeError("the library is not open")
        return self._library

    @property
    def is_open(self) -> bool:
        """Whether the library is open: not yet at a start, nor while it is rebuilt."""
        return self._library is not None

    def look(self) -> tuple[int, str | None, str] | None:
        """Return how many scenarios there are now, the newest backup, and what is wrong with it.

        Commands change both. Reads apart from what is being settled, and waits for nobody. None
        where the library is not open.
        """
        if (library := self._library) is None:
            return None
        with library.snapshot() as snapshot:
            scenarios = snapshot.count
        return scenarios, *look_at_newest(self._config, scenarios=scenarios)

    def hurry(self) -> None:
        """Have what reads the whole library end early: to publish it, or to back it up."""
        if self._library is not None:
            self._library.interrupt()

    async def open(self) -> None:
        """Open the library; create it if it does not exist."""
        await self.in_thread(self._open)

    async def rebuild(self, damage: str) -> None:
        """Open the library again, rebuilt from the newest intact backup; `damage` says why."""
        await self.in_thread(self._rebuild, damage)

    async def close(self) -> None:
        """Close the library and end the thread."""
        if self._library is not None:
            with suppress(OSError, ScenariodError):  # the journal has them, too
                await self.in_thread(self.record_pauses)
            await self.in_thread(self._library.close)
        self._thread.shutdown()

    def end_drain(self) -> None:
        """Have the next batch begin another drain: the batches of one are undone together."""
        self._first_batch = None

    def note_pause(self, pause: Paused) -> None:
        """Keep a pause of intake that has ended, to be recorded when nothing is urgent."""
        if len(self._pauses) < MOST_PAUSES:
            self._pauses.append(pause)

    async def in_thread(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `act` in the settle thread, where no batch is settled meanwhile; the loop goes on."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(act, *args, **kwargs))

    # In the settle thread

    def record_pauses(self) -> None:
        """Record the pauses that have ended, before a report and at the end: no batch waits."""
        if pauses := self._pauses[:]:
            with during(Step.RECORDING, self._config.database), self.library.writing() as db:
                measures.record_pauses(db, pauses)
            del self._pauses[: len(pauses)]

    def reserve_batch(self) -> int:
        """Return the number of a new batch: larger than any given before, and than any in work/."""
        with during(Step.CLAIMING, self._config.work):
            highest = self._work.highest_id()
        with during(Step.RECORDING, self._config.database):
            return self.library.reserve_batch(above=highest)

    def finish(self, batch: Batch) -> Counts | None:
        """Make the moves of a batch that was settled before a crash; None if it was not."""
        with during(Step.MOVING, batch.folder):
            files = self.library.settled(batch.id)
            return None if files is None else self._move(batch, files, record=None)

    def settle(self, batch: Batch, verdicts: list[Verdict], record: SettledBatch) -> Counts:
        """Back up if need be, commit the batch in one transaction, move its files.

        It is recorded as `record`, but as settled now: a backup takes its time.
        """
        library = self.library
        if any(library.forecast(v, on_conflict=self._on_conflict).result.changes for v in verdicts):
            with during(Step.BACKING_UP, self._config.backups):
                self.schedule.back_up_if_due(library)
        with during(Step.RECORDING, self._config.database), ExitStack() as opened:
            entries = [_entry(batch, v, opened=opened) for v in verdicts]
            first = self._first_batch
            record = replace(record, settled_at=clock.now(), first_batch=first)
            files = library.settle(record, entries, on_conflict=self._on_conflict)
        self._first_batch = record.id if first is None else first
        reached(KillPoint.COMMITTED)
        self.scenarios = library.count()
        with during(Step.MOVING, batch.folder):
            return self._move(batch, files, record=record)

    def _open(self) -> None:
        if self._library is None:
            self._library = rebuild.open_sound(
                self._config, journal=self._journal_of_trials, show=self._show
            )
            self._journal_of_trials = Once(self._journal)
        self.scenarios = self._library.count()
        self.schedule.look(self._library)

    def _show(self, words: str) -> None:
        self.doing = words

    def _rebuild(self, damage: str) -> None:
        library, self._library = self._library, None
        if library is not None:
            with suppress(LibraryDamagedError):  # that is why
                library.close()
        if find_damage(self._config) is None:
            mark(self._config, damage_of(self._config, damage))
        self._open()

    def _move(
        self, batch: Batch, files: list[SettledFile], *, record: SettledBatch | None
    ) -> Counts:
        """Move each file to where its result sends it, and tell of it. Does nothing twice."""
        for file in files:
            if file.result is Result.CHANGED:
                continue  # stays in the batch's folder, and runs again
            if file.result is Result.REFUSED:
                reason = partial(_reason, batch, file, record)
                target = self._delivery.to_failed(batch, file.name, reason=reason)
            else:
                target = self._delivery.to_done(batch, file.name)
            if target is not None:
                reached(KillPoint.FILE_MOVED)
                self._tell_file(batch, file, target)
        reached(KillPoint.FILES_MOVED)
        return Counts.of(file.result for file in files)

    def _tell_file(self, batch: Batch, file: SettledFile, target: Path) -> None:
        where = target.relative_to(self._config.root)
        if file.result is Result.REFUSED:
            first, more = file.problems[0], len(file.problems) - 1
            also = f", and {more} more" if more else ""
            beside = where.with_name(with_suffix(where.name, REASON_SUFFIX))
            words = f"refused {file.name} ({first.code}): {first}{also}; see {beside}"
        elif file.result is Result.ADDED:
            words = f"added {file.scenario_id} from {file.name}"
        elif file.result is Result.REPLACED:
            words = f"replaced {file.scenario_id} by a new version from {file.name}"
        else:
            words = f"{file.name}: {file.scenario_id} is in the library already, unchanged"
        self._journal.tell(
            _EVENT_OF[file.result],
            words,
            batch=batch.id,
            file=file.name,
            verdict=file.result,
            code=file.problems[0].code if file.problems else None,
            scenario=file.scenario_id,
            destination=str(where),
        )


_EVENT_OF = {
    Result.ADDED: Event.FILE_ADDED,
    Result.REPLACED: Event.FILE_REPLACED,
    Result.ALREADY_ADDED: Event.FILE_ALREADY_ADDED,
    Result.REFUSED: Event.FILE_REFUSED,
}


def _entry(batch: Batch, verdict: Verdict, *, opened: ExitStack) -> Entry:
    if not isinstance(verdict, Accepted):
        return Entry(verdict)
    file = _open(batch.folder / verdict.name)
    return Entry(verdict, opened.enter_context(file) if file is not None else None)


def _open(path: Path) -> BinaryIO | None:
    """Open a file of the batch.

    None if it is not a file, gone, or no longer readable: it then counts as changed, and is judged
    again.
    Raises DroppedFileError where the disk has lost it.
    What it says is on the disk on return: who dropped it need not have synced it, and done/ is
    what a library is made of again when a backup is not enough.
    """
    try:
        file = safe_open.open_found(path)
    except PermissionError:
        return None
    except OSError as error:
        raise _of_one_file(error, path) from error
    if file is None:
        return None
    try:
        os.fsync(file.fileno())
    except OSError as error:
        file.close()
        raise _of_one_file(error, path) from error
    return file


def _of_one_file(error: OSError, path: Path) -> OSError:
    """Return the error as one of this file alone, where it is."""
    lost = error.errno in OF_ONE_FILE
    return DroppedFileError(error.errno, error.strerror, path.name) if lost else error


def _reason(
    batch: Batch, file: SettledFile, record: SettledBatch | None, stored_as: Path
) -> dict[str, object]:
    """Return what NAME.reason.json says."""
    return reason_file.document(
        file.name,
        file.problems,
        stored_as=stored_as,
        about={
            "scenario": file.scenario_id,
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
        },
        story=reason_file.Story(
            batch=batch.id,
            attempts=max(batch.attempts, 1),  # an error in the moves takes back even a good one
            dropped_at=batch.dropped_at.get(file.name),
            claimed_at=batch.claimed_at,
            memory_peak_bytes=record.memory_peak_bytes if record else None,
            memory_limit_bytes=record.memory_limit_bytes if record else None,
        ),
        now=clock.now(),
    )
