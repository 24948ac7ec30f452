"""What a person changes by a command: restore and undo, asked, killed, and beside the daemon."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from support.home import Home, wait_until
from support.makers import NOON, add, document, held, open_library, sql
from support.scenarios import scenario
from support.terminal import on_a_terminal

from scenariod import backups
from scenariod.backups.restore import back_up
from scenariod.base.killpoint import VARIABLE, KillPoint

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path

KILLED = -signal.SIGKILL
OLD = ["one", "two", "three"]


@pytest.fixture
def filled(home: Home) -> Home:
    """Return a root folder with a backup of one scenario, and two batches since."""
    home.library.mkdir()
    home.backups.mkdir()
    with open_library(home.library) as library:
        add(library, document("one"))
        back_up(library, home.backups, now=NOON)
        add(library, document("two"))
        add(library, document("three"))
    return home


def ids(home: Home) -> list[str]:
    with open_library(home.library) as library:
        return list(held(library))


# Killed


STEPS = {
    KillPoint.RESTORE_VERIFIED: False,
    KillPoint.BACKUP_BEING_WRITTEN: False,
    KillPoint.SAFETY_BACKED_UP: False,
    KillPoint.RESTORE_RECORDED: False,
    KillPoint.RESTORED: True,
    KillPoint.LIBRARY_BEING_PUBLISHED: True,
    KillPoint.LIBRARY_PUBLISHED: True,
    KillPoint.PUBLISHED_MARKED: True,
}
"""The steps of a restore, and whether the library is the new one after each."""


@pytest.mark.parametrize(
    ("what", "point"),
    [("latest", point) for point in STEPS]
    + [("batch:2", point) for point in STEPS if point is not KillPoint.RESTORE_VERIFIED],
)
def test_killed_in_a_restore_the_library_is_the_old_or_the_new(
    filled: Home, tmp_path: Path, what: str, point: KillPoint
) -> None:
    source = backups.find(filled.backups, "latest")
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / point).touch()

    ended = filled.ctl("restore", what, environment={VARIABLE: str(tmp_path / "orders")})

    assert ended.code == KILLED
    assert ids(filled) == (["one"] if STEPS[point] else OLD)
    again = filled.ctl("restore", source.name if what == "latest" else what)
    assert again.code == 0, again.err
    assert ids(filled) == filled.ids() == ["one"]
    assert sql(filled.database, "PRAGMA integrity_check") == [("ok",)]
    for found in backups.list_backups(filled.backups):
        assert isinstance(backups.verify(found.path), backups.Verified)
    assert not list(filled.backups.glob("*.part"))


@pytest.mark.parametrize(
    ("point", "is_new"),
    [
        (KillPoint.UNDO_RECORDED, False),
        (KillPoint.UNDONE, True),
        (KillPoint.LIBRARY_BEING_PUBLISHED, True),
    ],
)
def test_killed_in_an_undo_the_library_is_the_old_or_the_new(
    filled: Home, tmp_path: Path, point: KillPoint, *, is_new: bool
) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / point).touch()

    ended = filled.ctl("undo", "2", environment={VARIABLE: str(tmp_path / "orders")})

    assert ended.code == KILLED
    assert ids(filled) == (["one", "three"] if is_new else OLD)
    filled.once()  # a start publishes what the killed command did not
    assert filled.ids() == ids(filled)
    assert sql(filled.database, "PRAGMA integrity_check") == [("ok",)]


# Asked


@pytest.mark.parametrize("answer", ["n", "", "yess", "\x04"])
def test_on_a_terminal_a_restore_shows_what_would_change_and_asks(
    filled: Home, answer: str
) -> None:
    backups = os.listdir(filled.backups)

    code, shown = on_a_terminal(filled, "restore", "latest", answer=answer)

    assert code == 22
    assert "0 to bring back\n2 to remove\n  three\n  two\n0 to replace\n1 unchanged\n" in shown
    assert "? [y/N]" in shown
    assert "nothing was changed" in shown
    assert ids(filled) == OLD
    assert os.listdir(filled.backups) == backups


@pytest.mark.parametrize("answer", ["y", "YES"])
def test_a_yes_is_taken(filled: Home, answer: str) -> None:
    code, shown = on_a_terminal(filled, "restore", "batch:2", answer=answer)

    assert code == 0
    assert "restored batch:2 as batch 4" in shown
    assert ids(filled) == ["one"]


def test_with_yes_nothing_is_asked(filled: Home) -> None:
    code, shown = on_a_terminal(filled, "restore", "latest", "--yes", answer="n")

    assert code == 0
    assert "[y/N]" not in shown
    assert ids(filled) == ["one"]


def test_a_script_is_not_asked(filled: Home) -> None:
    ended = filled.ctl("restore", "latest")

    assert ended.code == 0
    assert ids(filled) == ["one"]


@pytest.mark.parametrize("what", ["latest", "batch:2"])
def test_a_dry_run_tells_and_changes_nothing(filled: Home, what: str) -> None:
    before = (filled.database.read_bytes(), sorted(os.listdir(filled.backups)))

    text, told = (filled.ctl("restore", what, "--dry-run", *more) for more in ((), ("--json",)))

    assert (text.code, told.code) == (0, 0)
    assert "2 to remove\n  three\n  two\n" in text.out
    document = told.json()
    assert (document["added"], document["removed"], document["replaced"]) == (0, 2, 0)
    assert (filled.database.read_bytes(), sorted(os.listdir(filled.backups))) == before


def test_a_backup_is_restored_into_a_root_that_has_no_library_yet(
    filled: Home, tmp_path: Path
) -> None:
    other = Home(tmp_path / "other")
    source = str(backups.find(filled.backups, "latest"))

    dry = other.ctl("restore", source, "--dry-run")
    nothing_yet = not other.library.exists()
    done = other.ctl("restore", source)

    assert (dry.code, done.code) == (0, 0), done.err
    assert "1 to bring back\n  one\n" in dry.out
    assert nothing_yet
    assert other.ids() == ["one"]


@pytest.mark.parametrize("extra", [(), ("--dry-run",)], ids=["restore", "dry run"])
def test_a_batch_that_is_not_there_is_not_found(filled: Home, extra: tuple[str, ...]) -> None:
    ended = filled.ctl("restore", "batch:99", *extra)

    assert ended.code == 18
    assert "no batch 99" in ended.err
    assert "scenariodctl history" in ended.err


# Undo, history and diff, as commands


def test_an_undo_says_what_it_did_and_how_to_go_back(filled: Home) -> None:
    done = filled.ctl("undo", "2")
    back = filled.ctl("undo", "4", "--json")

    assert done.code == 0
    assert done.out.splitlines()[0] == "undid batch 2 as batch 4: 1 removed, 0 brought back"
    assert done.out.splitlines()[-1] == "to go back: scenariodctl undo 4"
    assert back.json() == {
        "undone": 4,
        "batch": 5,
        "removed": 0,
        "brought_back": 1,
        "batches": [4],
    }
    assert filled.ids() == ["one", "three", "two"]


def test_an_undo_that_cannot_be_names_the_batch_and_the_scenario(filled: Home) -> None:
    filled.ctl("restore", "latest")

    ended = filled.ctl("undo", "3", "--json")

    assert ended.code == 21
    assert (
        "batch 4 (restore) has removed or replaced scenario three since"
        in (ended.json()["error"]["message"])
    )
    assert "scenariodctl undo 4" in ended.json()["error"]["hint"]


def test_history_is_told_to_people_and_programs(filled: Home) -> None:
    filled.ctl("undo", "2")

    text, limited, told = (
        filled.ctl("history", *more) for more in ((), ("--limit", "1"), ("--limit", "0", "--json"))
    )

    lines = text.out.splitlines()
    last = "`scenariodctl undo last` undoes batch 4"
    assert [line.split()[1] for line in lines[:4]] == ["4", "3", "2", "1"]
    assert lines[4:] == [last]
    assert lines[0].endswith("+0 -1  2 scenarios  undo ok (undo 2): can be undone")
    assert lines[2].endswith("batch 4 (undo) has removed or replaced scenario two since")
    earlier = "3 earlier: scenariodctl history --limit 0"
    assert limited.out.splitlines() == [lines[0], earlier, last]
    assert [(b["id"], b["undoable"]) for b in told.json()] == [
        (4, True),
        (3, True),
        (2, False),
        (1, True),
    ]
    assert told.json()[2]["obstacle"]["batch"] == 4


def test_history_of_an_empty_library(home: Home) -> None:
    home.library.mkdir()
    open_library(home.library).close()

    assert home.ctl("history").out == "nothing has happened yet\n"
    assert home.ctl("history", "--json").json() == []


def test_a_difference_is_told_to_people_and_programs(filled: Home) -> None:
    text, told = (filled.ctl("diff", "latest", "now", *more) for more in ((), ("--json",)))

    assert text.out == "+ three\n+ two\n2 added, 0 removed, 0 changed, 1 the same\n"
    assert told.json() == {"added": ["three", "two"], "removed": [], "changed": [], "unchanged": 1}
    assert filled.ctl("diff", "batch:3", "batch:2", "--json").json()["removed"] == ["two"]


# Beside the daemon


def test_an_undo_while_the_daemon_processes_takes_back_that_batch_only(home: Home) -> None:
    home.configure(intake={"pair_wait_s": 60})
    home.drop_all({"scenario-0.json": scenario("zero"), "scenario-00.json": scenario("nought")})
    daemon = home.start()
    daemon.wait_for("published 2 scenarios")
    home.drop_many(range(1, 13))
    daemon.wait_for("batch 3: ok")

    undone = home.ctl("undo", "2", "--json")

    daemon.wait_for_status(lambda s: s["inbox"] == 0 and s["state"] == "idle")
    assert undone.code == 0, undone.err
    assert undone.json()["removed"] == 2
    assert daemon.terminate() == 0
    assert set(home.ids()) == {"zero", "nought"} | {f"s-{n}" for n in range(3, 13)}
    assert home.names("failed") == []


def test_an_undo_of_a_replacement_brings_the_old_version_back_and_publishes_it(home: Home) -> None:
    home.configure(library={"on_conflict": "replace"}, intake={"rescan_s": 1})
    first, second = scenario("one", title="The old"), scenario("one", title="The new")
    home.drop_all({"scenario-1.json": first, "scenario-2.json": scenario("two")})
    daemon = home.start()
    daemon.wait_for("published 2 scenarios")
    home.drop("scenario-1.json", second)
    daemon.wait_for("replaced one by a new version from scenario-1.json")
    daemon.wait_for("published 2 scenarios", times=2)
    replaced, shown = titles(home), home.ctl("show", "one", "--json").json()

    undone = home.ctl("undo", "2", "--json")

    wait_until(lambda: titles(home) != replaced, "what the undo left is published")
    assert replaced == {"one": "The new", "two": "Title of two"}
    assert shown["scenario"] == json.loads(second)
    assert undone.code == 0, undone.err
    assert titles(home) == {"one": "The old", "two": "Title of two"}
    assert home.ctl("show", "one", "--json").json()["scenario"] == json.loads(first)
    assert daemon.terminate() == 0
    assert len(home.names("done")) == 3
    assert home.names("failed") == []


def titles(home: Home) -> dict[str, str]:
    return {published["id"]: published["title"] for published in home.scenarios()}


def test_the_status_right_after_a_command_shows_what_it_changed(home: Home) -> None:
    home.configure(intake={"rescan_s": 3600.0})
    home.drop("scenario-1.json", scenario("first"))
    home.start().wait_for_status(lambda s: s["state"] == "idle" and s["added"] == 1)
    (home.path / "more.json").write_bytes(b"[%b, %b]" % (scenario("second"), scenario("third")))
    shown = []

    for command in (
        ["import", str(home.path / "more.json")],
        ["undo", "2"],
        ["restore", "batch:1"],
    ):
        assert home.ctl(*command).code == 0
        status = home.ctl("status", "--json").json()
        newest = backups.newest(home.backups)
        assert newest is not None
        shown.append((status["scenarios"], status["newest_backup"] == newest.path.name))

    assert shown == [(3, True), (1, True), (0, True)]


def test_the_backup_before_the_next_change_shows_what_an_undo_left(home: Home) -> None:
    home.drop("scenario-1.json", scenario("first"))
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["added"] == 1 and s["state"] == "idle")
    before = set(home.backups.iterdir())

    assert home.ctl("undo", "1").code == 0
    home.drop("scenario-2.json", scenario("second"))
    daemon.wait_for_status(lambda s: s["added"] == 2 and s["state"] == "idle")

    since = [b.path for b in backups.list_backups(home.backups) if b.path not in before]
    with min(since).open("rb") as file:
        assert list(backups.documents(file)) == []
