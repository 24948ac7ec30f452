"""Killed at any step, the cure is to start again: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from support.counters import KILL
from support.home import Home, copy_of, wait_until
from support.kill_points import (
    ELSEWHERE,
    IN_WORKER,
    Case,
    Chosen,
    Kill,
    Scene,
    chosen,
    each_once,
    everything,
)
from support.scenarios import BOMB_LIMIT_MB, memory_bomb, scenario
from support.standstill import Standstill

from scenariod import backups
from scenariod.base.killpoint import VARIABLE, KillPoint, Order

pytestmark = pytest.mark.slow

CHOSEN = chosen()
KNOWN = scenario("known")
KILLED = -signal.SIGKILL
DRAINED = {0, 3}
"""Exit codes of a run that has settled all there was."""


@dataclass(frozen=True)
class Dropped:
    """What is dropped in a scene, and what must become of it."""

    files: dict[str, bytes]
    refused: dict[str, str]
    ids: list[str]
    memory: dict[str, object]

    @property
    def done(self) -> list[str]:
        return sorted(self.files.keys() - self.refused.keys())


SCENES = {
    Scene.MIXED: Dropped(
        files={
            "scenario-1.json": scenario("one"),
            "scenario-2.json": scenario("two"),
            "scenario-3.json": b'{"id": "three",\n  nope}',
            "scenario-4.json": scenario("known", title="another"),
        },
        refused={"scenario-3.json": "not-json", "scenario-4.json": "conflict"},
        ids=["known", "one", "two"],
        memory={},
    ),
    Scene.BOMB: Dropped(
        files={
            "scenario-1.json": memory_bomb("bomb"),
            "scenario-2.json": scenario("partner"),
            "scenario-3.json": KNOWN,
        },
        refused={"scenario-1.json": "out-of-memory"},
        ids=["known", "partner"],
        memory={"limit_mb": BOMB_LIMIT_MB, "soft_limit_percent": 100},
    ),
    Scene.LARGE: Dropped(
        files={"scenario-1.json": memory_bomb("large")},
        refused={},
        ids=["known", "large"],
        memory={"limit_mb": BOMB_LIMIT_MB, "limit_max_mb": 512, "soft_limit_percent": 100},
    ),
    Scene.PATIENT: Dropped(
        files={"scenario-1.json": memory_bomb("large"), "scenario-2.json": scenario("next")},
        refused={},
        ids=["known", "large", "next"],
        memory={"limit_mb": 640, "soft_limit_percent": 10},
    ),
}


# Every point is reached


@pytest.mark.parametrize("choose", [each_once, everything])
def test_every_kill_point_has_a_test_that_reaches_it(choose: Callable[[], Chosen]) -> None:
    assert choose().reached() | ELSEWHERE.keys() == set(KillPoint)


def test_a_kill_point_is_named_where_it_is_said_to_be_reached() -> None:
    said = [
        (Path(__file__).parents[1] / f"{module}.py", point) for point, module in ELSEWHERE.items()
    ]

    unfounded = [str(p) for path, p in said if f"KillPoint.{p.name}" not in path.read_text()]
    assert unfounded == []


# A root folder with a library, and processes that die in it


@pytest.fixture(scope="module")
def library_of_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root folder in which one scenario was added and published."""
    home = Home(tmp_path_factory.mktemp("before") / "root")
    home.drop("scenario-0.json", KNOWN)
    assert home.once().code == 0
    (home.done / "scenario-0.json").unlink()
    return home.path


@pytest.fixture
def copy(library_of_one: Path, tmp_path: Path) -> Iterator[Home]:
    """Return a root folder of one's own that is as `library_of_one`."""
    with closing(copy_of(library_of_one, tmp_path)) as home:
        yield home


@pytest.fixture(scope="module")
def old_files(library_of_one: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root folder with three files in `done/` and three in `failed/`."""
    home = copy_of(library_of_one, tmp_path_factory.mktemp("old"))
    for number in range(1, 4):  # a backup before each, which holds those before it
        home.drop(f"scenario-{number}.json", scenario(f"s-{number}"))
        home.drop(f"scenario-{number}-bad.json", b"{")
        assert home.once().code == 3
    return home.path


@pytest.fixture
def aged(old_files: Path, tmp_path: Path) -> Iterator[Home]:
    """Return a root folder as `old_files`, which is to keep one of each."""
    with closing(copy_of(old_files, tmp_path)) as home:
        home.configure(retention={"done_count": 1, "failed_count": 1})
        for folder in ("done", "failed"):
            have_come_in_turn([home.path / folder / name for name in home.names(folder)])
        yield home


def have_come_in_turn(paths: list[Path]) -> None:
    """Have each file come later than the one before; a copy of them all comes at once."""
    for before, path in pairwise(paths):

        def is_later(before: Path = before, path: Path = path) -> bool:
            path.touch()
            return path.stat().st_ctime_ns > before.stat().st_ctime_ns

        wait_until(is_later, "the clock of the file system goes on")


class Orders:
    """The folder of orders to die, and the environment in which they count."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = {VARIABLE: str(folder)}

    def give(self, kill: Kill) -> None:
        (self._folder / kill.point).write_text(kill.order)

    def obeyed(self) -> bool:
        return os.listdir(self._folder) == []


@pytest.fixture
def orders(orders_folder: Path) -> Orders:
    return Orders(orders_folder)


def run_until(kill: Kill, home: Home, orders: Orders, still: Standstill) -> tuple[int, str]:
    """Run once, with a kill on the way; return the exit code and what was said.

    A worker that was root cannot kill its supervisor: it stands still, and this process kills.
    """
    if kill.point not in IN_WORKER or kill.order is Order.HERE:
        orders.give(kill)
        ended = home.once(environment=orders.environment)
        return ended.code, ended.err
    still.order(kill.point)
    daemon = home.launch(["--root", str(home.path), "--once"], environment=orders.environment)
    worker = still.wait_for(daemon.pid)
    daemon.process.kill()
    if kill.order is Order.BOTH:
        with suppress(psutil.NoSuchProcess):  # it dies with its supervisor
            worker.kill()
    return daemon.wait(), daemon.journal()


@pytest.mark.soak
@pytest.mark.parametrize("case", CHOSEN.cases, ids=str)
def test_killed_at_any_point_a_start_settles_every_file_once(
    copy: Home,
    orders: Orders,
    still: Standstill,
    case: Case,
    record_property: Callable[[str, object], None],
) -> None:
    dropped = SCENES[case.scene]
    copy.configure(memory=dropped.memory)
    for name, content in dropped.files.items():
        copy.drop(name, content)

    for kill in case.kills:
        code, said = run_until(kill, copy, orders, still)

        assert orders.obeyed(), f"{kill} was never reached:\n{said}"
        assert (code == KILLED) is not kill.spares_supervisor, said
        wait_until(lambda: not copy.processes(), "no process is left")
        assert copy.everywhere() == sorted(dropped.files)
        check_what_has_a_final_name(copy)
        record_property(KILL, str(kill))

    for _ in range(2):  # one whose worker was killed before it was ready has paused
        if (ended := copy.once()).code in DRAINED:
            break
    check_settled(copy, dropped, starts=len(case.kills) + 1, said=ended.err)


@pytest.mark.soak
@pytest.mark.parametrize("points", CHOSEN.while_spared, ids=",".join)
def test_killed_after_its_worker_was_killed_from_outside_a_start_settles_every_file_once(
    copy: Home,
    orders: Orders,
    points: tuple[KillPoint, ...],
    record_property: Callable[[str, object], None],
) -> None:
    dropped = SCENES[Scene.MIXED]
    copy.drop_all(dropped.files)

    for point in points:
        orders.give(Kill(KillPoint.FILE_READ))
        orders.give(Kill(point))
        ended = copy.once(environment=orders.environment)

        assert orders.obeyed(), f"{point} was never reached:\n{ended.err}"
        assert ended.code == KILLED
        record_property(KILL, f"{point}/supervisor")

    ended = copy.once()
    check_settled(copy, dropped, starts=len(points) + 1, said=ended.err)


@pytest.mark.soak
@pytest.mark.parametrize("points", CHOSEN.while_tidying, ids=",".join)
def test_killed_while_old_files_are_removed_a_start_removes_the_rest_and_no_more(
    aged: Home,
    orders: Orders,
    points: tuple[KillPoint, ...],
    record_property: Callable[[str, object], None],
) -> None:
    for point in points:
        orders.give(Kill(point))
        ended = aged.once(environment=orders.environment)

        assert orders.obeyed(), f"{point} was never reached:\n{ended.err}"
        assert ended.code == KILLED
        assert "scenario-3.json" in aged.names("done")
        for name in aged.names("failed"):
            assert aged.reason(name)["code"] == "not-json"
        record_property(KILL, f"{point}/supervisor")

    assert aged.once().code == 0
    assert os.listdir(aged.done) == ["scenario-3.json"]
    assert sorted(os.listdir(aged.failed)) == [
        "scenario-3-bad.json",
        "scenario-3-bad.json.reason.json",
    ]
    assert sorted(aged.ids()) == ["known", "s-1", "s-2", "s-3"]
    check_what_has_a_final_name(aged)


def check_what_has_a_final_name(home: Home) -> None:
    """See that whatever has its final name is whole, at any moment."""
    assert json.loads(home.published.read_bytes())["scenarios"]
    assert broken_backups(home) == []
    for reason in home.failed.glob("*.reason.json"):
        assert json.loads(reason.read_bytes())["code"]


def check_settled(home: Home, dropped: Dropped, *, starts: int, said: str) -> None:
    """See that every file is where it belongs, and every accepted scenario there once."""
    assert home.names("done") == dropped.done, said
    assert home.names("failed") == sorted(dropped.refused), said
    assert os.listdir(home.inbox) == os.listdir(home.work) == [], said
    found = {n: (home.done / n).read_bytes() for n in home.names("done")}
    found |= {n: (home.failed / n).read_bytes() for n in home.names("failed")}
    assert found == dropped.files
    for name, code in dropped.refused.items():
        reason = home.reason(name)
        assert reason["code"] == code
        assert reason["attempts"] <= starts
    check_library(home, dropped)
    check_what_has_a_final_name(home)
    assert list(home.path.rglob("*.part")) == []
    assert not home.processes()


def check_library(home: Home, dropped: Dropped) -> None:
    with closing(sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)) as db:
        sound = db.execute("PRAGMA integrity_check").fetchall()
        rows = db.execute("SELECT id FROM scenario ORDER BY id").fetchall()
        files = db.execute("SELECT name FROM file WHERE batch > 1 ORDER BY name").fetchall()
    assert sound == [("ok",)]
    assert rows == [(scenario_id,) for scenario_id in dropped.ids]
    assert [os.fsdecode(name) for (name,) in files] == sorted(dropped.files)
    assert sorted(home.ids()) == dropped.ids


def broken_backups(home: Home) -> list[str]:
    """Return the backups that are not whole."""
    checked = [backups.verify(found.path) for found in backups.list_backups(home.backups)]
    return [f"{b.path}: {b.message}" for b in checked if isinstance(b, backups.Defect)]
