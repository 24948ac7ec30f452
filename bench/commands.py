"""Figures of single commands, and of writing a whole library out: backup and publish."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import scenarios
from bench.processes import Cost, cost, cost_here, in_turns, scenariodctl
from bench.running import running
from bench.table import Row, Sizes, both, copied, python_pass
from scenariod.backups.restore import back_up
from scenariod.base import clock
from scenariod.library.publish import publish

STARTS = 4
"""A command may cost so many starts of Python."""
COPIES = 3
"""Writing the library out may cost so many copies of it, digest included."""
TIMES = 3
"""So many commands for each round: they are short."""


def ctl(folder: Path, sizes: Sizes) -> list[Row]:
    """`scenariodctl --help` and `status`, with a daemon that runs."""
    root = scenarios.Libraries(folder).root("root")
    with running(root) as daemon:
        daemon.wait_until_idle()
        ways: dict[str, Callable[[], Cost]] = {
            "--help": partial(cost, scenariodctl("--help")),
            "status": partial(cost, scenariodctl("--root", str(root), "status")),
            "pass": python_pass,
        }
        taken = in_turns(ways, rounds=TIMES * sizes.rounds)
    floor = taken.pop("pass")
    return [
        Row(
            f"`scenariodctl {name}`, CPU / of `python -I -c pass`",
            both(spent),
            f"Python {both(floor)}",
            spent.cpu_s / floor.cpu_s,
            most=STARTS,
        )
        for name, spent in taken.items()
    ]


def whole(folder: Path, sizes: Sizes) -> list[Row]:
    """A backup, which is read back before it counts, and publishing, of a large library."""
    root = scenarios.Libraries(folder).root("root", scenarios=sizes.library)
    published, backups = root / "library" / "scenarios.json", root / "backups"
    backups.mkdir()
    with scenarios.open_library(root) as library:
        publish(library, published)
        ways = {
            "backup": lambda: cost_here(lambda: back_up(library, backups, now=clock.now())),
            "publish": lambda: cost_here(lambda: publish(library, published)),
            "copy": lambda: copied(published),
        }
        taken = in_turns(ways, rounds=sizes.rounds)
    floor = taken.pop("copy")
    return [
        Row(
            f"{name} of {sizes.library:,}, CPU / of `cp` and `sha256sum` of the same bytes",
            both(spent),
            f"copy and digest of {published.stat().st_size / 1e6:.0f} MB {both(floor)}",
            spent.cpu_s / floor.cpu_s,
            most=COPIES,
        )
        for name, spent in taken.items()
    ]
