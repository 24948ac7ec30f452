"""Which ready files go together.

Pure: names and times in, a plan out. Never looks at the disk or the clock.
"""

from __future__ import annotations

from scenariod.base.value import Value


class Ready(Value):
    """A file that may be claimed; `since` is when it became ready, in monotonic seconds."""

    name: str
    since: float


class Plan(Value):
    """The files to claim now, in order; or none, and the seconds until a lone file goes."""

    names: tuple[str, ...]
    wait_s: float | None = None


def plan(ready: list[Ready], *, size: int, pair_wait_s: float, now: float) -> Plan:
    """Return the next batch of `ready` files, which come in the order they are to go.

    A full batch goes at once. A smaller one waits until its oldest file has been ready for
    `pair_wait_s`, then goes as it is.
    """
    chosen = tuple(file.name for file in ready[:size])
    if len(chosen) == size or not chosen:
        return Plan(chosen)
    left = pair_wait_s - (now - min(file.since for file in ready))
    return Plan(chosen) if left <= 0 else Plan((), wait_s=left)
