"""What follows from what goes wrong: a pause for what may pass, an end for what will not.

Owns what is to be waited for, mended, or to end with. Never waits, mends or ends anything itself.
"""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

from scenariod.base import faults
from scenariod.base.errors import (
    ENVIRONMENT_FAULTS,
    LibraryDamagedError,
    NoLimitError,
    ScenariodError,
)
from scenariod.base.faults import Fault
from scenariod.monitoring import status
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.daemon.reporter import StatusReporter
    from scenariod.monitoring.journal import Journal

MOST_WITHOUT_LIMIT = 4
"""So often in a row no limit can be put in force, then a service is better started anew: with it
comes the service manager that its unit wants, should that have died. Some ten seconds."""
FIRST_S = 1.0


class Pause:
    """One at a time; each that follows without an end in between is longer, up to `longest_s`."""

    def __init__(self, *, journal: Journal, longest_s: float) -> None:
        self._journal = journal
        self._longest_s = longest_s
        self._reason: Fault | None = None
        self._until = 0.0
        self._delay_s = 0.0

    @property
    def is_on(self) -> bool:
        """Say whether something was at fault and nothing has gone well since."""
        return self._reason is not None

    def left_s(self, now: float) -> float:
        """Return for how long nothing is to be tried at `now` (monotonic seconds); 0 for not."""
        return max(self._until - now, 0.0) if self.is_on else 0.0

    def begin(self, reason: Fault) -> float:
        """Pause, longer than the last time; return for how long, in seconds."""
        self._delay_s = min(self._delay_s * 2, self._longest_s) if self.is_on else FIRST_S
        if self._reason != reason:
            self._journal.tell(
                Event.PAUSED,
                f"intake pauses, and nothing is lost: {reason}",
                step=reason.step,
                path=reason.path,
                hint=reason.cure,
            )
        self._reason = reason
        self._until = time.monotonic() + self._delay_s
        return self._delay_s

    def cut_short(self) -> None:
        """Have what was in the way tried again now."""
        self._until = time.monotonic()

    def end_if_over(self) -> None:
        """End it if its time is over; what another batch still did within it proves nothing."""
        if self._reason is not None and self.left_s(time.monotonic()) == 0:
            self._journal.tell(Event.RESUMED, f"intake goes on; it was: {self._reason.words}")
            self._reason = None


class ErrorPolicy:
    """What a run has met with: the pause, the `damage` of its library, what is `fatal` to it."""

    def __init__(
        self,
        *,
        reporter: StatusReporter,
        journal: Journal,
        mends_library: bool,
        is_service: bool,
        longest_pause_s: float,
        wake: Callable[[], None],
    ) -> None:
        self._reporter = reporter
        self._journal = journal
        self._mends_library = mends_library
        self._is_service = is_service
        self._wake = wake
        self._without_limit = 0
        self.pause = Pause(journal=journal, longest_s=longest_pause_s)
        self.fatal: ScenariodError | None = None
        self.damage: LibraryDamagedError | None = None

    def take(self, error: Exception, *, batch: int | None) -> None:
        """Take in an error, of a batch or of the end of a drain; tell of our own defects."""
        if isinstance(error, NoLimitError) and self._a_new_start_helps():
            self.fatal = error
        elif isinstance(error, ENVIRONMENT_FAULTS):
            self.pause_for(faults.of(error))
        elif isinstance(error, LibraryDamagedError) and self._mends_library:
            self.damage = error
            self._wake()
        elif isinstance(error, ScenariodError):  # it can only get worse
            self.fatal = error
        else:
            where = "ending the drain" if batch is None else f"batch {batch}"
            words = f"{where}: a defect in scenariod: {type(error).__name__}: {error}"
            trace = " | ".join("".join(traceback.format_exception(error)).splitlines())
            self._journal.tell(Event.FAILED, words, batch=batch, traceback=trace)
            self.pause_for(Fault(words, cure="see the journal; it may be worth a report"))

    def _a_new_start_helps(self) -> bool:
        self._without_limit = self._without_limit + 1 if self.pause.is_on else 1
        return self._is_service and self._without_limit >= MOST_WITHOUT_LIMIT

    def pause_for(self, reason: Fault) -> float:
        """Have intake pause, and show it; return for how long, in seconds."""
        delay_s = self.pause.begin(reason)
        self._reporter.set_state(status.State.PAUSED, str(reason))
        return delay_s
