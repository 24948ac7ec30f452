"""The library: the SQLite database of record. The only package with SQL.

`database.py` has the `Library` that others use; the other modules own one table or step each.
"""

from scenariod.library.database import Library
from scenariod.library.difference import Change, Counts, Difference, compared
from scenariod.library.failures import LibraryReplacedError, LibraryTooNewError
from scenariod.library.records import (
    BatchRecord,
    Entry,
    FileRecord,
    FileResult,
    FileVerdict,
    Kind,
    Obstacle,
    OnConflict,
    Pack,
    Peak,
    Restored,
    RestoredDocument,
    ScenarioRecord,
    ScenarioVersion,
    SettledBatch,
    Undone,
)
from scenariod.library.settlement import AlreadySettledError
from scenariod.library.snapshot import Snapshot
from scenariod.library.traces import Digests, Traces, traces

__all__ = [
    "AlreadySettledError",
    "BatchRecord",
    "Change",
    "Counts",
    "Difference",
    "Digests",
    "Entry",
    "FileRecord",
    "FileResult",
    "FileVerdict",
    "Kind",
    "Library",
    "LibraryReplacedError",
    "LibraryTooNewError",
    "Obstacle",
    "OnConflict",
    "Pack",
    "Peak",
    "Restored",
    "RestoredDocument",
    "ScenarioRecord",
    "ScenarioVersion",
    "SettledBatch",
    "Snapshot",
    "Traces",
    "Undone",
    "compared",
    "traces",
]
