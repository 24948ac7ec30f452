"""What a hostile user, a tidy one or a full disk did to scenariod once, and may not again."""

from __future__ import annotations

import json
import resource
import shutil
import socket
import sqlite3
import threading
from pathlib import Path

import pytest
from support.home import Home
from support.makers import NOON
from support.scenarios import scenario

from scenariod import backups
from scenariod.backups.moments import InBackup
from scenariod.backups.restore import restore
from scenariod.base import config
from scenariod.base.errors import LibraryLockedError
from scenariod.intake.inbox import WINDOW, Inbox
from scenariod.library import Library
from scenariod.monitoring import status

pytestmark = pytest.mark.slow


def test_a_reason_moved_back_with_its_file_is_no_scenario(home: Home) -> None:
    home.drop("scenario-1.json", b"{")
    home.once()
    for path in sorted(home.failed.iterdir()):
        path.rename(home.inbox / path.name)
    (home.inbox / "scenario-1.json").write_bytes(scenario("mended"))

    ended = home.once()

    assert ended.code == 0, ended
    assert home.names("done") == ["scenario-1.json"]
    assert (home.inbox / "scenario-1.json.reason.json").exists()
    assert home.names("failed") == []


def test_a_backup_that_cannot_be_written_uses_up_no_attempt_of_any_file(home: Home) -> None:
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["state"] == "idle")
    shutil.rmtree(home.backups)
    home.backups.write_text("no folder")

    home.drop("scenario-1.json")
    daemon.wait_for("batch 1: scenario-1.json", times=4)
    home.backups.unlink()
    home.backups.mkdir()
    daemon.wait_for("added scenario-1 from")

    assert "refused scenario" not in daemon.journal()
    assert home.names("done") == ["scenario-1.json"]


def test_who_tidies_away_done_and_failed_loses_nothing(home: Home) -> None:
    home.configure(intake={"pair_wait_s": 60})
    daemon = home.start()
    daemon.wait_for("watches")
    shutil.rmtree(home.done)
    shutil.rmtree(home.failed)

    home.drop("scenario-1.json")
    home.drop("scenario-2.json", b"{")
    daemon.wait_for("batch 1: ok; 1 added, 1 refused")

    assert home.names("done") == ["scenario-1.json"]
    assert "scenario-2.json" in home.names("failed")
    assert daemon.journal().count("batch ") == 2


def test_foreign_things_in_work_hold_up_nobody_and_are_kept(home: Home) -> None:
    (home.work / "000001").mkdir(parents=True)
    (home.work / "000001" / "note.txt").write_text("mine")
    (home.work / "000002" / "verdict.json").mkdir(parents=True)
    (home.work / "000002" / "scenario-1.json").write_bytes(scenario("cut-off"))
    (home.work / "000005").write_text("a file with a number")
    home.drop("scenario-3.json")

    ended = home.once()

    assert ended.code == 0, ended
    assert home.names("done") == ["scenario-1.json", "scenario-3.json"]
    assert (home.work / "000001.foreign" / "note.txt").read_text() == "mine"


def test_foreign_things_in_work_are_kept_beside_earlier_ones_of_the_same_number(
    home: Home,
) -> None:
    for name in ("000001.foreign", "000001.foreign-2", "000001"):
        (home.work / name).mkdir(parents=True)
        (home.work / name / "note.txt").write_text(name)
    home.drop("scenario-3.json")

    ended = home.once()

    assert ended.code == 0, ended
    kept = {path.name: (path / "note.txt").read_text() for path in home.work.iterdir()}
    assert kept == {
        "000001.foreign": "000001.foreign",
        "000001.foreign-2": "000001.foreign-2",
        "000001.foreign-3": "000001",
    }


def test_files_that_are_held_up_hold_up_no_other(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    inbox = Inbox(tmp_path, settle_s=60)
    writers = [(tmp_path / f"scenario-{n}.json").open("w") for n in range(WINDOW)]
    (tmp_path / "scenario-5000.json").write_text("{}")
    try:
        first = inbox.look(now=0)
        second = inbox.look(now=1)
    finally:
        for writer in writers:
            writer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert first.ready == []
    assert [file.name for file in second.ready] == ["scenario-5000.json"]
    assert len(second.waiting) == WINDOW


def test_a_restore_that_fails_leaves_no_backup_that_hides_the_one_before(home: Home) -> None:
    home.drop("scenario-1.json")
    home.once()
    settings = config.load(config=None, root=home.path, cwd=home.path)
    before = backups.list_backups(home.backups)
    held = sqlite3.connect(home.database, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")

    with (
        Library.open(home.database, busy_timeout_s=0.1) as library,
        pytest.raises(LibraryLockedError),
    ):
        restore(
            library,
            InBackup(before[0].path),
            backups=home.backups,
            published=settings.published,
            clock=lambda: NOON,
        )
    held.close()

    assert backups.list_backups(home.backups) == before


def test_a_daemon_that_ends_as_it_is_asked_counts_as_not_running(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        with status.short(path) as name:
            listening.bind(name)
        listening.listen()

        def close_at_once() -> None:
            connection, _ = listening.accept()
            connection.close()

        closing = threading.Thread(target=close_at_once)
        closing.start()

        answer = status.ask(path)
        closing.join()

    assert answer is None


def test_show_gives_programs_every_digit(home: Home) -> None:
    long = "1234567890" * 30
    exact = f'{{"huge": 1.50e300, "fine": 0.12345678901234567890123, "long": {long}}}'
    content = json.dumps(json.loads(scenario("exact")) | {"extra": 0}).replace(
        '"extra": 0', f'"extra": {exact}'
    )
    home.drop("scenario-1.json", content.encode())
    home.once()

    shown = home.ctl("show", "exact", "--json")

    assert shown.code == 0, shown
    assert exact in shown.out
    assert "Infinity" not in shown.out
