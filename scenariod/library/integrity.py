"""Whether the database is sound. Never writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.library import blob
from scenariod.library.records import Stored

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


def quick_check(db: sqlite3.Connection) -> str | None:
    """Return what is wrong with the structure of the database; None if it is sound.

    Reads all pages once, and counts the scenarios. Does not see what a page holds: a flipped bit
    within a text, a number or a document.
    """
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    return _miscounted(db) if found == "ok" else _one_line(found)


def problems(db: sqlite3.Connection) -> Iterator[str]:
    """Yield what is wrong with the database, apart from the documents' content."""
    for (found,) in db.execute("PRAGMA integrity_check(20)"):
        if found != "ok":
            yield _one_line(found)
    for table, row, parent, _ in db.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} refers to a row of {parent} that does not exist"
    yield from _damaged_documents(db)
    if (found := _miscounted(db)) is not None:
        yield found


def miscounted(*, counted: int, found: int) -> str:
    """Say that scenarios are missing, or too many, though all that is there is sound."""
    return f"the last batch counted {counted} scenarios, but there are {found}"


def _miscounted(db: sqlite3.Connection) -> str | None:
    # In one statement, and so at one moment: another process may be adding scenarios.
    found, counted = db.execute(
        "SELECT (SELECT count(*) FROM scenario WHERE removed_batch IS NULL),"
        " coalesce((SELECT scenarios FROM batch ORDER BY position DESC LIMIT 1), 0)"
    ).fetchone()
    return None if found == counted else miscounted(counted=counted, found=found)


def _damaged_documents(db: sqlite3.Connection) -> Iterator[str]:
    rows = db.execute("SELECT row, id, document, sha256, size_bytes FROM scenario ORDER BY row")
    for row, scenario_id, document, sha256, size_bytes in rows:
        try:
            for _ in blob.load(db, Stored(document, sha256, size_bytes)):
                pass
        except blob.DocumentDamagedError as error:
            yield f"scenario {scenario_id} (row {row}): {error}"


def _one_line(found: object) -> str:
    return " ".join(str(found).replace("*** in database main ***", "").split())
