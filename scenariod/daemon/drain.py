"""The end of a drain: what is costly, and can wait until the inbox is empty.

Owns its steps, their order, and whether they are done. Never settles a batch, and holds none up.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING

from scenariod.backups.damage import refuse_lost
from scenariod.base import faults
from scenariod.base.errors import ScenariodError
from scenariod.base.faults import EnvironmentFault, Step, during
from scenariod.library import publish
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.base.config import Config
    from scenariod.daemon.settle import Settler
    from scenariod.library import Library
    from scenariod.monitoring.journal import Journal


class State(Enum):
    """How far a drain has come."""

    FILLING = auto()
    CLOSING = auto()
    CLOSED = auto()


class Drain:
    """From the first claim until the inbox is empty and all that follows from it is done."""

    def __init__(self, config: Config, *, settler: Settler, journal: Journal) -> None:
        self._config = config
        self._settler = settler
        self._journal = journal
        self._state = State.FILLING
        self._closing: asyncio.Task[None] | None = None
        self._due = 0.0

    @property
    def is_closed(self) -> bool:
        """Whether all is done, and nothing has begun since."""
        return self._state is State.CLOSED

    @property
    def is_busy(self) -> bool:
        """Whether its steps are being done now."""
        return self._closing is not None

    def reopen(self) -> None:
        """Have its steps done again when the inbox is empty again."""
        self._state = State.FILLING
        self._due = 0.0

    def close_if_due(self, now: float, *, on_end: Callable[[Exception | None], None]) -> None:
        """Do its steps beside the loop; `on_end` is then called with what failed, if anything.

        A closed one is closed again every `rescan_s`: a command may have changed the library.
        `now` is monotonic seconds.
        """
        if self._closing is not None or now < self._due:
            return
        self._due = now + self._config.intake.rescan_s
        if self._state is State.FILLING:
            self._state = State.CLOSING
        self._settler.end_drain()
        self._closing = asyncio.create_task(self._close(on_end))

    async def _close(self, on_end: Callable[[Exception | None], None]) -> None:
        failed: Exception | None = None
        try:
            await self.close()
        except Exception as error:  # noqa: BLE001  the same border as for a batch
            failed = error
            self.reopen()
        if self._state is State.CLOSING:  # no batch has begun meanwhile
            self._state = State.CLOSED
        self._closing = None
        on_end(failed)

    async def catch_up(self) -> None:
        """Publish what was added, before the inbox is empty; report where that cannot be done.

        For a start and an end of the daemon: a crash, or a stop, may leave the published file
        behind for as long as it does not run, and then until all that waits is processed.
        """
        try:
            with during(Step.PUBLISHING, self._config.published):
                await asyncio.to_thread(self._publish_if_behind)
        except (OSError, ScenariodError) as error:
            fault = faults.of(error)
            self._journal.tell(
                Event.NOT_PUBLISHED,
                f"{self._config.published} does not show the latest changes, which stay in the"
                f" library: {fault}",
                path=str(self._config.published),
                hint=fault.cure,
            )

    def _publish_if_behind(self) -> None:
        if publish.is_behind(self._settler.library):
            self._publish(self._settler.library)

    async def close(self) -> None:
        """Publish what changed, back it up, remove old backups.

        Runs beside the settle thread: a batch that comes meanwhile is not held up, but for a
        backup that is being written.
        """
        schedule = self._settler.schedule
        with during(Step.PUBLISHING, self._config.published):
            await asyncio.to_thread(self._publish_unless_current)
        try:
            with during(Step.BACKING_UP, self._config.backups):
                await asyncio.to_thread(schedule.end_drain, self._settler.library)
        except EnvironmentFault:
            with suppress(OSError):  # on a full disk it makes room; the first error is reported
                await asyncio.to_thread(schedule.prune)
            raise
        with during(Step.TIDYING, self._config.backups):
            await asyncio.to_thread(schedule.prune)

    def _publish_unless_current(self) -> None:
        library = self._settler.library
        self._settler.scenarios = library.count()  # a restore may have changed it
        if not publish.is_current(library, self._config.published):
            self._publish(library)

    def _publish(self, library: Library) -> None:
        refuse_lost(self._config)
        published = publish.publish(library, self._config.published)
        self._journal.tell(
            Event.PUBLISHED,
            f"published {published.count} scenarios as {self._config.published}",
            scenarios=published.count,
            path=str(self._config.published),
        )
