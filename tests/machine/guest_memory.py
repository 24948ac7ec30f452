"""Runs in the machine: the daemon, with workers that come to need memory as no file can make them.

The daemon, its workers and their limits are the real ones; before a worker judges a file named
scenario-ACT-*.json it acts as ACTS has it. Holds no assertion: tests look from outside.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod.daemon import main as daemon
from scenariod.validation import scenario
from scenariod.workers import template, worker
from scenariod.workers.launchers import cgroup, commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.validation.verdict import Verdict

ROOT = Path("/var/lib/scenariod")
MIB = 1 << 20
KEPT: list[object] = []
"""What a worker holds on to."""


def limit_bytes() -> int:
    return int((own_group() / "memory.max").read_text())


def own_group() -> Path:
    return cgroup.of_process(os.getpid())


def asked_to_end() -> bool:
    """Say whether SIGTERM has come; the worker's own handler has taken note of it."""
    handler = signal.getsignal(signal.SIGTERM)
    return bool(handler.__self__.asked)  # type: ignore[union-attr]


def allocate() -> None:
    """Take more than the limit in one call into C."""
    KEPT.append(b"x" * (limit_bytes() + limit_bytes() // 4))


def grow() -> None:
    """Grow slowly until asked to end, then say how much was held."""
    near = limit_bytes() * 6 // 10
    while not asked_to_end():
        KEPT.append(b"x" * (MIB // 4))
        time.sleep(0.02 if cgroup.unreclaimable(own_group()) < near else 0.2)
    (ROOT / "held").write_text(str(cgroup.unreclaimable(own_group())))


def deaf() -> None:
    """Grow beyond the soft limit, then stay in one call into C."""
    soft = limit_bytes() * 3 // 4
    while cgroup.unreclaimable(own_group()) < soft:
        KEPT.append(b"x" * (MIB // 4))
    sum(range(10**12))


def cache() -> None:
    """Fill the page cache with twice the limit, from a file of its own."""
    large = Path(sys.argv[2]) / "large"
    with large.open("wb") as file:
        for _ in range(2 * limit_bytes() // MIB):
            file.write(os.urandom(MIB))
    for _ in range(2):
        with large.open("rb") as file:
            while file.read(MIB):
                pass
    large.unlink()


def child() -> None:
    """Wait for a word from outside, then have a child take too much, and go on without it."""
    wait_while(lambda: not (ROOT / "go").exists())
    code = f"held = b'x' * {limit_bytes() * 2}"
    subprocess.run([sys.executable, "-I", "-c", code], check=False)


def linger() -> None:
    """Say so, and stay as long as somebody wants it."""
    (ROOT / "lingers").touch()
    wait_while((ROOT / "linger").exists)


def hold() -> None:
    """Hold 60 % of the limit for a while."""
    fill()
    time.sleep(2)
    KEPT.clear()


def rest() -> None:
    """Hold 60 % of the limit as long as somebody wants it."""
    fill()
    linger()
    KEPT.clear()


def fill() -> None:
    """Take 60 % of the limit."""
    while cgroup.unreclaimable(own_group()) < limit_bytes() * 6 // 10:
        KEPT.append(b"x" * MIB)


def wait_while(condition: Callable[[], bool]) -> None:
    while condition():
        time.sleep(0.05)


ACTS = {f.__name__: f for f in (allocate, grow, deaf, cache, child, linger, hold, rest)}


def act_before_judging() -> None:
    """Have the real worker act before it judges."""
    judge = scenario.judge

    def act_and_judge(content: bytes, *, name: str) -> Verdict:
        ACTS.get(name.split("-")[1], lambda: None)()
        return judge(content, name=name)

    scenario.judge = act_and_judge


def run_daemon() -> int:
    """Run the real daemon, which starts such workers."""
    plain = commands.worker

    def acting(folder: Path, **orders: object) -> list[str]:
        python, *_, path = plain(folder, **orders)[:5]  # type: ignore[arg-type]
        rest = plain(folder, **orders)[5:]  # type: ignore[arg-type]
        return [python, "-I", __file__, "--worker", path, *rest]

    commands.worker = acting
    commands.template = lambda root, *, supervisor_pid: [
        *(sys.executable, "-I", __file__, "--template", str(root), str(supervisor_pid))
    ]
    return daemon.main(sys.argv[1:])


if __name__ == "__main__":
    LIMITED = {"--worker": worker.main, "--template": template.main}
    if run := LIMITED.get("".join(sys.argv[1:2])):
        act_before_judging()
        sys.exit(run(sys.argv[2:]))
    sys.exit(run_daemon())
