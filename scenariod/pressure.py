"""For how long tasks stood still for want of memory: the kernel's pressure files (PSI).

Reads one file. Never decides what is too much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def stalled(path: Path, *, kind: str = "full") -> float | None:
    """Return for how many per cent of the last 10 s tasks stood still for want of memory.

    `path` is /proc/pressure/memory, or memory.pressure of a control group. `full`: all of them
    at once; `some`: at least one. None where the kernel does not tell (no CONFIG_PSI, or psi=0
    on its command line).
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
