"""A person drops files, and takes exactly that back; the daemon runs meanwhile."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from support.home import Daemon, Home, wait_until
from support.scenarios import scenario

from scenariod import backups
from scenariod.base.killpoint import VARIABLE, KillPoint

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = ["kept-1", "kept-2"]
DROPPED = [f"s-{number}" for number in range(1, 6)]


@pytest.fixture
def dropped(home: Home) -> Iterator[tuple[Home, Daemon]]:
    """Return a root folder and its daemon: one drain was kept, then five files were dropped.

    They take three batches, with a backup before the second and the third, as the library grows.
    """
    home.configure(backups={"growth": 0.02}, intake={"rescan_s": 1.0})
    home.drop_all({f"scenario-{name}.json": scenario(name) for name in KEPT})
    assert home.once().code == 0
    home.drop_all({f"scenario-{name}.json": scenario(name) for name in DROPPED})
    daemon = home.start()
    daemon.wait_for(": 7 scenarios, verified")
    yield home, daemon
    assert daemon.terminate() == 0


def settled(home: Home) -> list[int]:
    return [b["id"] for b in home.ctl("history", "--json").json() if b["kind"] == "intake"]


def test_undo_last_takes_back_a_drop_of_five_files_and_once_more_brings_it_back(
    dropped: tuple[Home, Daemon],
) -> None:
    home, daemon = dropped
    counts = [found.count for found in backups.list_backups(home.backups)]

    undone = home.ctl("undo", "last", "--json")
    daemon.wait_for_status(lambda s: s["scenarios"] == 2)
    left = sorted(home.ids())
    again = home.ctl("undo", "last", "--json")

    assert counts == [7, 6, 4, 2, 0]
    assert len(settled(home)) == 4
    assert undone.json()["batches"] == settled(home)[-2::-1]
    assert (undone.json()["removed"], undone.json()["brought_back"]) == (5, 0)
    assert left == KEPT
    assert again.json()["brought_back"] == 5
    assert sorted(home.ids()) == sorted([*KEPT, *DROPPED])


def test_of_two_drains_of_one_daemon_only_the_last_is_taken_back(
    dropped: tuple[Home, Daemon],
) -> None:
    home, daemon = dropped
    daemon.wait_for_status(lambda s: s["state"] == "idle")
    home.drop("scenario-6.json", scenario("s-6"))
    daemon.wait_for(": 8 scenarios, verified")

    undone = home.ctl("undo", "last", "--json")

    assert undone.json()["removed"] == 1
    assert sorted(home.ids()) == sorted([*KEPT, *DROPPED])


@pytest.mark.parametrize(
    ("point", "left"),
    [(KillPoint.UNDO_RECORDED, [*KEPT, *DROPPED]), (KillPoint.LIBRARY_BEING_PUBLISHED, KEPT)],
)
def test_killed_in_undo_last_the_drop_is_there_or_gone_and_so_it_is_published(
    dropped: tuple[Home, Daemon], tmp_path: Path, point: KillPoint, left: list[str]
) -> None:
    home, daemon = dropped
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / point).touch()

    ended = home.ctl("undo", "last", environment={VARIABLE: str(orders)})

    assert ended.code == -signal.SIGKILL
    daemon.wait_for_status(lambda s: s["scenarios"] == len(left) and s["state"] == "idle")
    wait_until(lambda: sorted(home.ids()) == sorted(left), "what is there is published")
