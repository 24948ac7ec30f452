"""Flite: how it is called, what is believed of its answer, and that its voices go together."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loudness import lufs

from scenariod.voices.engines.engine import (
    EngineUnavailableError,
    Gender,
    Passage,
    UnspeakableError,
    Voice,
)
from scenariod.voices.engines.flite import RATE_HZ, Flite, _pieces

SLT = Flite.voices[0]
REAL = "flite -voice slt -t 'Hello there, my good old friend.' -o /dev/stdout"
STORY = (
    "The residents' association met at the elementary school on Wednesday evening. Nobody had seen"
    " any evidence since the announcement, although several parents demanded an explanation."
    " Somebody claimed that the municipal administration had already approved everything. Is that"
    " believable? Nobody answered, but everybody immediately forwarded the photographs!"
)


def spoken(text: str, voice: Voice = SLT) -> bytes:
    return b"".join(Flite().speak(Passage(text), voice))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "flite"


def speaking_by(program: Path, script: str, *, hang_s: float = 30.0) -> Flite:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Flite(str(program), hang_s=hang_s)


def test_it_has_women_and_men_each_by_a_name_of_its_own() -> None:
    names = {voice.name for voice in Flite.voices}

    assert len(names) == len(Flite.voices) == 9
    assert {voice.gender for voice in Flite.voices} == {Gender.FEMALE, Gender.MALE}


@pytest.mark.parametrize("text", ["", " \n", "...", "?! — …", "😀 👩‍💻", "\x00\x07", "\ud800"])
def test_a_text_without_letter_or_digit_is_no_sample(text: str) -> None:
    assert spoken(text) == b""


@given(st.text(max_size=2000) | st.text(alphabet="Aé—漢😀. ", min_size=300, max_size=2000))
def test_flite_is_given_only_what_it_can_take(text: str) -> None:
    for piece in _pieces(text):
        assert piece.isascii()
        assert piece.isprintable()
        assert 0 < len(piece) <= 300
        assert max(map(len, piece.split())) <= 40


def test_a_long_text_is_given_in_pieces_with_all_its_words() -> None:
    words = [f"word{number}" for number in range(2000)]

    pieces = list(_pieces(" ".join(words)))

    assert " ".join(pieces).split() == words


@pytest.mark.slow
def test_letters_beyond_ascii_are_spoken_as_their_likeness() -> None:
    assert spoken("Café “Größe” — it’s naïve…") == spoken('Cafe "Grosse" - it\'s naive...')


@pytest.mark.slow
@pytest.mark.parametrize("text", ["-t", "--help", "$(touch /tmp/x); `id`", "a\x00b", "'\"\\ \n x"])
def test_no_text_is_an_option_or_a_command(text: str) -> None:
    assert len(spoken(text)) > RATE_HZ // 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["a", "9" * 100, "x" * 600, "W" * 100, "? ! " * 100 + "a", "&" * 50 + " a"],
    ids=lambda text: text[:5],
)
def test_what_takes_much_less_or_more_time_than_words_is_spoken(text: str) -> None:
    assert spoken(text)


@pytest.mark.slow
def test_all_voices_are_equally_loud_in_no_hurry_and_never_clip() -> None:
    loudness = []
    for voice in Flite.voices:
        pcm = spoken(STORY, voice)
        samples = array("h", pcm)
        words_per_minute = len(STORY.split()) / (len(samples) / RATE_HZ) * 60
        loudness.append(lufs(pcm, rate_hz=RATE_HZ))

        assert min(samples) > -32767
        assert max(samples) < 32767
        assert 110 <= words_per_minute <= 220, voice

    assert max(loudness) - min(loudness) <= 1.5
    assert sum(loudness) / len(loudness) == pytest.approx(-22.7, abs=0.7)


@pytest.mark.slow
def test_every_voice_sounds_different() -> None:
    assert len({spoken("Good morning.", voice) for voice in Flite.voices}) == len(Flite.voices)


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match="not installed") as caught:
        list(Flite(str(tmp_path / "flite")).speak(Passage("Hello"), SLT))

    assert caught.value.hint == "sudo apt install flite"


@pytest.mark.slow
def test_samples_are_whole_however_the_pipe_cuts_them(program: Path) -> None:
    engine = speaking_by(program, f"{REAL} | dd bs=1001 status=none")
    whole = speaking_by(program.with_name("whole"), REAL)

    chunks = list(engine.speak(Passage("Hello there, my good old friend."), SLT))

    assert {len(chunk) % 2 for chunk in chunks} == {0}
    assert b"".join(chunks) == b"".join(whole.speak(Passage("Hello there, my good friend."), SLT))


@pytest.mark.slow
def test_another_voice_than_the_one_asked_for_is_not_taken(program: Path) -> None:
    """So flite answers to an unknown voice, with exit code 0."""
    engine = speaking_by(program, "flite -voice no-such -t Hello -o /dev/stdout")

    with pytest.raises(EngineUnavailableError, match="no voice slt of 16000 Hz"):
        list(engine.speak(Passage("Hello"), SLT))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("exit 0", "wrote no sound"),
        (f"{REAL} | head -c 44", "wrote 0.0 s of 2"),
        (f"{REAL} | head -c 9001", "wrote 0.3 s of 2"),
        (f"{REAL.replace('Hello', 'x' * 30)} ; {REAL}", "s of sound for 5 characters"),
        ("kill -SEGV $$", "ended by signal 11"),
    ],
)
def test_sound_that_is_not_all_there_is_an_error(
    program: Path, script: str, complaint: str
) -> None:
    engine = speaking_by(program, script)

    with pytest.raises(UnspeakableError, match=complaint):
        list(engine.speak(Passage("Hello"), SLT))


@pytest.mark.slow
@pytest.mark.parametrize("script", ["head -c 100000 /dev/urandom", "yes", "exit 3"])
def test_a_program_that_is_not_flite_is_no_engine(program: Path, script: str) -> None:
    engine = speaking_by(program, script)

    with pytest.raises(EngineUnavailableError, match="cannot speak"):
        list(engine.speak(Passage("Hello"), SLT))
