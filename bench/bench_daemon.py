"""Two scenarios dropped into a running daemon whose library holds 100, and one with 50,000.

Both in one run, interleaved. Each drop is of two pairs: the backup of the whole library that the
first change of a drain needs was written at the end of the drain before, while nobody waited. Also
the largest memory of each supervisor.
Run: .venv/bin/python bench/bench_daemon.py [SMALL LARGE ROUNDS]
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scenariod.base import clock
from scenariod.library import Entry, Library, SettledBatch
from scenariod.validation.verdict import Accepted

STORY = "The argument went on until the kettle boiled, and nobody had defined a thing. " * 25
DEADLINE_S = 120.0


def document(scenario_id: str) -> bytes:
    """Return a scenario of the median size of real ones, 2 KB."""
    return json.dumps(
        {
            "id": scenario_id,
            "title": f"Scenario {scenario_id}",
            "claim": "It depends.",
            "text": STORY,
            "correctAnswer": "balanced",
            "answerWeights": {"logic": 40, "emotion": 10, "balanced": 100, "agenda": 0},
        }
    ).encode()


def fill(root: Path, count: int) -> None:
    """Make a library of `count` scenarios below `root`."""
    (root / "library").mkdir(parents=True)
    (root / "inbox").mkdir()
    now = clock.now()
    with Library.open(root / "library" / "scenarios.db", busy_timeout_s=5) as library:
        number = library.reserve_batch()
        batch = SettledBatch(number, now, now, outcome="ok", duration_ms=0, launcher="none")
        library.settle(batch, (entry(n) for n in range(count)))


def entry(number: int) -> Entry:
    """Return an accepted file for the library."""
    content = document(f"filler-{number:06d}")
    digest = hashlib.sha256(content).hexdigest()
    name = f"scenario-{number}.json"
    accepted = Accepted(
        name=name,
        size_bytes=len(content),
        sha256=digest,
        content_sha256=digest,
        scenario_id=f"filler-{number:06d}",
        title=f"Scenario {number}",
        correct_answer="balanced",
    )
    return Entry(accepted, io.BytesIO(content))


@dataclass
class Daemon:
    """A running daemon and when it said what."""

    root: Path
    process: subprocess.Popen[str]
    lines: list[tuple[float, str]] = field(default_factory=list)

    def listen(self) -> None:
        """Note each line with its time."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append((time.perf_counter(), line.strip()))

    def wait_for(self, pattern: str, *, after: int) -> float:
        """Return the time of the first line after the `after`-th that matches."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            for moment, line in self.lines[after:]:
                if re.search(pattern, line):
                    return moment
            time.sleep(0.001)
        raise TimeoutError(f"{pattern}: {self.lines[after:]}")

    def peak_mb(self) -> float:
        """Return the supervisor's largest resident set so far, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


@contextmanager
def running(root: Path) -> Iterator[Daemon]:
    """Run a daemon on `root`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scenariod", "--root", str(root)],
        stderr=subprocess.PIPE,
        text=True,
    )
    daemon = Daemon(root, process)
    threading.Thread(target=daemon.listen, daemon=True).start()
    try:
        daemon.wait_for("watches", after=0)
        yield daemon
    finally:
        process.terminate()
        process.wait()


def drop_two_pairs(daemon: Daemon, round_: int, *, total: int) -> tuple[float, float]:
    """Drop two pairs; return the seconds of each, from launch to settled.

    Waits for the backup at the end of the drain, when there are `total` scenarios.
    """
    before = len(daemon.lines)
    for n in range(4):
        name = f"scenario-{round_}-{n}.json"
        aside = daemon.root / name
        aside.write_bytes(document(f"dropped-{round_}-{n}"))
        aside.rename(daemon.root / "inbox" / name)
    added = [daemon.wait_for(rf"^added dropped-{round_}-{n} ", after=before) for n in range(4)]
    assert len(added) == 4
    batches = {
        match[1]: moment
        for moment, line in daemon.lines[before:]
        if (match := re.match(r"batch (\d+): scenario", line))
    }
    ends = [daemon.wait_for(rf"^batch {number}: ok", after=before) for number in batches]
    daemon.wait_for(rf"^backup .*: {total} scenarios, verified", after=before)
    first, second = (end - start for end, start in zip(ends, batches.values(), strict=True))
    return first, second


def main() -> None:
    """Print the medians, their ratios and the memory."""
    small, large, rounds = (int(a) for a in (sys.argv[1:] or ["100", "50000", "9"]))
    times: dict[int, list[tuple[float, float]]] = {small: [], large: []}
    with tempfile.TemporaryDirectory() as name:
        for count in (small, large):
            fill(Path(name) / str(count), count)
        with running(Path(name) / str(small)) as a, running(Path(name) / str(large)) as b:
            for round_ in range(rounds + 1):
                for daemon, count in ((a, small), (b, large)):
                    total = count + 4 * (round_ + 1)
                    times[count].append(drop_two_pairs(daemon, round_, total=total))
            peaks = (a.peak_mb(), b.peak_mb())
    times = {count: taken[1:] for count, taken in times.items()}  # the first finds no backup
    for label, index in (("first pair of a drain, with its backup", 0), ("second pair", 1)):
        low, high = (statistics.median(t[index] for t in times[n]) for n in (small, large))
        print(f"{label}: {low:.3f} s at {small}, {high:.3f} s at {large}: ratio {high / low:.2f}")
    print(f"supervisor's peak memory: {peaks[0]:.0f} MB at {small}, {peaks[1]:.0f} MB at {large}")


if __name__ == "__main__":
    main()
