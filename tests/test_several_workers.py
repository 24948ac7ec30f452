"""Several workers at once: what one supervisor does with them, on real processes."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from conftest import scenario, slow, wait_until

if TYPE_CHECKING:
    from conftest import Home

pytestmark = pytest.mark.slow

LIMIT_MB = 512
TWO = {"workers": 2}


def two_at_work(status: dict[str, Any]) -> bool:
    return len(status["workers"]) == 2


def drop_slow(home: Home, numbers: range) -> list[str]:
    """Drop a slow scenario for each number; return the names."""
    for number in numbers:
        home.drop(f"scenario-{number}.json", slow(f"s-{number}"))
    return [f"scenario-{number}.json" for number in numbers]


def test_two_batches_run_at_once_and_each_settles(home: Home) -> None:
    home.configure(worker=TWO)
    names = drop_slow(home, range(1, 9))
    daemon = home.start()

    seen = daemon.wait_for_status(two_at_work)
    shown = home.ctl("status").out
    daemon.wait_for_status(lambda s: s["added"] == 8 and s["state"] == "idle")

    assert seen["most_workers"] == 2
    assert [worker["batch"] for worker in seen["workers"]] == [1, 2]
    assert {worker["limit_bytes"] for worker in seen["workers"]} == {LIMIT_MB << 20}
    assert "  Workers: 2 at most, by rlimits (no systemd here)" in shown
    assert home.names("done") == names
    assert os.listdir(home.work) == []


def test_no_two_run_where_the_limits_do_not_fit_together_and_status_says_so(home: Home) -> None:
    total_mb = psutil.virtual_memory().total >> 20
    budget_mb = 7700  # not twice 4096, and what others use of it may be 3600
    reserve_mb = max(total_mb - budget_mb, 0)
    home.configure(worker={"workers": 4}, memory={"limit_mb": 4096, "reserve_mb": reserve_mb})
    drop_slow(home, range(1, 7))
    seen: list[dict[str, Any]] = []
    daemon = home.start()

    def done(status: dict[str, Any]) -> bool:
        seen.append(status)
        return bool(status["added"] == 6)

    daemon.wait_for_status(done)

    waits = {status["next_waits"] for status in seen if status["workers"]}
    budget_mb = total_mb - reserve_mb
    assert max(len(status["workers"]) for status in seen) == 1
    assert f"needs 4096 MB, and running workers hold 4096 MB of {budget_mb} MB" in waits
    assert home.names("failed") == []


def test_of_two_files_with_one_id_in_two_running_batches_one_is_added(home: Home) -> None:
    home.configure(worker=TWO, intake={"batch_size": 1})
    home.drop("scenario-1.json", slow("same"))
    home.drop("scenario-2.json", slow("same", numbers=700_001))
    daemon = home.start()

    daemon.wait_for_status(lambda s: s["added"] + s["refused"] == 2)

    assert len(home.names("done")) == len(home.names("failed")) == 1
    assert home.reason(home.names("failed")[0])["code"] == "conflict"


def test_a_poison_file_in_one_batch_does_not_disturb_the_other(home: Home) -> None:
    home.configure(worker={**TWO, "timeout_s": 2.0})
    home.drop("scenario-1.json", slow("stuck", numbers=4_000_000))
    home.drop("scenario-2.json", scenario("partner"))
    home.drop("scenario-3.json", scenario("s-3"))
    home.drop("scenario-4.json", scenario("s-4"))

    ended = home.once()

    assert ended.code == 3, ended.err
    assert sorted(home.ids()) == ["partner", "s-3", "s-4"]
    assert home.names("failed") == ["scenario-1.json"]
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
    home: Home,
) -> None:
    home.configure(worker=TWO, library={"on_conflict": "replace"})
    home.drop("scenario-1.json", slow("same"))
    home.drop("scenario-2.json", scenario("s-2"))
    home.drop("scenario-3.json", scenario("same", text="the last word"))
    home.drop("scenario-4.json", scenario("s-4"))

    ended = home.once()

    assert ended.code == 0, ended
    assert json.loads(home.ctl("show", "same").out)["text"] == "the last word"


def test_a_kill_with_two_at_work_loses_and_doubles_nothing(home: Home) -> None:
    home.configure(worker=TWO)
    names = drop_slow(home, range(1, 7))
    daemon = home.start()
    daemon.wait_for_status(two_at_work)

    daemon.kill()
    between = home.everywhere()
    ended = home.once()

    assert between == names
    assert ended.code == 0, ended.err
    assert "taking up what was cut off: batch 1, 2" in ended.err
    assert home.names("done") == names
    assert sorted(home.ids()) == [f"s-{n}" for n in range(1, 7)]


def test_a_signal_ends_after_both_batches_at_hand(home: Home) -> None:
    home.configure(worker=TWO)
    names = drop_slow(home, range(1, 9))
    daemon = home.start()
    daemon.wait_for_status(two_at_work)

    assert daemon.terminate() == 0

    assert "SIGTERM received; ending after the batches at hand" in daemon.journal()
    assert home.names("done") == names[:4]
    assert home.names("inbox") == names[4:]
    assert os.listdir(home.work) == []


def test_a_second_signal_ends_both_and_the_next_start_goes_on(home: Home) -> None:
    home.configure(worker=TWO)
    names = drop_slow(home, range(1, 5))
    daemon = home.start()
    daemon.wait_for_status(two_at_work)

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received")
    daemon.signal(signal.SIGTERM)

    assert daemon.wait() == 0
    wait_until(lambda: not home.processes(), "no worker is left")
    assert home.everywhere() == names
    assert home.once().code == 0
    assert home.names("done") == names
