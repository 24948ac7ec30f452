"""What follows from what goes wrong: a pause for what may pass, an end for what will not.

Owns the decision, and how long a pause lasts. Never waits, rebuilds or ends anything itself.
"""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING

from scenariod.base import clock, faults
from scenariod.base.errors import LibraryDamagedError, NoLimitError, ScenariodError
from scenariod.base.faults import ENVIRONMENT_FAULTS, EnvironmentFault, Fault
from scenariod.base.value import Value
from scenariod.library import Paused
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.monitoring.journal import Journal

MOST_WITHOUT_LIMIT = 4
"""After this many launches in a row without an enforceable limit, exit: systemd restarts us, and
with us the user manager that our unit wants, if it has died. That takes about ten seconds."""
FIRST_S = 1.0


class Pause(Value):
    """Take nothing in for a while: the fault may pass."""

    fault: Fault


class Rebuild(Value):
    """Rebuild the library once no batch runs."""

    damage: LibraryDamagedError


class End(Value):
    """End the run with this error: it can only get worse."""

    error: ScenariodError


def tell_of_defect(
    journal: Journal, where: str, error: Exception, *, batch: int | None = None
) -> Fault:
    """Report a defect of ours with its traceback; return it as a fault, whose work pauses."""
    words = f"{where}: a defect in scenariod: {type(error).__name__}: {error}"
    trace = " | ".join("".join(traceback.format_exception(error)).splitlines())
    journal.tell(Event.FAILED, words, batch=batch, traceback=trace)
    return Fault(words, cure="see the journal, and please report it")


class ErrorPolicy:
    """Decides what follows from an error; counts how often in a row no limit was in force."""

    def __init__(self, *, journal: Journal, rebuilds_library: bool, is_service: bool) -> None:
        self._journal = journal
        self._rebuilds_library = rebuilds_library
        self._is_service = is_service
        self._without_limit = 0

    def take(
        self, error: Exception, *, batch: int | None, is_paused: bool
    ) -> Pause | Rebuild | End:
        """Return what follows from an error of a batch, or of the loop; tell of our own defects.

        `is_paused` says whether nothing has gone well since the last error.
        """
        cause = error.cause if isinstance(error, EnvironmentFault) else error
        if isinstance(cause, NoLimitError) and self._a_new_start_helps(is_paused=is_paused):
            return End(cause)
        if isinstance(error, ENVIRONMENT_FAULTS):
            return Pause(faults.of(error))
        if isinstance(error, LibraryDamagedError) and self._rebuilds_library:
            return Rebuild(error)
        if isinstance(error, ScenariodError):
            return End(error)
        where = "ending the drain" if batch is None else f"batch {batch}"
        return Pause(tell_of_defect(self._journal, where, error, batch=batch))

    def _a_new_start_helps(self, *, is_paused: bool) -> bool:
        self._without_limit = self._without_limit + 1 if is_paused else 1
        return self._is_service and self._without_limit >= MOST_WITHOUT_LIMIT


class Backoff:
    """The pauses of intake, one at a time; each without an end in between is longer than the last.

    None is longer than `longest_s`.
    """

    def __init__(
        self, *, journal: Journal, longest_s: float, on_end: Callable[[Paused], None]
    ) -> None:
        self._journal = journal
        self._on_end = on_end
        self._longest_s = longest_s
        self._reason: Fault | None = None
        self._begun_at = ""
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
            self._hand_over()
            self._begun_at = clock.now().isoformat()
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
            self._journal.tell(
                Event.RESUMED, f"intake resumes; the cause was: {self._reason.words}"
            )
            self._hand_over()
            self._reason = None

    def _hand_over(self) -> None:
        """Hand over the pause that ends, for the library to record; another may follow at once."""
        if (fault := self._reason) is not None:
            now = clock.now().isoformat()
            self._on_end(Paused(fault.step or "", fault.words, self._begun_at, now))
