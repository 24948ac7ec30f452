"""What `undo last` takes back: the batches of a drain or an import, all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.makers import batch, clock, document, entry, held, open_library, sql

from scenariod.base.errors import NotUndoableError
from scenariod.base.value import replace
from scenariod.library import Kind, Library, OnConflict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as opened:
        yield opened


class Writer:
    """Settles batches as the daemon and commands do: those of one drain name its first one."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._first: dict[str, int] = {}

    def settle(self, name: str, *contents: bytes, kind: Kind = Kind.INTAKE) -> int:
        """Settle a batch of the drain or import called `name`; a new version replaces the old."""
        batch_id = self._library.reserve_batch()
        first = self._first.get(name)
        self._library.settle(
            replace(batch(batch_id), kind=kind, first_batch=first),
            [entry(content) for content in contents],
            on_conflict=OnConflict.REPLACE,
        )
        self._first.setdefault(name, batch_id)
        return batch_id

    def undo(self, batch_id: int) -> int:
        return self._library.undo(batch_id, clock=clock).batch

    def restore(self, before: int) -> None:
        self._library.restore_before(
            before,
            unless_changed_since=self._library.latest_change(),
            clock=clock,
            note=f"restore batch:{before}",
        )


def last_batches(library: Library) -> list[int]:
    with library.snapshot() as snapshot:
        last = snapshot.last_change()
    return [] if last is None else list(last.batches)


STEPS = {
    "nothing": ("", []),
    "one batch": ("a1", [1]),
    "a drain of three batches": ("a1 a2 a3", [1, 2, 3]),
    "the last of two drains": ("a1 a2 b3 b4", [3, 4]),
    "a batch that changed nothing is left out": ("a1 a- a3 a-", [1, 3]),
    "an import of two batches": ("a1 i2 i3", [2, 3]),
    "a drain beside an import": ("i1 a2 i3 a4", [2, 4]),
    "an import beside a drain": ("a1 i2 a3 i4", [2, 4]),
    "an undo": ("a1 a2 u1", [3]),
    "the undo of an undo": ("a1 u1 u2", [3]),
    "a restore": ("a1 a2 r2", [3]),
    "what a drain did after an undo": ("a1 a2 u1 a4 a5", [4, 5]),
    "what a drain did after a restore": ("a1 a2 r2 a4", [4]),
    "an undo that is followed by what changed nothing": ("a1 u1 a-", [2]),
}
"""A step: the drain (a, b) or import (i) and what it adds, `-` for nothing; `u` and `r` a batch."""


@pytest.mark.parametrize("name", STEPS)
def test_the_last_change_is(library: Library, name: str) -> None:
    steps, expected = STEPS[name]
    writer = Writer(library)
    for step in steps.split():
        what, which = step[0], step[1:]
        if what == "u":
            writer.undo(int(which))
        elif what == "r":
            writer.restore(int(which))
        else:
            contents = [] if which == "-" else [document(f"{what}-{which}")]
            kind = Kind.IMPORT if what == "i" else Kind.INTAKE
            writer.settle(what, *contents, kind=kind)

    assert last_batches(library) == expected
    with library.snapshot() as snapshot:
        assert [b.id for b in snapshot.batches() if b.in_last_change] == expected[::-1]


def drain_over_a_library(library: Library) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Add, replace, and replace again in three batches; return what was there before and after."""
    writer = Writer(library)
    writer.settle("before", document("kept"), document("replaced"), document("replaced-twice"))
    before = held(library)
    writer.settle("drain", document("new"), document("replaced", text="v2"))
    writer.settle("drain", document("new", text="v2"), document("replaced-twice", text="v2"))
    writer.settle("drain", document("replaced-twice", text="v3"), document("last"))
    return before, held(library)


def test_a_drain_is_undone_as_one_entry_that_can_be_undone(library: Library) -> None:
    before, after = drain_over_a_library(library)

    first = library.undo(*last_batches(library), clock=clock)
    undone, count = held(library), library.count()
    second = library.undo(*last_batches(library), clock=clock)

    assert undone == before
    assert count == len(before)
    assert (first.removed, first.brought_back) == (4, 2)
    assert held(library) == after
    with library.snapshot() as snapshot:
        latest, former = snapshot.batches(most=2)
    assert (latest.id, latest.note) == (second.batch, f"undo {first.batch}")
    assert (former.id, former.note) == (first.batch, "undo batches 2, 3, 4")
    library.undo(*last_batches(library), clock=clock)
    assert held(library) == before


def test_what_would_be_left_is_what_is_left(library: Library) -> None:
    drain_over_a_library(library)

    with library.snapshot() as snapshot:
        foreseen = dict(snapshot.versions_without(last_batches(library)))
    library.undo(*last_batches(library), clock=clock)

    with library.snapshot() as snapshot:
        assert foreseen == {v.id: v.stored.sha256 for v in snapshot.versions()}


def test_where_one_batch_of_a_drain_cannot_be_undone_none_is_and_it_is_named(
    library: Library,
) -> None:
    writer = Writer(library)
    first = writer.settle("drain", document("one"))
    beside = writer.settle("import", document("one", text="v2"), kind=Kind.IMPORT)
    second = writer.settle("drain", document("two"))
    before = held(library)

    with pytest.raises(NotUndoableError) as told:
        library.undo(*last_batches(library), clock=clock)

    assert str(told.value) == (
        f"batches {first}, {second} cannot be undone: batch {beside} (import) has removed or"
        f" replaced scenario one of batch {first} since"
    )
    assert f"scenariodctl undo {beside}" in told.value.hint
    assert f"scenariodctl restore batch:{first}" in told.value.hint
    assert held(library) == before
    with library.snapshot() as snapshot, pytest.raises(NotUndoableError):
        list(snapshot.versions_without([first, second]))


def test_a_drain_of_any_number_of_batches_is_one_undo(library: Library) -> None:
    writer = Writer(library)
    for number in range(2000):
        writer.settle("drain", *([document("one")] if number == 0 else []))
    last = writer.settle("drain", document("two"))

    library.undo(*range(1, last + 1), clock=clock)

    assert held(library) == {}
    with library.snapshot() as snapshot:
        (latest,) = snapshot.batches(most=1)
    assert latest.note == f"undo {last} batches, 1 to {last}"


def test_what_an_older_daemon_still_adds_counts_by_itself(library: Library) -> None:
    writer = Writer(library)
    for name in ("one", "two"):
        writer.settle(name, document(name))

    assert sql(library.path, "SELECT first_batch FROM batch") == [(None,), (None,)]
    assert last_batches(library) == [2]
