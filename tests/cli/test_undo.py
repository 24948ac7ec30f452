"""`undo last` and `undo BATCH`, as commands: shown, asked for, done, and undone again."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from support.home import POWERLESS, Home
from support.makers import add, batch, document, entry, held, open_library, sql
from support.terminal import CTRL_C, on_a_terminal

from scenariod.base.killpoint import VARIABLE, KillPoint
from scenariod.base.value import replace

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path

AFTER = ["one", "two", "three", "four"]
SHOWN = "0 to bring back\n3 to remove\n  four\n  three\n  two\n0 to replace\n1 unchanged\n"


@pytest.fixture
def filled(home: Home) -> Home:
    """Return a root folder with a batch, and a drain of two batches after it."""
    home.library.mkdir()
    home.backups.mkdir()
    with open_library(home.library) as library:
        add(library, document("one"))
        second = add(library, document("two"))
        contents = [entry(document(name)) for name in ("three", "four")]
        library.settle(replace(batch(library.reserve_batch()), first_batch=second), contents)
    return home


def ids(home: Home) -> list[str]:
    with open_library(home.library) as library:
        return list(held(library))


def test_undo_last_takes_back_a_whole_drain_and_once_more_brings_it_back(filled: Home) -> None:
    done = filled.ctl("undo", "last")
    left = filled.ids()
    back = filled.ctl("undo", "last", "--json")

    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "undid batches 2, 3 as batch 4: 3 removed, 0 brought back",
        f"published {filled.published}",
        "to go back: scenariodctl undo 4",
    ]
    assert left == ["one"]
    assert back.json() == {
        "undone": 4,
        "batch": 5,
        "removed": 0,
        "brought_back": 3,
        "batches": [4],
    }
    assert filled.ids() == AFTER


@pytest.mark.parametrize("what", ["last", "3"])
@pytest.mark.parametrize("answer", ["n", "", "\x04"])
def test_on_a_terminal_an_undo_shows_what_would_change_and_asks(
    filled: Home, what: str, answer: str
) -> None:
    code, shown = on_a_terminal(filled, "undo", what, answer=answer)

    assert code == 22
    if what == "last":
        assert f"the last change: dropped files, 2026-03-14 12:00:00 UTC\n{SHOWN}" in shown
        assert "undo batches 2, 3? [y/N]" in shown
    else:
        assert "2 to remove\n  four\n  three\n0 to replace\n2 unchanged\n" in shown
        assert "undo batch 3? [y/N]" in shown
    assert "nothing was changed" in shown
    assert ids(filled) == AFTER


def test_a_yes_is_taken_and_with_yes_nothing_is_asked(filled: Home) -> None:
    code, _ = on_a_terminal(filled, "undo", "last", answer="y")
    left = ids(filled)
    unasked, shown = on_a_terminal(filled, "undo", "last", "--yes", answer="n")

    assert (code, left) == (0, ["one"])
    assert unasked == 0
    assert "[y/N]" not in shown
    assert ids(filled) == AFTER


@pytest.mark.parametrize(
    "command", [("undo", "last"), ("undo", "3"), ("restore", "batch:2")], ids=" ".join
)
def test_ctrl_c_at_a_question_says_that_nothing_was_changed(
    filled: Home, command: tuple[str, ...]
) -> None:
    code, shown = on_a_terminal(filled, *command, answer=CTRL_C)

    assert code == 20
    assert shown.endswith(
        "\nscenariodctl: interrupted: nothing was changed\n  run it again to complete it\n"
    )
    assert ids(filled) == AFTER


def test_a_dry_run_shows_what_an_undo_would_change_and_changes_nothing(filled: Home) -> None:
    before = filled.database.read_bytes()

    text, document = (
        filled.ctl("undo", "last", "--dry-run", *more, before=POWERLESS)
        for more in ((), ("--json",))
    )

    assert (text.code, document.code) == (0, 0), text.err
    assert SHOWN in text.out
    assert text.out.endswith("nothing was changed: this was a dry run\n")
    assert document.json() == {
        "would_undo": 3,
        "batches": [2, 3],
        "added": 0,
        "removed": 3,
        "replaced": 0,
        "unchanged": 1,
    }
    assert filled.database.read_bytes() == before


@pytest.mark.parametrize("extra", [(), ("--dry-run",)], ids=["undo", "dry run"])
def test_what_cannot_be_undone_is_not_asked_for(filled: Home, extra: tuple[str, ...]) -> None:
    assert filled.ctl("undo", "2").code == 0

    again, absent = filled.ctl("undo", "2", *extra), filled.ctl("undo", "99", *extra)

    assert (again.code, absent.code) == (21, 18)
    assert "batch 2 cannot be undone: batch 4 (undo) has removed or replaced" in again.err
    assert "there is no batch 99" in absent.err


def test_where_nothing_was_ever_added_there_is_nothing_to_undo(home: Home) -> None:
    home.library.mkdir()
    open_library(home.library).close()

    ended = home.ctl("undo", "last")

    assert ended.code == 18
    assert "there is no change to undo" in ended.err


@pytest.mark.parametrize("what", ["latest", "-1", "2x", ""])
def test_what_is_neither_last_nor_a_number_is_not_undone(filled: Home, what: str) -> None:
    ended = filled.ctl("undo", what)

    assert ended.code == 2
    assert "last" in ended.err
    assert ids(filled) == AFTER


def test_history_shows_what_undo_last_would_take_back(filled: Home) -> None:
    text, document = filled.ctl("history"), filled.ctl("history", "--json").json()

    newest, _, oldest, last = text.out.splitlines()
    assert "intake ok, with batch 2: can be undone" in newest
    assert "intake ok: can be undone" in oldest
    assert last == "`scenariodctl undo last` undoes batches 2, 3"
    assert [(b["first_batch"], b["in_last_change"]) for b in document] == [
        (2, True),
        (2, True),
        (1, False),
    ]


@pytest.mark.parametrize(
    ("point", "is_new"), [(KillPoint.UNDO_RECORDED, False), (KillPoint.UNDONE, True)]
)
def test_killed_in_the_undo_of_a_drain_all_of_it_is_undone_or_none(
    filled: Home, tmp_path: Path, point: KillPoint, *, is_new: bool
) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / point).touch()

    ended = filled.ctl("undo", "last", environment={VARIABLE: str(tmp_path / "orders")})

    assert ended.code == -signal.SIGKILL
    assert ids(filled) == (["one"] if is_new else AFTER)
    assert filled.once().code == 0  # a start publishes what the killed command did not
    assert filled.ids() == ids(filled)
    assert sql(filled.database, "PRAGMA integrity_check") == [("ok",)]


# `restore latest`, which is not that


def test_a_restore_that_changes_nothing_names_the_command_that_undoes(home: Home) -> None:
    home.drop("scenario-1.json")
    assert home.once().code == 0

    dry, done = home.ctl("restore", "latest", "--dry-run"), home.ctl("restore", "latest")

    assert (dry.code, done.code) == (0, 0)
    for said in (dry.out, done.out):
        assert "to undo the last change: scenariodctl undo last" in said
    assert home.ids() == ["scenario-1"]


def test_an_undo_that_cannot_be_published_says_that_it_was_made_and_how_to_go_back(
    filled: Home,
) -> None:
    filled.published.symlink_to("nowhere/scenarios.json")

    failed = filled.ctl("undo", "last")

    assert failed.code == 17
    assert failed.err.startswith(
        "scenariodctl: the library was changed (batch 4), but not published"
    )
    assert "do not repeat the command" in failed.err
    assert "to go back: scenariodctl undo 4" in failed.err
    assert ids(filled) == ["one"]
