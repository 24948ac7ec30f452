"""Counters that can be added to each other and never grow with what they count.

Pure. The same things counted in the same order give the same state, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Ref = tuple[int, str]
"""A scenario to point at: its row in the library, and its id."""
_LONGEST_KEY = 120


class Tally:
    """How many scenarios have each key, and the first ones that do.

    Keeps `most` keys: beyond twice as many it drops the rarest, and `exact` is False from then on:
    each count is then what there is at least.
    """

    def __init__(self, *, most: int = 2000, examples: int = 12) -> None:
        self.exact = True
        self._most = most
        self._examples = examples
        self._found: dict[str, list[Any]] = {}  # a count, then the first to have it

    def add(self, key: str, ref: Ref) -> None:
        """Count a scenario that has this key."""
        self._add(key[:_LONGEST_KEY], 1, (ref,))

    def add_all(self, keys: Iterable[str], ref: Ref) -> None:
        """Count a scenario that has all these keys: short ones, each of them once."""
        found, examples = self._found, self._examples
        for key in keys:
            there = found.get(key)
            if there is None:
                found[key] = [1, ref]
            else:
                there[0] += 1
                if len(there) <= examples:
                    there.append(ref)
        if len(found) > 2 * self._most:
            self._keep(self._most)

    def merge(self, said: dict[str, Any]) -> None:
        """Add what another one has counted, as `state` says it."""
        self.exact = self.exact and bool(said["exact"])
        for key, count, *refs in said["found"]:
            self._add(key, count, tuple((row, name) for row, name in refs))

    def state(self, *, at_least: int = 1, most: int | None = None) -> dict[str, Any]:
        """Return what was counted as JSON takes it, the keys of at least so many scenarios."""
        self._keep(most or self._most)
        found = [[key, *value] for key, value in self._found.items() if value[0] >= at_least]
        return {"exact": self.exact and at_least == 1, "found": sorted(found, key=_rank)}

    def top(self, most: int | None = None) -> list[tuple[str, int, list[Ref]]]:
        """Return key, count and examples of the keys, the most frequent first."""
        ranked = sorted(([key, *value] for key, value in self._found.items()), key=_rank)
        return [(key, count, refs) for key, count, *refs in ranked[:most]]

    def __len__(self) -> int:
        return len(self._found)

    def _add(self, key: str, count: int, refs: tuple[Ref, ...]) -> None:
        there = self._found.get(key)
        if there is None:
            self._found[key] = [count, *refs[: self._examples]]
            if len(self._found) > 2 * self._most:
                self._keep(self._most)
            return
        there[0] += count
        there += refs[: self._examples + 1 - len(there)]

    def _rank_of(self, key: str) -> tuple[int, str]:
        count: int = self._found[key][0]
        return -count, key

    def _keep(self, most: int) -> None:
        """Drop the rarest keys: first all that one scenario has, which is quick."""
        if len(self._found) > most:
            self._found = {key: value for key, value in self._found.items() if value[0] > 1} or (
                self._found
            )
            self.exact = False
        if len(self._found) > most:
            kept = nsmallest(most, self._found, key=self._rank_of)
            self._found = {key: self._found[key] for key in kept}


def _rank(entry: list[Any]) -> tuple[int, str]:
    key, count = entry[:2]
    return -count, key


class Spread:
    """How a figure is spread: its least, middle and largest, from counts of rounded values."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self._values: dict[int, int] = {}

    def add(self, value: int, count: int = 1) -> None:
        """Count a figure, of which three digits are kept; `total` is exact."""
        self.total += value * count
        rounded = _three_digits(value)
        self.count += count
        self._values[rounded] = self._values.get(rounded, 0) + count

    def merge(self, said: dict[str, Any]) -> None:
        """Add what another one has counted, as `state` says it."""
        total = self.total + said["total"]
        for value, count in said["values"]:
            self.add(value, count)
        self.total = total

    def state(self) -> dict[str, Any]:
        """Return what was counted as JSON takes it."""
        return {"total": self.total, "values": sorted(self._values.items())}

    def count_of(self, value: int) -> int:
        """Return how often a figure of up to three digits was counted."""
        return self._values.get(value, 0)

    def at(self, share: float) -> int | None:
        """Return the figure that this share of all does not exceed; None where there is none."""
        passed = 0
        for value, count in sorted(self._values.items()):
            passed += count
            if passed >= share * self.count:
                return value
        return None

    def columns(self, most: int) -> list[tuple[int, int, int]]:
        """Return from, to (exclusive) and count of at most so many classes of one width."""
        if not self._values:
            return []
        low, high = min(self._values), max(self._values)
        width = -(-(high - low + 1) // most)
        counts = [0] * (-(-(high - low + 1) // width))
        for value, count in self._values.items():
            counts[(value - low) // width] += count
        return [(low + at * width, low + (at + 1) * width, n) for at, n in enumerate(counts)]


def _three_digits(value: int) -> int:
    unit: int = 10 ** max(0, len(str(abs(value))) - 3)
    return (value + unit // 2) // unit * unit


@dataclass(slots=True)
class Findings:
    """Scenarios that something is wrong with: how many, and the worst `most` of them."""

    most: int = 50
    total: int = 0
    _kept: list[tuple[int, int, str, list[str]]] = field(default_factory=list)

    def add(self, ref: Ref, *, rank: int = 0, details: list[str] | None = None) -> None:
        """Count a scenario, the worse the higher its `rank`, with words on it."""
        self.total += 1
        self._keep((-rank, *ref, details or []))

    def merge(self, said: dict[str, Any]) -> None:
        """Add what another one has found, as `state` says it."""
        self.total += said["total"]
        for rank, row, scenario_id, details in said["kept"]:
            self._keep((rank, row, scenario_id, details))

    def state(self) -> dict[str, Any]:
        """Return what was found as JSON takes it."""
        return {"total": self.total, "kept": [list(each) for each in self.worst()]}

    def worst(self) -> list[tuple[int, int, str, list[str]]]:
        """Return less the rank, row, id and details of the worst, the worst first."""
        return nsmallest(self.most, self._kept)

    def _keep(self, entry: tuple[int, int, str, list[str]]) -> None:
        self._kept.append(entry)
        if len(self._kept) > 2 * self.most:
            self._kept = self.worst()
