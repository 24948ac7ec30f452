"""Figures of a long drain: files a second, whether it slows down, and its fsyncs."""

from __future__ import annotations

import itertools
import shutil
import time
from pathlib import Path

import psutil

from bench import once, processes, scenarios
from bench.processes import Cost, cost, scenariod
from bench.running import Daemon, running
from bench.table import Row, Sizes, both, one_commit, python_pass, seconds

FILES_A_SECOND = 100
LAST_OF_FIRST = 1.2
FSYNCS_A_BATCH = 4
SUPERVISOR_MIB = 48
TRACED = 5
"""Of so many files one: strace is slow."""
CALLS = ("fsync", "fdatasync")
PARTS = 5
OTHER_FILES = 500
"""The alternative rewrites all that it has for each pair: it slows down with their number."""


def drain(folder: Path, sizes: Sizes) -> list[Row]:
    """Very many files in one go: how fast, and how much slower towards the end."""
    libraries = scenarios.Libraries(folder)
    root, other = libraries.root("root"), libraries.root("other")
    _fill_inbox(root, sizes.files)
    _fill_inbox(other, OTHER_FILES)
    of_other = cost(once.alternative_on(other))
    with running(root) as daemon:
        parts = _costs_of_parts(daemon, sizes.files)
        daemon.wait_until_idle()
        peak = processes.peak_mib(daemon.pid)
    rate = sizes.files / sum(part.wall_s for part in parts)
    cpu_s = sum(part.cpu_s for part in parts) / sizes.files
    return [
        Row(
            f"{sizes.files:,} files in one go, files/s (1 run)",
            f"{rate:.0f} (CPU {seconds(cpu_s)} a file)",
            f"alternative, the first {OTHER_FILES}: {OTHER_FILES / of_other.wall_s:.0f}"
            f" (CPU {seconds(of_other.cpu_s / OTHER_FILES)} a file); Python {both(python_pass())},"
            f" one SQLite commit {seconds(one_commit(folder).wall_s)}",
            rate,
            least=FILES_A_SECOND,
        ),
        Row(
            f"the same, CPU of the last {sizes.files // PARTS:,} / of the first",
            both(parts[-1]),
            f"each {PARTS}th part: {', '.join(both(part) for part in parts)}",
            parts[-1].cpu_s / parts[0].cpu_s,
            most=LAST_OF_FIRST,
        ),
        Row(
            f"supervisor's peak memory after those {sizes.files // 2:,} batches, MiB",
            f"{peak:.1f} MiB",
            "",
            peak,
            most=SUPERVISOR_MIB,
        ),
    ]


def fsyncs(folder: Path, sizes: Sizes) -> list[Row]:
    """How often a batch waits for the disk; a start, an end and backups are counted with it."""
    strace = shutil.which("strace")
    files = sizes.files // TRACED
    batches = files // 2
    figure = f"fsyncs a batch in a drain of {batches}, start and end included"
    if strace is None:
        return [Row(figure, "no strace", "")]
    root, counts = scenarios.make_root(folder / "root"), folder / "counts"
    _fill_inbox(root, files)
    options = ["-f", "-c", "--seccomp-bpf", "-e", f"trace={','.join(CALLS)}", "-o", str(counts)]
    cost([strace, *options, "--", *scenariod(root, "--once")])
    lines = [line.split() for line in counts.read_text().splitlines()]
    calls = {words[-1]: int(words[3]) for words in lines if words and words[-1] in CALLS}
    told = ", ".join(f"{count} {call}" for call, count in calls.items())
    each = sum(calls.values()) / batches
    floor_s = one_commit(folder).wall_s
    beside = f"alternative 1; one SQLite commit, which is 1 of them, {seconds(floor_s)}"
    return [Row(figure, told, beside, each, most=FSYNCS_A_BATCH)]


def _fill_inbox(root: Path, count: int) -> None:
    scenarios.write(root / "inbox", (scenarios.scenario_id(number) for number in range(count)))


def _costs_of_parts(daemon: Daemon, files: int) -> list[Cost]:
    """Return what each part of the files cost, from the first that was added to the last."""
    daemon.wait_until(lambda: bool(daemon.times_of("added ")))
    marks = [_so_far(daemon)]

    def is_over() -> bool:
        if len(daemon.times_of("added ")) >= files * len(marks) // PARTS:
            marks.append(_so_far(daemon))
        return len(marks) > PARTS

    daemon.wait_until(is_over, every_s=0.2)
    return [
        Cost(end.cpu_s - begun.cpu_s, end.wall_s - begun.wall_s)
        for begun, end in itertools.pairwise(marks)
    ]


def _so_far(daemon: Daemon) -> Cost:
    """Return the processor time of a daemon and the workers that have ended, and the time."""
    return Cost(sum(psutil.Process(daemon.pid).cpu_times()[:4]), time.perf_counter())
