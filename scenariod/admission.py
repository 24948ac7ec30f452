"""May this batch start now, within the memory budget of the machine?

Pure: figures in, a decision out. All figures are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from scenariod.sizes import MIB


@dataclass(frozen=True, slots=True)
class Host:
    """The machine's memory at one moment: all there is, and what could be had without swapping."""

    total_bytes: int
    available_bytes: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """The batch may start."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The batch must wait; `reason` says for what, with figures."""

    reason: str


def may_start(
    *, needed_bytes: int, running_bytes: int, used_bytes: int, reserve_bytes: int, host: Host
) -> Admitted | Waits:
    """Decide whether a worker with the limit `needed_bytes` may start beside the running ones.

    `running_bytes` is the sum of the limits of running workers, `used_bytes` what they use of
    it now. The host keeps `reserve_bytes` even when every worker uses all of its limit.
    """
    budget = host.total_bytes - reserve_bytes
    if running_bytes + needed_bytes > budget:
        return Waits(
            f"needs {_mb(needed_bytes)}, and running workers hold {_mb(running_bytes)} "
            f"of {_mb(max(budget, 0))}"
        )
    free = host.available_bytes - (running_bytes - used_bytes) - reserve_bytes
    if needed_bytes > free:
        return Waits(f"needs {_mb(needed_bytes)}, {_mb(max(free, 0))} free beside the reserve")
    return Admitted()


def never_fits(*, needed_bytes: int, reserve_bytes: int, host: Host) -> str | None:
    """Return why a worker of this limit can never start on this machine, or None."""
    if needed_bytes + reserve_bytes <= host.total_bytes:
        return None
    return (
        f"a worker of {_mb(needed_bytes)} and a reserve of {_mb(reserve_bytes)} for the system "
        f"do not fit in this machine's {_mb(host.total_bytes)}"
    )


def _mb(amount: int) -> str:
    return f"{amount // MIB} MB"
