from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from support.makers import add, document

from scenariod import backups
from scenariod.backups.schedule import Schedule, is_due
from scenariod.base import config
from scenariod.library import Library
from scenariod.monitoring.journal import TextJournal


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
