"""`scenariodctl explain` and `retry`: where a file is, and taking it up again."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from datetime import UTC, datetime
from typing import Any

import pytest
from daemon.test_settle import Bench, bench, good, rejected
from support.home import POWERLESS, Home, wait_until
from support.makers import document
from support.scenarios import scenario

from scenariod.base.names import printable
from scenariod.cli import failed
from scenariod.cli import main as ctl

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


def told(document: Any) -> list[tuple[str, str, str]]:
    return [(place["where"], place["path"], place["says"]) for place in document["places"]]


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


def test_a_refused_file_whose_reason_is_gone_is_listed_too(
    bench: Bench, home: Home, run_ctl: Ctl
) -> None:
    refuse(bench, home, "scenario-1.json")
    (home.failed / "scenario-1.json.reason.json").unlink()

    _, (file,) = run_ctl("failed")

    assert (file["code"], file["message"]) == (None, "its reason is gone")
    assert file["retry"] == "scenariodctl retry scenario-1.json"
    assert without_ages(run_ctl.lines("failed")) == ["scenario-1.json, AGO: its reason is gone"]


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
    assert failed._age(seconds) == age


# Explain


def test_a_file_in_the_inbox_waits_for_the_daemon_where_none_runs(home: Home, run_ctl: Ctl) -> None:
    home.drop("scenario-1.json")

    code, said = run_ctl("explain", "scenario-1.json")

    assert code == 0
    assert told(said) == [("inbox", "inbox/scenario-1.json", "waits: scenariod is not running")]
    assert "systemctl" in said["places"][0]["next"]


def test_a_file_whose_name_is_not_taken_is_told_so(home: Home, run_ctl: Ctl) -> None:
    (home.inbox / "story.json").write_text("{}")

    code, said = run_ctl("explain", "story.json")

    assert code == 0
    assert "its name is not scenario-*.json" in said["places"][0]["says"]


def test_a_claimed_file_is_taken_up_by_the_next_start(bench: Bench, run_ctl: Ctl) -> None:
    bench.claim(7, {"scenario-1.json": b"{"})

    _, said = run_ctl("explain", "scenario-1.json")

    assert told(said) == [("work", "work/000007/scenario-1.json", "is claimed by batch 7")]
    assert said["places"][0]["next"] == "the next start takes it up"


def test_a_refused_file_is_told_with_its_reason_its_advice_and_the_command(
    bench: Bench, run_ctl: Ctl
) -> None:
    settle(bench, 1, "scenario-1.json")

    _, said = run_ctl("explain", "failed/scenario-1.json.reason.json")
    lines = run_ctl.lines("explain", "scenario-1.json")

    assert [place["code"] for place in said["places"]] == ["not-json"]
    assert lines[:2] == [
        "failed/scenario-1.json: was refused (not-json): expected a comma (line 3, column 4)",
        "  mend it at the line and column named; then scenariodctl retry scenario-1.json",
    ]
    assert lines[2].endswith("batch 1: refused (not-json)")


def test_all_files_that_were_dropped_under_one_name_are_told(
    home: Home, bench: Bench, run_ctl: Ctl
) -> None:
    settle(bench, 1, "scenario-1.json", document("one"))
    settle(bench, 2, "scenario-1.json", document("two"))
    settle(bench, 3, "scenario-1.json")
    home.drop("scenario-1.json")

    code, said = run_ctl("explain", "scenario-1.json")

    assert code == 0
    assert [place["path"] for place in said["places"]] == [
        "inbox/scenario-1.json",
        "failed/scenario-1.json",
        "done/scenario-1.b000002.json",
        "done/scenario-1.json",
    ]
    assert "batch 2: added, scenario two" in said["places"][2]["says"]
    found = [(record["batch"], record["verdict"]) for record in said["records"]]
    assert found == [(3, "refused"), (2, "added"), (1, "added")]


def test_a_file_that_was_tidied_away_is_remembered_by_the_library(
    home: Home, bench: Bench, run_ctl: Ctl
) -> None:
    settle(bench, 1, "scenario-1.json", document("one"))
    shutil.rmtree(home.done)

    code, said = run_ctl("explain", "scenario-1.json")

    assert (code, said["places"]) == (0, [])
    assert said["records"][0]["scenario_id"] == "one"


@pytest.mark.parametrize("name", [HOSTILE, UNDECODABLE], ids=["control", "not UTF-8"])
def test_a_name_is_found_as_it_is_shown_and_as_it_is(bench: Bench, run_ctl: Ctl, name: str) -> None:
    settle(bench, 1, name)

    answers = [run_ctl("explain", asked) for asked in (name, printable(name))]
    lines = run_ctl.lines("explain", name)

    assert [[place["where"] for place in said["places"]] for _, said in answers] == [["failed"]] * 2
    assert not any("\x1b" in line for line in lines)


@pytest.mark.slow
def test_who_may_not_look_into_work_is_told_of_all_other_places(home: Home, bench: Bench) -> None:
    settle(bench, 1, "scenario-1.json")
    home.drop("scenario-2.json", scenario("two"))
    settle(bench, 2, "scenario-3.json", document("three"))
    (home.path / "done" / "scenario-3.json").unlink()
    work = home.path / "work"
    work.chmod(0)

    refused, waiting, gone, unknown = (
        home.ctl("explain", f"scenario-{number}.json", before=POWERLESS) for number in (1, 2, 3, 9)
    )
    work.chmod(0o755)

    assert "failed/scenario-1.json: was refused" in refused.out
    assert "inbox/scenario-2.json: waits" in waiting.out
    assert "scenario-3.json is in no folder that you may look into" in gone.out
    assert [ended.code for ended in (refused, waiting, gone, unknown)] == [0, 0, 0, 18]
    assert "sudo" in unknown.err


def test_a_file_that_nobody_knows_is_not_found(bench: Bench, run_ctl: Ctl) -> None:
    code, said = run_ctl("explain", "scenario-9.json")

    assert code == 18
    assert said["error"]["exit_code"] == 18


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"[" * 100_000, "a link", "a folder"], ids=range(6)
)
def test_a_reason_that_somebody_has_spoilt_is_said_to_be_gone(
    home: Home, bench: Bench, run_ctl: Ctl, content: bytes | str
) -> None:
    settle(bench, 1, "scenario-1.json")
    beside = home.failed / "scenario-1.json.reason.json"
    beside.unlink()
    if content == "a link":
        beside.symlink_to("/etc/passwd")
    elif isinstance(content, str):
        beside.mkdir()
    else:
        beside.write_bytes(content)

    code, said = run_ctl("explain", "scenario-1.json")

    assert code == 0
    assert said["places"][0]["next"] == "scenariodctl retry scenario-1.json"


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
def test_who_may_not_write_to_the_folders_is_told_to_use_sudo(home: Home, bench: Bench) -> None:
    settle(bench, 1, "scenario-1.json")
    home.failed.chmod(0o555)

    refused = home.ctl("retry", "scenario-1.json", before=POWERLESS)
    home.failed.chmod(0o755)

    assert refused.code == 15
    assert "sudo" in refused.err
    assert home.names("failed") == ["scenario-1.json"]
    assert home.names("inbox") == []
