"""Time from launching a worker to its READY, where it has its limit and all that it needs loaded.

Compared with `systemd-run --scope true` in the same run, interleaved; where there is no systemd,
with `python -c pass`. The ratio is what counts. It leaves no unit behind.
Run: .venv/bin/python bench/bench_launch.py [ROUNDS]
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scenariod.base import config
from scenariod.intake.batch import Batch
from scenariod.workers.job import Job
from scenariod.workers.launchers.launcher import Launcher, choose
from scenariod.workers.launchers.systemd import SystemdLauncher

MIB = 1 << 20
LIMIT_MB = 512


def job(folder: Path, *, number: int) -> Job:
    """Return a job without files."""
    loaded = config.load(config=None, root=folder, cwd=folder)
    return Job(loaded, Batch(number, folder), (), limit_bytes=LIMIT_MB * MIB)


async def ready_s(launcher: Launcher, asked: Job) -> float:
    """Return the seconds from the launch of a worker to its READY."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *launcher.command(asked), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said = await process.stdout.readline()
    took_s = time.perf_counter() - started
    assert json.loads(said)["event"] == "ready", said
    process.stdin.close()
    await process.wait()
    await launcher.clean_up(asked)
    return took_s


def bare_s(command: list[str]) -> float:
    """Return the seconds that a command takes to start and end."""
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def bare_command(launcher: Launcher) -> list[str]:
    """Return what a launch is compared with."""
    if not isinstance(launcher, SystemdLauncher):
        return [sys.executable, "-I", "-c", "pass"]
    manager = ["--user"] if "user" in launcher.name else []
    return ["systemd-run", *manager, "--scope", "--quiet", "--collect", "true"]


async def measure(rounds: int) -> tuple[Launcher, list[float], list[float]]:
    """Return the launcher, the seconds of so many launches, and of what they are held against."""
    ready, bare = [], []
    with tempfile.TemporaryDirectory() as name:
        launcher = choose("auto", root=Path(name), most_bytes=4096 * MIB)
        try:
            for number in range(1, rounds + 1):
                ready.append(await ready_s(launcher, job(Path(name), number=number)))
                bare.append(bare_s(bare_command(launcher)))
        finally:
            await launcher.sweep(Path(name))
    return launcher, ready, bare


def main() -> None:
    """Print both medians and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    launcher, ready, bare = asyncio.run(measure(rounds))
    one, other = statistics.median(ready), statistics.median(bare)
    print(f"launch to READY, by {launcher.name}: {one * 1000:.0f} ms")
    print(f"`{' '.join(Path(w).name for w in bare_command(launcher))}`: {other * 1000:.0f} ms")
    print(f"ratio: {one / other:.1f}")


if __name__ == "__main__":
    main()
