"""The geometry of the report's charts, in units of their own: a picture is 100 high and wide.

Pure. No words stand in a picture: they are HTML beside it, which is readable on a phone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = 0.15
"""Of a column's width: what is left free between two."""


class Bar(Value):
    """A rectangle of a picture; `is_bad` is shown by colour and by a mark at its foot."""

    x: float
    y: float
    width: float
    height: float
    is_bad: bool = False


def columns(values: Sequence[float], *, highest: float, bad: Sequence[bool] = ()) -> list[Bar]:
    """Return a column for each value, of one width; one that is not 0 can be seen."""
    width = 100 / max(len(values), 1)
    marks = bad or [False] * len(values)
    return [
        _column(at * width, width, 100 * value / highest if highest else 0.0, is_bad)
        for at, (value, is_bad) in enumerate(zip(values, marks, strict=True))
    ]


def _column(x: float, width: float, height: float, is_bad: bool) -> Bar:  # noqa: FBT001
    height = max(height, 1.0) if height else 0.0
    return Bar(
        round(x, 2), round(100 - height, 2), round(width * (1 - _GAP), 2), round(height, 2), is_bad
    )


def stacked(counts: Sequence[int]) -> list[Bar]:
    """Return one row in which each count has its share."""
    whole, x, row = sum(counts) or 1, 0.0, []
    for count in counts:
        width = 100 * count / whole
        row.append(Bar(round(x, 2), 0, round(max(width - 0.4, 0), 2), 100))
        x += width
    return row


class Memory(Value):
    """The chart of batches: peaks as columns, the limit and the soft limit as lines at a height."""

    bars: list[Bar]
    limit: list[tuple[float, float, float]]
    soft: list[tuple[float, float, float]]
    highest_bytes: int


def memory(batches: dict[str, Any]) -> Memory:
    """Return the chart of `batches` of analytics.json.

    Where peaks are far below the limit, the limit would leave nothing to see of them: then it is
    out of the picture, and the words beside it say where it is.
    """
    found = batches["columns"]
    peaks = [each["peak_bytes"] or 0 for each in found]
    limits = [each["limit_bytes"] or 0 for each in found]
    top, limit = max(peaks, default=0), max(limits, default=0)
    highest = round(limit * 1.05) if top * 5 >= limit else round(top * 1.25)
    soft = [value * batches["soft_limit_percent"] // 100 for value in limits]
    return Memory(
        bars=columns(peaks, highest=highest, bad=[each["ended_badly"] > 0 for each in found]),
        limit=_line(limits, highest),
        soft=_line(soft, highest),
        highest_bytes=highest,
    )


def _line(values: Sequence[int], highest: int) -> list[tuple[float, float, float]]:
    """Return from, to and height of each level stretch of a line within the picture."""
    width, found = 100 / max(len(values), 1), []
    for at, value in enumerate(values):
        if 0 < value <= highest:
            y = round(100 - 100 * value / highest, 2)
            found.append((round(at * width, 2), round((at + 1) * width, 2), y))
    return found
