"""How much memory a worker may have here, by the settings and the machine's RAM.

Pure: settings and an amount of RAM in, sizes out. The only place that says what "auto" means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from scenariod.base.config import LIMIT_CEILING_MB, SMALLEST_LIMIT_MB
from scenariod.base.units import MIB
from scenariod.base.value import Value

if TYPE_CHECKING:
    from scenariod.base.config import Memory

LARGEST_LIMIT_MB = 3072
"""What a worker gets where the machine has it."""
LARGEST_RESERVE_MB = 2048
SMALLEST_RESERVE_MB = 512


class Sizes(Value):
    """The limits of a worker, and what running workers must leave free, in bytes.

    `limit_max_bytes` is for the one try that a file gets for which the limit was too little; not
    above `limit_bytes`, there is no such try. `chosen` names the settings that are "auto".
    """

    limit_bytes: int
    limit_max_bytes: int
    reserve_bytes: int
    chosen: tuple[str, ...] = ()

    def shown(self, name: str) -> str:
        """Return a size by the name of its setting, for people: `2048 MB`, `2048 MB (auto)`."""
        return f"{self.in_mb()[name]} MB{' (auto)' if name in self.chosen else ''}"

    def in_mb(self) -> dict[str, int]:
        """Return the sizes by the names of their settings, in MB."""
        return {
            "limit_mb": self.limit_bytes // MIB,
            "limit_max_mb": self.limit_max_bytes // MIB,
            "reserve_mb": self.reserve_bytes // MIB,
        }


def of_machine(memory: Memory, *, total_bytes: int) -> Sizes:
    """Return the sizes for a machine with so much RAM, or a container that may use so much.

    What the machine needs for itself is in use already, and so never available to a worker: a
    limit of all that the reserve leaves would be waited for without end.
    """
    total_mb = total_bytes // MIB
    usual_reserve_mb = _reserve_mb(total_mb)
    reserve_mb = _or_chosen(memory.reserve_mb, usual_reserve_mb)
    left_mb = max(total_mb - reserve_mb - usual_reserve_mb // 2, SMALLEST_LIMIT_MB)
    limit_mb = _or_chosen(memory.limit_mb, min(LARGEST_LIMIT_MB, left_mb))
    most_mb = _or_chosen(memory.limit_max_mb, min(LIMIT_CEILING_MB, left_mb))
    return Sizes(
        limit_bytes=limit_mb * MIB,
        limit_max_bytes=max(limit_mb, most_mb) * MIB,
        reserve_bytes=reserve_mb * MIB,
        chosen=tuple(
            name
            for name in ("limit_mb", "limit_max_mb", "reserve_mb")
            if getattr(memory, name) == "auto"
        ),
    )


def _or_chosen(setting: int | Literal["auto"], chosen: int) -> int:
    return chosen if setting == "auto" else setting


def _reserve_mb(total_mb: int) -> int:
    """Return a quarter of the RAM, within bounds: 512 to 2048 MB, and never more than half."""
    return min(max(total_mb // 4, SMALLEST_RESERVE_MB), LARGEST_RESERVE_MB, total_mb // 2)
