"""Another process that holds the library's write lock, as a long command would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.holder import holding

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

_HOLDER = (
    "import sqlite3, sys\n"
    "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "db.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.readline()\n"
)


def held(database: Path) -> AbstractContextManager[None]:
    """Have the library locked, also one that has no tables yet; its holder is killed at the end."""
    database.parent.mkdir(exist_ok=True)
    return holding(database, by=_HOLDER)
