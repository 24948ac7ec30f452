"""From the inbox to a claimed batch: when to look, what to take, and what is left waiting.

Wires inbox, batch and work. Never launches, never settles.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from scenariod.batch import plan
from scenariod.inbox import Hold, Inbox, Look, Watch
from scenariod.journal import Event
from scenariod.killpoint import KillPoint, reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.config import Config
    from scenariod.inbox import Waiting
    from scenariod.journal import Journal
    from scenariod.settle import Settler
    from scenariod.work import Batch, Work

EVENTS = "events"
"""The watch's state when it can be relied on."""
_WORTH_TELLING = frozenset({Hold.UNREADABLE, Hold.UNMOVABLE})
_NOT_WAITED_FOR = frozenset({Hold.UNREADABLE, Hold.UNMOVABLE, Hold.WRITING})


class Intake:
    """The way in. `pair_wait_s` is how long a lone file waits for a partner."""

    def __init__(
        self,
        config: Config,
        *,
        work: Work,
        settler: Settler,
        journal: Journal,
        pair_wait_s: float,
    ) -> None:
        self._config = config
        self._work = work
        self._settler = settler
        self._journal = journal
        self._pair_wait_s = pair_wait_s
        self._inbox = Inbox(config.inbox, settle_s=config.intake.settle_s)
        self._look = Look([], [], 0, None)
        self._look_due: float | None = None
        self._hinted = False
        self._told: dict[str, Hold] = {}
        self._watch: Watch | None = None
        self.watch_state = "not started"

    @property
    def total(self) -> int:
        """How many scenario files the inbox holds, as far as is known."""
        return self._look.total

    @property
    def waiting(self) -> list[Waiting]:
        """The files that are not ready, and why."""
        return self._look.waiting

    def is_empty(self) -> bool:
        """Say whether nothing is left in the inbox but what nobody should wait for."""
        held = sum(w.hold in _NOT_WAITED_FOR for w in self._look.waiting)
        return self._look_due is not None and self._look.total <= held

    async def claim_next(self, *, now: float) -> tuple[Batch | None, float]:
        """Claim the next batch, if one is due; else return None and when to ask again, in seconds.

        `now` is monotonic seconds. Raises OSError or what `Settler` raises.
        """
        await self._look_if_due(now)
        settings = self._config.intake
        planned = plan(
            self._look.ready, size=settings.batch_size, pair_wait_s=self._pair_wait_s, now=now
        )
        if planned.names:
            return await self._claim(planned.names, now=now), 0.0
        until_look = max((self._look_due or now) - now, 0.0)
        return None, min(planned.wait_s or settings.rescan_s, until_look)

    async def _claim(self, names: tuple[str, ...], *, now: float) -> Batch | None:
        number = await self._settler.reserve_batch()
        reached(KillPoint.BATCH_RESERVED)
        batch = self._work.create(number)
        reached(KillPoint.FOLDER_MADE)
        try:
            claimed = await asyncio.to_thread(self._inbox.claim, names, into=batch.folder, now=now)
            reached(KillPoint.CLAIMED)
        except OSError:
            claimed = batch.names()  # what was claimed before it failed is a batch all the same
            if not claimed:
                self._work.remove(batch)
                raise
        left = [file for file in self._look.ready if file.name not in names]
        self._look = replace(self._look, ready=left, total=self._look.total - len(claimed))
        if len(claimed) < len(names) or len(left) < self._config.intake.batch_size:
            # After a claim events come half a second late: never call the inbox empty unlooked.
            self._look_due = None
        if claimed:
            return batch
        self._work.remove(batch)
        return None

    async def _look_if_due(self, now: float) -> None:
        """Look where something may have changed; not while what is known fills a batch."""
        enough = len(self._look.ready) >= self._config.intake.batch_size
        due = self._look_due is None or now >= self._look_due
        if not due and (enough or not self._hinted):
            return
        self._hinted = False
        self._look = await asyncio.to_thread(self._inbox.look, now=now)
        again_s = self._look.look_again_s
        rescan_s = self._config.intake.rescan_s
        self._look_due = now + (rescan_s if again_s is None else min(again_s, rescan_s))
        self._tell_holds()

    def _tell_holds(self) -> None:
        """Tell once of each file that waits for somebody to do something."""
        holds = {w.name: w.hold for w in self._look.waiting if w.hold in _WORTH_TELLING}
        for name, hold in holds.items():
            if self._told.get(name) != hold:
                self._journal.tell(
                    Event.FILE_WAITS, f"{name} waits in the inbox: {hold}", file=name, reason=hold
                )
        self._told = holds

    # The watch, which only says when to look

    def keep_watching(self, wake: Callable[[], None]) -> None:
        """Have a living watch that calls `wake`; without one, looking every `rescan_s` goes on."""
        if self._watch is None:
            self._watch = Watch(self._config.inbox, on_change=lambda: self._hint(wake))
        trouble = self._watch.trouble()
        if trouble is not None:
            trouble = self._rewatch(self._watch, trouble)
        if trouble is not None and trouble != self.watch_state:
            every_s = self._config.intake.rescan_s
            words = f"no events from the inbox: {trouble}; looking every {every_s:g} s"
            self._journal.tell(Event.WATCH_TROUBLE, words)
        self.watch_state = trouble or EVENTS

    def stop_watching(self) -> None:
        """End the watch; return when its threads have ended."""
        if self._watch is not None:
            self._watch.stop()

    def _rewatch(self, watch: Watch, trouble: str) -> str | None:
        """Start the watch anew; return what is in the way, or None."""
        watch.stop()
        try:
            watch.start()
        except (OSError, RuntimeError) as error:
            return f"{trouble}: {error}"
        self._look_due = None  # what came between the two watches was not announced
        return None

    def _hint(self, wake: Callable[[], None]) -> None:
        self._hinted = True
        wake()
