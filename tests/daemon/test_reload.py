from __future__ import annotations

import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.home import Daemon, Home
from support.scenarios import scenario
from support.service_manager import ServiceManager
from support.standstill import Standstill

from scenariod.base.killpoint import KillPoint

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil


@pytest.fixture
def manager(home: Home) -> Iterator[ServiceManager]:
    """Stand where a service manager would, until after the daemon has ended."""
    with closing(ServiceManager()) as manager:
        yield manager
        home.close()


def test_a_reload_has_it_go_on_by_the_configuration_as_it_is_then(
    home: Home, manager: ServiceManager, still: Standstill
) -> None:
    still.order(KillPoint.FILE_READ)
    daemon = manager.start(home, environment=still.environment)
    pid = daemon.wait_for_status(lambda s: s["state"] == "idle")["pid"]

    home.configure(memory={"limit_mb": 192})
    daemon.signal(signal.SIGHUP)
    manager.wait_for_ready(2)
    home.drop("scenario-1.json")
    found = daemon.wait_for_status(lambda s: bool(s["workers"]))

    assert found["pid"] == pid
    assert found["workers"][0]["limit_bytes"] == 192 << 20
    reloading = next(n for n, told in enumerate(manager.heard) if told.startswith("RELOADING=1\n"))
    assert "READY=1" in manager.heard[:reloading]
    assert "READY=1" in manager.heard[reloading:]
    assert "SIGHUP received; continuing with the configuration as it is now" in daemon.journal()


def ask_to_reload_in_a_batch(
    home: Home, manager: ServiceManager, still: Standstill
) -> tuple[Daemon, psutil.Process]:
    """Start the daemon, and have it reload while it waits for a worker, which stands still."""
    still.order(KillPoint.FILE_READ)
    daemon = manager.start(home, environment=still.environment)
    worker = still.wait_for(daemon.pid)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_status(lambda s: s["state"] == "reloading")
    return daemon, worker


def test_a_reload_waits_for_the_batch_at_hand(
    home: Home, manager: ServiceManager, still: Standstill
) -> None:
    home.drop("scenario-1.json", scenario("one"))
    home.drop("scenario-2.json", scenario("two"))
    home.drop("scenario-3.json", scenario("three"))
    home.drop("scenario-4.json", scenario("four"))
    daemon, worker = ask_to_reload_in_a_batch(home, manager, still)

    worker.resume()
    daemon.wait_for("added four")

    assert manager.heard.count("READY=1") == 2
    assert daemon.journal().count("batch 1: ok") == 1
    assert home.names("work") == []
    assert sorted(entry["id"] for entry in home.ctl("list", "--json").json()) == [
        "four",
        "one",
        "three",
        "two",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("[memory]\nlimit_mb = 'much'\n", "memory.limit_mb", id="a value"),
        pytest.param("[memory\n", "scenariod.toml", id="no TOML"),
        pytest.param(
            "[memory]\nreserve_mb = 1048576\n", "do not fit in this machine's", id="too much"
        ),
    ],
)
def test_a_configuration_that_cannot_be_used_changes_nothing(
    text: str, why: str, home: Home, manager: ServiceManager
) -> None:
    daemon = manager.start(home)

    home.configure_with(text)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("SIGHUP received, and nothing was changed: ")
    home.drop("scenario-1.json")
    daemon.wait_for_status(lambda s: s["added"] == 1)

    (line,) = [told for told in daemon.journal().splitlines() if "nothing was changed" in told]
    assert why in line
    assert manager.heard.count("READY=1") == 1


def test_a_reload_needs_no_working_folder(
    home: Home, manager: ServiceManager, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    there = ["sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path / "gone")]
    daemon = home.launch(before=there, environment=manager.environment)
    manager.wait_for_ready(1)

    (tmp_path / "gone").rmdir()
    daemon.signal(signal.SIGHUP)

    manager.wait_for_ready(2)
    assert daemon.terminate() == 0


def test_another_root_folder_takes_a_restart(
    home: Home, manager: ServiceManager, tmp_path: Path
) -> None:
    home.configure_with(f'root = "{home.path}"\n')
    by_file = ["--config", str(home.path / "config" / "scenariod.toml")]
    daemon = home.launch(by_file, environment=manager.environment)
    manager.wait_for_ready(1)

    home.configure_with(f'root = "{tmp_path}"\n')
    daemon.signal(signal.SIGHUP)

    daemon.wait_for(f"root = {tmp_path} is not {home.path}")
    daemon.wait_for("`systemctl restart scenariod` applies it")


def test_an_end_that_is_asked_for_meanwhile_is_the_end_and_as_polite(
    home: Home, manager: ServiceManager, still: Standstill
) -> None:
    home.drop("scenario-1.json", scenario("one"))
    daemon, worker = ask_to_reload_in_a_batch(home, manager, still)

    daemon.signal(signal.SIGTERM)
    daemon.wait_for("SIGTERM received; ending after the current batch")
    worker.resume()

    assert daemon.wait() == 0
    assert home.names("done") == ["scenario-1.json"]
    assert manager.heard.count("READY=1") == 1
    assert manager.heard.count("STOPPING=1") == 1


def test_reloads_under_a_dropper_lose_and_double_nothing(
    home: Home, manager: ServiceManager
) -> None:
    daemon = manager.start(home)

    for number in range(1, 31):
        home.drop(f"scenario-{number}.json", scenario(f"s-{number}"))
        daemon.signal(signal.SIGHUP)
        manager.wait_for_ready(number // 3)
    daemon.wait_for("added s-", times=30)

    assert daemon.terminate() == 0
    assert home.names("inbox") + home.names("work") + home.names("failed") == []
    assert len(home.names("done")) == 30
    assert {entry["id"] for entry in home.ctl("list", "--json").json()} == {
        f"s-{number}" for number in range(1, 31)
    }
