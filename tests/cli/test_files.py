"""`scenariodctl explain` and `retry`: where a file is, and taking it up again."""

from __future__ import annotations

import json
import os
import re
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest
from daemon.test_settle import Bench, bench, good, rejected
from support.home import POWERLESS, Home, wait_until
from support.scenarios import scenario

from scenariod.base.names import printable
from scenariod.cli import answer, failed
from scenariod.cli import main as ctl
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Rejected

__all__ = ["bench"]

HOSTILE = "scenario-\x1b[31m $(x)\n.json"
UNDECODABLE = os.fsdecode(b"scenario-\xff.json")


class Ctl:
    """Runs commands on one root folder, in this process."""

    def __init__(self, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
        self._home = home
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, Any]:
        """Return the exit code, and the document."""
        code = ctl.main(["--root", str(self._home.path), "--json", *words])
        return code, json.loads(self._capsys.readouterr().out)

    def lines(self, *words: str) -> list[str]:
        ctl.main(["--root", str(self._home.path), *words])
        return self._capsys.readouterr().out.splitlines()


@pytest.fixture
def run_ctl(home: Home, capsys: pytest.CaptureFixture[str]) -> Ctl:
    return Ctl(home, capsys)


def settle(bench: Bench, batch_id: int, name: str, content: bytes | None = None) -> None:
    """Settle a batch of one file: a good one with this content, or a refused one."""
    batch = bench.claim(batch_id, {name: content or b"{"})
    verdict = good(name, content) if content else rejected(name)
    bench.settle(batch, [verdict])


# History


def test_history_names_the_files_that_a_batch_refused_and_why(
    bench: Bench, home: Home, run_ctl: Ctl
) -> None:
    names = [f"scenario-{number}.json" for number in range(1, 13)]
    batch = bench.claim(1, dict.fromkeys(names, b"{"))
    bench.settle(batch, [rejected(name) for name in names])

    first, *refusals = run_ctl.lines("history")

    _, (document,) = run_ctl("history")
    assert first.endswith("intake ok, 12 refused: it changed no scenario")
    why = "(not-json): expected a comma (line 3, column 4)"
    assert refusals == [
        *(f"  refused {name} {why}" for name in names[:10]),
        "  refused 2 more: scenariodctl history --json",
    ]
    assert [refusal["name"] for refusal in document["refusals"]] == names
    assert document["refusals"][0]["problems"][0]["code"] == "not-json"


# What failed/ holds


def refuse(bench: Bench, home: Home, *names: str) -> None:
    """Have these files refused, each later than the one before, by the clock of the disk."""
    probe = home.path / "probe"
    for batch_id, name in enumerate(names, start=1):
        settle(bench, batch_id, name)
        probe.touch()
        while probe.stat().st_ctime_ns <= (home.failed / name).stat().st_ctime_ns:
            probe.touch()


def without_ages(lines: list[str]) -> list[str]:
    return [re.sub(r", (just now|\d+ \w+ ago)", ", AGO", line) for line in lines]


def test_refused_files_are_listed_the_newest_first_with_reason_and_age(
    bench: Bench, home: Home, run_ctl: Ctl
) -> None:
    refuse(bench, home, "scenario-1.json", "scenario-3.json", "scenario-2.json")

    _, files = run_ctl("failed")

    assert [(f["file"], f["code"], f["message"]) for f in files] == [
        (f"scenario-{number}.json", "not-json", "expected a comma (line 3, column 4)")
        for number in (2, 3, 1)
    ]
    assert files[0]["retry"] == "scenariodctl retry scenario-2.json"
    assert files[0]["advice"]
    assert datetime.fromisoformat(files[0]["failed_at"]) <= datetime.now(UTC)
    assert without_ages(run_ctl.lines("failed", "--limit", "2")) == [
        "scenario-2.json, AGO (not-json): expected a comma (line 3, column 4)",
        "scenario-3.json, AGO (not-json): expected a comma (line 3, column 4)",
        "1 more: scenariodctl failed --limit 0",
    ]
    assert len(run_ctl.lines("failed", "--limit", "0")) == 3


def test_a_file_with_several_problems_is_listed_with_the_first_and_how_many_more(
    bench: Bench, run_ctl: Ctl
) -> None:
    problems = (Problem(Reason.MISSING_FIELD, "a"), Problem(Reason.MISSING_FIELD, "b"))
    batch = bench.claim(1, {"scenario-1.json": b"{}"})
    bench.settle(batch, [Rejected("scenario-1.json", 2, None, problems)])

    _, (file,) = run_ctl("failed")

    assert [problem["message"] for problem in file["problems"]] == ["a", "b"]
    assert without_ages(run_ctl.lines("failed")) == [
        "scenario-1.json, AGO (missing-field): a, and 1 more"
    ]


def test_a_refused_file_whose_reason_is_gone_is_listed_too(
    bench: Bench, home: Home, run_ctl: Ctl
) -> None:
    refuse(bench, home, "scenario-1.json")
    (home.failed / "scenario-1.json.reason.json").unlink()

    _, (file,) = run_ctl("failed")

    assert (file["code"], file["message"]) == (None, "its reason file is missing")
    assert file["retry"] == "scenariodctl retry scenario-1.json"
    assert without_ages(run_ctl.lines("failed")) == [
        "scenario-1.json, AGO: its reason file is missing"
    ]


def test_where_nothing_was_refused_the_list_is_empty(home: Home, run_ctl: Ctl) -> None:
    assert run_ctl("failed") == (0, [])
    assert run_ctl.lines("failed") == ["failed/ holds no file"]


def test_a_status_shows_how_many_files_were_refused_and_the_newest(
    bench: Bench, home: Home, run_ctl: Ctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run_ctl.lines("status")
    refuse(bench, home, "scenario-1.json", "scenario-2.json")

    _, document = run_ctl("status")
    lines = without_ages(run_ctl.lines("status"))
    monkeypatch.setattr(failed, "MOST_LOOKED_AT", 1)
    _, of_many = run_ctl("status")

    assert "   Failed: none" in before
    at = lines.index("   Failed: 2 files in failed/: `scenariodctl failed`")
    assert lines[at + 1].strip() == (
        "scenario-2.json, AGO (not-json): expected a comma (line 3, column 4)"
    )
    assert document["failed"] == 2
    assert document["newest_failed"]["file"] == "scenario-2.json"
    assert (of_many["failed"], of_many["newest_failed"]) == (2, None)


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        (-5.0, "just now"),
        (0.9, "just now"),
        (1.0, "1 second ago"),
        (119.0, "1 minute ago"),
        (7200.0, "2 hours ago"),
        (86_399.0, "23 hours ago"),
        (3 * 86_400.0, "3 days ago"),
    ],
)
def test_an_age_is_shown_in_its_largest_unit(seconds: float, age: str) -> None:
    assert answer.age(seconds) == age


# Retry


@pytest.mark.parametrize("name", ["scenario-1.json", HOSTILE, UNDECODABLE], ids=range(3))
def test_the_command_of_a_reason_takes_its_file_up_again(
    home: Home, bench: Bench, run_ctl: Ctl, name: str
) -> None:
    settle(bench, 1, name)
    words = shlex.split(json.loads(next(home.failed.glob("*.reason.json")).read_bytes())["retry"])

    code, said = run_ctl(*words[1:])

    assert (code, said) == (0, {"retried": [printable(name)], "left": []})
    assert home.names("inbox") == [name]
    assert list(home.failed.iterdir()) == []


def test_all_refused_files_are_taken_up_but_for_those_whose_name_is_taken(
    home: Home, bench: Bench, run_ctl: Ctl
) -> None:
    for number in (1, 2, 3):
        settle(bench, number, f"scenario-{number}.json")
    home.drop("scenario-2.json", b"another one")

    code, said = run_ctl("retry", "--all")

    assert code == 23
    assert said == {
        "retried": ["scenario-1.json", "scenario-3.json"],
        "left": ["scenario-2.json"],
    }
    assert (home.inbox / "scenario-2.json").read_bytes() == b"another one"
    assert home.names("failed") == ["scenario-2.json"]
    assert home.reason("scenario-2.json")["code"] == "not-json"


def test_one_file_is_never_put_over_another_one(home: Home, bench: Bench, run_ctl: Ctl) -> None:
    settle(bench, 1, "scenario-1.json")
    home.drop("scenario-1.json", b"another one")

    code, said = run_ctl("retry", "scenario-1.json")

    assert (code, said["error"]["exit_code"]) == (23, 23)
    assert (home.inbox / "scenario-1.json").read_bytes() == b"another one"
    assert home.names("failed") == ["scenario-1.json"]


def test_retry_of_what_is_not_there_is_told(bench: Bench, run_ctl: Ctl) -> None:
    assert run_ctl("retry", "scenario-1.json")[0] == 18
    assert run_ctl("retry", "--all") == (0, {"retried": [], "left": []})


@pytest.mark.parametrize("words", [[], ["scenario-1.json", "--all"]])
def test_retry_asks_for_one_name_or_all(bench: Bench, run_ctl: Ctl, words: list[str]) -> None:
    assert run_ctl("retry", *words)[0] == 2


@pytest.mark.slow
def test_a_mended_file_that_is_retried_is_added_and_waiting_ones_are_explained(home: Home) -> None:
    home.drop("scenario-1.json", b"{")
    daemon = home.start()
    daemon.wait_for("refused scenario-1.json")
    wait_until(lambda: home.names("work") == [], "the batch is over")

    (home.failed / "scenario-1.json").write_bytes(scenario("mended"))
    retried = home.ctl("retry", "scenario-1.json")
    daemon.wait_for("added mended from scenario-1.json")
    with (home.inbox / "scenario-2.json").open("wb") as writer:
        writer.write(b"{")
        writer.flush()
        daemon.wait_for_status(lambda s: bool(s["waiting"]))
        held = home.ctl("explain", "scenario-2.json")
        writer.write(b"}")

    assert retried.out == "scenario-1.json is in inbox/ again\n"
    assert home.names("failed") == []
    assert not list(home.failed.iterdir())
    assert "inbox/scenario-2.json: waits: its writer still has it open\n" in held.out


@pytest.mark.slow
def test_who_may_not_write_to_the_folders_is_told_so(home: Home, bench: Bench) -> None:
    settle(bench, 1, "scenario-1.json")
    home.failed.chmod(0o555)

    refused = home.ctl("retry", "scenario-1.json", before=POWERLESS)
    home.failed.chmod(0o755)

    assert refused.code == 15
    assert f"Permission denied: {home.failed}" in refused.err
    assert home.names("failed") == ["scenario-1.json"]
    assert home.names("inbox") == []
