"""What is written, and how it is said: the table in spoken.txt, and what holds for any text."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenariod.voices.speakable import speakable
from scenariod.voices.story import claim_of, story_of, title_of

REAL = os.environ.get("SCENARIOD_REAL_DATA", "")
TABLE = Path(__file__).parent / "spoken.txt"
ADDRESS = re.compile(r"https?\b|\bwww\b|@")

PIECES = [
    "$", "5", "million", "1,234.56", "%", "-", "–", "—", "*", "**", "_", "#", "[", "]", "(",
    ")", "<", ">", "@", "a.b.com", "http://", "10am", "4:30", "PM", "AI", "US", "II", "St.",
    "Dr.", "vs.", "5'11\"", "1/2", "x4", "'", '"', "\n", "...", "?!", "é", "😉", "\u200d", "&",
    "/", "+", "=", "~", "|", "`", "\\", "A", "I", "u/x", "#Tag", "iPhone", "McX",
    "2024-01-02", "-7", "7th", "70s", "1.", "1)", "soooo", "e.g.", "w/", "the", "a", "A-", " ",
]  # fmt: skip
ODD = st.one_of(
    st.text(),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(st.sampled_from(TABLE.read_text(encoding="utf-8").split()), max_size=12).map(" ".join),
)


def unspoken(text: str) -> str:
    """Return what no engine reads well: digits, brackets, emoji, markdown, controls."""
    said = (char in " \n.,;:!?'-" or unicodedata.category(char)[0] in "LM" for char in text)
    return "".join(char for char, is_said in zip(text, said, strict=True) if not is_said)


def table() -> list[tuple[str, str]]:
    """Return the cases of the table: as written, as spoken."""
    lines = TABLE.read_text(encoding="utf-8").split("\n")[3:]
    cases = [
        (written, spoken)
        for written, spoken in pairwise(lines)
        if written and not written.startswith(("    ", "## ")) and spoken.startswith("    ")
    ]
    return [(w.replace("\\n", "\n"), s[4:].replace("\\n", "\n")) for w, s in cases]


def test_the_table_has_two_hundred_cases_and_none_twice() -> None:
    written = [case[0] for case in table()]

    assert len(written) == len(set(written)) >= 200


@pytest.mark.parametrize(("written", "spoken"), table())
def test_a_text_is_spoken_as_a_narrator_would(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize("spoken", sorted({case[1] for case in table()}))
def test_what_is_speakable_stays_as_it_is(spoken: str) -> None:
    assert speakable(spoken) == spoken


@given(ODD)
@settings(max_examples=300)
def test_any_text_becomes_words_without_digits_signs_or_markup(text: str) -> None:
    spoken = speakable(text)

    assert unspoken(spoken) == ""
    assert "...." not in spoken
    assert spoken == spoken.strip()
    assert not spoken or any(char.isalpha() for char in spoken)


if REAL:

    @pytest.mark.parametrize(
        "path", sorted(Path(REAL).glob("scenario-*.json")), ids=lambda p: p.stem
    )
    def test_a_real_scenario_is_speakable(path: Path) -> None:
        scenario = json.loads(path.read_text(encoding="utf-8"))
        written = (title_of(scenario), claim_of(scenario), story_of(scenario).text)

        spoken = [speakable(text) for text in written if text]

        assert unspoken("".join(spoken)) == ""
        assert ADDRESS.search("\n".join(spoken)) is None
        assert all(spoken)
        assert [speakable(text) for text in spoken] == spoken
