"""May this batch start now, within the memory budget of the machine?

Pure: figures in, a decision out. All figures are bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.units import MIB
from scenariod.base.value import Value

if TYPE_CHECKING:
    from scenariod.workers.host import Host

STALLED_PERCENT = 10.0
"""No worker starts if all tasks stalled for more than this share of the last 10 s (PSI)."""


class Waits(Value):
    """The batch must wait; `reason` says why, with figures.

    `for_host`: it would have to wait even if none of our workers ran.
    """

    reason: str
    for_host: bool


def must_wait(
    *, needed_bytes: int, running_bytes: int, used_bytes: int, reserve_bytes: int, host: Host
) -> Waits | None:
    """Return why a worker with the limit `needed_bytes` must wait; None if it may start now.

    `running_bytes` is the sum of the running workers' limits, `used_bytes` how much of it they use
    now. The host keeps `reserve_bytes` even if every worker uses its whole limit.
    """
    budget = host.total_bytes - reserve_bytes
    for_host = not has_room(
        needed_bytes=needed_bytes, used_bytes=used_bytes, reserve_bytes=reserve_bytes, host=host
    )
    if running_bytes + needed_bytes > budget:
        return Waits(
            f"needs {_mb(needed_bytes)}, and running workers hold {_mb(running_bytes)} "
            f"of {_mb(max(budget, 0))}",
            for_host,
        )
    free = host.available_bytes - (running_bytes - used_bytes) - reserve_bytes
    if needed_bytes > free:
        needs, has = _mb(needed_bytes), _mb(max(free, 0))
        return Waits(f"needs {needs}, {has} free beside the reserve", for_host)
    if host.stalled_percent is not None and host.stalled_percent > STALLED_PERCENT:
        stalled = f"all tasks stalled {host.stalled_percent:.0f} % of the last 10 s"
        return Waits(f"needs {_mb(needed_bytes)}; memory pressure: {stalled}", for_host=True)
    return None


def has_room(*, needed_bytes: int, used_bytes: int, reserve_bytes: int, host: Host) -> bool:
    """Return whether a worker with this limit would fit beside the reserve if none of ours ran."""
    without_ours = min(host.total_bytes, host.available_bytes + used_bytes)
    return needed_bytes + reserve_bytes <= without_ours


def most_workers(asked: int | str, *, processors: int) -> int:
    """Return how many workers may run at once if memory allows; `auto`: one a processor."""
    return asked if isinstance(asked, int) else max(processors, 1)


def never_fits(*, needed_bytes: int, reserve_bytes: int, host: Host) -> str | None:
    """Return why a worker of this limit can never start on this machine, or None."""
    if needed_bytes + reserve_bytes <= host.total_bytes:
        return None
    return (
        f"a worker of {_mb(needed_bytes)} and a reserve of {_mb(reserve_bytes)} for the system "
        f"do not fit in {host.name}'s {_mb(host.total_bytes)}"
    )


def _mb(amount: int) -> str:
    return f"{amount // MIB} MB"
