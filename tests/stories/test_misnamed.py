"""Files whose names are nearly right are not taken, and everybody says so: once, daemon, status."""

from __future__ import annotations

import os
import shlex

import pytest
from support.home import Home, run
from support.scenarios import scenario

pytestmark = pytest.mark.slow

NEARLY = ("scenario-1.JSON", "Scenario-2.json", "scenario_3.json", "scenario-4.json.txt")


def drop_nearly(home: Home) -> None:
    for name in NEARLY:
        home.drop(name, scenario(f"s-{name[:10]}"))


def test_one_run_says_at_its_end_which_files_are_left_alone_and_how_to_have_them_taken(
    home: Home,
) -> None:
    drop_nearly(home)
    home.drop("scenario-9.json")

    ended = home.once()
    commands = [line.strip() for line in ended.out.splitlines() if line.startswith("      mv ")]
    for command in commands:
        assert run(shlex.split(command)).code == 0
    again = home.once()

    assert ended.code == 0
    assert "  4 files are left alone:\n" in ended.out
    assert all(f"    {name}: its name is not scenario-*.json\n" in ended.out for name in NEARLY)
    assert len(commands) == 4
    assert "4 added" in again.out
    assert "left alone" not in again.out
    assert os.listdir(home.inbox) == []


def test_where_nothing_else_was_there_it_does_not_say_that_nothing_was(home: Home) -> None:
    home.drop("scenario-1.JSON")

    ended = home.once()

    assert "1 file is left alone" in ended.out
    assert "the inbox was empty" not in ended.out


def test_status_names_them_with_and_without_a_daemon_and_the_journal_does_once(home: Home) -> None:
    drop_nearly(home)

    stopped, stopped_text = home.ctl("status", "--json"), home.ctl("status")
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["left_alone"] == 4)
    home.drop("scenario-7.json")
    daemon.wait_for_status(lambda s: s["added"] == 1)
    home.drop("scenario 8.json")
    found = daemon.wait_for_status(lambda s: s["left_alone"] == 5)
    text = home.ctl("status")

    told = stopped.json()
    assert told["left_alone"] == 4
    assert told["left_alone_files"] == [
        file for file in found["left_alone_files"] if file["file"] != "scenario 8.json"
    ]
    assert {file["file"] for file in told["left_alone_files"]} == {*NEARLY}
    for out in (text.out, stopped_text.out):
        assert "files are left alone:" in out
        assert f"mv -n {home.inbox}/scenario_3.json {home.inbox}/scenario-3.json\n" in out
    for name in (*NEARLY, "scenario 8.json"):
        assert daemon.journal().count(f"{name} is left alone in the inbox: its name") == 1


def test_one_that_is_renamed_as_told_is_taken(home: Home) -> None:
    daemon = home.start()
    home.drop("scenario-1.JSON")
    found = daemon.wait_for_status(lambda s: s["left_alone"] == 1)

    run(shlex.split(found["left_alone_files"][0]["command"]))
    daemon.wait_for_status(lambda s: s["added"] == 1)

    daemon.wait_for_status(lambda s: s["left_alone"] == 0)


def test_very_many_are_counted_up_to_a_bound_and_logged_as_one(home: Home) -> None:
    for number in range(1200):
        (home.inbox / f"{number}.JSON").touch()
    home.drop("scenario-1.json")

    ended = home.once()

    assert "1000 or more files are left alone:" in ended.out
    assert "and 995 more" in ended.out
    assert "1000 files are left alone in the inbox: their names" in ended.err
    assert ".JSON is left alone in the inbox" not in ended.err
    assert home.names("done") == ["scenario-1.json"]
