"""The library: the SQLite database of record. The only package with SQL.

Others use what is named here, of `Library` and the records.

- `blob`: documents in and out of the database in small pieces
- `catalogue`: the scenarios in the orders in which people look for them
- `connection`: connections to SQLite, transactions, the WAL
- `database`: `Library`: what others use
- `difference`: what differs between two states
- `events`: what happened to one scenario
- `extent`: how far a library has come, read without opening it for use
- `heard`: what has come of speaking the scenarios, summed up
- `history`: the batches: numbers, order, what the library was after each
- `integrity`: whether the database is sound
- `likeness`: which scenarios are alike
- `measures`: what was measured of batches
- `packs`: which pack a scenario came in
- `past`: the library as it was before a batch
- `publish`: write the library out as `scenarios.json`
- `records`: the records that go in and out
- `restoration`: make the library what other documents say
- `scenarios`: the scenarios and their versions
- `schema`: the tables, and how older ones become them
- `settlement`: record a batch's verdicts
- `snapshot`: one state of the library, to read
- `sqlite_errors`: errors of SQLite as errors of ours
- `traces`: what can still be read of a damaged library
- `undo`: take back what batches did
- `voicing`: what has come of speaking the scenarios
"""

from scenariod.library.catalogue import Order
from scenariod.library.database import Library
from scenariod.library.difference import Change, Counts, Difference, compared
from scenariod.library.heard import Heard
from scenariod.library.likeness import Likenesses
from scenariod.library.records import (
    BatchRecord,
    Entry,
    FileRecord,
    HeldPack,
    Kind,
    LastChange,
    Listed,
    Measure,
    NewScenario,
    Obstacle,
    OnConflict,
    Pack,
    Paused,
    Peak,
    Restored,
    Result,
    Scenario,
    ScenarioChange,
    ScenarioEvent,
    SettledBatch,
    SettledFile,
    Speaker,
    Stored,
    Undone,
    Version,
    batches_named,
    decide,
)
from scenariod.library.settlement import AlreadySettledError
from scenariod.library.snapshot import Snapshot
from scenariod.library.sqlite_errors import LibraryReplacedError, LibraryTooNewError
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
    "Heard",
    "HeldPack",
    "Kind",
    "LastChange",
    "Library",
    "LibraryReplacedError",
    "LibraryTooNewError",
    "Likenesses",
    "Listed",
    "Measure",
    "NewScenario",
    "Obstacle",
    "OnConflict",
    "Order",
    "Pack",
    "Paused",
    "Peak",
    "Restored",
    "Result",
    "Scenario",
    "ScenarioChange",
    "ScenarioEvent",
    "SettledBatch",
    "SettledFile",
    "Snapshot",
    "Speaker",
    "Stored",
    "Traces",
    "Undone",
    "Version",
    "batches_named",
    "compared",
    "decide",
    "traces",
]
