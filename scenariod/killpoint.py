"""Named moments at which a test can have a process killed, to see what a crash there leaves.

Owns the table of moments. Does nothing unless the environment names a folder of orders.
"""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from pathlib import Path

VARIABLE = "SCENARIOD_KILL_ORDERS"
"""Names a folder; a file in it that is named like a kill point is the order to die there, once."""
_BOTH = "both"


class KillPoint(StrEnum):
    """The moments, each named for what has just been done; the story of a file has their order."""

    CLAIMED = "claimed"
    COMMITTED = "committed"


def reached(point: KillPoint) -> None:
    """Kill this process with SIGKILL where an order says so; else return at once.

    The order is taken away first, so that the next process lives. One that says `both` kills the
    parent too: a worker's is its supervisor.
    """
    folder = os.environ.get(VARIABLE)
    if folder is None:
        return
    order = Path(folder, point)
    try:
        who = order.read_text(encoding="ascii").strip()
        order.unlink()
    except FileNotFoundError:
        return
    if who == _BOTH:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
