"""The tables of the library, as migrations: the n-th makes version n of version n - 1.

Never changes a migration that was released: add one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scenariod.library.connection import transaction
from scenariod.library.sqlite_errors import LibraryTooNewError, damaged

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

APPLICATION_ID = 0x53434E44
"""`SCND`, at byte 68 of the file: file(1) and we can tell our databases from others."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        # `id` is given when a batch is claimed. With several workers batches settle in another
        # order, which `position` tells: 1, 2, 3, … `scenarios` and `last_change` (the last batch
        # up to this one that changed scenarios; 0: none) are the state after it, so that
        # neither needs a count. Times are ISO 8601 in UTC. Kinds: records.Kind.
        """
        CREATE TABLE batch (
          id                 INTEGER PRIMARY KEY,
          position           INTEGER NOT NULL UNIQUE,
          kind               TEXT    NOT NULL,
          started_at         TEXT    NOT NULL,
          settled_at         TEXT    NOT NULL,
          outcome            TEXT    NOT NULL,
          duration_ms        INTEGER NOT NULL,
          memory_peak_bytes  INTEGER,
          memory_limit_bytes INTEGER,
          launcher           TEXT    NOT NULL,
          note               TEXT    NOT NULL,
          added              INTEGER NOT NULL,
          removed            INTEGER NOT NULL,
          scenarios          INTEGER NOT NULL,
          last_change        INTEGER NOT NULL
        ) STRICT
        """,
        # The dropped bytes without a BOM, apart from the scenario's row: to mark a scenario
        # removed must not rewrite its document, and bringing one back need not copy it.
        """
        CREATE TABLE document (
          row     INTEGER PRIMARY KEY,
          content BLOB NOT NULL
        ) STRICT
        """,
        # Rows are never deleted: removed_batch ends them, so that every batch can be undone.
        # `sha256` is the document's: SQLite alone does not notice a flipped bit in a BLOB.
        """
        CREATE TABLE scenario (
          row            INTEGER PRIMARY KEY,
          id             TEXT    NOT NULL,
          title          TEXT    NOT NULL,
          correct_answer TEXT    NOT NULL,
          content_sha256 TEXT    NOT NULL,
          sha256         TEXT    NOT NULL,
          size_bytes     INTEGER NOT NULL,
          document       INTEGER NOT NULL REFERENCES document (row),
          added_batch    INTEGER NOT NULL REFERENCES batch (id) DEFERRABLE INITIALLY DEFERRED,
          removed_batch  INTEGER          REFERENCES batch (id) DEFERRABLE INITIALLY DEFERRED
        ) STRICT
        """,
        "CREATE UNIQUE INDEX scenario_current ON scenario (id) WHERE removed_batch IS NULL",
        "CREATE INDEX scenario_added ON scenario (added_batch)",
        """
        CREATE INDEX scenario_removed ON scenario (removed_batch) WHERE removed_batch IS NOT NULL
        """,
        # `name` is the file name's bytes (it need not be UTF-8). `problems` is JSON, and `code`
        # that of the first. Verdicts: records.Result.
        """
        CREATE TABLE file (
          batch       INTEGER NOT NULL REFERENCES batch (id) DEFERRABLE INITIALLY DEFERRED,
          number      INTEGER NOT NULL,
          name        BLOB    NOT NULL,
          sha256      TEXT,
          size_bytes  INTEGER NOT NULL,
          verdict     TEXT    NOT NULL,
          code        TEXT,
          scenario_id TEXT,
          problems    TEXT    NOT NULL,
          PRIMARY KEY (batch, number)
        ) STRICT, WITHOUT ROWID
        """,
        # 'published': the last change that library/scenarios.json shows.
        # 'reserved': the highest batch id given out.
        """
        CREATE TABLE mark (
          name  TEXT PRIMARY KEY,
          batch INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        # Who ended the last scenario of an id? Only what is ended is in it: adding costs nothing.
        "CREATE INDEX scenario_ended ON scenario (id) WHERE removed_batch IS NOT NULL",
    ),
    (
        # What an imported pack says beside its scenarios: `about` is a JSON object, `sha256` the
        # digest of that, `name` the pack's file.
        """
        CREATE TABLE pack (
          row    INTEGER PRIMARY KEY,
          sha256 TEXT NOT NULL UNIQUE,
          name   TEXT NOT NULL,
          about  TEXT NOT NULL
        ) STRICT
        """,
        # By id, not by row: so a pack goes with its scenarios through undo, restore and new
        # versions, none of which needs to know of it.
        """
        CREATE TABLE packed (
          scenario_id TEXT    PRIMARY KEY,
          pack        INTEGER NOT NULL REFERENCES pack (row)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX packed_pack ON packed (pack)",
    ),
    (
        # The first batch of the same drain, or of the same import: they are undone together. NULL
        # is the batch itself, so that what an older daemon still adds counts by itself.
        "ALTER TABLE batch ADD COLUMN first_batch INTEGER",
    ),
    (
        # What has come of speaking a scenario: of this content, by these settings (a digest).
        # `state` is voicing.State; `files` is JSON: a name, its size in bytes and its seconds each.
        """
        CREATE TABLE voicing (
          scenario_id    TEXT    PRIMARY KEY,
          content_sha256 TEXT    NOT NULL,
          settings       TEXT    NOT NULL,
          state          TEXT    NOT NULL,
          reason         TEXT    NOT NULL,
          at             TEXT    NOT NULL,
          batch          INTEGER NOT NULL,
          text_sha256    TEXT    NOT NULL,
          words          INTEGER NOT NULL,
          files          TEXT    NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        # Who speaks in a scenario, in the order of their first words, and with which voice.
        """
        CREATE TABLE character (
          scenario_id TEXT    NOT NULL,
          number      INTEGER NOT NULL,
          name        TEXT    NOT NULL,
          aliases     TEXT    NOT NULL,
          kind        TEXT    NOT NULL,
          gender      TEXT,
          evidence    TEXT    NOT NULL,
          engine      TEXT    NOT NULL,
          voice       TEXT    NOT NULL,
          why         TEXT    NOT NULL,
          certain     INTEGER NOT NULL,
          PRIMARY KEY (scenario_id, number)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX character_name ON character (name)",
        # The voice that a name keeps in all scenarios.
        """
        CREATE TABLE voice (
          engine TEXT NOT NULL,
          name   TEXT NOT NULL,
          voice  TEXT NOT NULL,
          PRIMARY KEY (engine, name)
        ) STRICT, WITHOUT ROWID
        """,
        # What a paid engine was asked for: reserved before each request, settled after it.
        """
        CREATE TABLE charge (
          key     TEXT    PRIMARY KEY,
          at      TEXT    NOT NULL,
          engine  TEXT    NOT NULL,
          model   TEXT    NOT NULL,
          credits INTEGER NOT NULL,
          settled INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX charge_at ON charge (at)",
    ),
    (
        # The stages of a batch: from its claim until its process was started, and from there until
        # that was ready. NULL where nothing was measured, as in all batches before this version.
        # `started_by` is how its process was started: 'exec' or 'fork'.
        "ALTER TABLE batch ADD COLUMN started_by TEXT",
        "ALTER TABLE batch ADD COLUMN waited_ms INTEGER",
        "ALTER TABLE batch ADD COLUMN ready_ms INTEGER",
        # When intake paused. `step` is that of the fault, '' for none; `reason` says why in words.
        """
        CREATE TABLE pause (
          number   INTEGER PRIMARY KEY,
          step     TEXT NOT NULL,
          reason   TEXT NOT NULL,
          begun_at TEXT NOT NULL,
          ended_at TEXT NOT NULL
        ) STRICT
        """,
    ),
)

VERSION = len(MIGRATIONS)
READABLE = 3
"""The first version that can be read as it is; see `read_as_present`."""
_TABLE = re.compile(r"CREATE TABLE (\w+)")
_COLUMN = re.compile(r"ALTER TABLE batch ADD COLUMN (\w+)")


def check(db: sqlite3.Connection, path: Path) -> None:
    """Raise unless `db` is empty, or holds all tables of a version that we know."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise damaged(path, "it is a SQLite database, but not one of scenariod")
    version = version_of(db)
    if version > VERSION:
        raise LibraryTooNewError(
            f"the library {path} has version {version}, this scenariod knows {VERSION}",
            hint="install the scenariod that wrote it, or a newer one",
        )
    statements = (statement for step in MIGRATIONS[:version] for statement in step)
    if missing := {name for each in statements for name in _TABLE.findall(each)} - tables:
        raise damaged(path, f"it has no table {min(missing)}")


def version_of(db: sqlite3.Connection) -> int:
    """Return the version of the tables in `db`; 0 for a new database."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def read_as_present(db: sqlite3.Connection) -> None:
    """Have a reader find in a library from `READABLE` on what later versions have added, empty.

    Whoever may only read cannot bring it up to date.
    """
    if (version := version_of(db)) == VERSION:
        return
    db.execute("PRAGMA query_only = OFF")  # of this connection; the file is opened read-only
    added = [statement for step in MIGRATIONS[version:] for statement in step]
    if columns := [f"NULL AS {name}" for each in added for name in _COLUMN.findall(each)]:
        db.execute(f"CREATE TEMP VIEW batch AS SELECT *, {', '.join(columns)} FROM main.batch")  # noqa: S608  names of ours
    for statement in added:
        if _TABLE.search(statement):
            db.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE"))
    db.execute("PRAGMA query_only = ON")


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables up to `VERSION`, one transaction a step."""
    while version_of(db) < VERSION:
        with transaction(db):
            # Read again within the lock: another process may have been first.
            version = version_of(db)
            if version < VERSION:
                for statement in MIGRATIONS[version]:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {version + 1}")
