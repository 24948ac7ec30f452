"""One table: what was measured, what stands beside it in the same run, and the target.

Owns the rows, the floors, and how both are printed. Never measures a figure itself.
"""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Cost, cost, cost_here
from scenariod.base import clock

TOP = Path(__file__).parents[1]
HEAD = "| figure | measured | beside it, in the same run | judged | target | met |"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure. `value` is what is judged; without `most` or `least` nothing was to be reached."""

    figure: str
    measured: str
    beside: str
    value: float = math.nan
    most: float | None = None
    least: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the target was reached."""
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        return low <= self.value <= high

    def line(self) -> str:
        """Return the row in Markdown."""
        value = "" if math.isnan(self.value) else f"{self.value:.3g}"
        cells = (self.figure, self.measured, self.beside, value, self._target(), self._met())
        return f"| {' | '.join(cells)} |"

    def _target(self) -> str:
        if self.most is not None:
            return f"at most {self.most:g}"
        return "" if self.least is None else f"at least {self.least:g}"

    def _met(self) -> str:
        return ("yes" if self.is_met else "**no**") if self._target() else ""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: the same for all figures of a run.

    `rounds` of each command; `drops` of single pairs into a library of `library` scenarios, which
    is compared with one of `small`; `files` in one go; `waiting` files in an inbox.
    """

    rounds: int
    drops: int
    library: int
    small: int
    files: int
    waiting: int


def head() -> list[str]:
    """Return what stands above the rows: when, what, where, and the head of the table."""
    described = ["git", "-C", str(TOP), "describe", "--always", "--dirty"]
    commit = subprocess.run(described, capture_output=True, text=True, check=False).stdout.strip()
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    where = f"{cores} cores, load {load:.1f} at the start, Python {sys.version.split()[0]}"
    title = f"## {clock.now():%d %B %Y}, {commit or 'not from git'}: {where}"
    return [title, "", HEAD, "|---|---|---|--:|---|---|"]


def python_pass() -> Cost:
    """Return what Python costs that does nothing: the floor of every command."""
    return cost([sys.executable, "-I", "-c", "pass"])


def one_commit(folder: Path) -> Cost:
    """Return what one durable commit of SQLite costs: the floor of everything that is recorded."""
    with closing(sqlite3.connect(folder / "floor.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE IF NOT EXISTS floor (at REAL)")
        return cost_here(lambda: database.execute("INSERT INTO floor VALUES (?)", (time.time(),)))


def copied(path: Path) -> Cost:
    """Return what a copy of a file and its digest cost: the floor of all that is written out."""
    copy = path.with_name("copied")
    costs = (cost(["cp", path, copy]), cost(["sha256sum", copy]))
    copy.unlink()
    return Cost(sum(c.cpu_s for c in costs), sum(c.wall_s for c in costs))


def seconds(value: float) -> str:
    """Return seconds in three digits, with their unit."""
    return f"{value:.3g} s" if value >= 0.1 else f"{value * 1000:.3g} ms"


def both(taken: Cost) -> str:
    """Return seconds of the processor, with those that passed."""
    return f"{seconds(taken.cpu_s)} (wall {seconds(taken.wall_s)})"


def gigabytes(value: float) -> str:
    """Return bytes in GB."""
    return f"{value / 1e9:.2f} GB"


Figure = Callable[[Path, Sizes], list[Row]]
"""Measures something in an empty folder; returns a row or a few."""
