"""From the inbox to a claimed batch: when to scan, what to claim, and what is left waiting.

Wires inbox, pairing and batch. Never launches, never settles.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from scenariod.base import clock
from scenariod.base.faults import Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import is_scenario_name
from scenariod.base.value import Value, replace
from scenariod.intake import misnamed
from scenariod.intake.inbox import Inbox, Look
from scenariod.intake.pairing import plan
from scenariod.intake.readiness import Hold
from scenariod.intake.watcher import Sight, Watcher
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from scenariod.base.config import Config
    from scenariod.intake.batch import Batch, Work
    from scenariod.intake.inbox import Waiting
    from scenariod.intake.misnamed import Misnamed
    from scenariod.monitoring.journal import Journal

REST_FACTOR = 10
"""So many times as long as a look took, none follows it: so looking takes a tenth of the time."""
_WORTH_TELLING = frozenset({Hold.UNREADABLE, Hold.UNMOVABLE, Hold.DAMAGED})
MOST_LOGGED = 100
"""Most misnamed files that are logged one by one where they appear together."""
_NOT_WAITED_FOR = _WORTH_TELLING | {Hold.WRITING}


class Nothing(Value):
    """There is nothing to claim or to start now; look again in `again_s` seconds."""

    again_s: float


class Claimer:
    """Claims batches from the inbox. A lone file waits `pair_wait_s` seconds for a partner.

    `reserve_batch` returns a batch number that was never used before.
    """

    def __init__(
        self,
        config: Config,
        *,
        work: Work,
        reserve_batch: Callable[[], Awaitable[int]],
        journal: Journal,
        pair_wait_s: float,
    ) -> None:
        self._config = config
        self._work = work
        self._reserve_batch = reserve_batch
        self._journal = journal
        self._pair_wait_s = pair_wait_s
        self._inbox = Inbox(
            config.inbox,
            settle_s=config.intake.settle_s,
            largest_bytes=config.intake.max_scenario_bytes,
            unmovable_retry_s=config.intake.longest_retry_s,
        )
        self._look = Look([], [], 0, None)
        self._look_due: float | None = None
        self._rested = 0.0
        self._hinted = False
        self._told: dict[str, Hold] = {}
        self._logged: set[str] = set()
        self._watcher: Watcher | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def total(self) -> int:
        """The number of scenario files in the inbox at the last scan."""
        return self._look.total

    @property
    def waiting(self) -> list[Waiting]:
        """The files that are not ready, and why."""
        return self._look.waiting

    @property
    def left_alone(self) -> Sequence[Misnamed]:
        """What is left alone in the inbox because of its name."""
        return self._look.left_alone

    def is_empty(self) -> bool:
        """Return whether the inbox holds only files that wait for a person."""
        look = self._look
        held = sum(w.hold in _NOT_WAITED_FOR for w in look.waiting)
        rest_is_held = look.ends_round and not look.ready and held == len(look.waiting)
        return self._look_due is not None and (look.total <= held or rest_is_held)

    def set_aside(self, names: Iterable[str]) -> None:
        """Skip files for a while that were moved back because the disk could not read them."""
        for name in names:
            self._inbox.set_aside(name, now=time.monotonic())
            self._look_due = None

    async def claim_next(self, *, now: float) -> Batch | Nothing:
        """Claim the next batch if one is due.

        `now` is monotonic seconds. Raises OSError or what `reserve_batch` raises.
        """
        with during(Step.LOOKING, self._config.inbox):
            await self._look_if_due(now)
        settings = self._config.intake
        planned = plan(
            self._look.ready, size=settings.batch_size, pair_wait_s=self._pair_wait_s, now=now
        )
        if planned.names:
            with during(Step.CLAIMING, self._config.work):
                return await self._claim(planned.names, now=now) or Nothing(again_s=0.0)
        due = now if self._hinted or self._look_due is None else self._look_due
        until_look = max(due - now, self._rested - now, 0.0)
        return Nothing(min(planned.wait_s or settings.rescan_s, until_look))

    async def _claim(self, names: tuple[str, ...], *, now: float) -> Batch | None:
        number = await self._reserve_batch()
        reached(KillPoint.BATCH_RESERVED)
        batch = await asyncio.to_thread(self._work.create, number)
        reached(KillPoint.FOLDER_MADE)
        dropped_at = self._inbox.dropped_at(names)
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
            at = clock.now().isoformat(timespec="seconds")
            return replace(batch, claimed_at=at, dropped_at=dropped_at)
        self._work.remove(batch)
        return None

    async def _look_if_due(self, now: float) -> None:
        """Scan if something may have changed and the known ready files do not fill a batch."""
        enough = len(self._look.ready) >= self._config.intake.batch_size
        due = self._look_due is None or now >= self._look_due
        if now < self._rested or (not due and (enough or not self._hinted)):
            return
        self._hinted = False
        began = time.monotonic()
        self._look = await asyncio.to_thread(self._inbox.look, now=now)
        took_s = time.monotonic() - began
        ended = now + took_s  # counted from here: however long it took, its result is used first
        again_s, every_s = self._look.look_again_s, self._look_every_s()
        self._look_due = ended + (every_s if again_s is None else min(again_s, every_s))
        self._rested = ended + min(REST_FACTOR * took_s, self._config.intake.rescan_s)
        self._tell_holds()
        self._log_left_alone()

    def _look_every_s(self) -> float:
        return self._watcher.look_every_s() if self._watcher else self._config.intake.rescan_s

    def _tell_holds(self) -> None:
        """Log each file once that waits for a person."""
        holds = {w.name: w.hold for w in self._look.waiting if w.hold in _WORTH_TELLING}
        for name, hold in holds.items():
            if self._told.get(name) != hold:
                self._journal.tell(
                    Event.FILE_WAITS, f"{name} waits in the inbox: {hold}", file=name, reason=hold
                )
        self._told = holds

    def _log_left_alone(self) -> None:
        """Log each file once that is left alone because of its name; very many with one entry."""
        whys = {m.name: m.why for m in self._look.left_alone}
        new = whys.keys() - self._logged
        self._logged = set(whys)
        if len(new) > MOST_LOGGED:
            why = "their names are not scenario-*.json"
            words = f"{len(new)} files are left alone in the inbox: {why}"
            self._journal.tell(Event.FILE_WAITS, words, files=len(new), reason=why)
            return
        for name in sorted(new):
            why, cure = whys[name], misnamed.command(self._config.inbox / name, whys[name])
            words = f"{name} is left alone in the inbox: {why}{cure and f'; `{cure}`'}"
            self._journal.tell(Event.FILE_WAITS, words, file=name, reason=why, hint=cure or None)

    # The lookout, which only says when to look

    @property
    def sight(self) -> tuple[Sight, str]:
        """How arrivals are noticed, and the words that go with it."""
        return (
            (self._watcher.sight, self._watcher.detail) if self._watcher else (Sight.STARTING, "")
        )

    def keep_watching(self, *, wake: Callable[[], None], on_return: Callable[[], None]) -> None:
        """Watch the inbox from now on; `wake` is called from any thread when a scan is due.

        `on_return` is called when the inbox is back after a fault.
        """
        self._watcher = Watcher(
            self._config.inbox,
            settings=self._config.intake,
            journal=self._journal,
            on_change=lambda name: self._hint(name, wake),
            on_return=on_return,
        )
        self._watching = asyncio.create_task(self._watcher.run())
        self._watching.add_done_callback(self._watching_ended)

    async def stop_watching(self) -> None:
        """End the watch; return when its threads have ended."""
        if self._watching is not None and self._watcher is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
            await self._watcher.close()

    def _watching_ended(self, watching: asyncio.Task[None]) -> None:
        error = None if watching.cancelled() else watching.exception()
        if error is not None and self._watcher is not None:
            self._watcher.give_up(error)

    def _hint(self, name: str | None, wake: Callable[[], None]) -> None:
        if name is not None and is_scenario_name(name):
            self._inbox.note_renamed_in(name)
        if not self._hinted:
            self._hinted = True
            wake()
