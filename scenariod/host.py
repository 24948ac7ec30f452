"""What the machine has and how it fares: memory, pressure on it, and processors.

Reads only; decides nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from scenariod import pressure
from scenariod.admission import Host

PRESSURE = Path("/proc/pressure/memory")


def look() -> Host:
    """Return the machine's memory as it is now."""
    memory = psutil.virtual_memory()
    return Host(
        total_bytes=memory.total,
        available_bytes=memory.available,
        stalled_percent=pressure.stalled(PRESSURE),
    )


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
