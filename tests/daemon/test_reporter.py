from __future__ import annotations

import asyncio
import errno
import os
import sys
from typing import TYPE_CHECKING

import pytest

from scenariod.base import config
from scenariod.base.units import MIB
from scenariod.daemon import reporter
from scenariod.daemon.reporter import StatusReporter
from scenariod.daemon.setup import Setup
from scenariod.intake.batch import Batch
from scenariod.monitoring.journal import TextJournal
from scenariod.monitoring.notify import Notifier
from scenariod.monitoring.status import State, Status, VoiceProgress
from scenariod.workers import host
from scenariod.workers.host import Host
from scenariod.workers.job import Reading
from scenariod.workers.launchers.rlimits import RlimitLauncher
from scenariod.workers.queue import Worker

if TYPE_CHECKING:
    from support.home import Home

LIMIT_MB = 1000


class Scene:
    """A reporter, and the worker and the machine that it shows."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        home.configure(memory={"limit_mb": LIMIT_MB, "reserve_mb": 100})
        loaded = config.load(config=None, root=home.path, cwd=home.path)
        setup = Setup.of(
            loaded,
            launcher=RlimitLauncher(),
            journal=TextJournal(sys.stderr),
            notifier=Notifier({}),
            once=True,
        )
        self.reporter = StatusReporter(setup, voices=VoiceProgress("off"))
        setup.queue.start(Batch(1, home.work), limit_bytes=LIMIT_MB * MIB)
        self._queue = setup.queue
        self.reporter.set_state(State.WORKING)
        self._patch = monkeypatch

    def snapshot(self, *, used_mb: int) -> Status:
        """Return the status while the worker uses so much memory."""
        seen = Host(total_bytes=8000 * MIB, available_bytes=5000 * MIB, stalled_percent=1.5)
        self._patch.setattr(host, "look", lambda: seen)
        reading = Reading(
            used_bytes=used_mb * MIB, limit_bytes=LIMIT_MB * MIB, peak_bytes=300 * MIB
        )
        self._queue.show(1, Worker(1, ("a\n",), reading))
        return self.reporter.snapshot()


@pytest.fixture
def scene(home: Home, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(home, monkeypatch)


def test_the_status_shows_each_worker_and_the_machine_as_last_read(scene: Scene) -> None:
    scene.snapshot(used_mb=100)

    now = scene.snapshot(used_mb=131)

    assert now.workers == [
        {
            "batch": 1,
            "files": ["a\\x0a"],
            "used_bytes": 131 * MIB,
            "limit_bytes": LIMIT_MB * MIB,
            "used_percent": 13.1,
            "peak_bytes": 300 * MIB,
            "stalled_percent": None,
        }
    ]
    assert now.memory == {
        "total_bytes": 8000 * MIB,
        "available_bytes": 5000 * MIB,
        "reserve_bytes": 100 * MIB,
        "limit_bytes": LIMIT_MB * MIB,
        "limit_max_bytes": LIMIT_MB * MIB,
        "chosen": [],
        "stalled_percent": 1.5,
    }


def test_a_machine_that_cannot_be_looked_at_for_a_while_ends_no_heartbeat(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = asyncio.Semaphore(0)

    def look() -> Host:
        looks.release()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "/proc/meminfo")

    async def tell() -> None:
        scene = Scene(home, monkeypatch)
        monkeypatch.setattr(host, "look", look)
        telling = asyncio.create_task(scene.reporter.keep_telling())
        for _ in range(3):
            looked = asyncio.create_task(looks.acquire())
            await asyncio.wait({telling, looked}, return_when=asyncio.FIRST_COMPLETED)
            assert not telling.done()
        telling.cancel()

    asyncio.run(tell())


def test_at_rest_it_is_told_rarely_and_a_change_at_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell() -> None:
        scene = Scene(home, monkeypatch)
        looks: asyncio.Queue[None] = asyncio.Queue()
        real = host.look

        def look() -> Host:
            looks.put_nowait(None)
            return real()

        monkeypatch.setattr(host, "look", look)
        monkeypatch.setattr(reporter, "HEARTBEAT_S", 0.0)
        monkeypatch.setattr(reporter, "RESTING_HEARTBEAT_S", 86400.0)
        scene.reporter.set_state(State.IDLE)
        telling = asyncio.create_task(scene.reporter.keep_telling())
        await looks.get()
        for _ in range(10):  # until it rests
            await asyncio.sleep(0)

        assert looks.empty()
        scene.reporter.set_state(State.WORKING)
        await looks.get()

        telling.cancel()

    asyncio.run(tell())
