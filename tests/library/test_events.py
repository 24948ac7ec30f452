"""What happened to one scenario, by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.makers import add, batch, clock, document, entry, open_library

from scenariod.library import Kind, OnConflict, ScenarioChange

if TYPE_CHECKING:
    from pathlib import Path


def test_each_batch_that_changed_a_scenario_is_told_once_the_last_first(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        add(library, document("one"))
        versions = [entry(document("one", text=f"version {n}"), name=f"{n}") for n in (1, 2)]
        library.settle(batch(library.reserve_batch()), versions, on_conflict=OnConflict.REPLACE)
        library.undo(2, clock=clock)
        library.undo(1, clock=clock)
        with library.snapshot() as snapshot:
            found = snapshot.events("one", most=10)

    assert [(e.batch, e.kind, e.change, e.file) for e in found] == [
        (4, Kind.UNDO, ScenarioChange.REMOVED, None),
        (3, Kind.UNDO, ScenarioChange.REPLACED, None),
        (2, Kind.INTAKE, ScenarioChange.REPLACED, "2"),
        (1, Kind.INTAKE, ScenarioChange.ADDED, "scenario-1.json"),
    ]


def test_a_scenario_that_came_twice_in_its_first_batch_was_added_by_it(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        versions = [entry(document("one", text=f"version {n}"), name=f"{n}") for n in (1, 2)]
        library.settle(batch(library.reserve_batch()), versions, on_conflict=OnConflict.REPLACE)
        with library.snapshot() as snapshot:
            found = snapshot.events("one", most=10)

    assert [(e.batch, e.change, e.file) for e in found] == [(1, ScenarioChange.ADDED, "2")]


def test_of_many_events_as_many_as_asked_for_are_returned(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        add(library, document("one"))
        for number in range(1, 5):
            library.undo(number, clock=clock)
        with library.snapshot() as snapshot:
            found = snapshot.events("one", most=2)
            others = snapshot.events("two", most=2)

    assert [e.batch for e in found] == [5, 4]
    assert others == []
