"""One batch into the library: every file's verdict, and the scenarios that were accepted.

Owns the table `file`. Never commits: the caller's transaction does.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from scenariod.base.errors import DroppedFileError, ScenariodError
from scenariod.base.faults import DAMAGED
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.value import as_dict
from scenariod.library import blob, history, packs, scenarios
from scenariod.library.blob import DroppedFile
from scenariod.library.connection import savepoint
from scenariod.library.records import FileRecord, OnConflict, Result, Scenario, SettledFile, decide
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Accepted, Rejected

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from scenariod.library.records import Entry, Pack, SettledBatch, Version
    from scenariod.validation.verdict import Verdict

_HELD = {Result.ADDED, Result.REPLACED, Result.ALREADY_ADDED}
_FILES = """
    SELECT name, file.batch, settled_at, verdict, code, scenario_id, problems
      FROM file JOIN batch ON batch.id = file.batch
     WHERE {column} = ? ORDER BY position DESC, number DESC LIMIT ?
"""
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
) -> list[SettledFile]:
    """Record `batch` and its files in their order; return what became of each file.

    `pack` is the one that they came in. Raises AlreadySettledError.
    """
    if history.is_settled(db, batch.id):
        raise AlreadySettledError(
            f"batch {batch.id} is settled already", hint="its files can be moved as recorded"
        )
    files = [_settle_file(db, batch.id, entry, on_conflict) for entry in entries]
    for number, file in enumerate(files):
        _record_file(db, file, batch=batch.id, number=number)
    told = [file.result for file in files]
    added, replaced = told.count(Result.ADDED), told.count(Result.REPLACED)
    history.record(db, batch, added=added + replaced, removed=replaced)
    if pack is not None:
        packs.keep(db, pack, _ids_held(files))
    reached(KillPoint.BATCH_RECORDED)
    return files


def _ids_held(files: Iterable[SettledFile]) -> Iterator[str]:
    """Yield the scenarios that the library has now, of those that the files were."""
    for file in files:
        if file.result in _HELD and file.scenario_id is not None:
            yield file.scenario_id


def forecast(db: sqlite3.Connection, verdict: Verdict, *, on_conflict: OnConflict) -> SettledFile:
    """Return what would become of a file of this verdict, provided that it is as checked."""
    file, _ = _decide(db, verdict, on_conflict)
    return file


def settled(db: sqlite3.Connection, batch_id: int) -> list[SettledFile] | None:
    """Return what was recorded of a batch's files, or None if the batch was not settled."""
    if not history.is_settled(db, batch_id):
        return None
    rows = db.execute(
        "SELECT name, verdict, size_bytes, sha256, scenario_id, problems FROM file"
        " WHERE batch = ? ORDER BY number",
        (batch_id,),
    )
    return [
        SettledFile(
            name=os.fsdecode(name),
            result=Result(result),
            size_bytes=size_bytes,
            sha256=sha256,
            scenario_id=scenario_id,
            problems=history.problems_of(problems),
        )
        for name, result, size_bytes, sha256, scenario_id, problems in rows
    ]


def files(db: sqlite3.Connection, name: str, *, most: int) -> list[FileRecord]:
    """Return what became of the files of this name, `most` of them, the last batch first."""
    return _files(db.execute(_FILES.format(column="name"), (os.fsencode(name), most)))


def files_of(db: sqlite3.Connection, scenario_id: str, *, most: int) -> list[FileRecord]:
    """Return what became of the files that held a scenario of this id, as `files` does."""
    query = _FILES.format(column="scenario_id")
    return _files(db.execute(query, (scenarios.text(scenario_id), most)))


def _files(rows: Iterable[tuple[Any, ...]]) -> list[FileRecord]:
    return [
        FileRecord(
            os.fsdecode(name),
            batch,
            settled_at,
            Result(result),
            code,
            scenario_id,
            history.problems_of(problems),
        )
        for name, batch, settled_at, result, code, scenario_id, problems in rows
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


def _decide(
    db: sqlite3.Connection, verdict: Verdict, on_conflict: OnConflict
) -> tuple[SettledFile, Version | None]:
    """Return what becomes of a file that is as checked, and the scenario that has its id now."""
    if isinstance(verdict, Rejected):
        return _settled(verdict, Result.REFUSED, verdict.problems), None
    present = scenarios.current(db, verdict.scenario_id)
    present_sha256 = None if present is None else present.content_sha256
    result = decide(verdict, present_sha256=present_sha256, on_conflict=on_conflict)
    if present is not None and result is Result.REFUSED:
        return _settled(verdict, result, (_conflict(verdict, present),)), present
    return _settled(verdict, result), present


def _settle_file(
    db: sqlite3.Connection, batch_id: int, entry: Entry, on_conflict: OnConflict
) -> SettledFile:
    verdict = entry.verdict
    file, present = _decide(db, verdict, on_conflict)
    if isinstance(verdict, Rejected):
        return file
    if entry.file is None:
        return _settled(verdict, Result.CHANGED, (_CHANGED,))
    try:
        if file.result.changes:
            _add(db, batch_id, verdict, entry.file, instead_of=present)
        else:
            _check(verdict, entry.file)
    except _ChangedError:
        return _settled(verdict, Result.CHANGED, (_CHANGED,))
    except OSError as error:  # of the dropped file: SQLite has errors of its own
        if error.errno not in DAMAGED:
            raise
        raise DroppedFileError(error.errno, error.strerror, verdict.name) from error
    return file


def _add(
    db: sqlite3.Connection,
    batch_id: int,
    accepted: Accepted,
    file: BinaryIO,
    *,
    instead_of: Version | None = None,
) -> None:
    """Add a scenario; end the version `instead_of` which it comes, where there is one."""
    with savepoint(db):
        dropped = DroppedFile(file, size_bytes=accepted.size_bytes)
        stored = blob.store(db, dropped.chunks(), size_bytes=dropped.document_bytes)
        if stored is None or not dropped.is_as_checked(accepted.sha256):
            raise _ChangedError
        if instead_of is not None:
            scenarios.remove(db, [instead_of.row], batch=batch_id)
        scenario = Scenario(
            id=accepted.scenario_id,
            title=accepted.title,
            correct_answer=accepted.correct_answer,
            content_sha256=accepted.content_sha256,
        )
        scenarios.add(db, scenario, stored=stored, batch=batch_id)
    reached(KillPoint.SCENARIO_ADDED)


def _check(accepted: Accepted, file: BinaryIO) -> None:
    dropped = DroppedFile(file, size_bytes=accepted.size_bytes)
    for _ in dropped.chunks():
        pass
    if not dropped.is_as_checked(accepted.sha256):
        raise _ChangedError


def _conflict(accepted: Accepted, present: Version) -> Problem:
    return Problem(
        Reason.CONFLICT,
        f'the library holds another scenario with the id "{accepted.scenario_id}" already,'
        f" added by batch {present.added_batch}; give this one an id of its own",
        field="id",
    )


def _settled(verdict: Verdict, result: Result, problems: tuple[Problem, ...] = ()) -> SettledFile:
    return SettledFile(
        name=verdict.name,
        result=result,
        size_bytes=verdict.size_bytes,
        sha256=verdict.sha256,
        scenario_id=verdict.scenario_id,
        problems=problems,
    )


def _record_file(db: sqlite3.Connection, file: SettledFile, *, batch: int, number: int) -> None:
    scenario_id = file.scenario_id
    db.execute(
        "INSERT INTO file (batch, number, name, sha256, size_bytes, verdict, code, scenario_id,"
        " problems) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch,
            number,
            os.fsencode(file.name),
            file.sha256,
            file.size_bytes,
            file.result.value,
            file.problems[0].code.value if file.problems else None,
            None if scenario_id is None else scenarios.text(scenario_id),
            json.dumps([as_dict(problem) for problem in file.problems], ensure_ascii=True),
        ),
    )
