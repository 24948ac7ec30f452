"""voices/ as the supervisor keeps it: what is whose, and that nothing of others is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.makers import NOON, add, clock, document, open_library

from scenariod.library import voicing
from scenariod.library.voicing import Sound, State, Voicing
from scenariod.voices import folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scenariod.library import Library


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as library:
        add(library, document("one"))
        found = library.scenario("one")
        assert found is not None
        sounds = (Sound("title", 4, 1.0),)
        spoken = Voicing("one", found[0].content_sha256, "x", State.SPOKEN, files=sounds)
        voicing.record(library, spoken, now=NOON)
        yield library


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    made = tmp_path / "voices"
    (made / folder.ASIDE).mkdir(parents=True)
    (made / "one").mkdir()
    (made / "one" / "title.mp3").write_bytes(b"mp3!")
    return made


def test_the_sound_of_a_removed_scenario_goes_aside_and_comes_back(
    library: Library, voices: Path
) -> None:
    library.undo(1, clock=clock)
    moved = folder.tidy(library, voices)
    aside = (voices / folder.ASIDE / "one" / "title.mp3").read_bytes()
    library.undo(2, clock=clock)
    folder.tidy(library, voices)

    assert (moved, aside) == (1, b"mp3!")
    assert (voices / "one" / "title.mp3").read_bytes() == b"mp3!"
    assert list((voices / folder.ASIDE).iterdir()) == []


def test_an_older_sound_that_was_set_aside_is_replaced_and_what_else_is_there_is_kept(
    library: Library, voices: Path
) -> None:
    aside = voices / folder.ASIDE
    (aside / "one").mkdir()
    (aside / "one" / "title.mp3").write_bytes(b"old")
    (aside / "one" / "notes.txt").write_bytes(b"somebody's")
    library.undo(1, clock=clock)

    folder.tidy(library, voices)

    assert (aside / "one" / "title.mp3").read_bytes() == b"mp3!"
    assert [p.name for p in (aside / "one.foreign").iterdir()] == ["notes.txt"]


def test_nothing_is_removed_through_a_link(library: Library, voices: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "title.mp3").write_bytes(b"somebody's")
    (voices / folder.ASIDE / "one").symlink_to(elsewhere)
    library.undo(1, clock=clock)

    folder.tidy(library, voices)

    assert (elsewhere / "title.mp3").read_bytes() == b"somebody's"
    assert (voices / folder.ASIDE / "one" / "title.mp3").read_bytes() == b"mp3!"
    assert (voices / folder.ASIDE / "one.foreign").is_symlink()


def test_a_file_of_another_size_makes_its_scenario_due_again(
    library: Library, voices: Path
) -> None:
    whole = folder.check(library, voices)
    (voices / "one" / "title.mp3").write_bytes(b"mp3!!")
    changed = folder.check(library, voices)

    assert (whole, changed) == (0, 1)
    assert [due.scenario_id for due in voicing.due(library, "x", most=-1)] == ["one"]
