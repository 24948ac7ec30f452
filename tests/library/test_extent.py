from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.makers import add, document, open_library, sql

from scenariod.base.errors import LibraryDamagedError
from scenariod.library import LibraryTooNewError, schema
from scenariod.library.connection import open_writable
from scenariod.library.extent import Extent, extent

if TYPE_CHECKING:
    from pathlib import Path


def extent_of(folder: Path) -> Extent | None:
    return extent(folder / "scenarios.db", busy_timeout_s=1)


def test_where_there_are_no_tables_of_ours_there_is_no_extent(tmp_path: Path) -> None:
    missing = extent_of(tmp_path)
    (tmp_path / "scenarios.db").touch()
    empty = extent_of(tmp_path)
    sql(tmp_path / "scenarios.db", "VACUUM")
    without_tables = extent_of(tmp_path)

    assert (missing, empty, without_tables) == (None, None, None)


def test_the_origin_is_that_of_the_first_batch_and_the_same_ever_after(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        fresh = extent_of(tmp_path)
        add(library, document("one"))
        first = extent_of(tmp_path)
        highest = library.reserve_batch(above=41)
        add(library, document("two"))
        with library.snapshot() as snapshot:
            origin = snapshot.origin
    last = extent_of(tmp_path)

    assert fresh == Extent(None, 0)
    assert first is not None
    assert last is not None
    assert first.origin == last.origin == origin is not None
    assert first.highest_batch < highest == 42 <= last.highest_batch


def test_a_library_of_an_earlier_version_is_not_taken_for_none(tmp_path: Path) -> None:
    with closing(open_writable(tmp_path / "scenarios.db", busy_timeout_s=1)) as db:
        for statement in schema.MIGRATIONS[0]:
            db.execute(statement)
        db.execute("PRAGMA user_version = 1")

    assert extent_of(tmp_path) == Extent(None, 0)


def test_one_of_a_later_version_is_refused_and_one_that_lacks_a_table_is_damaged(
    tmp_path: Path,
) -> None:
    with open_library(tmp_path):
        pass
    path = tmp_path / "scenarios.db"

    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE packed")
        with pytest.raises(LibraryDamagedError, match="it has no table packed"):
            extent_of(tmp_path)
        db.execute("PRAGMA user_version = 99")
        with pytest.raises(LibraryTooNewError):
            extent_of(tmp_path)
