"""Which text of a scenario is spoken, and why none is."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scenariod.voices.story import (
    SPEAKABLE_MAX,
    Story,
    StoryField,
    claim_of,
    is_cut,
    story_of,
    title_of,
)

REAL = os.environ.get("SCENARIOD_REAL_DATA", "")
MATCHES = "[Matches existing audio in pack-007-scenario-000]"


@pytest.mark.parametrize(
    ("scenario", "field"),
    [
        ({"audioScript": "A.", "text": "T.", "content": "C."}, StoryField.AUDIO_SCRIPT),
        ({"audioScript": None, "text": "T.", "content": "C."}, StoryField.TEXT),
        ({"audioScript": "", "text": " \n", "content": "C."}, StoryField.CONTENT),
        ({"audioScript": MATCHES, "content": "C."}, StoryField.CONTENT),
        ({"audioScript": f" {MATCHES}\n[Audio file not found] ", "text": "T."}, StoryField.TEXT),
        ({"audioScript": "[sighs] So be it.", "text": "T."}, StoryField.AUDIO_SCRIPT),
        ({"audioScript": "...", "text": "T."}, StoryField.TEXT),
        ({"audioScript": 7, "text": "T."}, StoryField.TEXT),
        ({"audioScript": "[[nested]] [laughs] ...", "text": "T."}, StoryField.TEXT),
    ],
)
def test_the_first_field_with_something_to_say_is_spoken(
    scenario: dict[str, Any], field: StoryField
) -> None:
    assert story_of(scenario) == Story(scenario[field].strip(), field)


def test_a_scenario_without_a_story_says_why_for_each_field() -> None:
    story = story_of({"audioScript": MATCHES, "text": " ... "})

    assert story.text is None
    assert story.reason == (
        "nothing to say: audioScript is only a placeholder, text has no letter or digit,"
        " content is missing"
    )


@pytest.mark.parametrize("title", [None, "", "[No transcript in response]", "  [a] [b] ", "?!", 5])
def test_a_title_or_claim_that_is_missing_or_a_placeholder_is_none(title: object) -> None:
    assert title_of({"title": title}) is None
    assert claim_of({"claim": title}) is None


def test_a_text_of_emoji_alone_has_no_letter() -> None:
    assert story_of({"text": "🤖🎉"}).reason == (
        "nothing to say: audioScript is missing, text has no letter or digit, content is missing"
    )


@pytest.mark.parametrize("field", ["title", "claim"])
def test_a_title_or_claim_may_be_longer_than_what_is_spoken(field: str) -> None:
    assert is_cut({"text": "T.", field: "word " * 100_000})
    assert not is_cut({"title": "T.", "claim": 7})


def test_a_claim_is_announced_as_one() -> None:
    assert title_of({"title": " The Fern "}) == "The Fern"
    assert claim_of({"claim": "Ferns sell."}) == "The claim is: Ferns sell."


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("One two. " * 50_000, "One two."),
        ("word " * 100_000, "word"),
        ("x" * 300_000, "x"),
    ],
)
def test_a_very_long_story_ends_with_a_sentence_or_a_word(text: str, end: str) -> None:
    story = story_of({"text": text})

    assert story.cut
    assert story.text is not None
    assert SPEAKABLE_MAX * 9 // 10 < len(story.text) <= SPEAKABLE_MAX
    assert story.text.endswith(end)
    assert text.startswith(story.text)


def test_a_story_of_the_greatest_length_is_not_cut() -> None:
    assert story_of({"text": "x" * SPEAKABLE_MAX}) == Story("x" * SPEAKABLE_MAX, StoryField.TEXT)


if REAL:

    def test_real_scenarios_have_a_story_wherever_somebody_wrote_one() -> None:
        scenarios = [json.loads(path.read_text()) for path in Path(REAL).glob("scenario-*.json")]

        fields = Counter(story_of(scenario).field for scenario in scenarios)

        assert len(scenarios) > 100
        for story in map(story_of, scenarios):
            assert story.text or story.reason.startswith("nothing to say: audioScript ")
        assert fields[None] <= 12
        assert min(fields[field] for field in StoryField) > 0
