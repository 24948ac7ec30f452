"""Very many files dropped at once into a running daemon, beside one into which few are dropped.

Both in one run. How long the status takes while they are dropped and taken, the memory of each
supervisor, and how much of its time each spends looking.
Run: .venv/bin/python -m bench.bench_intake [FEW MANY SECONDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import scenarios
from bench.processes import peak_mib
from bench.running import Daemon, running


@dataclass
class Asker:
    """Asks a daemon for its status again and again, and notes how long each answer takes."""

    daemon: Daemon
    taken_s: list[float] = field(default_factory=list)
    most_waiting: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        """Ask until it is over."""
        while not self.over.wait(0.05):
            began = time.perf_counter()
            answer = self.daemon.ask()
            self.taken_s.append(time.perf_counter() - began)
            self.most_waiting = max(self.most_waiting, int(str(answer.get("inbox", 0))))


def measure(daemon: Daemon, count: int, *, seconds: float) -> Asker:
    """Drop files, let the daemon work on them for a while, and ask for its status all along."""
    asker = Asker(daemon)
    asking = threading.Thread(target=asker.ask)
    asking.start()
    began = time.perf_counter()
    scenarios.write(daemon.root / "inbox", (f"s-{number}" for number in range(count)))
    took_s = time.perf_counter() - began
    time.sleep(seconds)
    asker.over.set()
    asking.join()
    settled = len(daemon.times_of(r"batch \d+: ok; "))
    print(f"{count} files dropped in {took_s:.1f} s; {settled} batches settled meanwhile")
    return asker


def main() -> None:
    """Print the times and the memory of both, and their ratios."""
    few, many, seconds = (int(a) for a in (sys.argv[1:] or ["100", "100000", "60"]))
    askers = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        for count in (few, many):
            root = scenarios.make_root(Path(name) / str(count))
            daemon = stack.enter_context(running(root))
            askers.append(measure(daemon, count, seconds=seconds))
        peaks = [peak_mib(asker.daemon.pid) for asker in askers]
    for label, pick in (("median", statistics.median), ("worst", max)):
        low, high = (1000 * pick(asker.taken_s) for asker in askers)
        print(
            f"status, {label}: {low:.1f} ms at {few}, {high:.1f} ms at {many}: "
            f"ratio {high / low:.1f}"
        )
    print(f"most waiting in a status: {askers[0].most_waiting}, {askers[1].most_waiting}")
    low, high = peaks
    print(f"supervisor's peak memory: {low:.1f} MiB, {high:.1f} MiB: ratio {high / low:.2f}")


if __name__ == "__main__":
    main()
