from __future__ import annotations

import io
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.makers import NOON, add, batch, clock, document, entry, open_library

from scenariod import backups
from scenariod.backups.ledger import LEDGER_FILE
from scenariod.backups.restore import back_up
from scenariod.backups.schedule import Schedule, is_due, is_needed
from scenariod.base import config
from scenariod.base.config import Backups
from scenariod.base.value import replace
from scenariod.library import Kind, Library, OnConflict
from scenariod.monitoring.journal import TextJournal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@pytest.mark.parametrize(
    ("every", "scenarios", "backed_up", "due"),
    [
        ("drain", 0, None, True),
        ("drain", 50_000, None, True),
        ("drain", 9, 0, False),
        ("drain", 10, 0, True),
        ("drain", 99, 90, False),
        ("drain", 100, 90, True),
        ("drain", 1_099, 1_000, False),
        ("drain", 1_100, 1_000, True),
        ("drain", 900, 1_000, False),
        ("batch", 1_000, 1_000, True),
        ("batch", 1_002, 1_000, True),
    ],
)
def test_a_backup_is_due_at_a_drains_start_after_growth_or_before_each_batch(
    every: str, *, scenarios: int, backed_up: int | None, due: bool
) -> None:
    assert is_due(every=every, growth=0.1, scenarios=scenarios, backed_up=backed_up) is due


# A large library, to which little is added: `small_mb = 0` makes any library large

LARGE = Backups(small_mb=0)
DAY = timedelta(days=1)


def backed_up(folder: Path, library: Library) -> datetime:
    """Have a backup of a library of 200 scenarios; return when it was made."""
    add(library, *(document(f"old-{n}") for n in range(200)))
    return back_up(library, folder, now=NOON).created


def needs_one(folder: Path, library: Library, *, rules: Backups, now: datetime) -> bool:
    newest = backups.newest(folder)
    assert newest is not None
    with library.snapshot() as snapshot:
        return is_needed(newest, snapshot, rules=rules, now=now)


def nothing(_: Library, __: Path) -> None:
    pass


def add_two(library: Library, _: Path) -> None:
    add(library, document("new-1"), document("new-2"))


def add_a_tenth(library: Library, _: Path) -> None:
    add(library, *(document(f"new-{n}") for n in range(20)))


def undo(library: Library, _: Path) -> None:
    library.undo(add(library, document("new-1")), clock=clock)


def replace_one(library: Library, _: Path) -> None:
    new = entry(document("old-1", text="another story"))
    library.settle(batch(library.reserve_batch()), [new], on_conflict=OnConflict.REPLACE)


def take_in(library: Library, _: Path) -> None:
    brought = replace(batch(library.reserve_batch()), kind=Kind.IMPORT)
    library.settle(brought, [entry(document("new-1"))])


def add_beside_a_damaged_one(library: Library, folder: Path) -> None:
    add(library, document("new-1"))
    path = next(folder.glob("scenarios-*.json"))
    path.write_bytes(path.read_bytes().replace(b"story", b"fairy"))


def add_beside_one_of_another_library(library: Library, folder: Path) -> None:
    add(library, document("new-1"))
    ledger = folder / LEDGER_FILE
    ledger.write_text(re.sub(r'"origin": ?"[^"]*"', '"origin": "2001-01-01"', ledger.read_text()))


@pytest.mark.parametrize(
    ("change", "rules", "after", "needed"),
    [
        (nothing, LARGE, 2 * DAY, False),
        (add_two, LARGE, DAY / 2, False),
        (add_two, LARGE, DAY, True),
        (add_two, LARGE, -DAY, True),
        (add_two, Backups(small_mb=0, max_age_h=48), DAY, False),
        (add_two, Backups(small_mb=1), DAY / 2, True),
        (add_two, Backups(small_mb=0, every="drain"), DAY / 2, True),
        (add_a_tenth, LARGE, DAY / 2, True),
        (add_a_tenth, Backups(small_mb=0, growth=0.2), DAY / 2, False),
        (undo, LARGE, DAY / 2, True),
        (replace_one, LARGE, DAY / 2, True),
        (take_in, LARGE, DAY / 2, True),
        (add_beside_a_damaged_one, LARGE, DAY / 2, True),
        (add_beside_one_of_another_library, LARGE, DAY / 2, True),
    ],
)
def test_a_large_library_does_without_a_new_backup_as_long_as_done_holds_what_the_newest_lacks(
    tmp_path: Path,
    change: Callable[[Library, Path], None],
    rules: Backups,
    *,
    after: timedelta,
    needed: bool,
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    with open_library(tmp_path) as library:
        made = backed_up(folder, library)
        change(library, folder)

        assert needs_one(folder, library, rules=rules, now=made + after) is needed


def test_backups_are_looked_at_again_only_where_something_has_changed(tmp_path: Path) -> None:
    for name in ("backups", "library"):
        (tmp_path / name).mkdir()
    loaded = config.load(config=None, root=tmp_path, cwd=tmp_path)
    schedule = Schedule(loaded, journal=TextJournal(io.StringIO()))
    opened: list[str] = []
    recording = False

    def record(event: str, its: tuple[object, ...]) -> None:
        if recording and event == "open":
            opened.append(str(its[0]))

    def backups_read() -> int:
        nonlocal recording
        opened.clear()
        recording = True
        schedule.prune()
        recording = False
        return sum("scenarios-backup-" in path for path in opened)

    sys.addaudithook(record)  # for as long as Python runs

    with Library.open(loaded.database, busy_timeout_s=1) as library:
        schedule.back_up_if_due(library)
        first, second = backups_read(), backups_read()
        add(library, document("more"))
        schedule.end_drain(library)
        third = backups_read()

    assert (first, second) == (1, 0)
    assert third == 2


def test_what_a_command_changes_is_backed_up_once_it_has_come_to_rest(tmp_path: Path) -> None:
    for name in ("backups", "library"):
        (tmp_path / name).mkdir()
    loaded = config.load(config=None, root=tmp_path, cwd=tmp_path)
    schedule = Schedule(loaded, journal=TextJournal(io.StringIO()))
    counts = []

    with Library.open(loaded.database, busy_timeout_s=1) as library:
        for batch in ("one", "two", "three", None, None):
            if batch is not None:
                add(library, document(batch))
            schedule.end_drain(library)
            counts.append([b.count for b in backups.list_backups(loaded.backups)])

    assert counts == [[1], [1], [1], [3, 1], [3, 1]]


def test_a_library_to_which_nothing_was_ever_added_is_not_backed_up(tmp_path: Path) -> None:
    for name in ("backups", "library"):
        (tmp_path / name).mkdir()
    loaded = config.load(config=None, root=tmp_path, cwd=tmp_path)
    schedule = Schedule(loaded, journal=TextJournal(io.StringIO()))

    with Library.open(loaded.database, busy_timeout_s=1) as library:
        schedule.end_drain(library)

    assert backups.list_backups(loaded.backups) == []
