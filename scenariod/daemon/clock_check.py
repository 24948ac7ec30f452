"""Whether the clock can be trusted to say which files are old. Pure: times in, an answer out.

A clock that is ahead by months makes every file old. Such a clock shows as a step: in the times of
the batches that the library records, or against the monotonic clock in this run. A machine that
was off for as long looks the same, so the doubt ends by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_STEP = timedelta(days=30)
"""Holidays are shorter. A clock that is wrong is mostly so by months or years: one without a
battery, a year mistyped, a GPS receiver whose weeks have run over (1024 of them)."""
STEADY = timedelta(days=7)
"""For so long the clock must go on without such a step: time enough to see what status says."""


@dataclass(frozen=True, slots=True)
class Step:
    """Between these two moments of the clock nothing was recorded."""

    before: datetime
    after: datetime

    def __str__(self) -> str:
        return (
            f"the clock went from {self.before:%Y-%m-%d} to {self.after:%Y-%m-%d} without a batch: "
            "if it is wrong, correct it (`timedatectl`); no file is removed for its age until the "
            f"clock has been steady for {STEADY.days} days"
        )


def latest_step(now: datetime, recorded: Iterable[datetime]) -> Step | None:
    """Return the step that the clock made within the last `STEADY`, None if it made none.

    `recorded` are the times of the batches, the last one first; all times are aware.
    """
    after = now
    for before in recorded:
        if after - before > LARGEST_STEP:
            return Step(before, after)
        if before <= now - STEADY:
            return None
        after = before
    return None


class Run:
    """One run of the daemon; `is_steady` says whether the clock made no step in it for `STEADY`."""

    def __init__(self) -> None:
        self._since: tuple[datetime, float] | None = None
        self.is_steady = False

    def note(self, *, clock: datetime, monotonic_s: float) -> None:
        """Compare the clock with the monotonic one; after a step, the run counts from here."""
        began, began_s = self._since or (clock, monotonic_s)
        lasted = timedelta(seconds=monotonic_s - began_s)
        if abs(clock - began - lasted) > LARGEST_STEP:
            began, began_s, lasted = clock, monotonic_s, timedelta()
        self._since = began, began_s
        self.is_steady = lasted >= STEADY
