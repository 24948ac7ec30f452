"""What differs between two states of the library, however large, in little memory.

Owns a scratch database that SQLite keeps in a temporary file; never touches the library's.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.errors import BackupUnusableError
from scenariod.base.value import Value
from scenariod.library.scenarios import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Held = Iterable[tuple[str, str]]

_CACHE_KIB = 4096
_TABLE = "CREATE TABLE side (id TEXT PRIMARY KEY, former TEXT, latter TEXT) WITHOUT ROWID"


class Change(StrEnum):
    """How a scenario differs between two states, seen from the first."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


_WHERE = {
    Change.ADDED: "former IS NULL",
    Change.REMOVED: "latter IS NULL",
    Change.CHANGED: "former <> latter",
}


class Counts(Value):
    """How many scenarios differ, and how many are the same, byte for byte."""

    added: int
    removed: int
    changed: int
    unchanged: int


class Difference:
    """Two states side by side; ids come sorted."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def counts(self) -> Counts:
        """Return how many scenarios differ in which way."""
        row = self._db.execute(
            "SELECT count(*) FILTER (WHERE former IS NULL),"
            " count(*) FILTER (WHERE latter IS NULL),"
            " count(*) FILTER (WHERE former <> latter),"
            " count(*) FILTER (WHERE former = latter) FROM side"
        ).fetchone()
        return Counts(*row)

    def ids(self, change: Change, *, most: int = -1) -> Iterator[str]:
        """Yield the ids that differ in this way, `most` of them; -1: all."""
        rows = self._db.execute(
            f"SELECT id FROM side WHERE {_WHERE[change]} ORDER BY id LIMIT ?",  # noqa: S608  a constant
            (most,),
        )
        return (scenario_id for (scenario_id,) in rows)


@contextmanager
def compared(former: Held, latter: Held) -> Iterator[Difference]:
    """Yield what differs between two states, each given as ids with the SHA-256 of their bytes.

    Raises BackupUnusableError where a state has one id twice: only a foreign file does.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as db:  # "": a temporary file
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        db.execute("PRAGMA journal_mode = OFF")
        db.execute(_TABLE)
        db.execute("BEGIN")
        for column, held in (("former", former), ("latter", latter)):
            _fill(db, column, held)
        yield Difference(db)


def _fill(db: sqlite3.Connection, column: str, held: Held) -> None:
    statement = (
        f"INSERT INTO side (id, {column}) VALUES (?, ?) ON CONFLICT (id)"  # noqa: S608  a constant
        f" DO UPDATE SET {column} = excluded.{column} WHERE {column} IS NULL"
    )
    for scenario_id, sha256 in held:
        if db.execute(statement, (text(scenario_id), sha256)).rowcount != 1:
            raise one_id_twice(scenario_id)


def one_id_twice(scenario_id: str) -> BackupUnusableError:
    """Return the error that says that a backup holds two scenarios of one id."""
    return BackupUnusableError(
        f'the backup holds two scenarios with the id "{scenario_id}"',
        hint="restore another one: `scenariodctl backups` lists them",
    )
