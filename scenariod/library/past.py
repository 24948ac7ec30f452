"""The library as it was before a batch: which versions of which scenarios were current then.

Only reads. Batches are ordered by their positions, never by their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.errors import NotFoundError
from scenariod.library.scenarios import COLUMNS, version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from scenariod.library.records import Version

_ROWS_AT_ONCE = 1000

# CROSS JOIN keeps the order of the loops: by row, one page after the other. A row that the present
# transaction has ended names a batch without a position yet, and is no longer wanted by then.
_PAGE = f"""
    SELECT {COLUMNS}
      FROM scenario AS s
           CROSS JOIN batch AS a ON a.id = s.added_batch
           LEFT JOIN batch AS r ON r.id = s.removed_batch
     WHERE s.row > ? AND a.position < ? AND (s.removed_batch IS NULL OR r.position >= ?) {{also}}
     ORDER BY s.row LIMIT ?
"""  # noqa: S608  constants of ours


def position_of(db: sqlite3.Connection, batch_id: int) -> int:
    """Return the place of a batch in the order in which batches were settled.

    Raises NotFoundError if the batch does not exist.
    """
    found = db.execute("SELECT position FROM batch WHERE id = ?", (batch_id,)).fetchone()
    if found is None:
        raise NotFoundError(
            f"there is no batch {batch_id} in the library",
            hint="`scenariodctl history` lists them",
        )
    return int(found[0])


def versions(db: sqlite3.Connection, *, before_position: int) -> Iterator[Version]:
    """Yield what was current just before the batch of that position, in the order it was added."""
    return in_pages(db, before_position=before_position, also="")


def in_pages(db: sqlite3.Connection, *, before_position: int, also: str) -> Iterator[Version]:
    """Yield the same where `also` holds, a constant such as `AND s.id = 'x'`.

    Reads page by page: the caller may change the table in between.
    """
    page = _PAGE.format(also=also)
    after = 0
    while True:
        found = db.execute(
            page, (after, before_position, before_position, _ROWS_AT_ONCE)
        ).fetchall()
        versions = [version(columns) for columns in found]
        yield from versions
        if len(versions) < _ROWS_AT_ONCE:
            return
        after = versions[-1].row
