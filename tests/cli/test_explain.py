"""`scenariodctl explain`: where a file is or a scenario came from, why, and what comes next."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from daemon.test_settle import Bench, bench
from support.home import POWERLESS, Home, run
from support.makers import add, clock, document, entry, open_library
from support.makers import batch as record
from support.scenarios import scenario

from cli.test_files import HOSTILE, UNDECODABLE, Ctl, run_ctl, settle
from scenariod.base.names import printable
from scenariod.base.value import replace
from scenariod.library import Kind, OnConflict
from scenariod.validation.problems import ADVICE, Problem, Reason
from scenariod.validation.verdict import Rejected

__all__ = ["bench", "run_ctl"]

PROBLEMS = (
    Problem(Reason.WRONG_TYPE, "title must be a string", field="title", line=3, column=12),
    Problem(Reason.MISSING_FIELD, "claim is missing", field="claim"),
)


def told(document: Any) -> list[tuple[str, str, str]]:
    return [(place["where"], place["path"], place["says"]) for place in document["places"]]


def refuse(bench: Bench, name: str, content: bytes, **about: Any) -> None:
    """Have a file refused for two problems."""
    batch = bench.claim(1, {name: content})
    facts = {"size_bytes": len(content), "sha256": None, **about}
    bench.settle(batch, [Rejected(name, problems=PROBLEMS, **facts)])


# Files


def test_a_file_in_the_inbox_waits_for_the_daemon_where_none_runs(home: Home, run_ctl: Ctl) -> None:
    home.drop("scenario-1.json")

    code, said = run_ctl("explain", "scenario-1.json")

    assert code == 0
    assert told(said) == [("inbox", "inbox/scenario-1.json", "waits: scenariod is not running")]
    assert "systemctl" in said["places"][0]["next"]


def test_a_file_that_waits_is_shown_with_the_time_when_it_came(home: Home, run_ctl: Ctl) -> None:
    came = home.drop("scenario-1.json").stat().st_ctime

    _, said = run_ctl("explain", "scenario-1.json")
    lines = run_ctl.lines("explain", "scenario-1.json")

    assert datetime.fromisoformat(said["places"][0]["since"]).timestamp() == int(came)
    assert re.fullmatch(r"  it arrived .*(now|ago), [0-9]{4}-[0-9-]+ [0-9:]+ UTC", lines[1])


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("scenario-1.JSON", "scenario-1.json"),
        ("my story.json", "scenario-my story.json"),
        ("Scenario-\x1b[31m\\ä.json", "scenario-_[31m_ä.json"),
    ],
)
def test_a_file_that_is_left_alone_is_shown_with_the_command_that_renames_it(
    home: Home, run_ctl: Ctl, name: str, right: str
) -> None:
    (home.inbox / name).write_text("kept")

    _, said = run_ctl("explain", printable(name))
    lines = run_ctl.lines("explain", name)
    run(["bash", "-c", lines[-1]])

    assert told(said) == [
        ("inbox", f"inbox/{printable(name)}", "is left alone: its name is not scenario-*.json")
    ]
    assert lines[0].startswith(f"inbox/{printable(name)}: is left alone")
    assert os.listdir(home.inbox) == [right]


def test_a_file_in_a_folder_of_the_inbox_is_shown_with_the_command_that_moves_it(
    home: Home, run_ctl: Ctl
) -> None:
    folder = home.inbox / "from a friend"
    folder.mkdir()
    (folder / "scenario-1.json").write_text("kept")

    lines = run_ctl.lines("explain", "scenario-1.json")
    of_folder = run_ctl.lines("explain", "inbox/from a friend/")
    run(["bash", "-c", lines[-1]])

    assert lines[0] == (
        "inbox/from a friend/scenario-1.json: is left alone:"
        " it is in a folder, and files in folders are not taken"
    )
    assert of_folder[0].startswith("inbox/from a friend: is left alone: it is a folder")
    assert (home.inbox / "scenario-1.json").read_text() == "kept"


def test_a_claimed_file_is_taken_up_by_the_next_start(bench: Bench, run_ctl: Ctl) -> None:
    bench.claim(7, {"scenario-1.json": b"{"})

    _, said = run_ctl("explain", "scenario-1.json")

    assert told(said) == [("work", "work/000007/scenario-1.json", "is claimed by batch 7")]
    assert said["places"][0]["next"] == "the next start resumes it"


def test_a_refused_file_is_shown_with_its_reason_its_advice_and_the_command(
    bench: Bench, run_ctl: Ctl
) -> None:
    settle(bench, 1, "scenario-1.json")

    _, said = run_ctl("explain", "failed/scenario-1.json.reason.json")
    lines = run_ctl.lines("explain", "scenario-1.json")

    assert [place["code"] for place in said["places"]] == ["not-json"]
    assert lines[:3] == [
        "failed/scenario-1.json: was refused",
        f"  not-json: expected a comma (line 3, column 4); {ADVICE[Reason.NOT_JSON]}",
        "  once it is fixed: scenariodctl retry scenario-1.json",
    ]
    assert lines[3].endswith("batch 1: refused (not-json)")


def test_all_problems_of_a_refused_file_are_shown_each_with_its_place_and_advice(
    bench: Bench, run_ctl: Ctl
) -> None:
    refuse(bench, "scenario-1.json", b"{}")

    _, said = run_ctl("explain", "scenario-1.json")
    lines = run_ctl.lines("explain", "scenario-1.json")

    assert said["places"][0]["problems"] == [
        {
            "code": "wrong-type",
            "message": "title must be a string",
            "field": "title",
            "line": 3,
            "column": 12,
            "advice": ADVICE[Reason.WRONG_TYPE],
        },
        {
            "code": "missing-field",
            "message": "claim is missing",
            "field": "claim",
            "line": None,
            "column": None,
            "advice": ADVICE[Reason.MISSING_FIELD],
        },
    ]
    assert lines[1:3] == [
        f"  wrong-type: title must be a string (line 3, column 12); {ADVICE[Reason.WRONG_TYPE]}",
        f"  missing-field: claim is missing; {ADVICE[Reason.MISSING_FIELD]}",
    ]


@pytest.mark.parametrize("left", ["the file", "nothing"])
def test_without_its_reason_file_the_library_says_why_a_file_was_refused(
    home: Home, bench: Bench, run_ctl: Ctl, left: str
) -> None:
    refuse(bench, "scenario-1.json", b"{}")
    (home.failed / "scenario-1.json.reason.json").unlink()
    if left == "nothing":
        (home.failed / "scenario-1.json").unlink()

    _, said = run_ctl("explain", "scenario-1.json")
    lines = run_ctl.lines("explain", "scenario-1.json")

    assert [problem["field"] for problem in said["records"][0]["problems"]] == ["title", "claim"]
    assert f"  missing-field: claim is missing; {ADVICE[Reason.MISSING_FIELD]}" in lines


@pytest.mark.parametrize(
    ("now", "changed"),
    [(b'{"a": 1}', False), (b'{"a": 2}', True), (b'{"a": 11}', True), (b"", True)],
    ids=["as it was", "same size", "another size", "empty"],
)
def test_a_file_that_has_changed_since_it_was_refused_is_said_to_have(
    home: Home,
    bench: Bench,
    run_ctl: Ctl,
    now: bytes,
    changed: bool,  # noqa: FBT001  a column
) -> None:
    before = b'{"a": 1}'
    refuse(bench, "scenario-1.json", before, sha256=hashlib.sha256(before).hexdigest())
    (home.failed / "scenario-1.json").write_bytes(now)

    _, said = run_ctl("explain", "scenario-1.json")

    assert said["places"][0]["changed"] is changed
    assert ("has changed since then" in said["places"][0]["next"]) is changed


def test_of_one_that_was_not_read_only_the_size_shows_that_it_has_changed(
    home: Home, bench: Bench, run_ctl: Ctl
) -> None:
    refuse(bench, "scenario-1.json", b"{}")
    _, same_size = run_ctl("explain", "scenario-1.json")
    (home.failed / "scenario-1.json").write_bytes(b"{ }")
    _, other_size = run_ctl("explain", "scenario-1.json")
    (home.failed / "scenario-1.json").unlink()
    (home.failed / "scenario-1.json").symlink_to("nowhere")
    _, a_link = run_ctl("explain", "scenario-1.json")

    changed = [said["places"][0]["changed"] for said in (same_size, other_size, a_link)]

    assert changed == [None, True, None]


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
    assert "scenario-3.json is not in any folder that you can read" in gone.out
    assert [ended.code for ended in (refused, waiting, gone, unknown)] == [0, 0, 0, 18]
    assert "sudo" in unknown.err


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("scenario-1.jsn", "scenario-1.json"),
        ("Scenario-1.json", "scenario-1.json"),
        ("sceario-2", "scenario-2.JSON"),
        ("One.id", "one.id"),
        ("scenario-of", "scenario-of-a-very-long-name.json"),
    ],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_nearest(
    home: Home, bench: Bench, run_ctl: Ctl, asked: str, meant: str
) -> None:
    settle(bench, 1, "scenario-1.json")
    settle(bench, 2, "scenario-x.json", document("one.id"))
    (home.inbox / "scenario-2.JSON").touch()
    (home.inbox / "scenario-of-a-very-long-name.json").touch()

    code, said = run_ctl("explain", asked)

    assert code == 18
    assert said["error"]["message"].endswith(f" (did you mean {meant}?)")


def test_a_file_that_was_not_dropped_yet_is_answered_with_the_command_that_drops_it(
    home: Home, tmp_path: Path, run_ctl: Ctl
) -> None:
    elsewhere = tmp_path / "my story.json"
    elsewhere.write_text("kept")

    code, said = run_ctl("explain", str(elsewhere))
    command = said["error"]["hint"].split("`")[1]
    run(["bash", "-c", command])

    assert code == 18
    assert (home.inbox / "scenario-my story.json").read_text() == "kept"
    assert elsewhere.exists()


def test_a_file_that_nobody_knows_is_not_found(bench: Bench, run_ctl: Ctl) -> None:
    code, said = run_ctl("explain", "scenario-9.json")

    assert code == 18
    assert said["error"]["exit_code"] == 18


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"problems": [5]}',
        b'{"problems": 5}',
        "a link",
        "a folder",
    ],
    ids=range(8),
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


# Scenarios


def test_a_scenario_is_shown_with_the_file_and_batch_it_came_from(
    bench: Bench, run_ctl: Ctl
) -> None:
    settle(bench, 1, "scenario-1.json", document("one"))

    code, said = run_ctl("explain", "one")
    lines = run_ctl.lines("explain", "one")

    assert code == 0
    (event,) = said["scenario"]["events"]
    at = datetime.fromisoformat(event.pop("settled_at"))
    assert said["scenario"]["in_library"] is True
    assert event == {
        "batch": 1,
        "kind": "intake",
        "note": "",
        "change": "added",
        "file": "scenario-1.json",
    }
    assert lines == [
        "scenario one is in the library: scenariodctl show one",
        f"  {at:%Y-%m-%d %H:%M:%S} UTC  batch 1 added it from scenario-1.json",
    ]


def test_all_that_happened_to_a_scenario_is_shown_the_last_first(home: Home, run_ctl: Ctl) -> None:
    home.library.mkdir()
    with open_library(home.library) as library:
        add(library, document("other"), document("one"))
        imported = replace(record(library.reserve_batch()), kind=Kind.IMPORT, note="import old")
        changed = entry(document("one", text="new"), name="old.json[7]")
        library.settle(imported, [changed], on_conflict=OnConflict.REPLACE)
        library.undo(2, clock=clock)
        library.undo(1, clock=clock)
        library.undo(4, clock=clock)

    lines = run_ctl.lines("explain", "one")

    assert [line.partition("UTC  ")[2] for line in lines[1:]] == [
        "batch 5 brought it back (undo 4)",
        "batch 4 removed it (undo 1)",
        "batch 3 replaced it with a new version (undo 2)",
        "batch 2 replaced it with a new version from old.json[7] (import old)",
        "batch 1 added it from scenario-1.json",
    ]


def test_a_scenario_that_was_removed_is_no_longer_in_the_library(home: Home, run_ctl: Ctl) -> None:
    home.library.mkdir()
    with open_library(home.library) as library:
        add(library, document("one"))
        library.undo(1, clock=clock)

    _, said = run_ctl("explain", "one")
    lines = run_ctl.lines("explain", "one")

    assert said["scenario"]["in_library"] is False
    assert lines[0] == "scenario one is no longer in the library"


def test_a_name_that_is_both_a_files_and_a_scenarios_is_answered_for_both(
    home: Home, bench: Bench, run_ctl: Ctl
) -> None:
    settle(bench, 1, "scenario-9.json", document("scenario-1.json"))
    home.drop("scenario-1.json")

    _, said = run_ctl("explain", "scenario-1.json")
    lines = run_ctl.lines("explain", "scenario-1.json")

    assert [place["where"] for place in said["places"]] == ["inbox"]
    assert said["scenario"]["events"][0]["file"] == "scenario-9.json"
    assert lines[0].startswith("scenario scenario-1.json is in the library")
    assert lines[2].startswith("inbox/scenario-1.json: waits")


def test_a_scenario_that_was_only_ever_refused_is_shown_with_its_file_and_problems(
    bench: Bench, run_ctl: Ctl
) -> None:
    refuse(bench, "scenario-1.json", b"{}", scenario_id="one")

    code, said = run_ctl("explain", "one")
    lines = run_ctl.lines("explain", "one")

    assert (code, said["scenario"], said["places"]) == (0, None, [])
    assert said["records"][0]["name"] == "scenario-1.json"
    assert lines[0] == "scenario one was never added"
    assert lines[1].startswith("  wrong-type: title must be a string")
    assert lines[3].endswith("batch 1: refused (wrong-type), scenario one (scenario-1.json)")
