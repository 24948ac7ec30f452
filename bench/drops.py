"""Figures of a daemon that is idle, and of single pairs that are dropped into its inbox."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from bench import once, processes, scenarios
from bench.processes import Cost, cost, median
from bench.running import Daemon, running
from bench.table import Row, Sizes, both, gigabytes, one_commit, python_pass, seconds

P50_S, P95_S = 0.04, 0.1
LARGE_OF_SMALL = 1.2
SCALED_DROPS = 100
WRITTEN_BYTES = 17e9
IDLE_S = 40
"""A minute after its start the daemon makes a report: that is not idle."""
IDLE_CPU_S = 0.04
IDLE_WAKE_UPS = 85
FEWEST_DROPS = 20
"""A 95th percentile needs some."""


def drop(folder: Path, sizes: Sizes) -> list[Row]:
    """A pair, from its rename into the inbox of an idle daemon until both files are in done/."""
    libraries = scenarios.Libraries(folder)
    other = libraries.root("other")
    took, commits, others, floors = [], [], [], []
    with running(libraries.root("root")) as daemon:
        for number in range(max(sizes.drops, FEWEST_DROPS)):
            daemon.wait_until_idle()
            took.append(daemon.drop_and_wait(f"pair-{number}"))
            commits.append(one_commit(folder))
            floors.append(python_pass())
            scenarios.write(other / "inbox", (f"{number}-{half}" for half in "ab"))
            others.append(cost(once.alternative_on(other)))
    commit_s, floor_s = median(commits).wall_s, median(floors).wall_s
    beside = (
        f"one SQLite commit {seconds(commit_s)}, Python {seconds(floor_s)},"
        f" alternative, once it is started, {seconds(median(others).wall_s)}"
    )
    p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    what = "a pair dropped into an idle daemon until both are in done/, wall"
    return [
        Row(f"{what}, p50 of {len(took)}, s", seconds(p50), beside, p50, most=P50_S),
        Row(f"{what}, p95, s", seconds(p95), "", p95, most=P95_S),
    ]


def large(folder: Path, sizes: Sizes) -> list[Row]:
    """Pairs dropped one by one into daemons with a small and a large library, in turns."""
    libraries = scenarios.Libraries(folder)
    counts = (sizes.small, sizes.library)
    took: dict[int, list[float]] = {count: [] for count in counts}
    written: dict[int, list[int]] = {count: [] for count in counts}
    commits: list[Cost] = []
    with ExitStack() as stack:
        daemons = {
            count: stack.enter_context(running(libraries.root(f"{count}", scenarios=count)))
            for count in counts
        }
        for number in range(sizes.drops + 1):
            for count, daemon in daemons.items():
                seconds_, bytes_ = _dropped_alone(daemon, f"pair-{number}")
                took[count].append(seconds_)
                written[count].append(bytes_)
            commits.append(one_commit(folder))
    # The first drop finds no backup, and writes one more.
    small_s, large_s = (statistics.median(took[count][1:]) for count in counts)
    each = statistics.mean(written[sizes.library][1:])
    published = folder / f"{sizes.library}" / "library" / "scenarios.json"
    return [
        Row(
            f"a pair dropped into {sizes.library:,} until both are in done/, wall"
            f" / into {sizes.small} (medians of {sizes.drops})",
            seconds(large_s),
            f"at {sizes.small} {seconds(small_s)},"
            f" one SQLite commit {seconds(median(commits).wall_s)}",
            large_s / small_s,
            most=LARGE_OF_SMALL,
        ),
        _written_row(each, published.stat().st_size, sizes=sizes),
    ]


def _dropped_alone(daemon: Daemon, name: str) -> tuple[float, int]:
    """Drop a pair; return the seconds until it is in done/, and the bytes until all is quiet."""
    daemon.wait_until_idle()
    before = processes.bytes_written(daemon.pid)
    took_s = daemon.drop_and_wait(name)
    daemon.wait_until_idle()
    return took_s, processes.bytes_written(daemon.pid) - before


def _written_row(each: float, size_bytes: int, *, sizes: Sizes) -> Row:
    """Return the row of what the daemon writes for so many separate drops."""
    scaled = each * SCALED_DROPS
    return Row(
        f"written for {SCALED_DROPS} separate drops into {sizes.library:,}, GB"
        f" (`write_bytes` of the daemon for {sizes.drops}, scaled)",
        gigabytes(scaled),
        f"the published file {SCALED_DROPS} times, which is all that the alternative writes:"
        f" {gigabytes(size_bytes * SCALED_DROPS)}",
        scaled / 1e9,
        most=WRITTEN_BYTES / 1e9,
    )


def idle(folder: Path, sizes: Sizes) -> list[Row]:
    """What an idle daemon and its template cost in a minute."""
    with running(scenarios.Libraries(folder).root("root")) as daemon:
        daemon.wait_until_idle()
        template = processes.template_of(daemon.pid)
        before = [_spent(pid) for pid in (daemon.pid, template)]
        time.sleep(IDLE_S)
        after = [_spent(pid) for pid in (daemon.pid, template)]
    (cpu_s, wake_ups, written), (template_cpu_s, template_wake_ups, template_written) = (
        _in_a_minute(*of_process) for of_process in zip(before, after, strict=True)
    )
    floor = processes.median([python_pass() for _ in range(sizes.rounds)])
    return [
        Row(
            "idle for a minute, CPU of daemon and template, s",
            f"{seconds(cpu_s)} and {seconds(template_cpu_s)}",
            f"Python once {both(floor)}",
            cpu_s + template_cpu_s,
            most=IDLE_CPU_S,
        ),
        Row(
            "idle for a minute, wake-ups of daemon and template",
            f"{wake_ups:.0f} and {template_wake_ups:.0f}",
            f"written: {written + template_written:.0f} bytes",
            wake_ups + template_wake_ups,
            most=IDLE_WAKE_UPS,
        ),
    ]


def _spent(pid: int) -> tuple[float, float, float]:
    """Return processor time, wake-ups and bytes written of a process so far."""
    return processes.cpu_s(pid), processes.wake_ups(pid), processes.bytes_written(pid)


def _in_a_minute(before: tuple[float, ...], after: tuple[float, ...]) -> list[float]:
    return [(end - begin) * 60 / IDLE_S for begin, end in zip(before, after, strict=True)]
