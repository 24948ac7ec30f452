"""What is recorded of voices: what is due, what was made, who speaks, what it cost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.makers import NOON, add, document, open_library

from scenariod.base.value import replace
from scenariod.library import voicing
from scenariod.library.voicing import Cast, Due, Sound, Spent, State, Voicing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scenariod.library import Library

SETTINGS = "flite"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as library:
        for name in ("one", "two", "three"):
            add(library, document(name))
        yield library


def made(library: Library, scenario_id: str, state: State = State.SPOKEN) -> Voicing:
    found = library.scenario(scenario_id)
    assert found is not None
    voiced = Voicing(scenario_id, found[0].content_sha256, SETTINGS, state)
    voicing.record(library, voiced, now=NOON)
    return voiced


def due(library: Library, settings: str = SETTINGS, *, most: int = -1) -> list[str]:
    return [each.scenario_id for each in voicing.due(library, settings, most=most)]


def test_everything_is_due_at_first_the_oldest_first(library: Library) -> None:
    assert due(library) == ["one", "two", "three"]
    assert due(library, most=2) == ["one", "two"]


@pytest.mark.parametrize("state", [State.SPOKEN, State.SILENT, State.FAILED])
def test_what_has_an_end_is_not_due(library: Library, state: State) -> None:
    made(library, "two", state)

    assert due(library) == ["one", "three"]


def test_what_was_cut_off_is_due_and_what_is_to_be_redone_says_so(library: Library) -> None:
    made(library, "one", State.BEGUN)
    made(library, "two", State.REDO)

    found = voicing.due(library, SETTINGS, most=-1)

    assert [(each.scenario_id, each.again) for each in found] == [
        ("one", False),
        ("two", True),
        ("three", False),
    ]
    assert isinstance(found[0], Due)


def test_another_content_or_other_settings_make_it_due_again(library: Library) -> None:
    voiced = made(library, "one")
    made(library, "two")
    voicing.record(library, replace(voiced, content_sha256="0" * 64), now=NOON)

    assert due(library) == ["one", "three"]
    assert due(library, "kokoro") == ["one", "two", "three"]


def test_a_tally_counts_what_was_made_by_these_settings_only(library: Library) -> None:
    made(library, "one")
    made(library, "two", State.FAILED)

    found = voicing.tally(library, SETTINGS)

    assert (found.scenarios, found.by_state, found.is_to_do) == (3, {"spoken": 1, "failed": 1}, 1)
    assert voicing.tally(library, "kokoro").is_to_do == 3


def test_what_was_recorded_is_read_back(library: Library) -> None:
    voiced = replace(
        made(library, "one"),
        reason="why",
        batch=7,
        text_sha256="ab",
        words=12,
        files=(Sound("title", 100, 1.5), Sound("content", 2000, 30.25)),
    )

    voicing.record(library, voiced, now=NOON)

    assert voicing.of(library, "one") == replace(voiced, at="2026-03-14T12:00:00.000+00:00")
    assert voicing.of(library, "two") is None


def test_the_sound_of_a_removed_scenario_is_a_stray_and_of_a_returned_one_too(
    library: Library,
) -> None:
    for name in ("one", "two"):
        made(library, name)
    library.undo(1, clock=lambda: NOON)  # removes `one`

    removed = voicing.strays(library)
    voicing.set_state(library, "one", State.ASIDE)
    at_rest = voicing.strays(library)
    library.undo(4, clock=lambda: NOON)
    returned = voicing.strays(library)

    assert (removed, at_rest, returned) == ([("one", False)], [], [("one", True)])


def test_a_cast_takes_the_place_of_the_one_before(library: Library) -> None:
    anna = Cast(
        "one", "Anna", ("Ann",), "person", "female", "name", "flite", "slt", "by hand", True
    )
    bert = replace(anna, name="Bert", aliases=(), gender=None, voice="awb", is_certain=False)

    voicing.record_cast(library, "one", [anna, bert], kept={"anna": "slt"})
    voicing.record_cast(library, "one", [bert, anna], kept={"bert": "awb", "anna": "rms"})

    assert voicing.cast_of(library, "one") == [bert, anna]
    assert voicing.kept_voices(library, "flite", ["anna", "bert", "carl"]) == {
        "anna": "rms",
        "bert": "awb",
    }
    assert voicing.kept_voices(library, "kokoro", ["anna"]) == {}
    assert voicing.use_of_voices(library, "flite") == {"rms": 1, "awb": 1}


def test_characters_are_those_of_scenarios_that_are_there(library: Library) -> None:
    anna = Cast("one", "Anna", (), "person", None, "none", "flite", "slt", "hash", False)
    voicing.record_cast(library, "one", [anna], kept={})
    voicing.record_cast(library, "two", [replace(anna, scenario_id="two")], kept={})

    library.undo(1, clock=lambda: NOON)

    assert [each.scenario_id for each in voicing.characters(library)] == ["two"]


def test_a_reserve_counts_until_it_is_settled(library: Library) -> None:
    def charge(key: str, credits_: int, *, is_settled: bool, days: int = 0) -> None:
        voicing.charge(
            library,
            key,
            engine="elevenlabs",
            model="v3",
            credits_=credits_,
            is_settled=is_settled,
            now=NOON + timedelta(days=days),
        )

    charge("a", 100, is_settled=False)
    charge("b", 50, is_settled=False)
    charge("a", 60, is_settled=True)
    charge("long ago", 1000, is_settled=True, days=-40)

    assert voicing.spent(library, since=NOON) == [Spent("elevenlabs", "v3", 2, 60, 50)]


def test_what_is_to_come_last_is_due_after_all_others(library: Library) -> None:
    found = voicing.due(library, SETTINGS, most=-1, last=["two", "one", "gone"])

    assert [each.scenario_id for each in found] == ["three", "one", "two"]
