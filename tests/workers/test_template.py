"""Workers that are forks of a template, under the real daemon."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest
from support.home import Daemon, Home, is_alive, wait_until
from support.standstill import Standstill

import scenariod
from scenariod.base import config
from scenariod.base.killpoint import KillPoint
from scenariod.intake.batch import Batch
from scenariod.validation.scenario import judge
from scenariod.validation.verdict import Accepted, Rejected
from scenariod.workers import template
from scenariod.workers.job import Job
from scenariod.workers.launchers import child
from scenariod.workers.launchers.rlimits import RlimitLauncher
from scenariod.workers.starting import Starter

pytestmark = pytest.mark.slow


def template_of(daemon: Daemon) -> psutil.Process:
    """Return the template of `daemon`, as soon as it can fork."""
    found: list[psutil.Process] = []

    def there() -> bool:
        found[:] = daemon.templates()
        return len(found) == 1

    wait_until(there, "there is a template")
    return found[0]


def start(home: Home, still: Standstill) -> Daemon:
    home.configure(worker={"start": "fork"})
    daemon = home.start(environment=still.environment)
    daemon.wait_for_status(lambda s: s["worker_start"] == "forked from a template")
    return daemon


def test_a_template_warms_up_with_one_that_is_accepted_and_one_that_is_not() -> None:
    assert isinstance(judge(template.SOUND, name="scenario-warm.json"), Accepted)
    assert isinstance(judge(template.BROKEN, name="scenario-warm.json"), Rejected)


def test_a_worker_is_a_child_of_the_daemon_and_serves_one_batch(
    home: Home, still: Standstill
) -> None:
    daemon = start(home, still)
    seen = []
    for number in range(2):
        still.order(KillPoint.FILE_READ)
        home.drop(f"scenario-{number}.json")
        worker = still.wait_for(daemon.pid)
        seen.append(worker.pid)
        worker.send_signal(signal.SIGCONT)
        daemon.wait_for(f"added scenario-{number}")

        assert not is_alive(worker.pid)

    assert len(set(seen)) == 2


def test_the_template_has_one_thread_and_nothing_of_a_batch(home: Home, still: Standstill) -> None:
    daemon = start(home, still)
    still.order(KillPoint.FILE_READ)
    home.drop("scenario-1.json")
    worker = still.wait_for(daemon.pid)
    of_all = template_of(daemon)
    opened = {os.readlink(link) for link in Path(f"/proc/{of_all.pid}/fd").iterdir()}

    assert of_all.num_threads() == 1
    assert [path for path in opened if str(home.path) in path] == []
    assert of_all.children() == []
    worker.send_signal(signal.SIGCONT)
    daemon.wait_for("added scenario-1")


def test_each_drain_has_a_template_of_its_own(home: Home, still: Standstill) -> None:
    daemon = start(home, still)
    before = template_of(daemon)

    home.drop("scenario-1.json")
    daemon.wait_for("added scenario-1")
    wait_until(lambda: not is_alive(before.pid), "the used template has ended")

    assert template_of(daemon).pid != before.pid


def test_an_upgrade_brings_a_template_of_the_new_code_in_the_middle_of_a_drain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "__init__.py"
    installed.touch()
    monkeypatch.setattr(scenariod, "__file__", str(installed))
    settings = config.load(config=None, root=tmp_path, cwd=tmp_path)
    starter = Starter(settings, RlimitLauncher(), tell=pytest.fail)

    async def used_by(number: int) -> int:
        batch = Batch(number, tmp_path / f"{number:06d}")
        worker = await starter.start(Job(settings, batch, (), limit_bytes=256 << 20))
        child.send(worker, signal.SIGKILL)
        await worker.wait()
        (template,) = psutil.Process().children()
        return template.pid

    async def drain() -> list[int]:
        try:
            before = [await used_by(1), await used_by(2)]
            (tmp_path / "new").touch()
            (tmp_path / "new").replace(installed)
            return [*before, await used_by(3)]
        finally:
            await starter.close()

    first, second, after = asyncio.run(drain())

    assert second == first
    assert after != first
    assert not is_alive(first)


def test_a_worker_goes_on_when_the_template_is_killed_and_the_next_has_another(
    home: Home, still: Standstill
) -> None:
    daemon = start(home, still)
    still.order(KillPoint.FILE_READ)
    home.drop("scenario-1.json")
    worker = still.wait_for(daemon.pid)
    of_all = template_of(daemon)

    of_all.kill()
    wait_until(lambda: not is_alive(of_all.pid), "the template is dead")
    worker.send_signal(signal.SIGCONT)
    daemon.wait_for("added scenario-1")
    home.drop("scenario-2.json")
    daemon.wait_for("added scenario-2")

    assert template_of(daemon).pid != of_all.pid
    assert "interrupted" not in daemon.journal()


def test_a_killed_worker_ends_its_template_and_the_batch_runs_again(
    home: Home, still: Standstill
) -> None:
    daemon = start(home, still)
    still.order(KillPoint.FILE_READ)
    home.drop("scenario-1.json")
    worker = still.wait_for(daemon.pid)
    of_all = template_of(daemon)

    worker.kill()
    daemon.wait_for("added scenario-1")

    assert not is_alive(of_all.pid)


def test_worker_and_template_die_with_the_daemon_though_the_worker_stands_still(
    home: Home, still: Standstill
) -> None:
    daemon = start(home, still)
    still.order(KillPoint.FILE_READ)
    home.drop("scenario-1.json")
    worker = still.wait_for(daemon.pid)
    of_all = template_of(daemon)

    os.kill(daemon.pid, signal.SIGKILL)

    wait_until(lambda: not is_alive(worker.pid), "the worker has died")
    wait_until(lambda: not is_alive(of_all.pid), "the template has died")


def test_no_template_is_had_where_each_worker_is_to_be_started_anew(home: Home) -> None:
    home.configure(worker={"start": "exec"})
    daemon = home.start()
    home.drop("scenario-1.json")
    daemon.wait_for("added scenario-1")

    assert daemon.templates() == []
    assert daemon.status()["worker_start"] == 'started anew: worker.start = "exec"'
