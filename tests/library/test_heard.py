"""What came of speaking is summed up, of the scenarios as they are now."""

from __future__ import annotations

from pathlib import Path

from support import makers

from scenariod.library import Library, voicing
from scenariod.library.voicing import Cast, Sound, State, Voicing


def spoken(library: Library, scenario_id: str, state: State) -> None:
    sha256 = library.content_sha256(scenario_id)
    assert sha256 is not None
    sounds = (Sound("title", 10, 1.5), Sound("content", 20, 8.5))
    said = Voicing(scenario_id, sha256, "rules", state, words=12, files=sounds, reason="why")
    voicing.record(library, said, now=makers.NOON)


def cast(scenario_id: str, name: str, voice: str, *, is_certain: bool) -> Cast:
    return Cast(
        scenario_id=scenario_id,
        name=name,
        aliases=(),
        kind="person",
        gender=None,
        evidence="",
        engine="flite",
        voice=voice,
        why="the next free one",
        is_certain=is_certain,
    )


def test_speaking_is_summed_up(tmp_path: Path) -> None:
    with makers.open_library(tmp_path) as library:
        makers.add(library, *(makers.document(name) for name in "abcd"))
        for name, state in zip("abc", (State.SPOKEN, State.SPOKEN, State.FAILED), strict=True):
            spoken(library, name, state)
        ana = cast("a", "Ana", "slt", is_certain=True)
        bob = cast("a", "Bob", "awb", is_certain=False)
        voicing.record_cast(library, "a", [ana, bob], kept={})
        ana = cast("b", "Ana", "slt", is_certain=True)
        voicing.record_cast(library, "b", [ana], kept={})
        for key, settled in (("1", True), ("2", False)):
            voicing.charge(
                library,
                key,
                engine="elevenlabs",
                model="m",
                credits_=100,
                is_settled=settled,
                now=makers.NOON,
            )
        with library.snapshot() as snapshot:
            found = snapshot.heard()

    assert found.states == {"spoken": 2, "failed": 1}
    assert (found.words, found.seconds) == (24, 20.0)
    assert [(scenario_id, why) for _, scenario_id, why in found.failed] == [("c", "why")]
    assert found.names == 2
    told = [(each.name, each.scenarios, each.voice, each.uncertain) for each in found.characters]
    assert told == [("Ana", 2, "slt", 0), ("Bob", 1, "awb", 1)]
    assert [name for _, name in found.characters[0].examples] == ["a", "b"]
    assert found.uncertain == 1
    assert found.uncertain_voices[0][1:] == ("a", "Bob: awb (the next free one)")
    (charged,) = found.charges
    assert (charged.month, charged.requests) == ("2026-03", 2)
    assert (charged.settled, charged.reserved) == (100, 100)


def test_what_is_gone_or_changed_does_not_count(tmp_path: Path) -> None:
    with makers.open_library(tmp_path) as library:
        batch = makers.add(library, makers.document("a"))
        spoken(library, "a", State.SPOKEN)
        voicing.record_cast(library, "a", [cast("a", "Ana", "slt", is_certain=False)], kept={})
        library.undo(batch, clock=makers.clock)
        with library.snapshot() as snapshot:
            found = snapshot.heard()

    assert (found.states, found.words, found.names, found.uncertain) == ({}, 0, 0, 0)
