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
from collections.abc import Awaitable, Callable
from pathlib import Path

from scenariod.base import config
from scenariod.intake.batch import Batch
from scenariod.workers.job import Job
from scenariod.workers.launchers import child
from scenariod.workers.launchers.child import Child
from scenariod.workers.launchers.launcher import Launcher, choose
from scenariod.workers.launchers.systemd import SystemdLauncher
from scenariod.workers.starting import Starter

MIB = 1 << 20
LIMIT_MB = 512


def job(folder: Path, *, number: int) -> Job:
    """Return a job without files."""
    loaded = config.load(config=None, root=folder, cwd=folder)
    return Job(loaded, Batch(number, folder), (), limit_bytes=LIMIT_MB * MIB)


async def ready_s(
    launcher: Launcher, asked: Job, *, start: Callable[[Job], Awaitable[Child]]
) -> float:
    """Return the seconds from the launch of a worker to its READY."""
    started = time.perf_counter()
    process = await start(asked)
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


async def measure(rounds: int) -> tuple[Launcher, dict[str, list[float]]]:
    """Return the launcher, and the seconds of so many launches of each kind, the bare one too."""
    took: dict[str, list[float]] = {"fork": [], "exec": [], "bare": []}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        launcher = choose("auto", root=root, most_bytes=4096 * MIB)
        starter = Starter(job(root, number=0).config, launcher, tell=sys.exit)

        async def anew(asked: Job) -> Child:
            return await child.start(launcher.command(asked))

        try:
            for number in range(1, 2 * rounds + 1, 2):
                forked, own = job(root, number=number), job(root, number=number + 1)
                seconds = await ready_s(launcher, forked, start=starter.start)
                if number > 1:  # the first also waits for the template
                    took["fork"].append(seconds)
                took["exec"].append(await ready_s(launcher, own, start=anew))
                took["bare"].append(bare_s(bare_command(launcher)))
        finally:
            await starter.close()
            await launcher.sweep(root)
    return launcher, took


def main() -> None:
    """Print the medians and their ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    launcher, took = asyncio.run(measure(rounds))
    bare = statistics.median(took["bare"])
    print(f"launch to READY, by {launcher.name}")
    print(f"`{' '.join(Path(w).name for w in bare_command(launcher))}`: {bare * 1000:.0f} ms")
    for way in ("fork", "exec"):
        one = statistics.median(took[way])
        print(f"{way}: {one * 1000:.0f} ms, ratio: {one / bare:.1f}")


if __name__ == "__main__":
    main()
