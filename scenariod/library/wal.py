"""The WAL is cut back even while readers follow each other without a gap.

Owns when that is tried, and how long it may hold up the writer. Never knows a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.library.connection import WAL_BYTES_KEPT

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

MOST_BYTES = 2 * WAL_BYTES_KEPT
PATIENCE_S = 1.0


class Wal:
    """The WAL of one database, and how large it is to be when it is tried next.

    What SQLite does by itself at a commit waits for nobody: it starts the WAL anew only if no
    reader is in it at that moment. `cut_back` lets nobody write meanwhile: then those who read
    end, and those who come read the database alone. Twice the time that one reads is enough.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-wal")
        self._try_at = MOST_BYTES

    def cut_back(self, db: sqlite3.Connection, *, busy_timeout_s: float) -> None:
        """Make the WAL small again where it is large; give up after PATIENCE_S.

        After one who reads for longer it is tried again when the WAL has grown by as much as is
        kept: so no more than PATIENCE_S is lost for so many bytes.
        """
        if self._bytes() < self._try_at:
            return
        patience_s = min(PATIENCE_S, busy_timeout_s)
        db.execute(f"PRAGMA busy_timeout = {round(patience_s * 1000)}")
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            db.execute(f"PRAGMA busy_timeout = {round(busy_timeout_s * 1000)}")
        self._try_at = max(MOST_BYTES, self._bytes() + WAL_BYTES_KEPT)

    def _bytes(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0
