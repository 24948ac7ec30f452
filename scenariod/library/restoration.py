"""Make the current scenarios exactly those of a backup, at the cost of what differs.

Never commits: the caller's transaction does. Never knows the backup's format.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from scenariod.errors import BackupUnusableError
from scenariod.library import blob, scenarios
from scenariod.library.records import Restored

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from scenariod.library.records import RestoredDocument

_ROWS_AT_ONCE = 10_000


def replace_all(
    db: sqlite3.Connection, documents: Iterable[RestoredDocument], *, batch: int
) -> Restored:
    """Remove what is not among `documents`, add what is missing; same bytes are left alone.

    Raises BackupUnusableError if two of the documents have one id.
    """
    highest = scenarios.highest_row(db)
    seen = bytearray(highest + 1)  # a byte a row, where a temporary table would need a disk
    counts = {"added": 0, "replaced": 0, "unchanged": 0}
    for document in documents:
        counts[_put(db, document, seen=seen, batch=batch)] += 1
    removed = _remove_unseen(db, seen=seen, batch=batch)
    return Restored(batch=batch, removed=removed, **counts)


def _put(db: sqlite3.Connection, document: RestoredDocument, *, seen: bytearray, batch: int) -> str:
    present = scenarios.current(db, document.id)
    if present is None:
        _add(db, document, batch=batch)
        return "added"
    if present.row >= len(seen) or seen[present.row]:
        raise BackupUnusableError(
            f'the backup holds two scenarios with the id "{document.id}"',
            hint="restore another one: `scenariodctl backups` lists them",
        )
    seen[present.row] = 1
    if present.sha256 == hashlib.sha256(document.document).hexdigest():
        return "unchanged"
    scenarios.remove(db, [present.row], batch=batch)
    _add(db, document, batch=batch)
    return "replaced"


def _add(db: sqlite3.Connection, document: RestoredDocument, *, batch: int) -> None:
    content = document.document
    stored = blob.store(db, [content], size_bytes=len(content))
    if stored is not None:  # it has the size we just took, always
        scenarios.add_restored(db, document, stored=stored, batch=batch)


def _remove_unseen(db: sqlite3.Connection, *, seen: bytearray, batch: int) -> int:
    removed = 0
    for after in range(0, len(seen), _ROWS_AT_ONCE):
        up_to = min(after + _ROWS_AT_ONCE, len(seen) - 1)
        rows = scenarios.current_rows(db, after=after, up_to=up_to)
        gone = [row for row in rows if not seen[row]]
        scenarios.remove(db, gone, batch=batch)
        removed += len(gone)
    return removed
