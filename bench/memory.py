"""Figures of memory: the supervisor's, the template's, and what a usual worker has of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import processes, scenarios
from bench.running import Daemon, running
from bench.table import Row, Sizes
from scenariod.base.killpoint import VARIABLE, KillPoint, Order

SUPERVISOR_MIB = 48
TEMPLATE_MIB = 40
WORKER_MIB = 8


def memory(folder: Path, sizes: Sizes) -> list[Row]:
    """What each process holds, in an empty library and with very many files waiting."""
    libraries = scenarios.Libraries(folder)
    with running(libraries.root("root")) as daemon:
        daemon.wait_until_idle()
        at_start = processes.peak_mib(daemon.pid)
        template = processes.resident_mib(processes.template_of(daemon.pid))
    waiting = _with_files_waiting(libraries.root("waiting"), sizes.waiting)
    worker = _of_a_worker(libraries.root("worker"))
    floor = f"Python {_python_mib():.1f} MiB"
    return [
        _row("supervisor's peak memory at start", at_start, beside=floor, most=SUPERVISOR_MIB),
        _row(
            f"the same with {sizes.waiting:,} files waiting",
            waiting,
            beside=f"{waiting / at_start:.2f} of that at start",
            most=SUPERVISOR_MIB,
        ),
        _row("the template's resident set", template, beside=floor, most=TEMPLATE_MIB),
        _row(
            "a usual worker's own memory (private and written to, its verdict written)",
            worker,
            beside="",
            most=WORKER_MIB,
        ),
    ]


def _row(figure: str, mib: float, *, beside: str, most: float) -> Row:
    return Row(f"{figure}, MiB", f"{mib:.1f} MiB", beside, mib, most=most)


def _with_files_waiting(root: Path, count: int) -> float:
    """Return a supervisor's peak once it has found that nearly all of the files wait."""
    for number in range(count):
        (root / "inbox" / f"scenario-{number}.json").write_bytes(b"{}")
    with running(root) as daemon:
        daemon.wait_until(lambda: int(str(daemon.ask().get("inbox", 0))) > 0.9 * count)
        daemon.wait_until(lambda: len(daemon.times_of("batch .* refused")) > 100)
        return processes.peak_mib(daemon.pid)


def _of_a_worker(root: Path) -> float:
    """Return what a worker has of its own, which stands still when it has written its verdict."""
    with tempfile.TemporaryDirectory() as orders:
        Path(orders).chmod(0o777)  # a worker of a daemon that is root is another user
        with running(root, environment={VARIABLE: orders}) as daemon:
            daemon.wait_until_idle()
            order = Path(orders, KillPoint.VERDICT_WRITTEN)
            order.write_text(Order.HOLD)
            order.chmod(0o666)
            return _held(daemon)


def _held(daemon: Daemon) -> float:
    """Drop a pair; return its worker's own memory once that stands still, and let it go on."""
    daemon.drop("held")
    found: list[int] = []

    def stands_still() -> bool:
        worker = processes.child_that_runs("scenariod.workers.worker", of=daemon.pid)
        found[:] = [worker.pid] if worker and worker.status() == "stopped" else []
        return bool(found)

    daemon.wait_until(stands_still)
    own = processes.own_mib(found[0])
    os.kill(found[0], signal.SIGCONT)
    return own


def _python_mib() -> float:
    """Return the largest resident set of Python that does nothing but look at itself."""
    look = "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    command = [sys.executable, "-I", "-c", look]
    return int(subprocess.run(command, capture_output=True, check=True).stdout) / 1024
