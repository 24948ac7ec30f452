"""What is said of the mistakes that people and language models make."""

from __future__ import annotations

import pytest
from support.mistakes import MISTAKES, PACKS, Mistake

from scenariod.validation.document import mistakes
from scenariod.validation.scenario import judge
from scenariod.validation.verdict import Rejected

ALL = {**MISTAKES, **PACKS}


@pytest.mark.parametrize("mistake", ALL.values(), ids=ALL)
def test_a_mistake_is_named_with_its_place(mistake: Mistake) -> None:
    verdict = judge(mistake.content, name="scenario-1.json")

    assert isinstance(verdict, Rejected)
    first = verdict.problems[0]
    assert mistake.words in first.message
    assert (first.code, first.field) == (mistake.code, mistake.field)
    assert (first.line, first.column) == (mistake.line, mistake.column)


@pytest.mark.parametrize(
    ("wanted", "keys", "found"),
    [
        ("correctAnswer", ["correct-answer"], "correct-answer"),
        ("correctAnswer", ["CORRECT ANSWER", "answer"], "CORRECT ANSWER"),
        ("correctAnswer", ["answer"], "answer"),
        ("answerWeights", ["answer", "weights"], "weights"),
        ("title", ["titel", "tags"], "titel"),
        ("title", ["Títle"], "Títle"),
        ("claim", ["name", "story", ""], None),
        ("id", ["video", "idea", "scenario_id"], "scenario_id"),
        ("id", [], None),
        ("text", ["t" * 100_000], None),
    ],
)
def test_the_nearest_key_is_found(wanted: str, keys: list[str], found: str | None) -> None:
    assert mistakes.nearest(wanted, keys) == found
