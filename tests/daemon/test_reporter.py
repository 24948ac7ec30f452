from __future__ import annotations

import asyncio
import errno
import os
import sys
from typing import TYPE_CHECKING

import pytest

from scenariod.base import config
from scenariod.base.units import MIB
from scenariod.daemon.reporter import StatusReporter
from scenariod.daemon.settle import Settler
from scenariod.intake.batch import Batch, Work
from scenariod.intake.claim import Claimer
from scenariod.monitoring.journal import TextJournal
from scenariod.monitoring.notify import Notifier
from scenariod.monitoring.status import Running, State
from scenariod.workers import host
from scenariod.workers.budget import Budget
from scenariod.workers.host import Host
from scenariod.workers.queue import Queue

if TYPE_CHECKING:
    from support.home import Home

LIMIT_MB = 1000


class Scene:
    """A reporter, and the worker and the machine that it shows."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        loaded = config.load(config=None, root=home.path, cwd=home.path)
        work = Work(home.work)
        journal = TextJournal(sys.stderr)
        settler = Settler(loaded, work=work, journal=journal)
        queue = Queue()
        self.reporter = StatusReporter(
            loaded,
            claimer=Claimer(
                loaded,
                work=work,
                reserve_batch=lambda: settler.in_thread(settler.reserve_batch),
                journal=journal,
                pair_wait_s=0,
            ),
            queue=queue,
            budget=Budget(loaded, queue=queue),
            notifier=Notifier({}),
            launcher_name="rlimits",
            doing=lambda: "",
        )
        self.worker = Running(1, ["a"], limit_bytes=LIMIT_MB * MIB)
        queue.start(Batch(1, home.work), limit_bytes=LIMIT_MB * MIB)
        queue.show(1, self.worker)
        self.reporter.set_state(State.WORKING)
        self._patch = monkeypatch

    def line(self, *, used_mb: int, available_mb: int = 5000) -> str:
        """Return the line told with so much memory used by the worker, and left in the machine."""
        seen = Host(total_bytes=8000 * MIB, available_bytes=available_mb * MIB)
        self._patch.setattr(host, "look", lambda: seen)
        self.worker.used_bytes = used_mb * MIB
        return self.reporter.line()


@pytest.fixture
def scene(home: Home, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(home, monkeypatch)


def test_memory_is_told_anew_only_when_it_has_changed_by_more_than_a_few_per_cent(
    scene: Scene,
) -> None:
    first = scene.line(used_mb=100)
    a_little_more = scene.line(used_mb=130)
    much_more = scene.line(used_mb=131)

    assert "worker 100 MB of 1000 MB (10 %)" in first
    assert a_little_more == first
    assert "worker 131 MB of 1000 MB (13 %)" in much_more


def test_the_machines_memory_is_told_anew_likewise(scene: Scene) -> None:
    first = scene.line(used_mb=0, available_mb=5000)
    a_little_less = scene.line(used_mb=0, available_mb=4800)
    much_less = scene.line(used_mb=0, available_mb=4700)

    assert first.endswith("; 5000 MB available")
    assert a_little_less == first
    assert much_less.endswith("; 4700 MB available")


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


def test_the_status_itself_always_has_the_latest_reading(scene: Scene) -> None:
    scene.line(used_mb=100)
    scene.line(used_mb=101)

    assert [w.used_bytes for w in scene.reporter.snapshot().workers] == [101 * MIB]
