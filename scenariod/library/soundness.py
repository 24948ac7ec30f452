"""Whether the database is sound, and what can still be read of one that is not. Never writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenariod.errors import LibraryDamagedError
from scenariod.library import blob, history
from scenariod.library.connection import open_readable
from scenariod.library.failures import translating

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SALVAGE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Traces:
    """What a damaged library still tells.

    `ended` are the SHA-256 of documents that it held once and not at last, `highest_batch` the
    highest batch id; `complete` says that all of it could be read.
    """

    ended: frozenset[str]
    highest_batch: int
    complete: bool


def quick_check(db: sqlite3.Connection) -> str | None:
    """Return what is wrong with the structure of the database, None where nothing is.

    Reads all pages once. Does not see what a page holds: a flipped bit within a text, a number or
    a document.
    """
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    return None if found == "ok" else _one_line(found)


def faults(db: sqlite3.Connection) -> Iterator[str]:
    """Yield what is wrong with the database, all that can be told without knowing documents."""
    for (found,) in db.execute("PRAGMA integrity_check(20)"):
        if found != "ok":
            yield _one_line(found)
    for table, row, parent, _ in db.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} names a row of {parent} that is not there"
    yield from _damaged_documents(db)
    (current,) = db.execute("SELECT count(*) FROM scenario WHERE removed_batch IS NULL").fetchone()
    counted = history.state(db).scenarios
    if current != counted:
        yield f"the last batch counted {counted} scenarios, and there are {current}"


def traces(path: Path) -> Traces:
    """Return what the damaged library at `path` still tells; nothing where it cannot be read."""
    ended: set[str] = set()
    highest = 0
    complete = False
    try:
        with (
            translating(path),
            closing(open_readable(path, busy_timeout_s=_SALVAGE_TIMEOUT_S)) as db,
        ):
            highest = history.highest(db)
            rows = db.execute(
                "SELECT sha256 FROM scenario AS gone WHERE removed_batch IS NOT NULL"
                " AND NOT EXISTS (SELECT 1 FROM scenario WHERE id = gone.id"
                " AND removed_batch IS NULL AND sha256 = gone.sha256)"
            )
            ended.update(str(sha256) for (sha256,) in rows)
            complete = quick_check(db) is None
    except (sqlite3.Error, LibraryDamagedError, OSError):
        complete = False
    return Traces(frozenset(ended), highest, complete)


def _damaged_documents(db: sqlite3.Connection) -> Iterator[str]:
    rows = db.execute("SELECT row, id, document, sha256, size_bytes FROM scenario ORDER BY row")
    for row, scenario_id, document, sha256, size_bytes in rows:
        try:
            for _ in blob.load(db, blob.Stored(document, sha256, size_bytes)):
                pass
        except blob.DocumentDamagedError as error:
            yield f"scenario {scenario_id} (row {row}): {error}"


def _one_line(found: object) -> str:
    return " ".join(str(found).replace("*** in database main ***", "").split())
