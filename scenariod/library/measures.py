"""What was measured of batches, when intake paused, and why files were refused: for charts.

Owns the table `pause`; never commits. Whatever an older version did not record is None.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from scenariod.library.records import Kind, Measure, Paused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_MEASURES = """
    SELECT id, settled_at, kind, outcome, launcher, started_by, waited_ms, ready_ms, duration_ms,
           max(0, cast(round((julianday(settled_at) - julianday(started_at)) * 86400000) AS INTEGER)
                  - duration_ms),
           memory_peak_bytes, memory_limit_bytes, added, removed,
           (SELECT count(*) FROM file WHERE batch = batch.id AND verdict = 'refused')
      FROM batch ORDER BY position
"""
_REFUSED = """
    SELECT coalesce(code, ''), count(*), max(batch) FROM file WHERE verdict = 'refused'
     GROUP BY code ORDER BY count(*) DESC, code
"""


def count(db: sqlite3.Connection) -> int:
    """Return how many batches there are."""
    found: int = db.execute("SELECT count(*) FROM batch").fetchone()[0]
    return found


def of_batches(db: sqlite3.Connection) -> Iterator[Measure]:
    """Yield what was measured of each batch, in the order in which they were settled."""
    for batch, settled_at, kind, outcome, launcher, *figures in db.execute(_MEASURES):
        yield Measure(batch, settled_at, Kind(kind), outcome, launcher, *figures)


def refused(db: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Return for each code how many files were refused for it, and the last batch with one."""
    return db.execute(_REFUSED).fetchall()


def record_pauses(db: sqlite3.Connection, pauses: Iterable[Paused]) -> None:
    """Record pauses of intake that have ended."""
    db.executemany(
        "INSERT INTO pause (step, reason, begun_at, ended_at) VALUES (?, ?, ?, ?)",
        ((each.step, each.reason, each.begun_at, each.ended_at) for each in pauses),
    )


def pauses(db: sqlite3.Connection, *, since: datetime, most: int) -> tuple[int, list[Paused]]:
    """Return how many pauses ended since then, and `most` of them, the last one first."""
    began = since.astimezone(UTC).isoformat()
    (count,) = db.execute("SELECT count(*) FROM pause WHERE ended_at >= ?", (began,)).fetchone()
    rows = db.execute(
        "SELECT step, reason, begun_at, ended_at FROM pause WHERE ended_at >= ?"
        " ORDER BY number DESC LIMIT ?",
        (began, most),
    )
    return count, [Paused(*row) for row in rows]
