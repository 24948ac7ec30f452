"""Several workers at once: what one supervisor does with them, on real processes."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from support.home import wait_until
from support.scenarios import BOMB_LIMIT_MB, memory_bomb, scenario
from support.standstill import Standstill, is_asked_to_end

from scenariod.base.killpoint import KillPoint

if TYPE_CHECKING:
    from support.home import Daemon, Home

pytestmark = pytest.mark.slow

LIMIT_MB = 512
TWO = {"workers": 2}


def hold_two(daemon: Daemon, still: Standstill) -> list[psutil.Process]:
    """Return the first two workers, which stand still: the one took the first order, and stays."""
    return still.wait_for_all(2, daemon.pid)


def started(home: Home, still: Standstill) -> Daemon:
    """Start the daemon; the first of two workers is to stand still, and so is the other."""
    still.order(KillPoint.FILE_READ)
    still.order(KillPoint.VERDICT_BEING_WRITTEN)
    return home.start(environment=still.environment)


def two_at_work(status: dict[str, Any]) -> bool:
    return len(status["workers"]) == 2


def test_two_batches_run_at_once_and_each_settles(home: Home, still: Standstill) -> None:
    home.configure(worker=TWO)
    names = list(home.drop_many(range(1, 9)))
    daemon = started(home, still)

    workers = hold_two(daemon, still)
    seen = daemon.wait_for_status(two_at_work)
    shown = home.ctl("status").out
    for worker in workers:
        worker.resume()
    daemon.wait_for_status(lambda s: s["added"] == 8 and s["state"] == "idle")

    assert seen["most_workers"] == 2
    assert [worker["batch"] for worker in seen["workers"]] == [1, 2]
    assert {worker["limit_bytes"] for worker in seen["workers"]} == {LIMIT_MB << 20}
    assert f"  Workers: 2 at most, {LIMIT_MB} MB each, by rlimits (no systemd here)" in shown
    assert home.names("done") == names
    assert os.listdir(home.work) == []


def test_no_two_run_where_the_limits_do_not_fit_together_and_status_says_so(
    home: Home, still: Standstill
) -> None:
    total_mb = psutil.virtual_memory().total >> 20
    limit_mb = total_mb * 55 // 100  # not twice in all of it, and once in what others leave
    home.configure(
        worker={"workers": 4},
        memory={"limit_max_mb": limit_mb, "allow_over_4096_mb": True, "reserve_mb": 0},
    )
    home.once()
    for number in range(1, 4):
        folder = home.work / f"{number:06}"
        folder.mkdir()
        (folder / f"scenario-{number}.json").write_bytes(scenario(f"s-{number}"))
        (folder / "batch.json").write_text('{"attempts": 1, "larger": true}')
    seen: list[dict[str, Any]] = []
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)
    alone = still.wait_for(daemon.pid)
    waits = f"needs {limit_mb} MB, and running workers hold {limit_mb} MB of {total_mb} MB"
    daemon.wait_for_status(lambda s: bool(s["next_waits"] == waits))
    alone.resume()

    def done(status: dict[str, Any]) -> bool:
        seen.append(status)
        return bool(status["added"] == 3)

    daemon.wait_for_status(done)

    assert max(len(status["workers"]) for status in seen) == 1
    assert home.names("failed") == []


def test_of_two_files_with_one_id_in_two_running_batches_one_is_added(
    home: Home, still: Standstill
) -> None:
    home.configure(worker=TWO, intake={"batch_size": 1})
    home.drop("scenario-1.json", scenario("same"))
    home.drop("scenario-2.json", scenario("same", title="another"))
    daemon = started(home, still)

    for worker in hold_two(daemon, still):
        worker.resume()
    daemon.wait_for_status(lambda s: s["added"] + s["refused"] == 2)

    assert len(home.names("done")) == len(home.names("failed")) == 1
    assert home.reason(home.names("failed")[0])["code"] == "conflict"


def test_a_poison_file_in_one_batch_does_not_disturb_the_other(home: Home) -> None:
    home.configure(worker=TWO, memory={"limit_mb": BOMB_LIMIT_MB})
    home.drop("scenario-1.json", memory_bomb("bomb"))
    home.drop("scenario-2.json", scenario("partner"))
    home.drop("scenario-3.json", scenario("s-3"))
    home.drop("scenario-4.json", scenario("s-4"))

    ended = home.once()

    assert ended.code == 3, ended.err
    assert sorted(home.ids()) == ["partner", "s-3", "s-4"]
    assert home.names("failed") == ["scenario-1.json"]
    assert home.reason("scenario-1.json")["code"] == "out-of-memory"
    assert os.listdir(home.work) == []


def test_a_file_that_waits_for_the_larger_limit_holds_up_neither_the_inbox_nor_what_follows(
    home: Home,
) -> None:
    total_mb = psutil.virtual_memory().total >> 20
    larger_mb = total_mb - LIMIT_MB  # with the reserve all of the memory: that is never free
    home.configure(
        memory={
            "limit_mb": LIMIT_MB,
            "limit_max_mb": larger_mb,
            "allow_over_4096_mb": True,
            "reserve_mb": total_mb - larger_mb,
        }
    )
    home.once()
    folder = home.work / "000007"
    folder.mkdir()
    (folder / "scenario-7.json").write_bytes(scenario("needs-much"))
    (folder / "batch.json").write_text('{"attempts": 1, "larger": true}')
    daemon = home.start()

    home.drop("scenario-8.json", scenario("another"))
    wait_until(lambda: home.published.exists() and home.ids() == ["another"], "it is published")
    waiting = daemon.wait_for_status(lambda s: s["state"] == "waiting")
    code = daemon.terminate()

    assert waiting["detail"].startswith(f"needs {larger_mb} MB")
    assert code == 0
    assert (folder / "scenario-7.json").exists()


def test_the_version_that_was_dropped_last_stays_however_long_the_one_before_takes(
    home: Home, still: Standstill
) -> None:
    home.configure(worker=TWO, library={"on_conflict": "replace"})
    home.drop("scenario-1.json", scenario("same"))
    home.drop("scenario-2.json", scenario("s-2"))
    home.drop("scenario-3.json", scenario("same", text="the last word"))
    home.drop("scenario-4.json", scenario("s-4"))
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)

    before = still.wait_for(daemon.pid)
    home.ctl("status")  # that takes as long as another worker
    before.resume()
    daemon.wait_for_status(lambda s: s["state"] == "idle" and s["scenarios"] == 3)

    assert json.loads(home.ctl("show", "same").out)["text"] == "the last word"


def test_a_kill_with_two_at_work_loses_and_doubles_nothing(home: Home, still: Standstill) -> None:
    home.configure(worker=TWO)
    names = list(home.drop_many(range(1, 7)))
    daemon = started(home, still)
    hold_two(daemon, still)

    daemon.kill()
    between = home.everywhere()
    ended = home.once()

    assert between == names
    assert ended.code == 0, ended.err
    assert "resuming what was interrupted: batch 1, 2" in ended.err
    assert home.names("done") == names
    assert sorted(home.ids()) == [f"s-{n}" for n in range(1, 7)]


def test_a_signal_ends_after_both_batches_at_hand(home: Home, still: Standstill) -> None:
    home.configure(worker=TWO)
    names = list(home.drop_many(range(1, 9)))
    daemon = started(home, still)
    workers = hold_two(daemon, still)

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received; ending after the current batches")
    for worker in workers:
        worker.resume()

    assert daemon.wait() == 0
    assert home.names("done") == names[:4]
    assert home.names("inbox") == names[4:]
    assert os.listdir(home.work) == []


def test_a_second_signal_ends_both_and_the_next_start_goes_on(
    home: Home, still: Standstill
) -> None:
    home.configure(worker=TWO)
    names = list(home.drop_many(range(1, 5)))
    daemon = started(home, still)
    workers = hold_two(daemon, still)

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received")
    daemon.signal(signal.SIGTERM)
    wait_until(lambda: all(map(is_asked_to_end, workers)), "both workers are asked to end")
    for worker in workers:
        worker.resume()

    assert daemon.wait() == 0
    wait_until(lambda: not home.processes(), "no worker is left")
    assert home.everywhere() == names
    assert home.once().code == 0
    assert home.names("done") == names
