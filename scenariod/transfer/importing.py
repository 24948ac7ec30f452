"""Bring scenarios into the library in batches: a backup before and after, each one transaction.

Owns the order of these steps, and what is counted. Never reads what is imported: the unpacker does.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from scenariod import backups
from scenariod.backups.restore import back_up
from scenariod.base import clock
from scenariod.base.faults import ENVIRONMENT_FAULTS, Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.value import replace
from scenariod.library import (
    Entry,
    Kind,
    OnConflict,
    Pack,
    Result,
    SettledBatch,
    SettledFile,
    decide,
)
from scenariod.library.publish import is_current, publish
from scenariod.monitoring.counts import Counts
from scenariod.transfer.protocol import FileBegun, Judged
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.library import Library
    from scenariod.transfer.protocol import Message

BATCH_SCENARIOS = 500
BATCH_BYTES = 4 << 20
"""A batch ends with whichever comes first: what one holds is in memory, and undone as one."""
_DIGEST_BYTES = 16


class Listener(Protocol):
    """Who is told how an import goes on."""

    def begun(self, name: str, count: int) -> None:
        """Take note that a file of `count` scenarios was begun."""

    def settled(self, files: Iterable[SettledFile], *, batch: int | None) -> None:
        """Take note of what became of some scenarios, in a batch, or without changing anything."""


@dataclass(slots=True)
class Summary:
    """What an import did: scenarios by verdict, its batches, the backups before and after them."""

    counts: Counts = field(default_factory=Counts)
    batches: list[int] = field(default_factory=list)
    backup: Path | None = None
    closing_backup: Path | None = None
    published: bool = False
    stopped: bool = False
    fault: Exception | None = None
    """What of the environment has ended it early."""


def bring_in(
    config: Config,
    library: Library,
    frames: Iterable[Message],
    *,
    source: str,
    listener: Listener,
    stopping: Callable[[], bool],
) -> Summary:
    """Add what `frames` holds to `library`, publish, and return what became of it.

    What a batch has committed stays, whatever comes; doing it again goes on from there. Once
    `stopping` says so, the batch at hand is the last. So it is where the environment fails, as on
    a full disk: the summary says how. Raises what else `Library.settle` raises.
    """
    run = _Import(config, library, source=source, listener=listener)
    with run.noting_faults():
        for frame in frames:
            run.take(frame)
            if stopping():
                run.summary.stopped = True
                break
        run.settle()
    with run.noting_faults():
        run.back_up_again()
        if not is_current(library, config.published):
            publish(library, config.published)
        run.summary.published = True
    return run.summary


def foresee(
    library: Library,
    frames: Iterable[Message],
    *,
    on_conflict: OnConflict,
    listener: Listener,
    stopping: Callable[[], bool],
) -> Summary:
    """Say what `bring_in` would do, and change nothing."""
    summary = Summary()
    seen: dict[bytes, bytes] = {}
    for frame in frames:
        if isinstance(frame, FileBegun):
            listener.begun(frame.name, frame.count)
        elif isinstance(frame, Judged):
            file = _foreseen(library, frame, seen, on_conflict=on_conflict)
            summary.counts += Counts.of([file.result])
            listener.settled([file], batch=None)
        if stopping():
            summary.stopped = True
            break
    return summary


class _Import:
    """One import: what is to be settled next, and what was."""

    def __init__(
        self, config: Config, library: Library, *, source: str, listener: Listener
    ) -> None:
        self._library = library
        self._source = source
        self._on_conflict = OnConflict(config.library.on_conflict)
        self._backups = config.backups
        self._listener = listener
        self._pack: Pack | None = None
        self._has_new_pack = False
        self._waiting: list[Judged] = []
        self._waiting_bytes = 0
        self._begun_at = clock.now()
        self.summary = Summary()

    @contextmanager
    def noting_faults(self) -> Iterator[None]:
        """Let a fault of the environment end the body; the summary has the first one."""
        try:
            yield
        except ENVIRONMENT_FAULTS as error:
            self.summary.fault = self.summary.fault or error

    def take(self, frame: Message) -> None:
        """Take in one frame; settle a batch where one is full, or its pack ends."""
        if isinstance(frame, FileBegun):
            pack = None if frame.about is None else Pack(frame.name, frame.about)
            if pack != self._pack:
                self.settle()
                self._pack = pack
            self._listener.begun(frame.name, frame.count)
        elif isinstance(frame, Judged):
            if not self._waiting:
                self._begun_at = clock.now()
            self._waiting.append(frame)
            self._waiting_bytes += len(frame.content)
            if len(self._waiting) >= BATCH_SCENARIOS or self._waiting_bytes >= BATCH_BYTES:
                self.settle()

    def settle(self) -> None:
        """Settle what waits, as a batch if it changes anything."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        files = [
            self._library.forecast(judged.verdict, on_conflict=self._on_conflict)
            for judged in waiting
        ]
        batch = None
        if any(file.result.changes for file in files):
            files, batch = self._settle_batch(waiting)
        elif self._pack is not None:
            self._has_new_pack |= self._library.keep_pack(self._pack, _known(files))
        self.summary.counts += Counts.of(file.result for file in files)
        if files:
            self._listener.settled(files, batch=batch)

    def _settle_batch(self, waiting: list[Judged]) -> tuple[list[SettledFile], int]:
        if self.summary.backup is None:
            self.summary.backup = back_up(self._library, self._backups, now=clock.now()).path
            reached(KillPoint.IMPORT_BACKED_UP)
        settled_at = clock.now()
        batch = SettledBatch(
            id=self._library.reserve_batch(),
            started_at=self._begun_at,
            settled_at=settled_at,
            outcome="ok",
            duration_ms=(settled_at - self._begun_at) // timedelta(milliseconds=1),
            launcher="rlimits",
            kind=Kind.IMPORT,
            note=f"import {self._source}",
            first_batch=next(iter(self.summary.batches), None),
        )
        entries = (Entry(judged.verdict, io.BytesIO(judged.content)) for judged in waiting)
        with during(Step.RECORDING, self._library.path):
            files = self._library.settle(
                batch, entries, on_conflict=self._on_conflict, pack=self._pack
            )
        self.summary.batches.append(batch.id)
        reached(KillPoint.IMPORT_COMMITTED)
        return files, batch.id

    def back_up_again(self) -> None:
        """Write a backup of all that was added: done/, from where it would come, has none of it.

        Also of what an earlier import added that did not come so far.
        """
        changed = bool(self.summary.batches) or self._has_new_pack
        again = self.summary.counts.already_added > 0
        if changed or (again and not backups.is_backed_up(self._backups, self._library)):
            closing = back_up(self._library, self._backups, now=clock.now())
            self.summary.closing_backup = closing.path
        reached(KillPoint.IMPORTED)


def _known(files: Iterable[SettledFile]) -> list[str]:
    return [
        file.scenario_id
        for file in files
        if file.result is Result.ALREADY_ADDED and file.scenario_id is not None
    ]


def _foreseen(
    library: Library, judged: Judged, seen: dict[bytes, bytes], *, on_conflict: OnConflict
) -> SettledFile:
    """Return what would become of a scenario; `seen` has what came before it, by id."""
    verdict = judged.verdict
    file = library.forecast(verdict, on_conflict=on_conflict)
    if not isinstance(verdict, Accepted):
        return file
    key = _short(verdict.scenario_id)
    if (before := seen.get(key)) is not None:
        result = decide(verdict, present_sha256=before.hex(), on_conflict=on_conflict)
        conflict = (_conflict(verdict.scenario_id),) if result is Result.REFUSED else ()
        file = replace(file, result=result, problems=conflict)
    if file.result.changes:
        seen[key] = bytes.fromhex(verdict.content_sha256)
    return file


def _conflict(scenario_id: str) -> Problem:
    message = f'another scenario with the id "{scenario_id}" comes before this one'
    return Problem(Reason.CONFLICT, message, field="id")


def _short(scenario_id: str) -> bytes:
    """Return what stands for an id where there may be many of them."""
    return hashlib.sha256(scenario_id.encode("utf-8", "surrogatepass")).digest()[:_DIGEST_BYTES]
