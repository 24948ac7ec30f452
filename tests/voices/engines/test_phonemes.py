"""What Kokoro is given to say: espeak-ng's sounds, with our marks between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenariod.voices.engines import phonemes
from scenariod.voices.engines.engine import EngineUnavailableError

SIGNS = {number: sign for sign, number in phonemes.TOKENS.items()}


def heard(text: str, language: str = "en-us") -> str:
    return "".join(SIGNS[token] for token in phonemes.tokens(text, language=language))


def test_the_vocabulary_is_the_models() -> None:
    """Some of its 114 signs, from every part of the table (`vocab` in Kokoro-82M's config.json)."""
    known = {";": 1, "…": 10, " ": 16, "I": 25, "T": 36, "z": 68, "æ": 72, "ç": 78, "ə": 83}
    known |= {"ɡ": 92, "ŋ": 112, "θ": 119, "ɹ": 123, "ʧ": 133, "ʊ": 135, "ʒ": 147, "ː": 158}
    known |= {"↘": 173, "ᵻ": 177}

    assert len(phonemes.TOKENS) == len(SIGNS) == 114
    assert known.items() <= phonemes.TOKENS.items()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("Hello, my friend!", "həlˈoʊ, maɪ fɹˈɛnd!"),
        ("Is it 3.5? “No” — (yes)…", "ɪz ɪt θɹˈiː pɔɪnt fˈaɪv? “nˈoʊ” — (jˈɛs)…"),
        ('"Wow!" he said.', '"wˈaʊ!" hiː sˈɛd.'),
        ("déjà vu", "dˈeɪʒɑː vˈuː"),
        ("--help", "hˈɛlp"),
        ("no\x00no\n no", "nˈoʊ nˈoʊ nˈoʊ"),
        ("* * *", ""),
        ("", ""),
    ],
)
def test_a_text_is_heard_with_its_marks(text: str, sounds: str) -> None:
    assert heard(text) == sounds


@pytest.mark.slow
def test_british_english_is_heard_as_such() -> None:
    assert heard("Hello, water.", "en-gb") == "həlˈəʊ, wˈɔːtə."


@pytest.mark.slow
def test_another_script_is_heard_by_its_likeness() -> None:
    assert heard("漢字") == heard("HanZi")


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    program = str(tmp_path / "espeak-ng")

    with pytest.raises(EngineUnavailableError) as caught:
        phonemes.tokens("Hello", language="en-us", program=program)

    assert caught.value.hint == "sudo apt install espeak-ng"
