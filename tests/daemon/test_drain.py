from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from scenariod.base import config
from scenariod.base.root import prepare
from scenariod.daemon.drain import Drain
from scenariod.daemon.settle import Settler
from scenariod.intake.batch import Work
from scenariod.monitoring.journal import TextJournal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.home import Home

RESCAN_S = 30.0


class Ends:
    """What `on_end` was called with, each waited for in turn."""

    def __init__(self) -> None:
        self._ended: asyncio.Queue[Exception | None] = asyncio.Queue()
        self.note = self._ended.put_nowait
        self.next = self._ended.get


def with_drain(home: Home, act: Callable[[Drain, Ends], Awaitable[None]]) -> None:
    """Do something with the drain of an empty library, which is open meanwhile."""
    home.configure(intake={"rescan_s": RESCAN_S})
    loaded = config.load(
        config=home.path / "config" / "scenariod.toml", root=home.path, cwd=home.path
    )
    prepare(loaded)

    async def acting() -> None:
        journal = TextJournal(sys.stderr)
        settler = Settler(loaded, work=Work(loaded.work), journal=journal)
        try:
            await settler.open()
            await act(Drain(loaded, settler=settler, journal=journal), Ends())
        finally:
            await settler.close()

    asyncio.run(acting())


def test_it_is_closed_once_all_is_published(home: Home) -> None:
    async def act(drain: Drain, ends: Ends) -> None:
        drain.close_if_due(0.0, on_end=ends.note)
        assert (drain.is_busy, drain.is_closed) == (True, False)

        assert await ends.next() is None

        assert (drain.is_busy, drain.is_closed) == (False, True)
        assert home.scenarios() == []

    with_drain(home, act)


def test_a_batch_that_begins_while_it_closes_keeps_it_open(home: Home) -> None:
    async def act(drain: Drain, ends: Ends) -> None:
        drain.close_if_due(0.0, on_end=ends.note)
        drain.reopen()
        await ends.next()
        assert not drain.is_closed

        drain.close_if_due(0.0, on_end=ends.note)
        await ends.next()

        assert drain.is_closed

    with_drain(home, act)


def test_a_closed_one_is_closed_again_later_and_counts_as_closed_meanwhile(home: Home) -> None:
    async def act(drain: Drain, ends: Ends) -> None:
        drain.close_if_due(0.0, on_end=ends.note)
        await ends.next()
        home.published.unlink()

        drain.close_if_due(RESCAN_S - 1, on_end=ends.note)
        assert not drain.is_busy
        drain.close_if_due(RESCAN_S, on_end=ends.note)
        assert (drain.is_busy, drain.is_closed) == (True, True)
        await ends.next()

        assert home.scenarios() == []

    with_drain(home, act)


@pytest.mark.parametrize("closed_before", [False, True])
def test_a_step_that_fails_is_returned_and_done_again_at_once(
    home: Home, *, closed_before: bool
) -> None:
    async def act(drain: Drain, ends: Ends) -> None:
        if closed_before:
            drain.close_if_due(0.0, on_end=ends.note)
            await ends.next()
        home.backups.rename(home.path / "elsewhere")
        drain.close_if_due(RESCAN_S, on_end=ends.note)
        assert isinstance(await ends.next(), Exception)
        assert not drain.is_closed

        (home.path / "elsewhere").rename(home.backups)
        drain.close_if_due(RESCAN_S, on_end=ends.note)

        assert await ends.next() is None
        assert drain.is_closed

    with_drain(home, act)
