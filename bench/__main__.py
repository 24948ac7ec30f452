"""Print the table: `python -m bench [NAME ...]`, in the checkout."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from bench import commands, drain, drops, memory, once
from bench.table import Figure, Sizes, head

FIGURES: dict[str, Figure] = {
    "files": once.files,
    "pair": once.pair,
    "drop": drops.drop,
    "large": drops.large,
    "drain": drain.drain,
    "fsyncs": drain.fsyncs,
    "whole": commands.whole,
    "memory": memory.memory,
    "ctl": commands.ctl,
    "idle": drops.idle,
}


def main() -> None:
    """Measure what was asked for; print each row as soon as it is there."""
    options = vars(_parser().parse_args())
    names = options.pop("names") or list(FIGURES)
    sizes = Sizes(**options)
    print("\n".join(head()), flush=True)
    for name in names:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
            for row in FIGURES[name](Path(folder), sizes):
                print(row.line(), flush=True)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(FIGURES)}")
    sizes = {
        "rounds": (5, "of each command, in turns"),
        "drops": (10, "of single pairs into a large library"),
        "library": (50_000, "scenarios in the large library; the issue's target is 500000"),
        "small": (100, "scenarios in the small one"),
        "files": (5000, "in one go"),
        "waiting": (100_000, "files in the inbox"),
    }
    for name, (default, words) in sizes.items():
        help_ = f"{words} (default: %(default)s)"
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=help_)
    return parser


if __name__ == "__main__":
    main()
