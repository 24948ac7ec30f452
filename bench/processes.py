"""What commands and running processes cost: processor time, time, memory, bytes written.

Reads the kernel's counters. Never decides whether a figure is good.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

MIB = 1 << 20


class Cost(NamedTuple):
    """Seconds of processor time, of all processes together, and of time passed."""

    cpu_s: float
    wall_s: float


def cost(command: Sequence[str | Path]) -> Cost:
    """Run a command to its end; return what it and all that it started cost."""
    return cost_of_children(lambda: _run(command))


def cost_of_children(act: Callable[[], object]) -> Cost:
    """Return what the processes cost that `act` starts and waits for."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    act()
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall)


def cost_here(act: Callable[[], object]) -> Cost:
    """Return what `act` costs in this process."""
    begun_cpu, begun = time.process_time(), time.perf_counter()
    act()
    return Cost(time.process_time() - begun_cpu, time.perf_counter() - begun)


def in_turns(ways: Mapping[str, Callable[[], Cost]], *, rounds: int) -> dict[str, Cost]:
    """Run all of `ways` in turn, `rounds` times; return the medians of each.

    A machine's moods meet all alike.
    """
    taken: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(way())
    return {name: median(costs) for name, costs in taken.items()}


def median(costs: Sequence[Cost]) -> Cost:
    """Return the medians of both."""
    return Cost(
        statistics.median(c.cpu_s for c in costs), statistics.median(c.wall_s for c in costs)
    )


def scenariod(root: Path, *options: str) -> list[str]:
    """Return the command of a daemon on `root`."""
    return [sys.executable, "-m", "scenariod", "--root", str(root), *options]


def scenariodctl(*arguments: str) -> list[str]:
    """Return the command of scenariodctl as people have it."""
    return [str(Path(sys.executable).with_name("scenariodctl")), *arguments]


def child_that_runs(module: str, *, of: int) -> psutil.Process | None:
    """Return the child of process `of` that runs `module`, or None."""
    found = (c for c in psutil.Process(of).children() if any(module in w for w in c.cmdline()))
    return next(found, None)


def template_of(pid: int) -> int:
    """Return the process number of a daemon's template."""
    template = child_that_runs("scenariod.workers.template", of=pid)
    if template is None:
        raise SystemExit("the daemon has no template: each worker is a program of its own")
    return template.pid


def peak_mib(pid: int) -> float:
    """Return the largest resident set of a process so far."""
    return _kib(pid, "status", "VmHWM") / 1024


def resident_mib(pid: int) -> float:
    """Return the resident set of a process."""
    return _kib(pid, "status", "VmRSS") / 1024


def own_mib(pid: int) -> float:
    """Return what a process has written to in its memory, and shares with no other."""
    return _kib(pid, "smaps_rollup", "Private_Dirty") / 1024


def bytes_written(pid: int) -> int:
    """Return how many bytes a process has had written to disks (`write_bytes` in proc(5)).

    Those of its children count once it has seen their end.
    """
    return _number(Path(f"/proc/{pid}/io"), "write_bytes")


def bytes_passed() -> int:
    """Return how many bytes this process has passed to write(2)."""
    return _number(Path("/proc/self/io"), "wchar")


def wake_ups(pid: int) -> int:
    """Return how often the threads of a process have waited for something."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(_number(thread / "status", "voluntary_ctxt_switches") for thread in threads)


def cpu_s(pid: int) -> float:
    """Return the processor time of the threads of a process, in more than the usual ticks."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _kib(pid: int, file: str, name: str) -> int:
    return _number(Path(f"/proc/{pid}/{file}"), name)


def _number(path: Path, name: str) -> int:
    lines = path.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
