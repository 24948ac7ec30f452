"""Figures of `scenariod --once`: 50 files into an empty library, a pair into a large one."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import alternative, scenarios
from bench.processes import Cost, cost, in_turns, scenariod
from bench.table import Row, Sizes, both, copied, python_pass, seconds

FILES = 50
CPU_OF_EXEC = 0.15
WALL_OF_EXEC = 0.18
CPU_OF_SMALL = 3


def files(folder: Path, sizes: Sizes) -> list[Row]:
    """50 files, whose workers are forked, programs of their own, or the alternative's."""
    numbers = itertools.count()
    libraries = scenarios.Libraries(folder)

    def root(config: str = "") -> Path:
        made = libraries.root(f"files-{next(numbers)}", config=config)
        scenarios.write(made / "inbox", (scenarios.scenario_id(n) for n in range(FILES)))
        return made

    def once(start: str) -> Cost:
        return cost(scenariod(root(f'[worker]\nstart = "{start}"\n'), "--once"))

    ways: dict[str, Callable[[], Cost]] = {
        "fork": partial(once, "fork"),
        "exec": partial(once, "exec"),
    }
    ways |= {"alternative": lambda: cost(alternative_on(root())), "pass": python_pass}
    taken = in_turns(ways, rounds=sizes.rounds)
    rows = []
    for what, place, most in (("CPU of all processes", 0, CPU_OF_EXEC), ("wall", 1, WALL_OF_EXEC)):
        fork, own, other, floor = (taken[name][place] for name in ways)
        rows.append(
            Row(
                f'{FILES} files by `--once`, {what} / with `worker.start = "exec"`',
                seconds(fork),
                f"exec {seconds(own)}, alternative {seconds(other)}, Python {seconds(floor)}",
                fork / own,
                most=most,
            )
        )
    return rows


def pair(folder: Path, sizes: Sizes) -> list[Row]:
    """A pair by `--once` into a large library, and into a small one."""
    libraries = scenarios.Libraries(folder)
    small = libraries.root("small", scenarios=sizes.small)
    large = libraries.root("large", scenarios=sizes.library)
    other = libraries.root("other")
    numbers = itertools.count()

    def dropped(root: Path) -> Path:
        name = f"pair-{next(numbers)}"
        scenarios.write(root / "inbox", (f"{name}-{half}" for half in "ab"))
        return root

    for root in (small, large):  # the first one finds no backup, and writes one more
        cost(scenariod(dropped(root), "--once"))
    published = large / "library" / "scenarios.json"
    shutil.copyfile(published, other / "library" / "scenarios.json")
    ways = {
        "small": lambda: cost(scenariod(dropped(small), "--once")),
        "large": lambda: cost(scenariod(dropped(large), "--once")),
        "other": lambda: cost(alternative_on(dropped(other))),
        "copy": lambda: copied(published),
    }
    taken = in_turns(ways, rounds=sizes.rounds)
    return [
        Row(
            f"a pair by `--once` into {sizes.library:,}, CPU of all processes / into {sizes.small}",
            both(taken["large"]),
            f"at {sizes.small} {both(taken['small'])}; alternative at {sizes.library:,}"
            f" {both(taken['other'])}; copy and digest of the library {both(taken['copy'])}",
            taken["large"].cpu_s / taken["small"].cpu_s,
            most=CPU_OF_SMALL,
        )
    ]


def alternative_on(root: Path) -> list[str]:
    """Return the command of the alternative on a root folder."""
    return [sys.executable, "-I", alternative.__file__, str(root)]
