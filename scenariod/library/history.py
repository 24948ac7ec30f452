"""The batches: their numbers, their order, and what the library was after each.

Owns the tables `batch` and `mark`. Never commits: the caller's transaction does.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.library.records import BatchRecord, Kind, LastChange, Peak, Refusal
from scenariod.library.undo import obstacle
from scenariod.validation.problems import Problem, Reason

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from scenariod.library.records import SettledBatch

PUBLISHED = "published"
_RESERVED = "reserved"


class State(Value):
    """The library after its last batch. `last_change` is 0 while nothing was ever added."""

    position: int = 0
    scenarios: int = 0
    last_change: int = 0


def state(db: sqlite3.Connection) -> State:
    """Return what the library is now."""
    found = db.execute(
        "SELECT position, scenarios, last_change FROM batch ORDER BY position DESC LIMIT 1"
    ).fetchone()
    return State() if found is None else State(*found)


def origin(db: sqlite3.Connection) -> str | None:
    """Return what tells this library from any other: when its first batch was settled.

    An earlier copy of it has the same; None while there was no batch.
    """
    found = db.execute("SELECT settled_at FROM batch WHERE position = 1").fetchone()
    return None if found is None else str(found[0])


def is_settled(db: sqlite3.Connection, batch_id: int) -> bool:
    """Say whether this batch was recorded."""
    return db.execute("SELECT 1 FROM batch WHERE id = ?", (batch_id,)).fetchone() is not None


def record(db: sqlite3.Connection, batch: SettledBatch, *, added: int, removed: int) -> None:
    """Record `batch`, which added and removed so many scenarios, as the last one."""
    before = state(db)
    db.execute(
        "INSERT INTO batch (id, position, kind, started_at, settled_at, outcome, duration_ms,"
        " memory_peak_bytes, memory_limit_bytes, launcher, note,"
        " added, removed, scenarios, last_change, first_batch, started_by, waited_ms, ready_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch.id,
            before.position + 1,
            batch.kind.value,
            _utc(batch.started_at),
            _utc(batch.settled_at),
            batch.outcome,
            batch.duration_ms,
            batch.memory_peak_bytes,
            batch.memory_limit_bytes,
            batch.launcher,
            batch.note,
            added,
            removed,
            before.scenarios + added - removed,
            batch.id if added or removed else before.last_change,
            batch.first_batch,
            batch.started_by,
            batch.waited_ms,
            batch.ready_ms,
        ),
    )


# An undo or a restore divides a drain that goes on: what came before it is no longer the last.
_LAST_CHANGE = """
    SELECT id, kind, settled_at, note FROM batch
     WHERE (added OR removed)
       AND coalesce(first_batch, id) =
           (SELECT coalesce(first_batch, id) FROM batch WHERE id = :last)
       AND position > (SELECT coalesce(max(divide.position), 0)
                         FROM batch AS divide JOIN batch AS last ON last.id = :last
                        WHERE divide.kind IN ('undo', 'restore')
                          AND divide.position < last.position)
     ORDER BY position
"""


def last_change(db: sqlite3.Connection) -> LastChange | None:
    """Return what changed scenarios last; None if nothing ever did."""
    rows = db.execute(_LAST_CHANGE, {"last": state(db).last_change}).fetchall()
    if not rows:
        return None
    _, kind, settled_at, note = rows[-1]
    return LastChange(tuple(batch_id for batch_id, *_ in rows), Kind(kind), settled_at, note)


def is_only_added_to(db: sqlite3.Connection, *, since: int) -> bool:
    """Say whether all that has changed after batch `since` (0: ever) is what dropped files added.

    done/ holds these too. False where that batch does not exist.
    """
    found = db.execute("SELECT position FROM batch WHERE id = ?", (since,)).fetchone()
    if found is None and since != 0:
        return False
    position = 0 if found is None else found[0]
    others = db.execute(
        "SELECT 1 FROM batch WHERE position > ? AND (removed OR (added AND kind != 'intake'))"
        " LIMIT 1",
        (position,),
    )
    return others.fetchone() is None


def batches(db: sqlite3.Connection, *, most: int) -> Iterator[BatchRecord]:
    """Yield the batches, the last one first, `most` of them; -1: all."""
    rows = db.execute(
        "SELECT id, position, kind, started_at, settled_at, outcome, note, added, removed,"
        " scenarios, coalesce(first_batch, id) FROM batch WHERE kind != 'voices'"
        " ORDER BY position DESC LIMIT ?",
        (most,),
    )
    last = last_change(db)
    lasts = set() if last is None else set(last.batches)
    for values in rows:
        batch_id, position, kind, started_at, settled_at, outcome, note, *counts = values
        added, removed, scenarios, first_batch = counts
        yield BatchRecord(
            id=batch_id,
            position=position,
            kind=Kind(kind),
            started_at=started_at,
            settled_at=settled_at,
            outcome=outcome,
            note=note,
            added=added,
            removed=removed,
            scenarios=scenarios,
            obstacle=obstacle(db, [batch_id]),
            refusals=_refusals(db, batch_id),
            first_batch=first_batch,
            in_last_change=batch_id in lasts,
        )


def problems_of(text: str) -> tuple[Problem, ...]:
    """Return the problems of a file from the JSON in which they were recorded."""
    return tuple(Problem(**{**p, "code": Reason(p["code"])}) for p in json.loads(text))


def last_settled_at(db: sqlite3.Connection) -> datetime | None:
    """Return when the last batch was settled, aware; None if there was none."""
    found = db.execute("SELECT settled_at FROM batch ORDER BY position DESC LIMIT 1").fetchone()
    return None if found is None else datetime.fromisoformat(found[0])


def reserve(db: sqlite3.Connection, *, above: int) -> int:
    """Give out a batch id that none has or had, and that is larger than `above`."""
    batch_id = max(highest(db), above) + 1
    mark(db, _RESERVED, batch_id)
    return batch_id


def highest(db: sqlite3.Connection) -> int:
    """Return the highest batch id that was ever given out; 0 where none was."""
    settled: int = db.execute("SELECT coalesce(max(id), 0) FROM batch").fetchone()[0]
    return max(settled, marked(db, _RESERVED) or 0)


def marked(db: sqlite3.Connection, name: str) -> int | None:
    """Return the batch that bears this mark, or None."""
    found = db.execute("SELECT batch FROM mark WHERE name = ?", (name,)).fetchone()
    return None if found is None else int(found[0])


def mark(db: sqlite3.Connection, name: str, batch_id: int) -> None:
    """Put this mark on a batch."""
    db.execute(
        "INSERT INTO mark (name, batch) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET batch = excluded.batch",
        (name, batch_id),
    )


def _refusals(db: sqlite3.Connection, batch_id: int) -> tuple[Refusal, ...]:
    rows = db.execute(
        "SELECT name, problems FROM file WHERE batch = ? AND verdict = 'refused' ORDER BY number",
        (batch_id,),
    )
    return tuple(Refusal(os.fsdecode(name), problems_of(problems)) for name, problems in rows)


def _utc(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"a time without a time zone: {moment.isoformat()}")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


# A batch that was taken apart has no files of its own: they have come again, one at a time.
_PEAKS = """
    SELECT sum(f.size_bytes), b.memory_peak_bytes
      FROM (SELECT id, memory_peak_bytes FROM batch
             WHERE kind = 'intake' AND memory_peak_bytes IS NOT NULL
             ORDER BY position DESC LIMIT ?) AS b
           JOIN file AS f ON f.batch = b.id
     GROUP BY b.id
"""


def peaks(db: sqlite3.Connection, *, most: int) -> list[Peak]:
    """Return the peaks of the last batches, `most` of them."""
    return [Peak(size, peak) for size, peak in db.execute(_PEAKS, (most,))]
