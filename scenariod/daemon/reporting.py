"""The report, made anew once all is quiet and something has happened since the last one.

Owns when it is made, and that it gives way. A fault in it is told, and holds up nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scenariod.base import faults
from scenariod.base.errors import ScenariodError
from scenariod.base.faults import Step, during
from scenariod.daemon.error_policy import tell_of_defect
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.base.config import Config
    from scenariod.daemon.settle import Settler
    from scenariod.monitoring.journal import Journal
    from scenariod.reports.making import Making

QUIET_S = 60.0
"""How long nothing is dropped or spoken before a report is made: one for many drops."""
LONGEST_PAUSE_S = 3600.0


class Reporting:
    """Makes the report beside the loop.

    `scenariod --once` ends before it: whoever starts that can run `scenariodctl report --now`.
    """

    def __init__(self, config: Config, *, settler: Settler, journal: Journal) -> None:
        self._config = config
        self._settler = settler
        self._journal = journal
        self._due: float | None = None
        self._pause_s = QUIET_S
        self._shown: int | None = None
        self._told = ""
        self._making: Making | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a report is being made, or its process still ends."""
        return self._task is not None

    def wait_s(self, now: float, *, at_most: float) -> float:
        """Return when to come back for it, in seconds."""
        if self.is_busy or self._due is None:
            return at_most
        return min(max(self._due - now, 0.0), at_most)

    def begin_if_due(self, now: float, *, on_end: Callable[[], None]) -> None:
        """Make it, beside the loop, where it has been quiet for long enough; then call `on_end`.

        `now` is monotonic seconds.
        """
        if self.is_busy:
            return
        if self._due is None:
            self._due = now + QUIET_S
        if now < self._due:
            return
        self._due = now + self._pause_s
        self._task = asyncio.create_task(self._make())

        def ended(_: asyncio.Task[None]) -> None:
            self._task = self._making = None
            on_end()

        self._task.add_done_callback(ended)

    def give_way(self) -> None:
        """End what is being made at once; the next one goes on from there, after a quiet time."""
        self._due = None
        if self._making is not None:
            self._making.stop()

    async def stop(self) -> None:
        """End, and wait for that."""
        self.give_way()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _make(self) -> None:
        from scenariod.reports.making import Making  # not needed before, if ever

        self._making = making = Making(self._config)
        try:
            with during(Step.REPORTING, self._config.reports):
                await self._settler.in_thread(self._settler.record_pauses)
                await asyncio.to_thread(self._make_if_behind, making)
        except (OSError, ScenariodError) as error:
            fault = faults.of(error)
            self._pause(fault.words, fault.cure)
        except Exception as error:  # noqa: BLE001  the border, as for a batch: adding goes on
            fault = tell_of_defect(self._journal, "making the report", error)
            self._pause(fault.words, fault.cure)
        else:
            self._pause_s, self._told = QUIET_S, ""

    def _make_if_behind(self, making: Making) -> None:
        with self._settler.library.snapshot() as snapshot:
            batches, _ = snapshot.measures()
        if batches != self._shown and making.run() is not None:
            self._shown = batches

    def _pause(self, words: str, cure: str | None) -> None:
        """Leave it alone for a while, longer each time; tell of it once."""
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        if words != self._told:
            self._told = words
            self._journal.tell(
                Event.NOT_REPORTED,
                f"no report was made, and files are still added: {words}",
                path=str(self._config.reports),
                hint=cure or "`scenariodctl report --now` tries it again",
            )
