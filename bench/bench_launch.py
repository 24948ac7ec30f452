"""Time from launching a worker to its READY, and to the end of an empty batch, under rlimits.

Compared with `python -c pass` in the same run, interleaved: the ratio is what counts.
Run: .venv/bin/python bench/bench_launch.py [ROUNDS]
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scenariod import scope

MIB = 1 << 20


def job(folder: Path) -> scope.Job:
    """Return a job without files."""
    return scope.Job(
        root=folder,
        batch_id=1,
        folder=folder,
        names=(),
        limit_bytes=3072 * MIB,
        soft_limit_bytes=2150 * MIB,
        max_scenario_bytes=8 * MIB,
        tasks_max=32,
        ready_timeout_s=60,
        timeout_s=60,
        stop_grace_s=5,
    )


async def worker_s(folder: Path) -> float:
    """Return the seconds from launch to the end of a worker without files."""
    launcher = scope.choose("auto", root=folder, most_bytes=4096 * MIB)
    started = time.perf_counter()
    ended = await scope.run(launcher, job(folder), stop=asyncio.Event(), on_reading=lambda _: None)
    assert ended.evidence.ready, ended.detail
    return time.perf_counter() - started


def python_s() -> float:
    """Return the seconds that Python itself takes to start and end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Print both medians and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name:
        pairs = [(asyncio.run(worker_s(Path(name))), python_s()) for _ in range(rounds)]
    worker, bare = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"worker without files: {worker * 1000:.0f} ms; python alone: {bare * 1000:.0f} ms")
    print(f"ratio: {worker / bare:.1f}")


if __name__ == "__main__":
    main()
