"""What a damaged library still tells of what it held; here a sound one, which tells all."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.makers import batch, clock, document, entry, open_library

from scenariod.library import Library, OnConflict, Result, integrity, traces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A, B = document("one", text="a"), document("one", text="b")


def again(content: bytes) -> bytes:
    """Return the same in other bytes."""
    return json.dumps(json.loads(content)).encode()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as library:
        yield library


def settle(library: Library, *contents: bytes) -> list[Result]:
    entries = [entry(each, name=f"scenario-{n}.json") for n, each in enumerate(contents)]
    added_by = batch(library.reserve_batch())
    files = library.settle(added_by, entries, on_conflict=OnConflict.REPLACE)
    return [file.result for file in files]


def told_of(library: Library, content: bytes) -> str:
    told, sha256 = traces(library.path), hashlib.sha256(content).hexdigest()
    assert told.complete
    if sha256 in told.ended:
        return "ended"
    return "current" if sha256 in told.current else "unknown"


def test_a_library_to_which_another_adds_during_the_check_is_sound(library: Library) -> None:
    settle(library, A)
    added: list[str] = []

    def add_before(statement: str) -> None:
        if "FROM batch" in statement and not added:
            added.append(statement)
            settle(library, document("two"))

    with closing(sqlite3.connect(library.path)) as checking:
        checking.set_trace_callback(add_before)
        found = integrity.quick_check(checking)

    assert added
    assert found is None


def test_what_is_there_is_current_and_what_was_replaced_has_ended(library: Library) -> None:
    settle(library, A)
    settle(library, again(A))
    settle(library, B)
    settle(library, again(B))

    told = [told_of(library, each) for each in (A, again(A), B, again(B), document("two"))]

    assert told == ["ended", "ended", "current", "current", "unknown"]


def test_what_came_again_in_other_bytes_is_current_in_the_former_ones_too(library: Library) -> None:
    settle(library, A)
    settle(library, B)
    settle(library, again(A))

    assert [told_of(library, each) for each in (A, again(A), B)] == ["current", "current", "ended"]


def test_what_was_undone_has_ended_in_whatever_bytes_until_the_undo_is_undone(
    library: Library,
) -> None:
    settle(library, A)
    settle(library, again(A))

    undone = library.undo(1, clock=clock)
    then = [told_of(library, each) for each in (A, again(A))]
    library.undo(undone.batch, clock=clock)
    now = [told_of(library, each) for each in (A, again(A))]

    assert (then, now) == (["ended"] * 2, ["current"] * 2)


def test_of_two_files_in_one_batch_the_one_that_said_the_former_has_ended(library: Library) -> None:
    settle(library, A)

    results = settle(library, again(A), B)

    assert results == [Result.ALREADY_ADDED, Result.REPLACED]
    assert [told_of(library, each) for each in (A, again(A), B)] == ["ended", "ended", "current"]


def test_of_two_files_in_one_batch_the_one_that_brought_the_latter_is_current(
    library: Library,
) -> None:
    settle(library, A)

    results = settle(library, B, again(B))

    assert results == [Result.REPLACED, Result.ALREADY_ADDED]
    assert [told_of(library, each) for each in (A, B)] == ["ended", "current"]


def test_of_no_library_nothing_is_told(tmp_path: Path) -> None:
    told = traces(tmp_path / "scenarios.db")

    assert (told.highest_batch, told.until, told.complete) == (0, 0.0, False)
