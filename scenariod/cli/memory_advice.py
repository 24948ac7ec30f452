"""What recorded peaks say of the memory limit: how much was needed, and what would do.

Pure: figures in, figures out. It advises; nobody raises or lowers a limit by himself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.units import MIB
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scenariod.library import Peak

FEWEST_BATCHES = 20
"""From how many batches on their peaks say something of the next ones."""
LIMITS_MB = (64, 128, 256, 512, 1024, 1536, 2048, 3072, 4096)
"""The limits that are advised."""
_CLASS_ENDS = (16 << 10, 128 << 10, MIB, 8 * MIB)
_MARGIN = 2


class Needed(Value):
    """What batches with up to `up_to_bytes` of input needed; None for no such bound."""

    up_to_bytes: int | None
    batches: int
    p50_bytes: int
    p95_bytes: int
    max_bytes: int


def by_input(peaks: Sequence[Peak]) -> list[Needed]:
    """Return what was needed by size of input, the smallest first; sizes that never came lack."""
    ends = [*_CLASS_ENDS, None]
    starts = [-1, *_CLASS_ENDS]
    found = []
    for start, end in zip(starts, ends, strict=True):
        within = [
            p for p in peaks if p.input_bytes > start and (end is None or p.input_bytes <= end)
        ]
        if within:
            found.append(needed(within, up_to_bytes=end))
    return found


def needed(peaks: Iterable[Peak], *, up_to_bytes: int | None = None) -> Needed:
    """Return what batches needed, of which there is at least one."""
    ordered = sorted(peak.peak_bytes for peak in peaks)
    return Needed(
        up_to_bytes,
        batches=len(ordered),
        p50_bytes=percentile(ordered, 50),
        p95_bytes=percentile(ordered, 95),
        max_bytes=ordered[-1],
    )


def percentile(ordered: Sequence[int], percent: int) -> int:
    """Return the smallest of the values (in order) that so many per cent do not exceed."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]


def fitting_limit_mb(needed: Needed, *, soft_limit_percent: int) -> int | None:
    """Return the least limit under which the largest batch is not asked to end, in MB.

    It leaves twice what 95 % of the batches needed. None where even the largest is too little,
    or where too few batches were recorded to say.
    """
    if needed.batches < FEWEST_BATCHES:
        return None
    wanted = max(needed.max_bytes, _MARGIN * needed.p95_bytes)
    fitting = (mb for mb in LIMITS_MB if mb * MIB * soft_limit_percent // 100 >= wanted)
    return next(fitting, None)


def workers(*, limit_bytes: int, total_bytes: int, reserve_bytes: int, most: int) -> int:
    """Return how many workers of this limit may run at once, `most` at most."""
    return min(max(total_bytes - reserve_bytes, 0) // limit_bytes, most)
