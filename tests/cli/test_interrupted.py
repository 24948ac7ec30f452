"""Ctrl-C ends any command with its documented code, and a line that says how things are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.home import Finished, Home, copy_of, run
from support.makers import held, open_library

from scenariod import backups

pytestmark = pytest.mark.slow

CHILD = str(Path(__file__).parents[1] / "support" / "interrupted_ctl.py")
RESTORE, UNDO = ("scenariod.library", "Library.restore"), ("scenariod.library", "Library.undo")
BACKUP = "the first backup"
COMPARED = ("scenariod.cli.preview", "compared")
RECORD, PUBLISH = ("scenariod.library.history", "record"), ("scenariod.backups.restore", "publish")


def interrupted(home: Home, at: tuple[str, str], when: str, *arguments: str) -> Finished:
    """Run scenariodctl, and interrupt it before or after a call."""
    return run([sys.executable, CHILD, *at, when, "--root", str(home.path), *arguments])


def ids(home: Home) -> list[str]:
    with open_library(home.library) as library:
        return list(held(library))


def moment(home: Home, what: str) -> str:
    """Return what `restore` takes for the state before the first batch."""
    return what if what != BACKUP else backups.list_backups(home.backups)[-1].path.name


def saved(home: Home) -> set[str]:
    return {found.path.name for found in backups.list_backups(home.backups)}


@pytest.fixture(scope="module")
def of_one(shared_home: Home) -> Path:
    """Return a root folder with one scenario, and the backup of before it."""
    shared_home.drop("scenario-1.json")
    assert shared_home.once().code == 0
    return shared_home.path


@pytest.fixture
def filled(of_one: Path, tmp_path: Path) -> Iterator[Home]:
    """Return a root folder of one's own that is as `of_one`."""
    with closing(copy_of(of_one, tmp_path)) as home:
        yield home


@pytest.mark.parametrize("what", [BACKUP, "batch:1"])
@pytest.mark.parametrize("at", [("scenariod.backups.restore", "back_up"), RECORD])
def test_a_restore_that_is_interrupted_before_its_commit_changes_nothing_and_leaves_no_backup(
    filled: Home, what: str, at: tuple[str, str]
) -> None:
    before = saved(filled)

    ended = interrupted(filled, at, "before", "restore", moment(filled, what))

    assert (ended.code, ended.out) == (20, "")
    assert ended.err.startswith("scenariodctl: interrupted: nothing was changed\n")
    assert ids(filled) == ["scenario-1"]
    assert saved(filled) == before


@pytest.mark.parametrize(
    ("what", "at", "when"),
    [
        (BACKUP, RESTORE, "after"),
        ("batch:1", ("scenariod.library", "Library.restore_before"), "after"),
        (BACKUP, PUBLISH, "before"),
    ],
)
def test_a_restore_that_is_interrupted_once_it_is_committed_says_so_and_keeps_the_way_back(
    filled: Home, what: str, at: tuple[str, str], when: str
) -> None:
    before = saved(filled)

    ended = interrupted(filled, at, when, "restore", moment(filled, what))

    assert (ended.code, ended.out) == (20, "")
    assert "interrupted after the change, batch 2" in ended.err
    assert "to go back: scenariodctl undo 2" in ended.err
    assert ids(filled) == []
    (safety,) = saved(filled) - before
    assert filled.ctl("restore", safety).code == 0
    assert filled.ids() == ids(filled) == ["scenario-1"]


def test_an_undo_that_is_interrupted_says_whether_it_was_done(filled: Home) -> None:
    before = interrupted(filled, RECORD, "before", "undo", "1", "--json")
    left = ids(filled)
    after = interrupted(filled, UNDO, "after", "undo", "1", "--json")

    assert (before.code, after.code) == (20, 20)
    assert before.json()["error"]["message"] == "interrupted: nothing was changed"
    assert left == ["scenario-1"]
    assert "interrupted after the change, batch 2" in after.json()["error"]["message"]
    assert ids(filled) == []


@pytest.mark.parametrize(
    ("at", "arguments", "words"),
    [
        (("os", "fsync"), ["export", "--output", "{}/out"], "the folder is complete"),
        (
            ("scenariod.validation.document.reader", "read"),
            ["library", "verify"],
            "nothing was changed",
        ),
        (("scenariod.backups", "verify"), ["backups", "verify"], "nothing was changed"),
        (
            ("scenariod.backups", "planned"),
            ["backups", "prune", "--dry-run"],
            "nothing was changed",
        ),
        (COMPARED, ["undo", "last", "--dry-run"], "nothing was changed"),
        (COMPARED, ["restore", "batch:1", "--dry-run"], "nothing was changed"),
        (("scenariod.intake.retry", "names"), ["retry", "--all"], "what was done so far stays"),
    ],
    ids=[
        *("export", "library verify", "backups verify", "backups prune"),
        *("undo", "restore", "retry"),
    ],
)
def test_any_command_that_is_interrupted_says_how_things_are(
    filled: Home, tmp_path: Path, at: tuple[str, str], arguments: list[str], words: str
) -> None:
    arguments = [argument.format(tmp_path) for argument in arguments]

    ended = interrupted(filled, at, "before", *arguments)

    assert (ended.code, ended.out) == (20, "")
    assert ended.err.startswith(f"scenariodctl: interrupted: {words}")
    assert len(ended.err.splitlines()) == 2
    assert [name for name in os.listdir(tmp_path) if "out" in name] == []
    assert ids(filled) == ["scenario-1"]
