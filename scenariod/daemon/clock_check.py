"""Whether the clock can be trusted to say which files are old. Pure: times in, an answer out.

A clock that is ahead by months makes every file old. It shows as a step since it was last read, in
this run or in an earlier one. A machine that was off for as long looks the same, so the doubt ends
by itself.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from scenariod.base.value import Value

LARGEST_STEP = timedelta(days=30)
"""Holidays are shorter. A clock that is wrong is mostly so by months or years: one without a
battery, a year mistyped, a GPS receiver whose weeks have run over (1024 of them)."""
STEADY = timedelta(days=7)
"""For so long the clock must go on without such a step: time enough to see what status says."""


class Step(Value):
    """Between these two moments of the clock nobody has read it."""

    before: datetime
    after: datetime

    def __str__(self) -> str:
        return (
            f"the clock went from {self.before:%Y-%m-%d} to {self.after:%Y-%m-%d}: if it is wrong, "
            "correct it (`timedatectl`); no file is removed for its age until the "
            f"clock has been steady for {STEADY.days} days"
        )


class Reading(Value):
    """What the clock last said, and the step that puts it in doubt, if any; all aware."""

    at: datetime
    step: Step | None = None

    def then(self, now: datetime) -> Reading:
        """Return the next reading: the clock says `now`."""
        step = self.step
        if now - self.at > LARGEST_STEP:
            step = Step(self.at, now)
        elif step is not None and not step.after <= now < step.after + STEADY:
            step = None  # it went on from there, or was set back
        return Reading(now, step)


def encode(reading: Reading) -> bytes:
    """Return a reading as a file holds it."""
    step = reading.step
    times = [] if step is None else [step.before.isoformat(), step.after.isoformat()]
    return json.dumps({"at": reading.at.isoformat(), "step": times}).encode() + b"\n"


def decode(content: bytes) -> Reading | None:
    """Return the reading that a file holds; None if it cannot be understood."""
    try:
        said = json.loads(content)
        at, *step = map(datetime.fromisoformat, [said["at"], *said["step"]])
        if any(moment.tzinfo is None for moment in (at, *step)):
            return None
        return Reading(at, Step(*step) if step else None)
    except (ValueError, KeyError, TypeError):
        return None
