"""What memory batches took, as it was recorded. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.library.records import Peak

if TYPE_CHECKING:
    import sqlite3

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
