"""Make the current scenarios those of a backup or of an earlier time, at the cost of what differs.

Never commits: the caller's transaction does. Never knows the backup's format.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from scenariod.library import blob, scenarios
from scenariod.library.difference import one_id_twice
from scenariod.library.records import NewScenario, Restored, Version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    Wanted = NewScenario | Version

_ROWS_AT_ONCE = 10_000


def replace_all(db: sqlite3.Connection, documents: Iterable[Wanted], *, batch: int) -> Restored:
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


def _put(db: sqlite3.Connection, document: Wanted, *, seen: bytearray, batch: int) -> str:
    present = scenarios.current(db, document.id)
    if present is None:
        _add(db, document, batch=batch)
        return "added"
    if present.row >= len(seen) or seen[present.row]:
        raise one_id_twice(document.id)
    seen[present.row] = 1
    if present.stored.sha256 == _sha256(document):
        return "unchanged"
    scenarios.remove(db, [present.row], batch=batch)
    _add(db, document, batch=batch)
    return "replaced"


def _sha256(document: Wanted) -> str:
    if isinstance(document, Version):
        return document.stored.sha256
    return hashlib.sha256(document.document).hexdigest()


def _add(db: sqlite3.Connection, document: Wanted, *, batch: int) -> None:
    if isinstance(document, Version):
        for _ in blob.load(db, document.stored):  # is it still what was stored?
            pass
        scenarios.add(db, document, stored=document.stored, batch=batch)
        return
    content = document.document
    new = blob.store(db, [content], size_bytes=len(content))
    if new is not None:  # it has the size we just took, always
        scenarios.add(db, document, stored=new, batch=batch)


def _remove_unseen(db: sqlite3.Connection, *, seen: bytearray, batch: int) -> int:
    removed = 0
    for after in range(0, len(seen), _ROWS_AT_ONCE):
        up_to = min(after + _ROWS_AT_ONCE, len(seen) - 1)
        rows = scenarios.current_rows(db, after=after, up_to=up_to)
        gone = [row for row in rows if not seen[row]]
        scenarios.remove(db, gone, batch=batch)
        removed += len(gone)
    return removed
