from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from scenariod.base import config
from scenariod.base.root import prepare
from scenariod.base.units import MIB
from scenariod.daemon.choice import next_batch
from scenariod.daemon.setup import Setup
from scenariod.intake.batch import Batch
from scenariod.intake.claim import Nothing
from scenariod.monitoring.journal import TextJournal
from scenariod.monitoring.notify import Notifier
from scenariod.workers import host
from scenariod.workers.admission import Waits
from scenariod.workers.host import Host
from scenariod.workers.launchers.rlimits import RlimitLauncher

if TYPE_CHECKING:
    from support.home import Home

LIMIT_MB = 1000
NOW = 1000.0


class Scene:
    """What may be started, on a machine with memory for one worker."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = Host(total_bytes=LIMIT_MB * MIB, available_bytes=LIMIT_MB * MIB)
        monkeypatch.setattr(host, "look", lambda: seen)
        home.configure(
            memory={"limit_mb": LIMIT_MB, "limit_max_mb": LIMIT_MB, "reserve_mb": 0},
            worker={"workers": 2},
        )
        loaded = config.load(
            config=home.path / "config" / "scenariod.toml", root=home.path, cwd=home.path
        )
        prepare(loaded)
        self.setup = Setup.of(
            loaded,
            launcher=RlimitLauncher(),
            journal=TextJournal(sys.stderr),
            notifier=Notifier({}),
            once=True,
        )

    def queue(self, number: int) -> Batch:
        batch = self.setup.work.create(number)
        self.setup.queue.put_last([batch])
        return batch

    def run(self, batch: Batch) -> None:
        self.setup.queue.start(batch, limit_bytes=self.setup.budget.limit_of(batch))

    def next(self, *later_s: float) -> Batch | Waits | Nothing:
        """Return what is to be started, asked for once, and again so many seconds later."""

        async def asked() -> Batch | Waits | Nothing:
            await self.setup.settler.open()
            try:
                found = await next_batch(self.setup, now=NOW)
                for each in later_s:
                    found = await next_batch(self.setup, now=NOW + each)
                return found
            finally:
                await self.setup.settler.close()

        return asyncio.run(asked())


@pytest.fixture
def scene(home: Home, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(home, monkeypatch)


def test_without_a_file_there_is_nothing_to_start_and_a_time_to_look_again(scene: Scene) -> None:
    found = scene.next()

    assert isinstance(found, Nothing)
    assert found.again_s > 0


def test_a_batch_that_waits_comes_before_files_in_the_inbox(home: Home, scene: Scene) -> None:
    home.drop("scenario-1.json")
    waiting = scene.queue(7)

    assert scene.next() == waiting
    assert home.names("inbox") == ["scenario-1.json"]


def test_else_a_batch_is_claimed_and_queued(home: Home, scene: Scene) -> None:
    home.drop("scenario-1.json")

    found = scene.next(60)  # not at once where no lease can show that nobody writes

    assert isinstance(found, Batch)
    assert found.names() == ["scenario-1.json"]
    assert list(scene.setup.queue.waiting()) == [found]


def test_beside_a_running_batch_nothing_is_claimed_that_would_wait_for_memory(
    home: Home, scene: Scene
) -> None:
    scene.run(scene.queue(7))
    home.drop("scenario-1.json")

    assert isinstance(scene.next(), Waits)
    assert home.names("inbox") == ["scenario-1.json"]


def test_a_queued_batch_that_waits_for_memory_keeps_others_waiting(
    home: Home, scene: Scene
) -> None:
    scene.run(scene.queue(7))
    scene.queue(8)
    home.drop("scenario-1.json")

    assert isinstance(scene.next(), Waits)
    assert home.names("inbox") == ["scenario-1.json"]
