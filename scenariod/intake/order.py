"""The processing order: the oldest drop first, natural order within a drop.

Pure: names and times in, a sort key out. Never looks at the disk or the clock.
"""

from __future__ import annotations

from scenariod.base.names import NaturalKey, natural_key

DROP_NS = 60 * 1_000_000_000
"""Files that arrive within a minute are one drop; within it, natural order: 2 before 11."""
_TIME_TELLS_NOTHING = -(1 << 63)

SortKey = tuple[int, NaturalKey]


def sort_key(name: str, *, dropped_ns: int, oldest_ns: int, now_ns: int) -> SortKey:
    """Return the sort key of a file; the times are nanoseconds since 1970.

    `dropped_ns` is its ctime, which every way of arriving sets and no user can choose. Drops are
    counted from `oldest_ns`, so a file that arrives a minute after another never overtakes it, and
    no file waits forever. A time in the future is meaningless (the clock was set back, or that of a
    server is ahead): such a file goes first, or it would wait behind every new one.
    """
    if dropped_ns > now_ns + DROP_NS:
        return _TIME_TELLS_NOTHING, natural_key(name)
    return (dropped_ns - oldest_ns) // DROP_NS, natural_key(name)
