"""One batch into the library: every file's verdict, and the scenarios that were accepted.

Owns the table `file`. Never commits: the caller's transaction does.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base.errors import DroppedFileError, ScenariodError
from scenariod.base.faults import DAMAGED
from scenariod.base.killpoint import KillPoint, reached
from scenariod.library import blob, history, packs, scenarios
from scenariod.library.blob import DroppedFile
from scenariod.library.connection import savepoint
from scenariod.library.records import FileRecord, FileResult, FileVerdict, OnConflict
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Accepted, Rejected

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from scenariod.library.records import Entry, Pack, SettledBatch
    from scenariod.library.scenarios import Present
    from scenariod.validation.verdict import Verdict

_HELD = {FileVerdict.ADDED, FileVerdict.REPLACED, FileVerdict.ALREADY_ADDED}
_CHANGED = Problem(Reason.CHANGED, "the file was changed, or taken away, after it was checked")


class AlreadySettledError(ScenariodError):
    """A batch of this id is in the library already, and nothing was changed."""


class _ChangedError(Exception):
    """The file is not the one that was checked."""


def settle(
    db: sqlite3.Connection,
    batch: SettledBatch,
    entries: Iterable[Entry],
    *,
    on_conflict: OnConflict,
    pack: Pack | None = None,
) -> list[FileResult]:
    """Record `batch` and its files in their order; return what became of each file.

    `pack` is the one that they came in. Raises AlreadySettledError.
    """
    if history.is_settled(db, batch.id):
        raise AlreadySettledError(
            f"batch {batch.id} is settled already", hint="its files can be moved as recorded"
        )
    results = [_settle_file(db, batch.id, entry, on_conflict) for entry in entries]
    for number, result in enumerate(results):
        _record_file(db, result, batch=batch.id, number=number)
    told = [result.verdict for result in results]
    added, replaced = told.count(FileVerdict.ADDED), told.count(FileVerdict.REPLACED)
    history.record(db, batch, added=added + replaced, removed=replaced)
    if pack is not None:
        packs.keep(db, pack, _ids_held(results))
    reached(KillPoint.BATCH_RECORDED)
    return results


def _ids_held(results: Iterable[FileResult]) -> Iterator[str]:
    """Yield the scenarios that the library has now, of those that the files were."""
    for result in results:
        if result.verdict in _HELD and result.scenario_id is not None:
            yield result.scenario_id


def forecast(db: sqlite3.Connection, verdict: Verdict, *, on_conflict: OnConflict) -> FileResult:
    """Return what would become of a file of this verdict, provided that it is as checked."""
    if isinstance(verdict, Rejected):
        return _result(verdict, FileVerdict.REFUSED, verdict.problems)
    present = scenarios.current(db, verdict.scenario_id)
    if present is None:
        return _result(verdict, FileVerdict.ADDED)
    if present.content_sha256 == verdict.content_sha256:
        return _result(verdict, FileVerdict.ALREADY_ADDED)
    if on_conflict is OnConflict.REFUSE:
        return _result(verdict, FileVerdict.REFUSED, (_conflict(verdict, present),))
    return _result(verdict, FileVerdict.REPLACED)


def settled(db: sqlite3.Connection, batch_id: int) -> list[FileResult] | None:
    """Return what was recorded of a batch's files, or None if the batch was not settled."""
    if not history.is_settled(db, batch_id):
        return None
    rows = db.execute(
        "SELECT name, verdict, size_bytes, sha256, scenario_id, problems FROM file"
        " WHERE batch = ? ORDER BY number",
        (batch_id,),
    )
    return [
        FileResult(
            name=os.fsdecode(name),
            verdict=FileVerdict(verdict),
            size_bytes=size_bytes,
            sha256=sha256,
            scenario_id=scenario_id,
            problems=history.problems_of(problems),
        )
        for name, verdict, size_bytes, sha256, scenario_id, problems in rows
    ]


def files(db: sqlite3.Connection, name: str, *, most: int) -> list[FileRecord]:
    """Return what became of the files of this name, `most` of them, the last batch first."""
    rows = db.execute(
        "SELECT file.batch, settled_at, verdict, code, scenario_id"
        " FROM file JOIN batch ON batch.id = file.batch"
        " WHERE name = ? ORDER BY position DESC LIMIT ?",
        (os.fsencode(name), most),
    )
    return [
        FileRecord(batch, settled_at, FileVerdict(verdict), code, scenario_id)
        for batch, settled_at, verdict, code, scenario_id in rows
    ]


def settled_by(db: sqlite3.Connection, names: Iterable[str], *, batch: int) -> dict[str, bool]:
    """Say of each name that is known, whether the last file of it was settled by that batch."""
    asked = json.dumps([os.fsencode(name).hex().upper() for name in names])
    rows = db.execute(
        "SELECT name, max(b.position) <= at.position"
        " FROM batch AS at, file JOIN batch AS b ON b.id = file.batch"
        " WHERE at.id = ? AND hex(name) IN (SELECT value FROM json_each(?)) GROUP BY name",
        (batch, asked),
    )
    return {os.fsdecode(name): bool(by_then) for name, by_then in rows}


def _settle_file(
    db: sqlite3.Connection, batch_id: int, entry: Entry, on_conflict: OnConflict
) -> FileResult:
    verdict = entry.verdict
    if isinstance(verdict, Rejected):
        return _result(verdict, FileVerdict.REFUSED, verdict.problems)
    if entry.file is None:
        return _result(verdict, FileVerdict.CHANGED, (_CHANGED,))
    try:
        present = scenarios.current(db, verdict.scenario_id)
        if present is None:
            _add(db, batch_id, verdict, entry.file)
            return _result(verdict, FileVerdict.ADDED)
        return _settle_known(db, batch_id, verdict, entry.file, present, on_conflict)
    except _ChangedError:
        return _result(verdict, FileVerdict.CHANGED, (_CHANGED,))
    except OSError as error:  # of the dropped file: SQLite has errors of its own
        if error.errno not in DAMAGED:
            raise
        raise DroppedFileError(error.errno, error.strerror, verdict.name) from error


def _settle_known(
    db: sqlite3.Connection,
    batch_id: int,
    accepted: Accepted,
    file: BinaryIO,
    present: Present,
    on_conflict: OnConflict,
) -> FileResult:
    """Settle a file whose id the library has: by its content, and what conflicts lead to."""
    if present.content_sha256 == accepted.content_sha256:
        _check(accepted, file)
        return _result(accepted, FileVerdict.ALREADY_ADDED)
    if on_conflict is OnConflict.REFUSE:
        _check(accepted, file)
        return _result(accepted, FileVerdict.REFUSED, (_conflict(accepted, present),))
    _add(db, batch_id, accepted, file, instead_of=present)
    return _result(accepted, FileVerdict.REPLACED)


def _add(
    db: sqlite3.Connection,
    batch_id: int,
    accepted: Accepted,
    file: BinaryIO,
    *,
    instead_of: Present | None = None,
) -> None:
    """Add a scenario; end the version `instead_of` which it comes, where there is one."""
    with savepoint(db):
        dropped = DroppedFile(file, size_bytes=accepted.size_bytes)
        stored = blob.store(db, dropped.chunks(), size_bytes=dropped.document_bytes)
        if stored is None or not dropped.is_as_checked(accepted.sha256):
            raise _ChangedError
        if instead_of is not None:
            scenarios.remove(db, [instead_of.row], batch=batch_id)
        scenarios.add_accepted(db, accepted, stored=stored, batch=batch_id)
    reached(KillPoint.SCENARIO_ADDED)


def _check(accepted: Accepted, file: BinaryIO) -> None:
    dropped = DroppedFile(file, size_bytes=accepted.size_bytes)
    for _ in dropped.chunks():
        pass
    if not dropped.is_as_checked(accepted.sha256):
        raise _ChangedError


def _conflict(accepted: Accepted, present: Present) -> Problem:
    return Problem(
        Reason.CONFLICT,
        f'the library holds another scenario with the id "{accepted.scenario_id}" already,'
        f" added by batch {present.added_batch}; give this one an id of its own",
        field="id",
    )


def _result(
    verdict: Verdict, became: FileVerdict, problems: tuple[Problem, ...] = ()
) -> FileResult:
    return FileResult(
        name=verdict.name,
        verdict=became,
        size_bytes=verdict.size_bytes,
        sha256=verdict.sha256,
        scenario_id=verdict.scenario_id,
        problems=problems,
    )


def _record_file(db: sqlite3.Connection, result: FileResult, *, batch: int, number: int) -> None:
    scenario_id = result.scenario_id
    db.execute(
        "INSERT INTO file (batch, number, name, sha256, size_bytes, verdict, code, scenario_id,"
        " problems) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch,
            number,
            os.fsencode(result.name),
            result.sha256,
            result.size_bytes,
            result.verdict.value,
            result.problems[0].code.value if result.problems else None,
            None if scenario_id is None else scenarios.text(scenario_id),
            json.dumps([asdict(problem) for problem in result.problems], ensure_ascii=True),
        ),
    )
