"""Limited worker processes: launch them, see their limit in force, watch them, say how they ended.

The only caller of systemd. Never opens the inbox or the library.
"""

from scenariod.scope.job import HARD_LIMIT_PERCENT, Ended, Job, Reading
from scenariod.scope.launcher import Launcher, choose, is_booted
from scenariod.scope.run import run

__all__ = [
    "HARD_LIMIT_PERCENT",
    "Ended",
    "Job",
    "Launcher",
    "Reading",
    "choose",
    "is_booted",
    "run",
]
