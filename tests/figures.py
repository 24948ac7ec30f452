"""What the tests count, in a few lines at the end of a run.

A test tells by pytest's `record_property`, which comes through from the processes of xdist too.
Pure: properties in, lines out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

KILL = "kill"
"""The property of one kill after which every file was settled; its value is `POINT/WHO`."""


def lines(properties: Iterable[tuple[str, object]]) -> list[str]:
    """Return a line for each thing that was counted in tests that passed."""
    counts: Counter[str] = Counter()
    points: set[str] = set()
    for name, value in properties:
        if name == KILL:
            points.add(str(value).partition("/")[0])
            counts[KILL] += 1
        elif isinstance(value, int):
            counts[name] += value
    return [_line(name, count, points=len(points)) for name, count in sorted(counts.items())]


def _line(name: str, count: int, *, points: int) -> str:
    if name == KILL:
        return f"kill points: {points} points, {count:,} kills, every file settled"
    return f"{name}: {count:,}"
