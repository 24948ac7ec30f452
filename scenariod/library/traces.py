"""What can still be read of a library that is damaged: which documents and files there were.

Only reads.
"""

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from contextlib import closing, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from scenariod.base.errors import LibraryDamagedError
from scenariod.base.value import Value, replace
from scenariod.library import history
from scenariod.library.connection import open_readable
from scenariod.library.integrity import quick_check
from scenariod.library.sqlite_errors import translating

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SALVAGE_TIMEOUT_S = 1.0
# Every version that there ever was. It is still what its scenario says where that was brought back,
# or has come again in other bytes. What a damaged index does not find is not thereby ended.
_DOCUMENTS = """
    SELECT sha256, removed_batch IS NULL OR EXISTS
           (SELECT 1 FROM scenario AS now WHERE now.id = its.id AND now.removed_batch IS NULL
               AND now.content_sha256 = its.content_sha256)
      FROM scenario AS its
"""
# A file that was added already said what a version did that was there then: no row has its bytes.
# Where that version ended with the same batch, it is told as both.
_ADDED_ALREADY = """
    SELECT file.sha256, its.removed_batch IS NULL OR EXISTS
           (SELECT 1 FROM scenario AS now WHERE now.id = its.id AND now.removed_batch IS NULL
               AND now.content_sha256 = its.content_sha256)
      FROM file
           CROSS JOIN batch AS b ON b.id = file.batch
           CROSS JOIN scenario AS its ON its.id = file.scenario_id AND {which}
           CROSS JOIN batch AS a ON a.id = its.added_batch
           LEFT JOIN batch AS r ON r.id = its.removed_batch
     WHERE file.verdict = 'already-added' AND file.sha256 IS NOT NULL
       AND a.position <= b.position AND (r.id IS NULL OR r.position >= b.position)
"""
_TOLD = (
    _DOCUMENTS,
    _ADDED_ALREADY.format(which="its.removed_batch IS NULL"),  # each by an index of its own
    _ADDED_ALREADY.format(which="its.removed_batch IS NOT NULL"),
)


class Digests:
    """The SHA-256 of many documents in 8 bytes each.

    That two documents have the same 8 bytes by chance does not happen with any number of files
    that a disk holds.
    """

    def __init__(self, digests: Iterable[str] = ()) -> None:
        self._known = array("Q", map(_short, digests))
        self._is_sorted = False

    def add(self, sha256: str) -> None:
        """Add one."""
        self._known.append(_short(sha256))
        self._is_sorted = False

    def __contains__(self, sha256: str) -> bool:
        if not self._is_sorted:
            self._known = array("Q", sorted(self._known))
            self._is_sorted = True
        place = bisect_left(self._known, _short(sha256))
        return place < len(self._known) and self._known[place] == _short(sha256)


class Traces(Value):
    """What a damaged library still tells.

    `current` are the SHA-256 of documents, and of files that were added already, that said at last
    what their scenario said; `ended` of those that did so once. What is in both is ended.
    `highest_batch` is the highest batch id, `until` when the last batch was settled, in seconds
    since 1970; `complete` says that all of it could be read.
    """

    current: Digests
    ended: Digests
    highest_batch: int = 0
    until: float = 0.0
    complete: bool = False


def traces(path: Path) -> Traces:
    """Return what the damaged library at `path` still tells; nothing where it cannot be read."""
    told = Traces(Digests(), Digests())
    with (
        suppress(sqlite3.Error, LibraryDamagedError, OSError, ValueError, OverflowError),
        translating(path),
        closing(open_readable(path, busy_timeout_s=_SALVAGE_TIMEOUT_S)) as db,
    ):
        told = replace(told, highest_batch=history.highest(db), until=_until(db))
        for query in _TOLD:
            for sha256, is_current in db.execute(query):
                (told.current if is_current else told.ended).add(str(sha256))
        told = replace(told, complete=quick_check(db) is None)
    return told


def _until(db: sqlite3.Connection) -> float:
    (settled_at,) = db.execute("SELECT max(settled_at) FROM batch").fetchone()
    return 0.0 if settled_at is None else datetime.fromisoformat(str(settled_at)).timestamp()


def _short(sha256: str) -> int:
    return int(sha256[:16], 16)
