"""The pause of intake while the environment is at fault: begun, prolonged, cut short, ended.

Owns how long it takes and what the journal says of it. Never decides what is a fault.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenariod.journal import Event

if TYPE_CHECKING:
    from scenariod.fault import Fault
    from scenariod.journal import Journal

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
