"""What the machine has and how it fares: memory, pressure on it, and processors.

Reads only; decides nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from scenariod.admission import Host

PRESSURE = Path("/proc/pressure/memory")


def look() -> Host:
    """Return the machine's memory as it is now."""
    memory = psutil.virtual_memory()
    return Host(
        total_bytes=memory.total, available_bytes=memory.available, stalled_percent=stalled()
    )


def stalled(path: Path = PRESSURE, *, kind: str = "full") -> float | None:
    """Return for how many per cent of the last 10 s tasks stood still for want of memory.

    `full`: all of them at once; `some`: at least one. None where the kernel does not tell
    (no CONFIG_PSI, or psi=0 on its command line).
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        name, *figures = line.split()
        if name == kind:
            return next((float(f[6:]) for f in figures if f.startswith("avg10=")), None)
    return None


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
