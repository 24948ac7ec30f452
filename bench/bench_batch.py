"""What a batch costs in a small and in a large library, and what publish and backup need.

    .venv/bin/python bench/bench_batch.py [--small 100] [--large 50000] [--rounds 200]

Times of the two libraries are taken in turns, in one run: a machine's moods meet both alike.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from scenariod import backup
from scenariod.library import Entry, Library, SettledBatch
from scenariod.publish import publish
from scenariod.restore import back_up
from scenariod.verdict import Accepted

RATIO_WANTED = 1.3
MEMORY_WANTED_KIB = 64 << 10
_DOCUMENT_BYTES = 3000


def document(scenario_id: str) -> bytes:
    # Text that differs and does not compress into nothing, as people's stories do.
    seed = hashlib.sha256(scenario_id.encode()).hexdigest()
    text = (seed * (_DOCUMENT_BYTES // len(seed)))[: _DOCUMENT_BYTES - 200]
    members = {"id": scenario_id, "title": f"title of {scenario_id}", "correctAnswer": "logic"}
    return json.dumps({**members, "text": text}, indent=2).encode() + b"\n"


def entry(scenario_id: str) -> Entry:
    content = document(scenario_id)
    digest = hashlib.sha256(content).hexdigest()
    verdict = Accepted(
        name=f"scenario-{scenario_id}.json",
        size_bytes=len(content),
        sha256=digest,
        content_sha256=digest,
        scenario_id=scenario_id,
        title=f"title of {scenario_id}",
        correct_answer="logic",
    )
    return Entry(verdict, io.BytesIO(content))


def batch(library: Library) -> SettledBatch:
    now = datetime.now(UTC)
    return SettledBatch(library.reserve_batch(), now, now, "ok", 1500, "systemd")


def filled(folder: Path, count: int) -> Library:
    library = Library.open(folder / "scenarios.db", busy_timeout_s=5)
    # Ids as people make them, in no order: the worst case for an index.
    entries = (entry(f"{hashlib.md5(b'%d' % n).hexdigest()[:8]}-{n}") for n in range(count))
    library.settle(batch(library), entries)
    return library


def seconds_of_one_pair(library: Library, number: int) -> float:
    entries = [
        entry(f"{hashlib.md5(b'%d' % number).hexdigest()[:8]}-new-{number}-{half}") for half in "ab"
    ]
    begun = time.perf_counter()
    library.settle(batch(library), entries)
    return time.perf_counter() - begun


def compare(small: Library, large: Library, *, rounds: int) -> float:
    """Time pairs in both libraries in turns, print the medians, return their ratio."""
    times: dict[str, list[float]] = {"small": [], "large": []}
    for number in range(rounds):
        times["small"].append(seconds_of_one_pair(small, number))
        times["large"].append(seconds_of_one_pair(large, number))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in times.items():
        p95 = statistics.quantiles(seconds, n=20)[-1]
        print(f"  {name}: median {medians[name] * 1e3:.3f} ms, 95 % below {p95 * 1e3:.3f} ms")
    return medians["large"] / medians["small"]


def written_per_added_byte(folder: Path, *, batches: int) -> float:
    """Return how many bytes reach the disk for each byte of the documents added."""
    with Library.open(folder / "scenarios.db", busy_timeout_s=5) as library:
        before = bytes_written()
        for number in range(batches):
            seconds_of_one_pair(library, number)
    added = batches * 2 * len(document("x" * 20))
    return (bytes_written() - before) / added


def bytes_written() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def in_child(step: str, folder: Path) -> int:
    """Run a step in a process of its own; print its time, return its peak memory in KiB."""
    command = [sys.executable, str(Path(__file__)), "--step", step, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, size_bytes, peak_kib = done.stdout.split()
    print(
        f"  {step}: {float(seconds):.2f} s for {int(size_bytes) / 1e6:.0f} MB,"
        f" peak memory {int(peak_kib) / 1024:.1f} MiB"
    )
    return int(peak_kib)


def run_step(step: str, folder: Path) -> None:
    with Library.open(folder / "scenarios.db", busy_timeout_s=5) as library:
        begun = time.perf_counter()
        if step == "publish":
            size_bytes = publish(library, folder / "scenarios.json").size_bytes
        elif step == "backup":
            size_bytes = back_up(library, folder, now=datetime.now(UTC)).size_bytes
        else:
            size_bytes = verified_bytes(folder)
        seconds = time.perf_counter() - begun
    print(seconds, size_bytes, peak_kib())


def verified_bytes(folder: Path) -> int:
    checked = backup.verify(backup.find(folder, "latest"))
    if isinstance(checked, backup.Defect):
        raise SystemExit(checked.message)
    return checked.size_bytes


def peak_kib() -> int:
    # Not ru_maxrss: a child inherits its parent's there, until it has more of its own.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", type=int, default=100)
    parser.add_argument("--large", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--step", choices=["publish", "backup", "verify"])
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("TMPDIR", "/var/tmp")))
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.folder)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as root:
        sys.exit(
            measure(Path(root), small=options.small, large=options.large, rounds=options.rounds)
        )


def measure(root: Path, *, small: int, large: int, rounds: int) -> int:
    """Print all figures; return 1 if one is beyond what is wanted."""
    for name in ("small", "large", "written"):
        (root / name).mkdir()
    print(f"adding 2 scenarios to a library of {small} and to one of {large}, {rounds} times each:")
    with filled(root / "small", small) as few, filled(root / "large", large) as many:
        ratio = compare(few, many, rounds=rounds)
    print(f"  ratio {ratio:.2f} (wanted: at most {RATIO_WANTED})")
    written = written_per_added_byte(root / "written", batches=1000)
    print(f"bytes written for each byte added, over 1000 batches: {written:.1f}")
    print(f"at {large} scenarios, each in a process of its own:")
    peaks = [in_child(step, root / "large") for step in ("publish", "backup", "verify")]
    print(f"  (wanted: below {MEMORY_WANTED_KIB >> 10} MiB)")
    return int(ratio > RATIO_WANTED or max(peaks) > MEMORY_WANTED_KIB)


if __name__ == "__main__":
    main()
