"""What a batch costs in libraries from small to large, and what all that reads them whole needs.

    .venv/bin/python bench/bench_batch.py [--sizes 100 10000 100000 500000] [--rounds 200]

Times of the libraries are taken in turns, in one run: a machine's moods meet all alike. Memory of
publish, backup, verify, check and rebuild is that of processes of their own, at the size MEASURED.
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
from contextlib import ExitStack, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from scenariod import backups
from scenariod.backups import builder
from scenariod.backups.restore import back_up
from scenariod.backups.schedule import is_due
from scenariod.library import Entry, Library, SettledBatch
from scenariod.library.publish import publish
from scenariod.validation.verdict import Accepted

RATIO_WANTED = 1.3
MEMORY_WANTED_KIB = 64 << 10
WRITTEN_WANTED = 15
MEASURED = 100_000
STEPS = ("publish", "backup", "verify", "check", "rebuild")
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


def written_per_added_byte(folder: Path, *, batches: int) -> tuple[float, float]:
    """Return how many bytes are written for each byte of the documents added: library, backups.

    All in one drain, with a backup whenever the library has grown by a tenth, as the daemon does.
    """
    folder.mkdir()
    in_backups, backed_up = 0, None
    with Library.open(folder / "scenarios.db", busy_timeout_s=5) as library:
        before = bytes_written()
        for number in range(batches):
            count = library.count()
            if is_due(every="drain", growth=0.1, scenarios=count, backed_up=backed_up):
                begun = bytes_written()
                back_up(library, folder, now=datetime.now(UTC))
                in_backups += bytes_written() - begun
                backed_up = count
            seconds_of_one_pair(library, number)
    added = batches * 2 * len(document("x" * 20))
    return (bytes_written() - before - in_backups) / added, in_backups / added


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
    begun = time.perf_counter()
    size_bytes = rebuilt_bytes(folder) if step == "rebuild" else size_after(step, folder)
    print(time.perf_counter() - begun, size_bytes, peak_kib())


def size_after(step: str, folder: Path) -> int:
    with Library.open(folder / "scenarios.db", busy_timeout_s=5) as library:
        if step == "publish":
            return publish(library, folder / "scenarios.json").size_bytes
        if step == "backup":
            return back_up(library, folder, now=datetime.now(UTC)).size_bytes
        if step == "check":
            library.check()
            return library.path.stat().st_size
        return verified_bytes(folder)


def rebuilt_bytes(folder: Path) -> int:
    """Do what the process does that a rebuild is left to, with nothing in done/."""
    for name in ("done", "inbox"):
        (folder / name).mkdir()
    target = folder / "rebuilt.db"
    paths = {"backup": backups.find(folder, "latest"), "target": target}
    paths |= {
        "damaged": folder / "scenarios.db",
        "done": folder / "done",
        "inbox": folder / "inbox",
    }
    command = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    numbers = {"parent": os.getppid(), "above": 0, "limit-bytes": 3 << 30}
    command += [word for name, number in numbers.items() for word in (f"--{name}", str(number))]
    with redirect_stdout(io.StringIO()):
        code = builder.main(command)
    if code != 0:
        raise SystemExit(f"the builder ended with {code}")
    return target.stat().st_size


def verified_bytes(folder: Path) -> int:
    checked = backups.verify(backups.find(folder, "latest"))
    if isinstance(checked, backups.Defect):
        raise SystemExit(checked.message)
    return checked.size_bytes


def peak_kib() -> int:
    # Not ru_maxrss: a child inherits its parent's there, until it has more of its own.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 10_000, 100_000, 500_000])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("TMPDIR", "/var/tmp")))
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.folder)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as root:
        sys.exit(measure(Path(root), sizes=options.sizes, rounds=options.rounds))


def measure(root: Path, *, sizes: list[int], rounds: int) -> int:
    """Print all figures; return 1 if one is beyond what is wanted."""
    print(f"adding 2 scenarios to libraries of several sizes, {rounds} times each, in turns:")
    with ExitStack() as opened:
        libraries = {}
        for size in sizes:
            (root / str(size)).mkdir()
            libraries[size] = opened.enter_context(filled(root / str(size), size))
        ratio = compare(libraries, rounds=rounds)
    print(f"  the slowest by the fastest: {ratio:.2f} (wanted: at most {RATIO_WANTED})")
    library, backups = written_per_added_byte(root / "written", batches=1000)
    print(
        f"bytes written for each byte added, over 1000 batches: {library + backups:.2f}"
        f" (library {library:.2f}, backups {backups:.2f}; wanted: below {WRITTEN_WANTED})"
    )
    measured = MEASURED if MEASURED in sizes else max(sizes)
    print(f"at {measured} scenarios, each in a process of its own:")
    peaks = [in_child(step, root / str(measured)) for step in STEPS]
    print(f"  (wanted: below {MEMORY_WANTED_KIB >> 10} MiB)")
    beyond = ratio > RATIO_WANTED or library + backups >= WRITTEN_WANTED
    return int(beyond or max(peaks) > MEMORY_WANTED_KIB)


if __name__ == "__main__":
    main()
