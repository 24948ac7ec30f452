"""What a batch costs in libraries from small to large, and what is written for it.

    .venv/bin/python -m bench.bench_batch [--sizes 100 10000 100000 500000] [--rounds 200]

Times of the libraries are taken in turns, in one run: a machine's moods meet all alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import scenarios
from bench.processes import bytes_passed, cost_here
from scenariod.backups.restore import back_up
from scenariod.backups.schedule import is_due
from scenariod.base import clock
from scenariod.library import Library

RATIO_WANTED = 1.3
WRITTEN_WANTED = 15
BATCHES = 1000


def seconds_of_one_pair(library: Library, number: int) -> float:
    """Settle a pair; return how long that took."""
    ids = [f"{scenarios.scenario_id(number)}-new-{half}" for half in "ab"]
    return cost_here(lambda: scenarios.settle(library, ids)).wall_s


def compare(libraries: dict[int, Library], *, rounds: int) -> float:
    """Time pairs in all libraries in turns, print the medians, return the largest by the least."""
    times: dict[int, list[float]] = {size: [] for size in libraries}
    for number in range(rounds):
        for size, library in libraries.items():
            times[size].append(seconds_of_one_pair(library, number))
    medians = {size: statistics.median(seconds) for size, seconds in times.items()}
    for size, seconds in times.items():
        p95 = statistics.quantiles(seconds, n=20)[-1]
        print(f"  {size:>7}: median {medians[size] * 1e3:.3f} ms, 95 % below {p95 * 1e3:.3f} ms")
    return max(medians.values()) / min(medians.values())


def written_per_added_byte(root: Path, *, batches: int) -> tuple[float, float]:
    """Return how many bytes are written for each byte of the documents added: library, backups.

    All in one drain, with a backup whenever the library has grown by a tenth, as the daemon does.
    """
    in_backups, backed_up = 0, None
    with scenarios.open_library(scenarios.make_root(root)) as library:
        before = bytes_passed()
        for number in range(batches):
            count = library.count()
            if is_due(every="drain", growth=0.1, scenarios=count, backed_up=backed_up):
                begun = bytes_passed()
                back_up(library, root, now=clock.now())
                in_backups += bytes_passed() - begun
                backed_up = count
            seconds_of_one_pair(library, number)
    added = batches * 2 * len(scenarios.scenario("x" * 20))
    return (bytes_passed() - before - in_backups) / added, in_backups / added


def measure(root: Path, *, sizes: list[int], rounds: int) -> int:
    """Print all figures; return 1 if one is beyond what is wanted."""
    print(f"adding 2 scenarios to libraries of several sizes, {rounds} times each, in turns:")
    made = scenarios.Libraries(root)
    with ExitStack() as opened:
        roots = {size: made.root(f"{size}", scenarios=size) for size in sizes}
        libraries = {
            size: opened.enter_context(scenarios.open_library(of)) for size, of in roots.items()
        }
        ratio = compare(libraries, rounds=rounds)
    print(f"  the slowest by the fastest: {ratio:.2f} (wanted: at most {RATIO_WANTED})")
    library, backups = written_per_added_byte(root / "written", batches=BATCHES)
    print(
        f"bytes written for each byte added, over {BATCHES} batches: {library + backups:.2f}"
        f" (library {library:.2f}, backups {backups:.2f}; wanted: below {WRITTEN_WANTED})"
    )
    return int(ratio > RATIO_WANTED or library + backups >= WRITTEN_WANTED)


def main() -> None:
    """Measure in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 10_000, 100_000, 500_000])
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as root:
        sys.exit(measure(Path(root), sizes=options.sizes, rounds=options.rounds))


if __name__ == "__main__":
    main()
