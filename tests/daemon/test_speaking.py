"""When scenarios are spoken: not while memory is short, and not again where nothing changed."""

from __future__ import annotations

import asyncio
import math
import sys
from typing import TYPE_CHECKING

import pytest
from support.home import DEADLINE_S, Home
from support.makers import add, document, open_library, sql

from scenariod.base import config
from scenariod.base.units import MIB
from scenariod.daemon.setup import Setup
from scenariod.daemon.speaking import Speaking
from scenariod.library import voicing
from scenariod.monitoring.journal import TextJournal
from scenariod.monitoring.notify import Notifier
from scenariod.workers import host
from scenariod.workers.host import Host
from scenariod.workers.launchers.rlimits import RlimitLauncher

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from scenariod.library import Library

FLITE = {"voices": {"engine": "flite"}}
SHORT = Host(total_bytes=8000 * MIB, available_bytes=100 * MIB, stalled_percent=None)


def with_speaking(
    home: Home, act: Callable[[Setup, Speaking], Coroutine[None, None, None]]
) -> None:
    """Run `act` with the voices of a library that is open."""
    loaded = config.load(config=None, root=home.path, cwd=home.path)
    setup = Setup.of(
        loaded,
        launcher=RlimitLauncher(),
        journal=TextJournal(sys.stderr),
        notifier=Notifier({}),
        once=True,
    )

    async def run() -> None:
        await setup.settler.open()
        try:
            await act(setup, Speaking(setup))
        finally:
            await setup.settler.close()

    asyncio.run(run())


async def until_it_ends(speaking: Speaking) -> None:
    ended = asyncio.Event()
    speaking.begin_if_due(math.inf, on_end=ended.set)
    async with asyncio.timeout(DEADLINE_S):
        await ended.wait()


def test_what_waits_for_memory_is_behind_and_gives_out_no_number(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.configure(memory={"limit_mb": 64, "reserve_mb": 0}, **FLITE)
    home.library.mkdir()
    with open_library(home.library) as library:
        add(library, document("one"))
    monkeypatch.setattr(host, "look", lambda: SHORT)
    database = home.library / "scenarios.db"
    before = sql(database, "SELECT * FROM mark")

    async def act(_: Setup, speaking: Speaking) -> None:
        await until_it_ends(speaking)

        assert speaking.is_behind
        assert speaking.has_failed
        assert speaking.progress.waits.startswith("memory: needs 256 MB")

    with_speaking(home, act)
    assert sql(database, "SELECT * FROM mark") == before


def test_rows_are_looked_at_again_only_where_something_has_changed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.configure(**FLITE)
    home.library.mkdir()
    open_library(home.library).close()
    looked: list[str] = []
    tally = voicing.tally

    def counted(library: Library, settings: str) -> voicing.Tally:
        looked.append(settings)
        return tally(library, settings)

    monkeypatch.setattr(voicing, "tally", counted)

    async def act(setup: Setup, speaking: Speaking) -> None:
        await until_it_ends(speaking)
        first = len(looked)
        await until_it_ends(speaking)
        at_rest = len(looked)
        setup.settler.library.reserve_batch()
        await until_it_ends(speaking)
        of_ours = len(looked)
        with open_library(home.library) as other:
            other.reserve_batch()
        await until_it_ends(speaking)

        assert (first, at_rest, of_ours, len(looked)) == (1, 1, 2, 3)

    with_speaking(home, act)
