"""Batches from the inbox: when it is looked at, and what that finds is used."""

from __future__ import annotations

import asyncio
import itertools
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from scenariod.base import config
from scenariod.intake import claim
from scenariod.intake.batch import Batch, Work
from scenariod.intake.claim import Claimer, Nothing
from scenariod.intake.inbox import Inbox
from scenariod.monitoring.journal import TextJournal

if TYPE_CHECKING:
    from support.home import Home

    from scenariod.intake.inbox import Look

PAIR_WAIT_S = 0.3
LOOK_S = 5.0


def test_what_a_slow_look_has_found_is_used_before_the_next(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.configure(intake={"rescan_s": 1.0, "watch": "poll"})
    loaded = config.load(config=None, root=home.path, cwd=home.path)
    home.work.mkdir()
    looks: list[float] = []
    look = Inbox.look

    def counted(inbox: Inbox, *, now: float) -> Look:
        looks.append(now)
        return look(inbox, now=now)

    async def number() -> int:
        return 1

    async def claimed() -> tuple[Batch | Nothing, Batch | Nothing]:
        claimer = Claimer(
            loaded,
            work=Work(home.work),
            reserve_batch=number,
            journal=TextJournal(sys.stderr),
            pair_wait_s=PAIR_WAIT_S,
        )
        first = await claimer.claim_next(now=0.0)
        return first, await claimer.claim_next(now=LOOK_S + PAIR_WAIT_S)

    ticks = itertools.count(step=LOOK_S)
    monkeypatch.setattr(claim, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    monkeypatch.setattr(Inbox, "look", counted)
    home.drop("scenario-1.json")

    first, second = asyncio.run(claimed())

    assert first == Nothing(again_s=PAIR_WAIT_S)
    assert isinstance(second, Batch)
    assert second.names() == ["scenario-1.json"]
    assert looks == [0.0]
