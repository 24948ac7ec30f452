"""The report is made once all is quiet, gives way, and holds up nothing."""

from __future__ import annotations

import asyncio
import fcntl
import io
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from support.home import Home, wait_until

from scenariod.base import config
from scenariod.base.root import prepare
from scenariod.daemon import reporting
from scenariod.daemon.reporting import QUIET_S, Reporting
from scenariod.daemon.settle import Settler
from scenariod.intake.batch import Work
from scenariod.monitoring.journal import TextJournal
from scenariod.reports import folder
from scenariod.reports.making import Made, Making


@dataclass
class Rounds:
    """Asks for the report at times of its own."""

    settings: config.Config
    said: io.StringIO = field(default_factory=io.StringIO)

    def run(self, act: Callable[[Reporting], object]) -> None:
        """Have a coroutine work on a `Reporting`; all is closed then."""

        async def go() -> None:
            journal = TextJournal(self.said)
            settler = Settler(self.settings, work=Work(self.settings.work), journal=journal)
            await settler.open()
            made = Reporting(self.settings, settler=settler, journal=journal)
            try:
                result = act(made)
                if asyncio.iscoroutine(result):
                    await result
            finally:
                await made.stop()
                await settler.close()

        asyncio.run(go())


async def at(made: Reporting, now: float) -> None:
    """Ask at `now`, and wait for the end of what that begins."""
    ended = asyncio.Event()
    made.begin_if_due(now, on_end=ended.set)
    if made.is_busy:
        await asyncio.wait_for(ended.wait(), 60)


@pytest.fixture
def rounds(home: Home) -> Rounds:
    home.drop_many(range(2))
    assert home.once().code == 0
    loaded = config.load(config=None, root=home.path, cwd=home.path)
    prepare(loaded)
    return Rounds(loaded)


def made_at(rounds: Rounds) -> str | None:
    return folder.made_at(rounds.settings.reports)


@pytest.mark.slow
def test_it_is_made_after_a_quiet_time_and_again_only_if_something_has_happened(
    rounds: Rounds, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Making] = []
    run = Making.run

    def noted(making: Making) -> Made | None:
        runs.append(making)
        return run(making)

    monkeypatch.setattr(Making, "run", noted)

    async def act(made: Reporting) -> None:
        await at(made, 0)
        assert (made_at(rounds), made.wait_s(0, at_most=99)) == (None, QUIET_S)
        await at(made, QUIET_S)
        assert made_at(rounds) is not None
        await at(made, 3 * QUIET_S)
        assert len(runs) == 1
        home.ctl("undo", "last", "--yes")
        await at(made, 5 * QUIET_S)
        assert len(runs) == 2

    rounds.run(act)
    assert rounds.said.getvalue() == ""


@pytest.mark.slow
def test_it_gives_way_at_once_and_is_made_after_another_quiet_time(rounds: Rounds) -> None:
    rounds.settings.reports.mkdir()

    async def act(made: Reporting) -> None:
        with (rounds.settings.reports / folder.LOCK_FILE).open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # its process waits for that
            made.begin_if_due(0, on_end=lambda: None)
            made.begin_if_due(QUIET_S, on_end=lambda: None)
            assert made.is_busy
            made.give_way()
            await asyncio.wait_for(made.stop(), 30)
        assert made_at(rounds) is None
        await at(made, 2 * QUIET_S)
        assert made_at(rounds) is None
        await at(made, 3 * QUIET_S)
        assert made_at(rounds) is not None

    rounds.run(act)
    assert rounds.said.getvalue() == ""


@pytest.mark.slow
def test_a_fault_is_told_once_with_what_helps_and_tried_again_ever_more_rarely(
    rounds: Rounds,
) -> None:
    rounds.settings.reports.write_text("in the way")

    async def act(made: Reporting) -> None:
        for now in (0, QUIET_S, 2 * QUIET_S, 4 * QUIET_S):
            await at(made, now)
        assert made.wait_s(4 * QUIET_S, at_most=10_000) > QUIET_S
        rounds.settings.reports.unlink()
        await at(made, 20 * QUIET_S)
        assert made_at(rounds) is not None

    rounds.run(act)
    assert rounds.said.getvalue().count("no report was made, and files are still added") == 1


@pytest.mark.slow
def test_too_little_memory_is_told_as_such(rounds: Rounds, home: Home) -> None:
    home.configure(memory={"limit_mb": 512, "reserve_mb": 1 << 20})
    rounds.settings = config.load(config=None, root=home.path, cwd=home.path)

    async def act(made: Reporting) -> None:
        await at(made, 0)
        await at(made, QUIET_S)

    rounds.run(act)
    assert "a report needs 64 MB" in rounds.said.getvalue()


@pytest.mark.slow
def test_a_daemon_makes_it_by_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reporting.QUIET_S == 60
    runner = home.path / "sitecustomize.py"
    runner.write_text("import scenariod.daemon.reporting as r\nr.QUIET_S = 0.1\n")
    daemon = home.start(environment={"PYTHONPATH": str(home.path)})
    home.drop_many(range(2))

    wait_until(lambda: folder.made_at(home.path / "reports") is not None, "a report was made")

    assert daemon.terminate() == 0
