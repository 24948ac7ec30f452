"""What leaves done/ and failed/, and what stays in any case: by real runs on real folders."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from support.home import POWERLESS, Home
from support.scenarios import scenario

from scenariod import backups
from scenariod.base import config
from scenariod.base.root import prepare
from scenariod.daemon.cleanup import CLOCK_FILE, EVERY_S, Cleanup
from scenariod.daemon.settle import Settler
from scenariod.intake.batch import Work
from scenariod.monitoring.journal import TextJournal

ONE_EACH: dict[str, object] = {"done_count": 1, "failed_count": 1}


def run_over(home: Home, *numbers: int) -> str:
    """Drop good files and have them processed; return what was said."""
    for number in numbers:
        home.drop(f"scenario-{number}.json", scenario(f"s-{number}"))
    ended = home.once()
    assert ended.code in {0, 3}, ended.err
    return ended.err


def refuse(home: Home, *numbers: int) -> None:
    """Drop bad files one after the other, and have them refused."""
    for number in numbers:
        home.drop(f"scenario-{number}.json", b"{")
        assert home.once().code == 3


@pytest.fixture
def journal(home: Home) -> io.StringIO:
    return io.StringIO()


@contextmanager
def tidier_of(home: Home, said: io.StringIO, **retention: object) -> Iterator[Rounds]:
    home.configure(retention=retention)
    settings = config.load(config=None, root=home.path, cwd=home.path)
    prepare(settings)
    yield Rounds(settings, said)


class Rounds:
    """Tidies up in rounds, each at a time of its own."""

    def __init__(self, settings: config.Config, said: io.StringIO) -> None:
        self._settings = settings
        self._said = said

    def at(self, *times: float, ahead: timedelta = timedelta(0)) -> list[bool]:
        """Say for each of these times whether it was due then; the clock is ahead by so much."""
        return asyncio.run(self._at(times, ahead))

    async def _at(self, times: tuple[float, ...], ahead: timedelta) -> list[bool]:
        settings, journal = self._settings, TextJournal(self._said)
        work = Work(settings.work)
        settler = Settler(settings, work=work, journal=journal)
        await settler.open()
        now = 0.0
        cleanup = Cleanup(
            settings,
            settler=settler,
            journal=journal,
            clock=lambda: datetime.now(UTC) + ahead + timedelta(seconds=now),
        )
        due = []
        for now in times:
            ended = asyncio.Event()
            due.append(cleanup.is_due(now))
            cleanup.begin_if_due(now, on_end=ended.set)
            if due[-1]:
                await ended.wait()
        await cleanup.stop()
        await settler.close()
        return due


# What goes


@pytest.mark.slow
def test_without_a_word_on_it_nothing_young_goes(home: Home) -> None:
    run_over(home, 1, 2, 3)
    refuse(home, 4, 5)
    run_over(home, 6)

    assert len(home.names("done")) == 4
    assert len(home.names("failed")) == 2


@pytest.mark.slow
def test_what_the_newest_backup_holds_goes_from_done_and_is_told_in_one_line(home: Home) -> None:
    run_over(home, 1, 2, 3)
    home.configure(retention=ONE_EACH)

    said = run_over(home, 4)

    assert home.names("done") == ["scenario-4.json"]
    (line,) = [line for line in said.splitlines() if line.startswith("removed ")]
    assert line.startswith("removed 3 files ")
    assert line.endswith(" from done/, according to [retention]")
    assert sorted(home.ids()) == ["s-1", "s-2", "s-3", "s-4"]


@pytest.mark.slow
def test_what_no_backup_holds_yet_stays_in_done_however_many(
    home: Home, journal: io.StringIO
) -> None:
    run_over(home, 1, 2, 3, 4, 5)
    backups.list_backups(home.backups)[0].path.unlink()

    with tidier_of(home, journal, done_count=1) as cleanup:
        cleanup.at(0.0)

    assert len(home.names("done")) == 5
    assert "removed" not in journal.getvalue()


@pytest.mark.slow
def test_refused_files_go_with_their_reasons_the_newest_stays(home: Home) -> None:
    home.configure(retention=ONE_EACH)

    refuse(home, 1, 2, 3)

    assert sorted(p.name for p in home.failed.iterdir()) == [
        "scenario-3.json",
        "scenario-3.json.reason.json",
    ]


@pytest.mark.slow
def test_a_removed_file_is_still_explained(home: Home) -> None:
    run_over(home, 1)
    home.configure(retention=ONE_EACH)
    run_over(home, 2)

    told = home.ctl("explain", "scenario-1.json")

    assert told.code == 0
    assert "no longer in any folder; the library has its record" in told.out
    assert "added" in told.out


# What stays in done/ for the day on which the library is lost


@pytest.mark.slow
def test_where_the_newest_backups_are_damaged_the_one_before_counts(
    home: Home, journal: io.StringIO
) -> None:
    for number in (1, 2, 3):  # the backup after it holds this one and those before
        run_over(home, number)
    for newest in backups.list_backups(home.backups)[:2]:
        newest.path.write_bytes(newest.path.read_bytes().replace(b"Title of", b"Totle of"))

    with tidier_of(home, journal, done_count=1) as cleanup:
        cleanup.at(0.0)

    assert home.names("done") == ["scenario-2.json", "scenario-3.json"]
    assert "removed 1 file of " in journal.getvalue()
    assert "; 1 more stays until a backup holds it" in journal.getvalue()


@pytest.mark.slow
def test_without_a_whole_backup_nothing_goes_from_done(home: Home, journal: io.StringIO) -> None:
    run_over(home, 1)
    run_over(home, 2)
    for found in backups.list_backups(home.backups):
        found.path.write_bytes(found.path.read_bytes()[:-9])

    with tidier_of(home, journal, done_count=1) as cleanup:
        cleanup.at(0.0)

    assert home.names("done") == ["scenario-1.json", "scenario-2.json"]


@pytest.mark.slow
def test_what_a_new_library_knows_nothing_of_stays_whatever_its_backups_hold(home: Home) -> None:
    run_over(home, 1, 2)
    shutil.rmtree(home.library)
    shutil.rmtree(home.backups)  # from one of them the library would be made again
    home.configure(retention=ONE_EACH)

    run_over(home, 3)
    run_over(home, 4)
    run_over(home, 5)

    assert home.names("done") == ["scenario-1.json", "scenario-2.json", "scenario-5.json"]


@pytest.mark.slow
def test_a_file_under_a_numbered_name_is_known_by_the_name_it_was_dropped_under(
    home: Home,
) -> None:
    run_over(home, 1)
    home.drop("scenario-1.json", scenario("other"))
    home.once()
    assert home.names("done") == ["scenario-1.b000002.json", "scenario-1.json"]
    run_over(home, 2)
    home.configure(retention=ONE_EACH)

    run_over(home, 3)

    assert home.names("done") == ["scenario-3.json"]


# When, and what is in the way


def test_it_is_done_once_an_hour(home: Home, journal: io.StringIO) -> None:
    with tidier_of(home, journal) as cleanup:
        due = cleanup.at(5.0, 6.0, EVERY_S, EVERY_S + 4.9, EVERY_S + 5.0, EVERY_S + 6.0)

    assert due == [True, False, False, False, True, False]


def test_a_folder_that_is_gone_has_no_old_files(home: Home, journal: io.StringIO) -> None:
    with tidier_of(home, journal, failed_count=1) as cleanup:
        home.failed.rmdir()

        cleanup.at(0.0)

    assert journal.getvalue() == ""


def test_what_is_in_the_way_is_told_once_until_it_is_something_else(
    home: Home, journal: io.StringIO
) -> None:
    with tidier_of(home, journal, failed_count=1) as cleanup:
        shutil.rmtree(home.failed)
        home.failed.write_text("no folder")

        cleanup.at(0.0, EVERY_S, 2 * EVERY_S)

    (line,) = journal.getvalue().splitlines()
    assert "old files cannot be removed from failed/; trying again later" in line
    assert "Not a directory" in line
    assert str(home.failed) in line


# A clock that is ahead


YEAR = timedelta(days=400)
WEEK = timedelta(days=7)


@pytest.mark.slow
def test_while_the_clock_is_ahead_nothing_goes_for_its_age_until_it_has_gone_on_for_a_week(
    home: Home, journal: io.StringIO
) -> None:
    refuse(home, 1, 2)

    with tidier_of(home, journal, failed_age_days=90) as cleanup:
        cleanup.at(0.0, EVERY_S, ahead=YEAR)
        home.drop("scenario-3.json", b"{")  # and a batch, and another start
        assert home.once().code == 3
        cleanup.at(0.0, ahead=YEAR)
        cleanup.at(0.0, ahead=YEAR + WEEK - timedelta(hours=1))
        stayed = home.names("failed")
        cleanup.at(0.0, ahead=YEAR + WEEK)

    assert len(stayed) == 3
    assert home.names("failed") == []
    first, *_ = journal.getvalue().splitlines()
    today, then = datetime.now(UTC), datetime.now(UTC) + YEAR
    assert f"the clock went from {today:%Y-%m-%d} to {then:%Y-%m-%d}" in first
    assert "no file is removed for its age until the clock has been steady for 7 days" in first
    assert journal.getvalue().count("the clock went from") == 3  # once a run


@pytest.mark.slow
def test_without_a_record_of_the_clock_the_last_batch_tells_what_it_said(
    home: Home, journal: io.StringIO
) -> None:
    refuse(home, 1)
    record = home.library / CLOCK_FILE
    for content in (None, b"garbled"):
        record.unlink() if content is None else record.write_bytes(content)

        with tidier_of(home, journal, failed_age_days=90) as cleanup:
            cleanup.at(0.0, ahead=YEAR)

        assert home.names("failed") == ["scenario-1.json"]


@pytest.mark.slow
def test_the_number_of_files_is_kept_whatever_the_clock_says(
    home: Home, journal: io.StringIO
) -> None:
    refuse(home, 1, 2)

    with tidier_of(home, journal, failed_age_days=90, failed_count=1) as cleanup:
        cleanup.at(0.0, ahead=YEAR)

    assert home.names("failed") == ["scenario-2.json"]


@pytest.mark.slow
def test_the_status_of_a_daemon_says_that_it_does_not_trust_the_clock(home: Home) -> None:
    run_over(home, 1)
    (home.library / CLOCK_FILE).write_text('{"at": "2026-01-01T00:00:00+00:00", "step": []}')

    daemon = home.start()

    found = daemon.wait_for_status(lambda s: bool(s["clock_doubt"]))
    assert found["clock_doubt"].startswith("the clock went from 2026-01-01 to ")
    assert f"Clock: ! {found['clock_doubt']}" in home.ctl("status").out
    assert f"! {found['clock_doubt']}" in daemon.journal()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_files_that_may_not_be_removed_pause_nothing(home: Home) -> None:
    refuse(home, 1, 2)
    home.failed.chmod(0o1777)
    for path in (home.failed, *home.failed.iterdir()):
        os.chown(path, 65534, 65534)
    home.configure(retention=ONE_EACH)
    daemon = home.launch(before=POWERLESS)
    daemon.wait_for("! old files cannot be removed from failed/; trying again later: ")

    home.drop("scenario-3.json")

    daemon.wait_for("added scenario-3 from scenario-3.json")
    assert f"Operation not permitted: {home.failed}/scenario-1.json" in daemon.journal()
    assert "pauses" not in daemon.journal()
    assert home.names("failed") == ["scenario-1.json", "scenario-2.json"]
