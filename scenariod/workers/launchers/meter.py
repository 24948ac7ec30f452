"""Reads one worker's memory: that of its control group, or of its process if it has none.

Reads only. Does not know what a reading is used for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import psutil

from scenariod.base.units import MIB
from scenariod.workers import host
from scenariod.workers.job import Reading
from scenariod.workers.launchers import cgroup

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.workers.job import Job


class Meter(Protocol):
    """Reads one worker's memory, and at the end its counters."""

    def read(self, job: Job) -> Reading:
        """Return the current reading; raise OSError or psutil.Error once it is gone."""

    def biggest(self) -> str:
        """Return the largest parts of its memory in words; raise OSError once it is gone."""

    def counters(self) -> cgroup.Counters:
        """Return peak and kills; raise OSError once they are gone."""


class CgroupMeter:
    """Reads the control group of a scope, and at the end that of its slice."""

    def __init__(self, scope: Path) -> None:
        self._scope = scope

    def read(self, job: Job) -> Reading:
        """See `Meter.read`: what cannot be reclaimed; never a sum of resident sets."""
        return Reading(
            used_bytes=cgroup.unreclaimable(self._scope),
            limit_bytes=job.limit_bytes,
            peak_bytes=cgroup.limit(self._scope, "memory.peak") or 0,
            stalled_percent=host.stalled(self._scope / "memory.pressure"),
        )

    def biggest(self) -> str:
        """See `Meter.biggest`."""
        parts = cgroup.parts(self._scope)
        return ", ".join(f"{name} {amount // MIB} MB" for name, amount in parts.items())

    def counters(self) -> cgroup.Counters:
        """See `Meter.counters`."""
        # The scope is gone 20 ms after its last process; its slice stays until it is stopped.
        return cgroup.counters(self._scope.parent)


class ProcessMeter:
    """Reads a single process, which is all there is under rlimits."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def read(self, job: Job) -> Reading:
        """See `Meter.read`: the resident set of the one process."""
        used = int(self._process.memory_info().rss)
        return Reading(used_bytes=used, limit_bytes=job.limit_bytes, peak_bytes=used)

    def biggest(self) -> str:
        """See `Meter.biggest`."""
        return f"resident {int(self._process.memory_info().rss) // MIB} MB"

    def counters(self) -> cgroup.Counters:
        """See `Meter.counters`; rlimits count nothing."""
        return cgroup.Counters(peak_bytes=None, oom_kills=0, limit_hits=0)
