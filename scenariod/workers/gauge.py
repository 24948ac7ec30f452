"""Reads a worker's memory while it runs, and raises an alarm when it nears its limit.

Reads only: run.py acts on an alarm.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psutil

from scenariod.base.units import MIB
from scenariod.base.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.workers.job import Job, Reading
    from scenariod.workers.launchers.meter import Meter

SAMPLE_S = 0.25
FAST_SAMPLE_S = 0.05
"""Interval of memory readings below half of the limit, and from there on."""


class Gauge:
    """The memory of one worker; an alarm stays on once raised.

    `near`: over the soft limit, to be asked to end. `over`: over the hard limit, to be killed.
    """

    def __init__(self, job: Job, *, on_reading: Callable[[Reading], None]) -> None:
        self._job = job
        self._on_reading = on_reading
        self.peak_bytes = 0
        self.held = ""
        self.near = asyncio.Event()
        self.over = asyncio.Event()

    async def keep_reading(self, meter: Meter) -> None:
        """Read until the worker is gone."""
        while True:
            try:
                reading = meter.read(self._job)
            except (OSError, psutil.Error, ValueError):
                return
            self.note_peak(max(reading.used_bytes, reading.peak_bytes))
            self._on_reading(replace(reading, peak_bytes=self.peak_bytes))
            self._raise_alarms(reading.used_bytes)
            fast = reading.used_bytes * 2 >= self._job.limit_bytes
            await asyncio.sleep(FAST_SAMPLE_S if fast else SAMPLE_S)

    def note_peak(self, peak_bytes: int) -> None:
        """Record a peak."""
        self.peak_bytes = max(self.peak_bytes, peak_bytes)

    def _raise_alarms(self, used_bytes: int) -> None:
        if used_bytes > self._job.soft_limit_bytes and not self.over.is_set():
            self.held = f"held {used_bytes // MIB} MB of {self._job.limit_bytes // MIB} MB"
            self.near.set()
        if used_bytes > self._job.hard_limit_bytes:
            self.over.set()
