"""The inbox out of sight, or out of order, and the daemon that goes on."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.home import AS_ROOT, Home, mounted, run, wait_until
from support.scenarios import scenario
from watchdog.events import FileClosedEvent, FileSystemEventHandler
from watchdog.observers import Observer

from scenariod.intake.inotify import PROBE_FILE

pytestmark = pytest.mark.slow

NOT_THERE = "inbox does not exist; `mkdir "


def test_an_inbox_that_is_deleted_pauses_intake_with_the_cure_and_goes_on_once_it_is_back(
    home: Home,
) -> None:
    home.configure(intake={"rescan_s": 6.0})
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["watch"] == "events")

    home.inbox.rmdir()
    gone = daemon.wait_for_status(lambda s: s["watch"] == "degraded" and s["state"] == "paused")
    not_made_anew = not home.inbox.exists()
    home.inbox.mkdir()
    home.drop("scenario-1.json")
    daemon.wait_for("added scenario-1")
    back = daemon.wait_for_status(lambda s: s["watch"] == "events" and s["state"] == "idle")

    assert NOT_THERE in gone["detail"]
    assert NOT_THERE in gone["watch_detail"]
    assert not_made_anew
    assert (back["watch_detail"], back["refused"]) == ("", 0)
    said = daemon.journal().splitlines()
    # On a busy machine the probe may be heard late, and that be told of, too.
    assert len([line for line in said if "no events from" in line and NOT_THERE in line]) == 1
    assert [line for line in said if "the inbox is watched again (events)" in line]
    assert daemon.terminate() == 0
    assert os.listdir(home.inbox) == []


def test_the_status_says_in_words_how_arrivals_are_noticed(home: Home) -> None:
    home.configure(intake={"watch": "poll", "poll_s": 0.2, "rescan_s": 3600.0})
    daemon = home.start()
    daemon.wait_for("the inbox is polled every 0.2 s: as configured")

    home.drop("scenario-1.json")
    daemon.wait_for("added scenario-1")
    shown = home.ctl("status")

    assert "(polling: every 0.2 s: as configured)" in shown.out


@AS_ROOT
def test_a_mount_over_the_inbox_pauses_intake_and_what_is_in_both_is_taken_in_the_end(
    home: Home,
) -> None:
    home.configure(intake={"rescan_s": 6.0})
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["watch"] == "events")

    with mounted("-t", "tmpfs", "scenariod-test", at=home.inbox):
        (home.inbox / "scenario-2.json").write_bytes(scenario("above"))
        daemon.wait_for_status(lambda s: "not on one mount any more" in s["detail"])
        above = (home.inbox / "scenario-2.json").read_bytes()
        # A look at it may hold it for an instant.
        wait_until(lambda: run(["umount", str(home.inbox)]).code == 0, "it is unmounted")
    home.drop("scenario-1.json")
    daemon.wait_for("added scenario-1")

    assert above == scenario("above")
    assert home.names("failed") == []
    daemon.wait_for_status(lambda s: s["state"] == "idle" and s["watch"] == "events")


def test_too_many_open_files_pause_intake_until_there_is_room_and_fail_nobody(home: Home) -> None:
    home.configure(intake={"rescan_s": 1.0})
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["watch"] == "events" and s["state"] == "idle")
    usual = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    lowest_free = min(set(range(1000)) - {int(n) for n in os.listdir(f"/proc/{daemon.pid}/fd")})

    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (lowest_free, usual[1]))
    home.drop("scenario-1.json")
    daemon.wait_for("nothing is lost: Too many open files")
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, usual)
    daemon.wait_for("added scenario-1")
    daemon.wait_for("intake resumes")

    assert home.names("failed") == []


def test_a_file_that_keeps_another_name_is_refused_and_the_other_name_stays(home: Home) -> None:
    daemon = home.start()
    kept = home.path / "kept.json"
    kept.write_bytes(scenario("linked"))
    (home.inbox / "scenario-1.json").hardlink_to(kept)
    home.drop("scenario-2.json")

    daemon.wait_for("refused scenario-1.json (hard-linked)")
    daemon.wait_for_status(lambda s: s["added"] == 1)

    assert kept.read_bytes() == scenario("linked")
    assert "`cp`" in home.reason("scenario-1.json")["advice"]
    assert home.names("done") == ["scenario-2.json"]


class Closed(FileSystemEventHandler):
    """Notes what was closed in a folder after it was open for writing."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_closed(self, event: FileClosedEvent) -> None:
        self.names.append(Path(os.fsdecode(event.src_path)).name)


@contextmanager
def closed_in(folder: Path) -> Iterator[Closed]:
    closed, observer = Closed(), Observer()
    observer.schedule(closed, str(folder), event_filter=[FileClosedEvent])
    observer.start()
    try:
        yield closed
    finally:
        observer.stop()
        observer.join()


def test_an_idle_daemon_proves_its_watch_without_writing_anything(home: Home) -> None:
    home.configure(intake={"rescan_s": 4.0})
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["watch"] == "events" and s["state"] == "idle")
    before = home.inbox.stat()

    with closed_in(home.inbox) as closed:
        wait_until(lambda: closed.names.count(PROBE_FILE) >= 3, "it was probed three times")

    after = home.inbox.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
    assert os.listdir(home.inbox) == []
    assert set(closed.names) == {PROBE_FILE}
    daemon.wait_for_status(lambda s: s["watch"] == "events")
