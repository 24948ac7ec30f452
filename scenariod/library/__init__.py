"""The library: the SQLite database of record. The only package with SQL.

`database.py` has the `Library` that others use; the other modules own one table or step each.
"""

from scenariod.library.database import Library
from scenariod.library.failures import LibraryTooNewError
from scenariod.library.records import (
    Entry,
    FileRecord,
    FileResult,
    FileVerdict,
    Kind,
    OnConflict,
    Restored,
    RestoredDocument,
    ScenarioRecord,
    SettledBatch,
)
from scenariod.library.settlement import AlreadySettledError
from scenariod.library.snapshot import Snapshot

__all__ = [
    "AlreadySettledError",
    "Entry",
    "FileRecord",
    "FileResult",
    "FileVerdict",
    "Kind",
    "Library",
    "LibraryTooNewError",
    "OnConflict",
    "Restored",
    "RestoredDocument",
    "ScenarioRecord",
    "SettledBatch",
    "Snapshot",
]
