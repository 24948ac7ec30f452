"""Scenarios: what is valid, and one understandable reason for every field that is not."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.validation.problems import Problem, Reason
from scenariod.validation.scenario import judge
from scenariod.validation.verdict import (
    MAX_MESSAGE,
    MAX_PROBLEMS,
    MAX_VERDICT_BYTES,
    Accepted,
    Rejected,
    Verdict,
    decode,
    encode,
)

NAME = "scenario-1.json"
REAL = os.environ.get("SCENARIOD_REAL_DATA", "")
SAMPLES = Path(__file__).parents[2] / "samples"
FAULTY_SAMPLES = {
    "scenario-11-haunted-printer-broken.json": [(Reason.NOT_JSON, None, 6)],
    "scenario-12-loudest-guest-incomplete.json": [
        (Reason.MISSING_FIELD, "claim", None),
        (Reason.WRONG_VALUE, "answerWeights.logic", 7),
    ],
}
ABSENT = object()
WEIGHTS = {"logic": 80, "emotion": 0, "balanced": 40.5, "agenda": 100}


def scenario(**fields: Any) -> dict[str, Any]:
    """Return a valid scenario, with `fields` instead of its own; ABSENT takes one away."""
    valid = {
        "id": "fern-1",
        "title": "The Fern",
        "claim": "Watering the fern raises sales.",
        "text": "The fern droops on Mondays.",
        "correctAnswer": "logic",
        "answerWeights": WEIGHTS,
    }
    return {key: value for key, value in (valid | fields).items() if value is not ABSENT}


def verdict_on(document: Any) -> Verdict:
    return judge(json.dumps(document).encode(), name=NAME)


def told(document: Any) -> list[tuple[Reason, str | None]]:
    verdict = verdict_on(document)
    return [] if isinstance(verdict, Accepted) else [(p.code, p.field) for p in verdict.problems]


def message(document: Any) -> str:
    verdict = verdict_on(document)
    assert isinstance(verdict, Rejected)
    (problem,) = verdict.problems
    return problem.message


# Verdicts


def test_a_valid_scenario_is_accepted_with_what_the_library_needs() -> None:
    content = json.dumps(scenario(), indent=4).encode()

    verdict = judge(content, name=NAME)

    assert isinstance(verdict, Accepted)
    assert verdict == Accepted(
        name=NAME,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content_sha256=verdict.content_sha256,
        scenario_id="fern-1",
        title="The Fern",
        correct_answer="logic",
    )


def test_the_same_scenario_written_otherwise_has_the_same_content_and_other_bytes() -> None:
    one = judge(json.dumps(scenario()).encode(), name=NAME)
    other = judge(json.dumps(scenario(), indent=1, sort_keys=True).encode(), name=NAME)

    assert isinstance(one, Accepted)
    assert isinstance(other, Accepted)
    assert one.content_sha256 == other.content_sha256
    assert one.sha256 != other.sha256


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Ein Märchen 🐺", "Ein Märchen 🐺"),
        ("two\nlines", "two\nlines"),
        ("a \\ and a \x1b[31m", "a \\ and a \x1b[31m"),
        ("x" * 10_000, "x" * (MAX_MESSAGE - 1) + "…"),
    ],
)
def test_the_title_of_a_verdict_is_as_written_but_short_and_can_be_encoded(
    title: str, shown: str
) -> None:
    verdict = verdict_on(scenario(title=title))

    assert isinstance(verdict, Accepted)
    assert verdict.title == shown


def test_a_refusal_names_the_scenario_where_its_id_can_be_known() -> None:
    verdict = verdict_on(scenario(title=ABSENT))

    assert isinstance(verdict, Rejected)
    assert verdict.scenario_id == "fern-1"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id": 5}', b'{"id": "a b"}'])
def test_a_refusal_names_no_scenario_where_its_id_is_unknown_or_wrong(content: bytes) -> None:
    verdict = judge(content, name=NAME)

    assert isinstance(verdict, Rejected)
    assert verdict.scenario_id is None


def test_problems_of_text_and_fields_are_told_together_with_their_places() -> None:
    content = b'{"id": "a", "title": 5, "id": "b", "claim": "c", "text": "t",\n "z": NaN}'

    verdict = judge(content, name=NAME)

    assert isinstance(verdict, Rejected)
    assert [(p.code, p.field, p.line, p.column) for p in verdict.problems] == [
        (Reason.MISSING_FIELD, "correctAnswer", None, None),
        (Reason.MISSING_FIELD, "answerWeights", None, None),
        (Reason.WRONG_TYPE, "title", 1, 22),
        (Reason.DUPLICATE_KEY, "id", 1, 25),
        (Reason.NOT_A_NUMBER, "z", 2, 7),
    ]


def test_an_empty_object_lacks_every_required_field() -> None:
    assert told({}) == [
        (Reason.MISSING_FIELD, field)
        for field in ("id", "title", "claim", "correctAnswer", "answerWeights", "text")
    ]


# Required fields


@pytest.mark.parametrize(
    ("scenario_id", "code"),
    [
        ("a", None),
        ("0", None),
        ("Geese_v2.1-008", None),
        ("a" * 128, None),
        ("a" * 129, Reason.WRONG_VALUE),
        ("", Reason.WRONG_VALUE),
        (".hidden", Reason.WRONG_VALUE),
        ("-a", Reason.WRONG_VALUE),
        ("a/b", Reason.WRONG_VALUE),
        ("a b", Reason.WRONG_VALUE),
        ("a\n", Reason.WRONG_VALUE),
        ("ä", Reason.WRONG_VALUE),
        ("٣", Reason.WRONG_VALUE),
        ("\ud800", Reason.NOT_TEXT),
        (5, Reason.WRONG_TYPE),
        (None, Reason.WRONG_TYPE),
        (True, Reason.WRONG_TYPE),
        ([], Reason.WRONG_TYPE),
        (ABSENT, Reason.MISSING_FIELD),
    ],
)
def test_an_id_is_a_short_plain_word(scenario_id: object, code: Reason | None) -> None:
    assert told(scenario(id=scenario_id)) == ([] if code is None else [(code, "id")])


@pytest.mark.parametrize("field", ["title", "claim"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", Reason.WRONG_VALUE),
        (" \t\n\u00a0", Reason.WRONG_VALUE),
        (5, Reason.WRONG_TYPE),
        (None, Reason.WRONG_TYPE),
        ({}, Reason.WRONG_TYPE),
        (ABSENT, Reason.MISSING_FIELD),
    ],
)
def test_title_and_claim_are_texts_that_are_not_blank(
    field: str, value: object, code: Reason
) -> None:
    assert told(scenario(**{field: value})) == [(code, field)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("logic", None),
        ("emotion", None),
        ("balanced", None),
        ("agenda", None),
        ("Logic", Reason.WRONG_VALUE),
        ("", Reason.WRONG_VALUE),
        ("logic ", Reason.WRONG_VALUE),
        (0, Reason.WRONG_TYPE),
        (["logic"], Reason.WRONG_TYPE),
        (None, Reason.WRONG_TYPE),
        (ABSENT, Reason.MISSING_FIELD),
    ],
)
def test_the_correct_answer_is_one_of_four(answer: object, code: Reason | None) -> None:
    expected = [] if code is None else [(code, "correctAnswer")]

    assert told(scenario(correctAnswer=answer)) == expected


@pytest.mark.parametrize(
    ("weight", "code"),
    [
        (0, None),
        (-0.0, None),
        (100, None),
        (33.3, None),
        (100.0001, Reason.WRONG_VALUE),
        (-1, Reason.WRONG_VALUE),
        (10**400, Reason.WRONG_VALUE),
        (float("inf"), Reason.NOT_A_NUMBER),
        (float("nan"), Reason.NOT_A_NUMBER),
        ("50", Reason.WRONG_TYPE),
        (True, Reason.WRONG_TYPE),
        (None, Reason.WRONG_TYPE),
        ([50], Reason.WRONG_TYPE),
        (ABSENT, Reason.MISSING_FIELD),
    ],
)
def test_a_weight_is_a_number_from_0_to_100(weight: object, code: Reason | None) -> None:
    weights = {k: v for k, v in {**WEIGHTS, "agenda": weight}.items() if v is not ABSENT}

    expected = [] if code is None else [(code, "answerWeights.agenda")]

    assert told(scenario(answerWeights=weights)) == expected


def test_every_wrong_weight_is_told() -> None:
    weights = {"logic": 101, "emotion": "much", "agenda": None, "luck": "free"}

    assert sorted(told(scenario(answerWeights=weights))) == [
        (Reason.MISSING_FIELD, "answerWeights.balanced"),
        (Reason.WRONG_TYPE, "answerWeights.agenda"),
        (Reason.WRONG_TYPE, "answerWeights.emotion"),
        (Reason.WRONG_VALUE, "answerWeights.logic"),
    ]


@pytest.mark.parametrize("weights", [[], "100", 5, None, True])
def test_weights_are_an_object(weights: object) -> None:
    assert told(scenario(answerWeights=weights)) == [(Reason.WRONG_TYPE, "answerWeights")]


def test_the_sum_of_the_weights_is_free_and_the_right_answer_need_not_weigh_most() -> None:
    weights = {"logic": 0, "emotion": 100, "balanced": 100, "agenda": 100}

    assert told(scenario(answerWeights=weights)) == []


@pytest.mark.parametrize(
    ("text", "content", "expected"),
    [
        ("story", ABSENT, []),
        (ABSENT, "story", []),
        ("story", "story", []),
        ("story", None, []),
        (None, "story", []),
        ("", "story", []),
        ("story", " ", []),
        (ABSENT, ABSENT, [(Reason.MISSING_FIELD, "text")]),
        (None, None, [(Reason.MISSING_FIELD, "text")]),
        ("", ABSENT, [(Reason.WRONG_VALUE, "text")]),
        (" \n", "\t", [(Reason.WRONG_VALUE, "text")]),
        (ABSENT, "", [(Reason.WRONG_VALUE, "content")]),
        (5, ABSENT, [(Reason.WRONG_TYPE, "text")]),
        (5, "story", [(Reason.WRONG_TYPE, "text")]),
        ("story", [], [(Reason.WRONG_TYPE, "content")]),
        (5, 5, [(Reason.WRONG_TYPE, "text"), (Reason.WRONG_TYPE, "content")]),
    ],
)
def test_the_story_stands_in_text_or_in_content(
    text: object, content: object, expected: list[tuple[Reason, str]]
) -> None:
    assert told(scenario(text=text, content=content)) == expected


# Optional fields


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reviewKeywords", {"logic": ["a", {"phrase": "b", "weight": 2}], "emotion": []}),
        ("reviewKeywords", {"logic": {"keywords": ["a", {"phrase": "b"}], "explanation": "c"}}),
        ("reviewKeywords", {"logic": {"keywords": None, "explanation": None}, "agenda": None}),
        ("reviewKeywords", {}),
        ("analysis", {"logic": {"scores": {"a": 0, "b": 9.5, "c": 100}, "indicators": 5}}),
        ("analysis", {"logic": {"scores": None}, "summary": "free", "emotion": None}),
        ("hints", {"any": ["thing"]}),
        ("hints", ["any", {"thing": 1}]),
        ("peakMoments", {"logic": []}),
        ("peakMoments", ["any", {}]),
        ("logicalFallacies", []),
        ("logicalFallacies", [{"fallacyId": "x", "severity": "quite", "example": "y"}, {}]),
        ("difficulty", "hard"),
        ("difficulty", 3),
        ("difficulty", 3.0),
        ("audioScript", "Ines: It is late.\nGus: It is here."),
        ("audioScript", ""),
        ("audioHints", {"tone": "dry", "pacing": None, "characterVoices": {"Ines": "low"}}),
        ("audioHints", {"characterVoices": None, "backgroundAmbience": ["rain"]}),
        ("anything else", {"deep": [[[None]]]}),
        ("", 1),
        *(
            (field, None)
            for field in (
                *("reviewKeywords", "analysis", "hints", "peakMoments", "logicalFallacies"),
                *("difficulty", "audioScript", "audioHints"),
            )
        ),
    ],
)
def test_optional_fields_have_the_shapes_that_occur_and_null_is_absence(
    field: str, value: object
) -> None:
    assert told(scenario(**{field: value})) == []


@pytest.mark.parametrize(
    ("field", "value", "told_of", "expected"),
    [
        ("hints", 5, "", "hints must be an object or a list, not a number"),
        ("hints", "x", "", "hints must be an object or a list, not a string"),
        ("peakMoments", True, "", "peakMoments must be an object or a list, not true"),
        ("logicalFallacies", {}, "", "logicalFallacies must be a list, not an object"),
        ("logicalFallacies", [{}, "x", 5], "[1]", "[1] must be an object, not a string"),
        ("difficulty", [], "", "difficulty must be a string or a whole number, not a list"),
        ("difficulty", False, "", "difficulty must be a string or a whole number, not false"),
        ("difficulty", 2.5, "", "difficulty must be a whole number or a string, not 2.5"),
        ("audioScript", ["x"], "", "audioScript must be a string, not a list"),
        ("audioHints", "dry", "", "audioHints must be an object, not a string"),
        ("audioHints", {"tone": 1}, ".tone", ".tone must be a string, not a number"),
        (
            "audioHints",
            {"characterVoices": {"Dad Steve": 5}},
            '.characterVoices["Dad Steve"]',
            "must be a string, not a number",
        ),
        ("audioHints", {"characterVoices": []}, ".characterVoices", "must be an object"),
        ("reviewKeywords", [], "", "reviewKeywords must be an object, not a list"),
        ("reviewKeywords", {"logic": "x"}, ".logic", "must be an object or a list"),
        ("reviewKeywords", {"logic": ["x", 5]}, ".logic[1]", "must be a string or an object"),
        (
            "reviewKeywords",
            {"logic": {"keywords": "x"}},
            ".logic.keywords",
            "must be a list, not a string",
        ),
        (
            "reviewKeywords",
            {"logic": {"explanation": []}},
            ".logic.explanation",
            "must be a string, not a list",
        ),
        ("analysis", [], "", "analysis must be an object, not a list"),
        ("analysis", {"logic": {"scores": []}}, ".logic.scores", "must be an object, not a list"),
        (
            "analysis",
            {"logic": {"scores": {"a": "5"}}},
            ".logic.scores.a",
            "must be a number, not a string",
        ),
        (
            "analysis",
            {"logic": {"scores": {"a": 101}}},
            ".logic.scores.a",
            "must be from 0 to 100, not 101",
        ),
    ],
)
def test_a_wrong_optional_field_is_told_in_one_sentence(
    field: str, value: object, told_of: str, expected: str
) -> None:
    document = scenario(**{field: value})

    assert [name for _, name in told(document)] == [field + told_of]
    assert message(document).startswith(field + told_of)
    assert expected in message(document)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"id": "a b"}, 'begin with a letter or digit, not "a b"'),
        ({"title": " "}, "title must not be blank"),
        ({"title": None}, "title must be a string, not null"),
        ({"claim": ABSENT}, "claim is missing"),
        ({"correctAnswer": "luck"}, 'must be logic, emotion, balanced or agenda, not "luck"'),
        ({"answerWeights": 5}, "answerWeights must be an object, not a number"),
        ({"text": ABSENT}, "text is missing: the story belongs in text or content"),
    ],
)
def test_a_wrong_required_field_is_told_in_one_sentence(
    fields: dict[str, Any], expected: str
) -> None:
    assert expected in message(scenario(**fields))


# Whatever is dropped

keys = st.sampled_from(
    [*scenario(), "content", "hints", "analysis", "difficulty", "audioHints", "reviewKeywords"]
) | st.text(st.characters(), max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=15,
)


@given(st.binary())
def test_any_bytes_get_a_verdict(content: bytes) -> None:
    verdict = judge(content, name=NAME)

    assert decode(encode([verdict])) == [verdict]


@given(st.dictionaries(keys, values, max_size=8), st.booleans())
def test_any_object_gets_a_verdict_that_the_supervisor_believes(
    fields: dict[str, Any],
    complete: bool,  # noqa: FBT001  drawn by hypothesis
) -> None:
    document = scenario() | fields if complete else fields

    verdict = verdict_on(document)

    assert decode(encode([verdict])) == [verdict]


@given(st.dictionaries(keys, values, max_size=8))
def test_no_field_is_told_twice(fields: dict[str, Any]) -> None:
    problems = told(scenario() | fields)

    assert len(problems) == len(set(problems))


def test_the_largest_verdict_on_eight_files_is_one_that_the_supervisor_reads() -> None:
    key = json.dumps("🦆\x1b" * 1000, ensure_ascii=False)
    inner = "{" + ", ".join(f"{key}: NaN" for _ in range(500)) + "}"
    content = ("{" + f"{key}: {{" * 20 + f'"a": {inner}' + "}" * 21).encode()

    verdict = judge(content, name=NAME)

    assert isinstance(verdict, Rejected)
    assert len(verdict.problems) == MAX_PROBLEMS + 1
    assert len(encode([verdict] * 8)) < MAX_VERDICT_BYTES


@pytest.mark.parametrize("field", ["logicalFallacies", "hints", "z"])
def test_very_many_wrong_entries_are_one_problem_and_take_seconds(field: str) -> None:
    document = scenario(**{field: [1] * 200_000}, title=5)
    started = time.process_time()

    problems = told(document)

    assert len(problems) == (2 if field == "logicalFallacies" else 1)
    assert time.process_time() - started < 60


# Samples and real scenarios


def sample_verdicts() -> Iterator[Verdict]:
    for path in sorted(SAMPLES.glob("scenario-*.json")):
        yield judge(path.read_bytes(), name=path.name)


def test_there_are_a_dozen_samples_of_which_two_are_faulty() -> None:
    verdicts = list(sample_verdicts())

    assert len(verdicts) == 12
    assert {v.name for v in verdicts if isinstance(v, Rejected)} == set(FAULTY_SAMPLES)


def test_the_faulty_samples_are_refused_for_the_reasons_that_their_readme_tells() -> None:
    refused = {v.name: v.problems for v in sample_verdicts() if isinstance(v, Rejected)}

    assert {
        name: [(p.code, p.field, p.line) for p in problems] for name, problems in refused.items()
    } == FAULTY_SAMPLES


def test_the_samples_have_ids_of_their_own_and_stories_worth_reading() -> None:
    ids = [v.scenario_id for v in sample_verdicts() if isinstance(v, Accepted)]
    stories = [
        max(document.get("text") or "", document.get("content") or "", key=len)
        for path in SAMPLES.glob("scenario-*.json")
        if path.name != "scenario-11-haunted-printer-broken.json"
        for document in [json.loads(path.read_bytes())]
    ]

    assert len(set(ids)) == len(ids) == 10
    assert all(300 <= len(story) <= 2000 for story in stories)


def test_the_readme_of_the_samples_lists_every_one() -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")

    assert [v.name for v in sample_verdicts() if f"`{v.name}`" not in readme] == []


if REAL:

    def test_of_161_real_scenarios_150_are_accepted_and_11_refused_with_reasons() -> None:
        paths = sorted(Path(REAL).glob("scenario-*.json"))

        verdicts = [judge(path.read_bytes(), name=path.name) for path in paths]

        refused = [v for v in verdicts if isinstance(v, Rejected)]
        assert (len(verdicts), len(refused)) == (161, 11)
        assert all(any(is_helpful(p) for p in v.problems) for v in refused)

    def is_helpful(problem: Problem) -> bool:
        placed = problem.line is not None and problem.column is not None
        return placed or (problem.code == Reason.MISSING_FIELD and problem.field is not None)
