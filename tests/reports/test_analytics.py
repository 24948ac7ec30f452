"""Each of the twelve subjects, against a count of its own over library/scenarios.json."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from support import makers, reporting

from scenariod.base.config import Config
from scenariod.reports import folder
from scenariod.validation.scenario import judge
from scenariod.validation.verdict import Accepted

MADE = 90
REAL = os.environ.get("SCENARIOD_REAL_DATA", "")
Scenario = dict[str, Any]


def real() -> list[Scenario]:
    found = [path.read_bytes() for path in sorted(Path(REAL).glob("*.json"))]
    return [json.loads(each) for each in found if isinstance(judge(each, name="x"), Accepted)]


@pytest.fixture(scope="module", params=["made", "real"])
def config(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Config:
    if request.param == "real" and not REAL:
        pytest.skip("SCENARIOD_REAL_DATA names no folder of real scenarios")
    documents = real() if request.param == "real" else [reporting.document(n) for n in range(MADE)]
    return reporting.root_with(tmp_path_factory.mktemp("report") / "root", documents)


@pytest.fixture(scope="module")
def said(config: Config) -> dict[str, Any]:
    return reporting.report_on(config)


@pytest.fixture(scope="module")
def scenarios(config: Config) -> list[Scenario]:
    return reporting.published(config)


def spoken(scenario: Scenario) -> str:
    for field in ("audioScript", "text", "content"):
        text = scenario.get(field)
        if isinstance(text, str) and text.strip() and not re.fullmatch(r"\s*\[[^]]*\]\s*", text):
            return text
    return ""


def plain(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").replace("‘", "'").split())


def heard(scenario: Scenario) -> str:
    return plain(re.sub(r"[\[(][^\[\]()]{0,120}[\])]", " ", spoken(scenario)))


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text)


def keywords_of(scenario: Scenario) -> Iterator[str]:
    for entry in (scenario.get("reviewKeywords") or {}).values():
        for each in (entry["keywords"] if isinstance(entry, dict) else entry) or ():
            yield each["phrase"] if isinstance(each, dict) else each


def letters(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", plain(text)))


def test_right_answers_are_counted(said: dict[str, Any], scenarios: list[Scenario]) -> None:
    counts = Counter(each["correctAnswer"] for each in scenarios)

    assert said["scenarios"] == len(scenarios)
    assert {k: n for k, n in said["answers"]["counts"].items() if n} == counts


def test_what_is_incomplete_is_counted(said: dict[str, Any], scenarios: list[Scenario]) -> None:
    fields = ("hints", "reviewKeywords", "difficulty", "topic", "audioScript", "logicalFallacies")
    lacked = {field for field in fields if any(not each.get(field) for each in scenarios)}

    assert {each["field"] for each in said["incomplete"]["lacking"]} == lacked
    for each in said["incomplete"]["lacking"]:
        lacking = [s["id"] for s in scenarios if not s.get(each["field"])]
        assert each["scenarios"] == len(lacking)
        assert [e["id"] for e in each["examples"]] == lacking[:12]


def test_keywords_that_no_text_has_are_counted(
    said: dict[str, Any], scenarios: list[Scenario]
) -> None:
    absent = total = 0
    for each in scenarios:
        read = each.get("text") or each.get("content") or ""
        texts = [letters(read), letters(spoken(each))]
        found = list(keywords_of(each))
        total += len(found)
        absent += sum(1 for keyword in found if all(letters(keyword) not in t for t in texts))

    assert (said["keywords"]["keywords"], said["keywords"]["not_in_text"]) == (total, absent)


def test_fallacies_are_counted_whatever_their_case_and_hyphens(
    said: dict[str, Any], scenarios: list[Scenario]
) -> None:
    counts: Counter[str] = Counter()
    for each in scenarios:
        named = (f.get("fallacyId") or f.get("name") for f in each.get("logicalFallacies") or ())
        counts.update({re.sub(r"[\W_]+", "-", name.lower()).strip("-") for name in named if name})

    found = {each["fallacy"]: each["scenarios"] for each in said["fallacies"]["used"]}
    assert found == counts
    assert said["fallacies"]["used_once"] == sum(1 for n in counts.values() if n == 1)
    assert not set(said["fallacies"]["never_used"]) & set(counts)


def test_answers_are_held_against_their_weights(
    said: dict[str, Any], scenarios: list[Scenario]
) -> None:
    not_highest = close = 0
    for each in scenarios:
        first, second, *_ = sorted(each["answerWeights"].values(), reverse=True)
        not_highest += each["answerWeights"][each["correctAnswer"]] < first
        close += first - second <= 5

    assert said["weights"]["right_not_highest"]["scenarios"] == not_highest
    assert said["weights"]["too_close"]["scenarios"] == close


@pytest.mark.parametrize("field", ["title", "claim"])
def test_repeated_titles_and_claims_are_counted(
    said: dict[str, Any], scenarios: list[Scenario], field: str
) -> None:
    counts = Counter(re.sub(r"\W+", "-", plain(each[field])).strip("-") for each in scenarios)
    repeated = [count for count in counts.values() if count > 1]

    found = said["duplicates"][f"same_{field}s"]
    assert (found["groups"], found["scenarios"]) == (len(repeated), sum(repeated))


def alike(scenarios: list[Scenario]) -> dict[frozenset[str], float]:
    """Return for each pair what share of the longer text's runs of three words the other has.

    Texts of fewer than 40 runs are left out: those of fewer than 32 are not compared.
    """
    threes = {}
    for each in scenarios:
        said = words_of(heard(each))
        if len(runs := set(zip(said, said[1:], said[2:], strict=False))) >= 40:
            threes[each["id"]] = runs
    return {
        frozenset((one, other)): len(threes[one] & threes[other])
        / max(len(threes[one]), len(threes[other]))
        for one, other in combinations(threes, 2)
    }


def check_pairs(said: dict[str, Any], scenarios: list[Scenario]) -> int:
    """Compare the pairs reported, those that share a quarter, with all there are.

    A sketch of 32 runs estimates it: its standard deviation is 8 %.
    """
    share = alike(scenarios)
    listed = said["duplicates"]["alike"]["most_alike"]
    reported = {frozenset(each["id"] for each in pair["scenarios"]) for pair in listed}

    assert all(share.get(pair, 1.0) > 0.05 for pair in reported)
    assert {pair for pair, shared in share.items() if shared > 0.55} <= reported
    return len(reported)


def test_texts_that_are_alike_are_paired(said: dict[str, Any], scenarios: list[Scenario]) -> None:
    check_pairs(said, scenarios)


def test_texts_are_paired_by_how_much_they_share(tmp_path: Path) -> None:
    chance = random.Random(15)
    texts = []
    for changed in range(0, 100, 5):  # of 200 words each
        words = [f"word{chance.randrange(5000)}" for _ in range(200)]
        texts.append(" ".join(words))
        for place in chance.sample(range(200), changed):
            words[place] = "another"
        texts.append(" ".join(words))
    documents = [reporting.document(n, text=text) for n, text in enumerate(texts)]
    config = reporting.root_with(tmp_path / "root", documents)

    pairs = check_pairs(reporting.report_on(config), reporting.published(config))

    assert 12 <= pairs <= 18  # up to 74 changed words leave a quarter


def test_phrases_and_numbers_are_counted_by_scenario(
    said: dict[str, Any], scenarios: list[Scenario]
) -> None:
    texts = [f" {' '.join(words_of(heard(each)))} " for each in scenarios]
    numbers = Counter(
        number
        for each in scenarios
        for number in set(re.findall(r"(?<!\d)\d{2,}(?![\d.,])", heard(each)))
    )

    for each in said["phrases"]["phrases"]:
        with_it = sum(1 for text in texts if f" {each['phrase']} " in text)
        assert each["scenarios_at_least"] == with_it, each["phrase"]
    for each in said["phrases"]["numbers"][:3]:
        assert each["scenarios"] >= numbers[each["number"]] > 0
    assert said["phrases"]["phrases"]


def test_difficulty_is_counted_by_answer(said: dict[str, Any], scenarios: list[Scenario]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for each in scenarios:
        level = each.get("difficulty") or "none"
        level = f"{level} (a number)" if isinstance(level, int) else level
        counts[level, each["correctAnswer"]] += 1

    found = {
        (level["difficulty"], answer): count
        for level in said["difficulty"]["levels"]
        for answer, count in level["by_answer"].items()
    }
    assert found == counts


def test_length_and_listening_time_are_measured(
    said: dict[str, Any], scenarios: list[Scenario]
) -> None:
    lengths = sorted(len(words_of(heard(each))) for each in scenarios)

    found = said["length"]["words"]
    assert (found["least"], found["largest"]) == (lengths[0], lengths[-1])
    assert found["middle"] == lengths[-(-len(lengths) // 2) - 1]
    assert said["length"]["listening_total_s"] == sum(round(n * 60 / 150) for n in lengths)


def test_characters_with_directions_are_counted(
    said: dict[str, Any], scenarios: list[Scenario]
) -> None:
    voices = [(each.get("audioHints") or {}).get("characterVoices") or {} for each in scenarios]
    counts = Counter(name for each in voices for name in each)

    found = {each["name"]: each["scenarios"] for each in said["characters"]["characters"]}
    assert found == counts
    assert said["characters"]["scenarios_with_directions"] == sum(map(bool, voices))


def test_batches_are_counted(said: dict[str, Any], config: Config) -> None:
    rows = makers.sql(config.database, "SELECT outcome, duration_ms, memory_peak_bytes FROM batch")

    assert said["batches"]["count"] == len(rows) == 1
    assert said["batches"]["outcomes"] == {rows[0][0]: 1}
    assert said["batches"]["columns"][0]["peak_bytes"] == rows[0][2]
    assert said["batches"]["duration_ms"]["intake"]["middle"] == rows[0][1]


def test_voices_are_counted_by_their_files(config: Config, scenarios: list[Scenario]) -> None:
    first, second, *_ = (each["id"] for each in scenarios)
    for path in (f"{first}/title.mp3", f"{first}/content.mp3", f"{first}/claim.mp3"):
        (config.voices / path).parent.mkdir(parents=True, exist_ok=True)
        (config.voices / path).write_bytes(b"12345")
    (config.voices / second).mkdir(exist_ok=True)
    (config.voices / second / "claim.mp3").write_bytes(b"12345")

    voices = reporting.report_on(config)["voices"]

    assert (voices["complete"], voices["files"], voices["size_bytes"]) == (1, 4, 20)
    assert voices["partial"]["worst"][0]["details"] == ["title.mp3", "content.mp3"]
    assert voices["missing"]["scenarios"] == len(scenarios) - 2


# What holds of all figures


def without_time(config: Config) -> bytes:
    text = (config.reports / "analytics.json").read_bytes()
    return re.sub(rb'"made": "[^"]+"', b"", text)


def test_the_same_library_gives_the_same_bytes_but_for_the_time(config: Config) -> None:
    reporting.report_on(config)
    first = without_time(config)
    for path in (config.reports / ".parts").iterdir():
        path.unlink()

    reporting.report_on(config)

    assert without_time(config) == first


def test_what_was_counted_before_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PAGE_ROWS", 10)
    config = reporting.root_with(tmp_path / "root", [reporting.document(n) for n in range(35)])
    reporting.report_on(config)
    with reporting.open_library(config) as library:
        makers.add(library, reporting.content(reporting.document(100)))
    before = {path: path.stat().st_ino for path in (config.reports / ".parts").iterdir()}

    said = reporting.report_on(config)

    now = {path: path.stat().st_ino for path in (config.reports / ".parts").iterdir()}
    assert [path.name for path in now if now[path] != before.get(path)] == ["000004.json"]
    assert said["scenarios"] == 36


def test_a_damaged_count_is_made_anew(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [reporting.document(n) for n in range(5)])
    said = reporting.report_on(config)
    (config.reports / ".parts" / "000001.json").write_bytes(b'{"digest":')

    again = reporting.report_on(config)

    assert {**again, "made": ""} == {**said, "made": ""}


def test_texts_that_are_alike_are_found_across_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PAGE_ROWS", 2)
    words = [f"word{n}" for n in range(200)]
    texts = [" ".join(words), " ".join([*words[:190], "another", "end"]), " ".join(words[::-1])]
    documents = [reporting.document(n, text=text) for n, text in enumerate(texts)]
    config = reporting.root_with(tmp_path / "root", documents)

    alike = reporting.report_on(config)["duplicates"]["alike"]

    assert alike["pairs"] == 1
    pair = [each["id"] for each in alike["most_alike"][0]["scenarios"]]
    assert pair == ["made-00000", "made-00001"]


def test_equal_texts_are_told_as_such(tmp_path: Path) -> None:
    documents = [reporting.document(n, text="One text only, " * 40) for n in range(4)]
    config = reporting.root_with(tmp_path / "root", documents)

    found = reporting.report_on(config)["duplicates"]

    assert (found["same_texts"]["groups"], found["same_texts"]["scenarios"]) == (1, 4)
