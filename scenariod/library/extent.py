"""How far a library has come, read without opening it for use. Only reads."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.library import history, schema
from scenariod.library.connection import open_readable
from scenariod.library.sqlite_errors import translating

if TYPE_CHECKING:
    from pathlib import Path


class Extent(Value):
    """`origin` tells it from other libraries: None while no batch was settled.

    `highest_batch` is the highest batch number given out.
    """

    origin: str | None
    highest_batch: int


def extent(path: Path, *, busy_timeout_s: float) -> Extent | None:
    """Return how far the library at `path` has come; None if there are no tables of ours yet.

    Raises LibraryTooNewError, LibraryDamagedError, LibraryLockedError, and OSError.
    """
    with translating(path):
        if not path.exists() or path.stat().st_size == 0:
            return None
        with closing(open_readable(path, busy_timeout_s=busy_timeout_s)) as db:
            schema.check(db, path)
            if schema.version_of(db) == 0:
                return None
            return Extent(history.origin(db), history.highest(db))
