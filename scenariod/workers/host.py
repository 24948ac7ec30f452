"""The machine's memory, memory pressure and processors.

Reads only, the kernel's pressure files (PSI) too. Never decides what is too much.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from scenariod.base.value import Value
from scenariod.workers import container

PRESSURE = Path("/proc/pressure/memory")


class Host(Value):
    """The machine's memory at one moment: all there is, and what could be had without swapping.

    In a container that may use less, `is_container`, both are what it may use.
    `stalled_percent` is `full avg10` of /proc/pressure/memory; None where that is not there.
    """

    total_bytes: int
    available_bytes: int
    stalled_percent: float | None = None
    is_container: bool = False

    @property
    def name(self) -> str:
        """What has this memory, in words."""
        return "this container" if self.is_container else "this machine"


def look() -> Host:
    """Return the machine's memory as it is now, as far as a container leaves it to us."""
    memory = psutil.virtual_memory()
    # With systemd, workers are in other groups than we: only a limit above all of them counts.
    rooms = container.outermost_rooms() if is_booted() else container.rooms()
    total_bytes = min([memory.total, *(room.limit_bytes for room in rooms)])
    return Host(
        total_bytes=total_bytes,
        available_bytes=min([memory.available, *(room.free_bytes for room in rooms)]),
        stalled_percent=stalled(PRESSURE),
        is_container=total_bytes < memory.total,
    )


def is_booted() -> bool:
    """Return whether this machine was booted with systemd (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def stalled(path: Path, *, kind: str = "full") -> float | None:
    """Return for what share of the last 10 s tasks stalled for lack of memory, in per cent.

    `path` is /proc/pressure/memory, or memory.pressure of a control group. `full`: all tasks at
    once; `some`: at least one. None if the kernel does not report it (no CONFIG_PSI, or psi=0 on
    its command line).
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
