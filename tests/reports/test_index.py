"""The page: nothing on it runs, all of it leads somewhere, and users' text is only text."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import makers, reporting
from support.html_page import Page, complaints

from scenariod.base.config import Config
from scenariod.base.value import as_dict, replace
from scenariod.library import Paused, measures, voicing
from scenariod.library.voicing import Cast, State, Voicing
from scenariod.reports import charts, index
from scenariod.reports.folder import POLICY
from scenariod.reports.html import Templates, duration

SUBJECTS = [
    "attention",
    "answers",
    "incomplete",
    "keywords",
    "fallacies",
    "weights",
    "duplicates",
    "phrases",
    "difficulty",
    "length",
    "characters",
    "batches",
    "voices",
]
HOSTILE = [
    "</style></title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 7 * 7 }} {% raw %}",
    "שלום \u202e\u2066 עולם",
    "👩‍🚀 emoji 🏳️‍🌈",
    "bell \x07 escape \x1b[31m",
    "x" * 300,
    "&lt;b&gt; &amp; ]]>",
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    documents = [reporting.document(n) for n in range(60)]
    found = reporting.root_with(tmp_path_factory.mktemp("report") / "root", documents)
    found.failed.mkdir()
    (found.failed / "scenario-<b>bad.json").write_text("{}")
    reporting.report_on(found)
    return found


@pytest.fixture(scope="module")
def page(config: Config) -> Page:
    return Page(config.reports / "index.html")


def test_nothing_on_the_page_runs_or_comes_from_elsewhere(page: Page) -> None:
    assert page.dangers() == []
    assert POLICY in page.values("content", tag="meta")
    assert "default-src 'none'" in POLICY
    assert "script-src" not in POLICY


def test_every_link_leads_to_a_file_and_a_place_in_it(page: Page) -> None:
    assert page.broken_links() == []
    assert len(page.values("href")) > 50


def test_what_needs_a_person_comes_first_and_then_the_subjects(page: Page) -> None:
    assert page.values("id", tag="section") == SUBJECTS
    assert "1 refused file in failed/" in page.words()
    assert "scenario-<b>bad.json" in page.words()


def test_each_subject_says_what_to_do(config: Config) -> None:
    text = (config.reports / "index.html").read_text()
    sections = re.split(r'<section id="(\w+)">', text)
    advice = dict(zip(sections[1::2], sections[2::2], strict=True))

    assert [name for name in SUBJECTS[1:] if "What to do:" not in advice[name]] == []


def test_each_picture_has_words_and_a_table(config: Config) -> None:
    text = (config.reports / "index.html").read_text()
    figures = re.findall(r"<figure>.*?</section>", text, flags=re.DOTALL)

    assert len(figures) == 3
    for each in figures:
        assert 'role="img" aria-label="' in each
        assert "<table>" in each


def test_a_validator_has_nothing_to_say_about_the_page(config: Config) -> None:
    assert complaints(config.reports / "index.html") == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_users_text_is_shown_as_text(tmp_path: Path, text: str) -> None:
    documents = [
        reporting.document(
            n,
            title=text,
            claim=text,
            text=f"{text} three words more, {text} " * 12,
            difficulty=text,
            logicalFallacies=[{"name": text}],
            reviewKeywords={text: [text, f"missing {text}"]},
            audioHints={"characterVoices": {text: "dry"}},
        )
        for n in range(4)
    ]
    config = reporting.root_with(tmp_path / "root", documents)
    reporting.report_on(config)

    for path in [config.reports / "index.html", *(config.reports / "library").iterdir()]:
        page = Page(path)
        assert page.dangers() == []
        assert page.broken_links() == []
        assert complaints(path) == ""
        assert not set("\x07\x1b\u202e\u2066\x00") & set(path.read_text())
    assert "49" not in Page(config.reports / "index.html").words().split()


def test_the_page_stays_below_a_megabyte_however_long_names_are(tmp_path: Path) -> None:
    documents = [
        reporting.document(
            n,
            id=f"{n:03}" + "x" * 125,
            title=f"{n % 60}" + "<" * 400,
            text=f"{'&' * 30} {' '.join(f'{word:03}w' + '<' * 30 for word in range(60))}",
            difficulty=f"{n % 50}" + "&" * 200,
            logicalFallacies=[{"name": f"f{at}" + "ä" * 200} for at in range(60)],
            reviewKeywords={"logic": [f"{n} {at}" + '"' * 200 for at in range(20)]},
            audioHints={"characterVoices": {f"{at}" + "'" * 200: "dry" for at in range(60)}},
        )
        for n in range(150)
    ]
    config = reporting.root_with(tmp_path / "root", documents)

    reporting.report_on(config)

    assert (config.reports / "index.html").stat().st_size < 1_000_000


def test_an_empty_library_has_a_page(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [])

    reporting.report_on(config)

    page = Page(config.reports / "index.html")
    assert "The library: 0 scenarios" in page.words()
    assert page.broken_links() == []
    assert complaints(page.path) == ""


def test_a_scenario_that_cannot_be_read_is_told_of_and_holds_nothing_up(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [reporting.document(1)])
    deep = b'{"id": "deep", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    (sound,) = makers.restored_documents({"deep": makers.document("deep")})
    with reporting.open_library(config) as library:
        library.restore(
            [replace(sound, document=deep)],  # as an earlier version may have accepted it
            unless_changed_since=library.latest_change(),
            clock=makers.clock,
            note="test",
        )

    said = reporting.report_on(config)

    assert said["attention"]["left_out"]["scenarios"] == 1
    assert "1 scenario could not be counted" in Page(config.reports / "index.html").words()
    assert "cannot be shown" in Page(config.reports / "library" / "page-000001.html").words()


def test_failed_and_guessed_voices_and_their_cost_are_shown(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [reporting.document(n) for n in range(2)])
    with reporting.open_library(config) as library:
        sha256 = library.content_sha256("made-00001")
        assert sha256 is not None
        failed = Voicing("made-00001", sha256, "rules", State.FAILED, reason="<no> breath")
        voicing.record(library, failed, now=makers.NOON)
        guessed = Cast(
            scenario_id="made-00000",
            name="<Ana>",
            aliases=(),
            kind="person",
            gender=None,
            evidence="",
            engine="flite",
            voice="slt",
            why="a guess",
            is_certain=False,
        )
        voicing.record_cast(library, "made-00000", [guessed], kept={})
        voicing.charge(
            library,
            "key",
            engine="elevenlabs",
            model="<m>",
            credits_=1234,
            is_settled=True,
            now=makers.NOON,
        )

    reporting.report_on(config)

    page = Page(config.reports / "index.html")
    assert "1 scenario could not be spoken" in page.words()
    assert "<no> breath" in page.words()
    assert "<Ana>: slt (a guess)" in page.words()
    assert "2026-03, elevenlabs, <m>" in page.words()
    assert (page.dangers(), page.broken_links()) == ([], [])
    assert complaints(page.path) == ""


# Charts


def batches(*peaks: int | None, limit: int = 1000) -> dict[str, Any]:
    columns = [{"peak_bytes": p, "limit_bytes": limit, "ended_badly": p == 900} for p in peaks]
    return {"columns": columns, "soft_limit_percent": 70}


def test_the_limit_is_a_line_where_peaks_come_near_it() -> None:
    chart = charts.memory(batches(500, 900, None))

    assert [bar.height for bar in chart.bars] == [47.62, 85.71, 0]
    assert [bar.is_bad for bar in chart.bars] == [False, True, False]
    assert {y for _, _, y in chart.limit} == {4.76}
    assert {y for _, _, y in chart.soft} == {33.33}


def test_the_limit_is_out_of_the_picture_where_peaks_are_far_below_it() -> None:
    chart = charts.memory(batches(10, 20))

    assert chart.limit == chart.soft == []
    assert [bar.height for bar in chart.bars] == [40, 80]


def test_limits_out_of_the_picture_are_told_in_words(config: Config) -> None:
    said = json.loads((config.reports / "analytics.json").read_bytes())
    column = said["batches"]["columns"][0]
    small, large = ({**column, "peak_bytes": 24 << 20, "limit_bytes": n << 20} for n in (256, 3072))
    said["batches"] |= {"columns": [small, large], "peak_bytes": {"count": 2}}

    page = "".join(index.page(Templates(), said))

    assert "limit, far above the picture: 256 MB to 3\u202f072 MB<" in page


def test_many_batches_share_columns(config: Config) -> None:
    with reporting.open_library(config) as library:
        for number in range(300):
            makers.add(library, makers.document(f"more-{number}"))

    said = reporting.report_on(config)

    assert said["batches"]["count"] == 301
    assert len(said["batches"]["columns"]) <= 120
    assert sum(each["batches"] for each in said["batches"]["columns"]) == 301
    assert "The same as a table" in Page(config.reports / "index.html").words()


def test_batches_that_settled_in_another_order_are_named_from_the_lowest(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [])
    with reporting.open_library(config) as library:
        for number in [n + 1 if n % 2 else n - 1 for n in range(1, 201)]:
            library.settle(makers.batch(number), [])

    columns = reporting.report_on(config)["batches"]["columns"]

    assert [(each["first"], each["last"]) for each in columns[:2]] == [(1, 2), (3, 4)]


def test_the_time_of_a_batch_is_told_by_stage(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [])
    times = timedelta(seconds=9), timedelta(seconds=2), -timedelta(hours=1)  # the clock was set
    with reporting.open_library(config) as library:
        for number, took in enumerate(times):
            settled = replace(
                makers.batch(library.reserve_batch()),
                settled_at=makers.NOON + took,
                started_by="exec",
                waited_ms=10 * number,
                ready_ms=400,
            )
            library.settle(settled, [makers.entry(makers.document(f"s{number}"))])

    said = reporting.report_on(config)

    stages = said["batches"]["stages_ms"]
    found = {
        stage: [times[name] for name in ("least", "middle", "largest")]
        for stage, times in stages.items()
    }
    assert found == {
        "waiting": [0, 10, 20],
        "starting": [400, 400, 400],
        "checking": [1100, 1100, 1100],
        "settling": [0, 500, 7500],
    }
    assert (said["batches"]["started_by"], said["batches"]["without_stages"]) == ({"exec": 3}, 0)
    assert complaints(config.reports / "index.html") == ""


def test_stages_that_were_not_recorded_are_shown_as_such(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [reporting.document(0)])

    said = reporting.report_on(config)

    assert [each["count"] for each in said["batches"]["stages_ms"].values()] == [0, 0, 0, 1]
    words = Page(config.reports / "index.html").words()
    assert "of 1 only the last stage was recorded" in words
    assert "starting0not recorded" in words
    assert "started by a way not recorded (1)" in words
    assert complaints(config.reports / "index.html") == ""


def test_pauses_of_the_last_days_need_a_person(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [reporting.document(0)])
    long_ago, just_now = (
        (makers.NOON - timedelta(**ago)).isoformat() for ago in ({"days": 8}, {"hours": 1})
    )
    with reporting.open_library(config) as library, library.writing() as db:
        old = Paused("", "long over", long_ago, long_ago)
        new = Paused("recording", "No space <left>", just_now, makers.NOON.isoformat())
        measures.record_pauses(db, [old, new, new])

    said = reporting.report_on(config)

    page = Page(config.reports / "index.html")
    assert said["attention"]["pauses"] == {"count": 2, "newest": [as_dict(new)] * 2}
    assert "Intake paused 2 times in seven days" in page.words()
    assert "2026-03-14 11:00 UTC2026-03-14 12:00 UTCNo space <left>" in page.words()
    assert "long over" not in page.words()
    assert complaints(page.path) == ""


def test_the_page_is_made_of_the_document_alone(config: Config) -> None:
    said = json.loads((config.reports / "analytics.json").read_bytes())

    made = "".join(index.page(Templates(), said))

    assert made.encode() == (config.reports / "index.html").read_bytes()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "not known"),
        (0, "0 s"),
        (0.016, "16 ms"),
        (0.5, "0.5 s"),
        (59.0, "59 s"),
        (61, "1 min 1 s"),
        (90_061, "1 d 1 h"),
    ],
)
def test_times_are_told_in_their_largest_units(seconds: float | None, words: str) -> None:
    assert duration(seconds).replace("\u00a0", " ") == words
