"""What the tests count: a few lines at the end of a run, and the rows of a table for `make soak`.

A test tells by pytest's `record_property`, which comes through from the processes of xdist too.
Pure: properties in, lines out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KILL = "kill"
"""The property of one kill after which every file was settled; its value is `POINT/WHO`."""

VARIABLE = "SCENARIOD_FIGURES"
"""Names a file to which the rows of a run are appended."""
COMMIT_VARIABLE = "SCENARIOD_COMMIT"
"""Says in each row what was tested."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one test has counted, and how long it took."""

    properties: Sequence[tuple[str, object]]
    seconds: float = 0.0


def lines(tests: Iterable[Told]) -> list[str]:
    """Return a line for each thing that was counted in tests that passed."""
    return [
        f"kill points: {what.points} points, {what.count:,} kills, every file settled"
        if what.name == KILL
        else f"{what.name}: {what.count:,}"
        for what in _counted(tests)
    ]


def rows(tests: Iterable[Told], *, date: str, commit: str) -> list[str]:
    """Return a row of a Markdown table for each thing that was counted."""
    return [
        f"| {date} | {commit} | {_words(what)} | {what.count:,} | {what.seconds:.0f} |"
        for what in _counted(tests)
    ]


def _words(what: _Counted) -> str:
    if what.name == KILL:
        return f"kills at {what.points} points, every file settled"
    return what.name


@dataclass(frozen=True, slots=True)
class _Counted:
    name: str
    count: int
    points: int
    seconds: float


def _counted(tests: Iterable[Told]) -> list[_Counted]:
    counts: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    points: set[str] = set()
    for test in tests:
        for name, value in test.properties:
            if name == KILL:
                points.add(str(value).partition("/")[0])
                counts[KILL] += 1
            elif isinstance(value, int):
                counts[name] += value
        for name in {name for name, _ in test.properties} & counts.keys():
            seconds[name] += test.seconds
    return [
        _Counted(name, count, len(points), seconds[name]) for name, count in sorted(counts.items())
    ]
