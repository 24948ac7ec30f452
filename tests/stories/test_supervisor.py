from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from support.home import (
    AS_ROOT,
    DEADLINE_S,
    IMPATIENT,
    POWERLESS,
    SCENARIOD,
    SCENARIODCTL,
    Home,
    environment_with,
    mounted,
    run,
    wait_until,
)
from support.library_lock import held
from support.makers import sql
from support.scenarios import BOMB_LIMIT_MB, memory_bomb, scenario
from support.service_manager import ServiceManager
from support.standstill import Standstill, is_asked_to_end

from scenariod.base import lock
from scenariod.base.killpoint import KillPoint
from scenariod.monitoring import status

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.home import Daemon

LIMIT_OF_DAEMON_BYTES = 64 << 20


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process ever held in RAM."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def assert_each_once(home: Home, names: list[str]) -> None:
    """See that no file is lost or doubled, wherever it is, and no scenario either."""
    assert home.everywhere() == sorted(names)
    listed = [
        e["id"]
        for e in json.loads(run([*SCENARIODCTL, "--root", str(home.path), "list", "--json"]).out)
    ]
    assert len(listed) == len(set(listed))


# Arrivals


def test_a_file_moved_in_is_taken_at_once_and_a_lone_one_goes_after_its_wait(home: Home) -> None:
    home.configure(intake={"rescan_s": 3600.0, "settle_s": 3600.0})
    daemon = home.start()

    home.drop("scenario-1.json")
    daemon.wait_for("added scenario-1 from scenario-1.json")
    daemon.wait_for("published 1 scenarios")

    assert "batch 1: scenario-1.json\n" in daemon.journal()


def test_two_files_that_come_one_after_the_other_are_a_pair(home: Home) -> None:
    home.configure(intake={"rescan_s": 3600.0, "pair_wait_s": 3600.0})
    daemon = home.start()

    home.drop("scenario-11.json")
    daemon.wait_for_status(lambda s: s["inbox"] == 1)
    waiting = daemon.status()
    home.drop("scenario-2.json")
    daemon.wait_for("batch 1: ok; 2 added")

    assert (waiting["state"], waiting["detail"]) == ("waiting", "a lone file waits for a partner")
    assert "batch 1: scenario-2.json, scenario-11.json\n" in daemon.journal()


def test_a_slow_writer_is_waited_for_as_long_as_it_holds_the_file_open(home: Home) -> None:
    daemon = home.start()
    content = scenario("slow")
    with (home.inbox / "scenario-1.json").open("wb") as writer:
        writer.write(content[:100])
        writer.flush()
        home.drop("scenario-2.json")
        daemon.wait_for("added scenario-2")
        daemon.wait_for_status(lambda s: s["workers"] == [])
        held = daemon.status()
        writer.write(content[100:])

    daemon.wait_for("added slow from scenario-1.json")

    assert held["waiting"] == [
        {"file": "scenario-1.json", "reason": "its writer still has it open"}
    ]
    assert (home.done / "scenario-1.json").read_bytes() == content


def test_a_file_that_is_found_while_it_is_written_is_waited_for(home: Home) -> None:
    with (home.inbox / "scenario-1.json").open("wb") as writer:
        writer.write(b"{")
        writer.flush()
        daemon = home.start()
        daemon.wait_for_status(lambda s: bool(s["waiting"]))
        writer.seek(0)
        writer.write(scenario("late"))

    daemon.wait_for("added late from scenario-1.json")

    assert home.names("failed") == []


def test_every_usual_way_to_copy_works(home: Home, tmp_path: Path) -> None:
    daemon = home.start()
    for number in range(1, 7):
        (tmp_path / f"scenario-{number}.json").write_bytes(scenario(f"s-{number}"))
    os.utime(tmp_path / "scenario-1.json", (0, 0))
    os.utime(tmp_path / "scenario-2.json", (4e9, 4e9))
    here, there = str(tmp_path), str(home.inbox)

    for command in (
        ["cp", "-p", f"{here}/scenario-1.json", f"{here}/scenario-2.json", there],
        ["mv", f"{here}/scenario-3.json", there],
        ["install", "-m", "640", f"{here}/scenario-4.json", there],
        ["dd", f"if={here}/scenario-5.json", f"of={there}/scenario-5.json", "bs=16"],
        ["cp", f"{here}/scenario-6.json", f"{there}/scenario-6.json.part"],
        ["mv", f"{there}/scenario-6.json.part", f"{there}/scenario-6.json"],
    ):
        assert run(command).code == 0
    daemon.wait_for_status(lambda s: s["added"] == 6)

    assert home.names("failed") == []
    assert len(home.names("done")) == 6


def test_files_that_vanish_again_disturb_nobody(home: Home) -> None:
    daemon = home.start()
    for number in range(50):
        home.drop(f"scenario-{number}.json").unlink(missing_ok=True)

    home.drop("scenario-99.json")
    daemon.wait_for("from scenario-99.json")
    daemon.wait_for_status(lambda s: s["state"] == "idle" and s["inbox"] == 0)

    assert "error" not in daemon.journal()
    assert daemon.terminate() == 0


def test_an_inbox_that_is_replaced_is_watched_again(home: Home) -> None:
    home.configure(intake={"rescan_s": 1.0})
    daemon = home.start()

    home.inbox.rename(home.path / "old")
    home.inbox.mkdir()
    home.drop("scenario-1.json")
    daemon.wait_for("added scenario-1")
    daemon.wait_for_status(lambda s: s["watch"] == "events")

    assert daemon.process.poll() is None


# Workers that come to a bad end


def test_a_worker_killed_from_outside_runs_again_and_nothing_fails(
    home: Home, still: Standstill
) -> None:
    home.drop_many(range(1, 3))
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)

    still.wait_for(daemon.pid).kill()
    daemon.wait_for("batch 1: ok; 2 added")

    again = "batch 1: killed-from-outside, not caused by its files; it runs again"
    assert again in daemon.journal()
    assert home.names("failed") == []
    assert len(home.names("done")) == 2


def test_a_worker_that_takes_too_long_fails_its_file_alone(home: Home, still: Standstill) -> None:
    home.configure(worker={"timeout_s": 1.0})
    home.drop("scenario-1.json", scenario("stuck"))
    home.drop("scenario-2.json", scenario("partner"))
    still.order(KillPoint.FILE_READ)
    still.order(KillPoint.VERDICT_BEING_WRITTEN)

    daemon = home.start(environment=still.environment)
    daemon.wait_for("batch 2: scenario-1.json\n")  # alone, after both took too long
    ended = daemon.terminate()
    home.configure()  # the partner may take all the time that it needs
    went_on = home.once()

    assert (ended, went_on.code) == (0, 0)
    assert home.ids() == ["partner"]
    reason = home.reason("scenario-1.json")
    assert reason["code"] == "timeout"
    assert "took longer than 1 s" in reason["message"]


def test_a_split_that_fails_half_way_strands_no_file_until_a_restart(
    home: Home, still: Standstill
) -> None:
    home.configure(memory={"limit_mb": BOMB_LIMIT_MB})
    home.drop("scenario-1.json", memory_bomb("bomb"))
    home.drop("scenario-2.json", scenario("partner"))
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)

    worker = still.wait_for(daemon.pid)
    (home.work / "000003").mkdir()  # stands for any error of the disk at the second file
    worker.resume()
    daemon.wait_for("its 2 files run one at a time")
    daemon.wait_for("added partner")
    daemon.wait_for_status(lambda s: s["state"] == "idle")

    assert home.names("work") == []
    assert home.names("failed") == ["scenario-1.json"]


def test_the_state_is_idle_only_once_all_that_was_added_is_published(home: Home) -> None:
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["state"] == "idle")

    with lock.held(home.path / "library" / "publish.lock"):
        home.drop("scenario-1.json", scenario("one"))
        shown = daemon.wait_for_status(lambda s: s["state"] == "publishing")
        published = home.ids()
    daemon.wait_for_status(lambda s: s["state"] == "idle")

    assert (shown["added"], published) == (1, [])
    assert home.ids() == ["one"]


# Ending and beginning again


def test_sigterm_ends_after_the_batch_at_hand_and_the_next_start_goes_on(
    home: Home, still: Standstill
) -> None:
    home.drop_many(range(1, 7))
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)
    worker = still.wait_for(daemon.pid)

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received; ending after the current batch")
    worker.resume()

    code = daemon.wait()
    done = home.names("done")
    assert code == 0
    assert done == ["scenario-1.json", "scenario-2.json"]
    assert len(home.names("inbox")) == 4
    assert os.listdir(home.work) == []
    assert home.processes() == []

    daemon = home.start()
    daemon.wait_for_status(lambda s: s["added"] == 4)

    assert len(home.names("done")) == 6


def test_an_idle_daemon_ends_at_once_and_leaves_no_socket(home: Home) -> None:
    home.drop("scenario-1.json")
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["added"] == 1 and s["state"] == "idle")

    daemon.signal(signal.SIGINT)

    assert daemon.wait() == 0
    assert not home.socket.exists()
    assert home.ctl("status").code == 19
    assert "SIGINT received" in daemon.journal()


def test_a_terminal_that_is_closed_ends_it_as_politely(home: Home) -> None:
    daemon = home.start()

    daemon.signal(signal.SIGHUP)

    assert daemon.wait() == 0
    assert "SIGHUP received" in daemon.journal()


def test_a_terminal_that_is_gone_costs_no_batch_at_hand(home: Home, still: Standstill) -> None:
    home.drop("scenario-1.json")
    still.order(KillPoint.FILE_READ)
    ours, terminal = pty.openpty()
    take_terminal = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    take_terminal += "os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", take_terminal, *SCENARIOD, "--root", str(home.path)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env=environment_with(still.environment),
    )
    os.close(terminal)
    try:
        worker = still.wait_for(process.pid)
        os.close(ours)
        wait_until(lambda: state(home) == "stopping", "it is to end")
        worker.resume()

        assert process.wait(timeout=DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()
    assert home.names("done") == ["scenario-1.json"]


def state(home: Home) -> object:
    """Return the state of the running daemon, as its status has it; None where none answers."""
    return (status.ask(home.socket) or {}).get("state")


def test_nohup_keeps_it_running_without_its_terminal(home: Home) -> None:
    daemon = home.start(before=["nohup"])

    daemon.signal(signal.SIGHUP)
    home.drop("scenario-1.json")

    daemon.wait_for_status(lambda s: s["added"] == 1)


def test_a_second_signal_ends_the_batch_at_hand_too_and_nothing_is_lost(
    home: Home, still: Standstill
) -> None:
    home.drop("scenario-1.json", scenario("one"))
    home.drop("scenario-2.json", scenario("two"))
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)
    worker = still.wait_for(daemon.pid)

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received")
    daemon.signal(signal.SIGTERM)
    wait_until(lambda: is_asked_to_end(worker), "the worker is asked to end")
    worker.resume()

    assert daemon.wait() == 0
    assert_each_once(home, ["scenario-1.json", "scenario-2.json"])
    assert home.names("failed") == []
    assert home.once().code == 0
    assert sorted(home.ids()) == ["one", "two"]


def test_once_is_ended_by_a_signal_with_a_code_of_its_own(home: Home, still: Standstill) -> None:
    home.drop_many(range(1, 9))
    still.order(KillPoint.FILE_READ)
    daemon = home.launch(["--root", str(home.path), "--once"], environment=still.environment)
    worker = still.wait_for(daemon.pid)

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received")
    worker.resume()

    assert daemon.wait() == 20
    assert_each_once(home, [f"scenario-{n}.json" for n in range(1, 9)])
    assert home.names("inbox") != []


def test_a_second_daemon_on_one_root_is_refused_with_the_pid_of_the_first(home: Home) -> None:
    daemon = home.start()

    second = home.once()

    assert second.code == 13
    assert f"another scenariod (PID {daemon.pid}) works on {home.path}" in second.err
    assert daemon.status()["pid"] == daemon.pid


def test_killed_again_and_again_in_the_middle_of_ten_batches_loses_and_doubles_nothing(
    home: Home,
) -> None:
    dropped = home.drop_many(range(1, 21))

    for batches in range(1, 5):
        daemon = home.launch()
        daemon.wait_for("batch ")
        if batches % 2:
            daemon.wait_for(": ok; ")
        daemon.kill()
        assert home.everywhere() == sorted(dropped)
    ended = home.once()

    assert ended.code == 0, ended.err
    assert sorted(home.names("done")) == sorted(dropped)
    assert {n: (home.done / n).read_bytes() for n in home.names("done")} == dropped
    assert sorted(home.ids()) == sorted(f"s-{n}" for n in range(1, 21))
    assert os.listdir(home.work) == []


# The environment's faults pause intake, and it resumes by itself


def test_a_locked_library_pauses_intake_until_it_is_free(home: Home) -> None:
    home.configure(library=IMPATIENT, worker={"start": "fork"})
    daemon = home.start()
    with held(home.database):
        home.drop_many(range(1, 4))
        paused = daemon.wait_for_status(lambda s: s["state"] == "paused")

    daemon.wait_for_status(lambda s: s["added"] == 3)

    assert "locked" in paused["detail"]
    assert "intake resumes; the cause was: " in daemon.journal()
    assert home.names("failed") == []
    assert daemon.terminate() == 0
    recorded = sql(home.database, "SELECT reason, begun_at < ended_at FROM pause")
    assert [("locked" in str(reason), order) for reason, order in recorded] == [(True, 1)]
    stages = sql(home.database, "SELECT started_by, waited_ms >= 0, ready_ms >= 0 FROM batch")
    assert set(stages) == {("fork", 1, 1)}


def test_a_library_that_is_locked_at_the_start_is_waited_for(home: Home) -> None:
    home.configure(library=IMPATIENT)
    home.drop_many(range(1, 4))
    with held(home.database):
        daemon = home.launch()
        paused = daemon.wait_for_status(lambda s: s["state"] == "paused")

    daemon.wait_for_status(lambda s: s["added"] == 3)
    assert "locked by another command (opening the library)" in paused["detail"]
    assert "intake resumes; the cause was: " in daemon.journal()
    assert daemon.terminate() == 0


def test_a_start_that_waits_for_the_library_can_be_ended(home: Home) -> None:
    home.configure(library=IMPATIENT)
    home.drop_many(range(1, 3))
    with held(home.database):
        daemon = home.launch()
        daemon.wait_for_status(lambda s: s["state"] == "paused")

        code = daemon.terminate()

    assert code == 0
    assert home.names("inbox") == ["scenario-1.json", "scenario-2.json"]


def test_once_ends_where_the_library_is_locked_at_the_start(home: Home) -> None:
    home.configure(library=IMPATIENT)
    home.drop_many(range(1, 3))

    with held(home.database):
        ended = home.once()

    assert ended.code == 11
    assert "locked by another command" in ended.err
    assert home.names("inbox") == ["scenario-1.json", "scenario-2.json"]


def test_a_work_folder_that_cannot_be_written_pauses_intake_until_it_can(home: Home) -> None:
    daemon = home.start(before=POWERLESS)
    home.work.chmod(0o555)
    home.drop_many(range(1, 3))
    paused = daemon.wait_for_status(lambda s: s["state"] == "paused")

    home.work.chmod(0o755)
    daemon.wait_for_status(lambda s: s["added"] == 2)

    assert "Permission denied" in paused["detail"]
    assert home.names("failed") == []


def test_an_inbox_that_cannot_be_read_pauses_intake_until_it_can(home: Home) -> None:
    home.configure(intake={"rescan_s": 1.0})
    daemon = home.start(before=POWERLESS)
    home.inbox.chmod(0o000)
    daemon.wait_for_status(lambda s: s["state"] == "paused")

    home.inbox.chmod(0o755)
    home.drop("scenario-1.json")
    daemon.wait_for("added scenario-1")

    assert daemon.process.poll() is None


@AS_ROOT
def test_a_full_disk_pauses_intake_until_there_is_room(tmp_path: Path) -> None:
    where = tmp_path / "small"
    where.mkdir()
    with (
        mounted("-t", "tmpfs", "-o", "size=4m", "scenariod-test", at=where),
        closing(Home(where / "root")) as home,
    ):
        daemon = home.start(before=POWERLESS)
        daemon.wait_for_status(lambda s: s["state"] == "idle")
        with suppress(OSError), (where / "ballast").open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))
        (tmp_path / "scenario-1.json").write_bytes(b"")
        run(["truncate", "-s", "-200K", str(where / "ballast")])
        (home.inbox / "scenario-1.json").write_bytes(scenario("one", text="x" * 120_000))
        paused = daemon.wait_for_status(lambda s: s["state"] == "paused")
        lost = home.everywhere() != ["scenario-1.json"]

        (where / "ballast").unlink()
        daemon.wait_for_status(lambda s: s["added"] == 1)

        assert not lost
        assert "space" in paused["detail"] or "full" in paused["detail"]
        assert "(recording in the library)" in paused["detail"]
        assert home.names("failed") == []
        assert daemon.terminate() == 0


def at_its_first_batch(home: Home, still: Standstill, point: KillPoint) -> Daemon:
    """Return a daemon that has published nothing yet, and whose first of two batches is at `point`.

    It is the daemon or its worker that stands still there.
    """
    home.once()
    home.drop_many(range(1, 5))
    still.order(point)
    return home.start(environment=still.environment)


def test_what_was_added_is_published_when_the_daemon_is_stopped(
    home: Home, still: Standstill
) -> None:
    daemon = at_its_first_batch(home, still, KillPoint.FILE_READ)
    worker = still.wait_for(daemon.pid)

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received; ending after the current batch")
    worker.resume()

    assert daemon.wait() == 0
    assert [s["id"] for s in home.scenarios()] == ["s-1", "s-2"]
    ended = "scenariod ended: on request; left for the next start: 2 in inbox/\n"
    assert daemon.journal().endswith(ended)


def test_what_a_kill_left_unpublished_is_published_at_the_next_start(
    home: Home, still: Standstill
) -> None:
    killed = at_its_first_batch(home, still, KillPoint.FOLDER_REMOVED)
    still.wait_until_still(killed.pid)
    killed.kill()
    before = home.scenarios()
    still.order(KillPoint.FILE_READ)

    daemon = home.start(environment=still.environment)
    worker = still.wait_for(daemon.pid)

    assert before == []
    assert [s["id"] for s in home.scenarios()] == ["s-1", "s-2"]
    assert home.names("inbox") == []  # claimed
    worker.resume()
    daemon.wait_for("published 4 scenarios")


def test_a_second_signal_does_not_wait_until_all_is_published(
    home: Home, still: Standstill
) -> None:
    daemon = at_its_first_batch(home, still, KillPoint.FOLDER_REMOVED)
    process = still.wait_until_still(daemon.pid)

    daemon.signal(signal.SIGTERM)
    daemon.signal(signal.SIGINT)
    process.resume()

    assert daemon.wait() == 0
    assert home.scenarios() == []
    assert "does not show the latest changes, which stay in the library: interrupted by" in (
        daemon.journal()
    )


def test_a_stop_reports_that_what_was_added_cannot_be_published(
    home: Home, still: Standstill
) -> None:
    daemon = at_its_first_batch(home, still, KillPoint.FILE_READ)
    worker = still.wait_for(daemon.pid)
    home.published.unlink()
    home.published.mkdir()

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received")
    worker.resume()

    assert daemon.wait() == 0
    *_, reported, last = daemon.journal().splitlines()
    begin = f"! {home.published} does not show the latest changes, which stay in the library: "
    assert reported.startswith(begin)
    assert reported.endswith(f": {home.published} (publishing the library)")
    assert last == "scenariod ended: on request; left for the next start: 2 in inbox/"
    home.published.rmdir()
    home.once()
    assert len(home.scenarios()) == 4


# What people and the service manager see


@pytest.fixture
def manager(home: Home) -> Iterator[ServiceManager]:
    """Stand where a service manager would, until after the daemon has ended."""
    with closing(ServiceManager()) as manager:
        yield manager
        home.close()


def test_the_service_manager_hears_ready_status_watchdog_and_stopping(
    home: Home, manager: ServiceManager, still: Standstill
) -> None:
    home.drop_many(range(1, 3))
    still.order(KillPoint.FILE_READ)
    daemon = manager.start(home, environment={**still.environment, "WATCHDOG_USEC": "400000"})

    worker = still.wait_for(daemon.pid)
    manager.wait_for("STATUS=batch 1: 2 files; 0 added, 0 refused, 0 waiting; worker ")
    worker.resume()
    manager.wait_for("STATUS=idle; 2 added, 0 refused, 0 waiting; library 2")
    manager.wait_for("WATCHDOG=1", times=3)
    assert daemon.terminate() == 0
    manager.wait_for("STOPPING=1")

    during = [line for line in manager.heard if line.startswith("STATUS=batch 1: 2 files; ")]
    assert all(
        line.startswith("STATUS=batch 1: 2 files; 0 added, 0 refused, 0 waiting; worker ")
        and line.endswith(" MB available")
        and " MB of 512 MB (" in line
        for line in during
    )


def test_the_watchdog_is_petted_while_a_worker_is_busy(
    home: Home, manager: ServiceManager, still: Standstill
) -> None:
    home.drop("scenario-1.json")
    still.order(KillPoint.FILE_READ)
    daemon = manager.start(home, environment={**still.environment, "WATCHDOG_USEC": "400000"})
    busy = still.wait_for(daemon.pid)

    before = manager.count("WATCHDOG=1")
    manager.wait_for("WATCHDOG=1", times=before + 8)

    assert busy.status() == psutil.STATUS_STOPPED
    busy.resume()


def test_the_daemon_stays_small_whatever_is_dropped(home: Home) -> None:
    home.configure(memory={"limit_mb": 1024})
    for number in range(1, 3):
        home.drop(f"scenario-{number}.json", scenario(f"big-{number}", text="ä" * 4_100_000))
    home.drop("scenario-6.json", b"[" * 8_000_000)
    home.drop("scenario-7.json", b'{"a": NaN, ' + b'"a": NaN, ' * 800_000 + b'"b": 1}')
    home.drop_many(range(100, 110))
    for number in range(3000):
        (home.inbox / f"scenario-{number}.json.part").touch()
    daemon = home.start()

    daemon.wait_for_status(lambda s: s["added"] == 12 and s["refused"] == 2)
    daemon.wait_for("published 12 scenarios")

    assert peak_bytes(daemon.pid) < LIMIT_OF_DAEMON_BYTES
    assert daemon.terminate() == 0


def test_a_wait_for_memory_is_shown_and_takes_nothing_beyond_what_is_there(home: Home) -> None:
    available_mb = psutil.virtual_memory().available >> 20
    total_mb = psutil.virtual_memory().total >> 20
    if total_mb - available_mb < 200:
        pytest.skip("nothing else uses memory on this machine")
    home.configure(memory={"limit_mb": 64, "reserve_mb": total_mb - 64})
    home.drop_many(range(1, 3))
    daemon = home.start()

    waiting = daemon.wait_for_status(lambda s: s["state"] == "waiting")
    home_status = home.ctl("status").out

    assert "needs 64 MB, 0 MB free beside the reserve" in waiting["detail"]
    assert "needs 64 MB" in home_status
    assert len(home.everywhere()) == 2
    wait_until(lambda: daemon.terminate() == 0, "it ends though it waits")
