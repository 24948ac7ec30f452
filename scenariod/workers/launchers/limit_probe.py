"""Prove that memory limits are enforced: a small process that exceeds its limit must be killed.

If the kernel has no memory controller, systemd accepts MemoryMax= and ignores it without a
warning; so the limit is tested once at each start.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from scenariod.base.errors import NoLimitError
from scenariod.workers.launchers import cgroup, child, commands

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES = 32 << 20
TIMEOUT_S = 120.0
_CODE = "import sys; print(flush=True); sys.stdin.readline(); held = b'x' * int(sys.argv[1])"


def probe_command(names: commands.Units, *, manager: commands.Manager) -> list[str]:
    """Return the command of a process that waits for a line, then takes twice its limit."""
    return commands.scope(
        [sys.executable, "-I", "-S", "-c", _CODE, str(2 * LIMIT_BYTES)],
        manager=manager,
        names=names,
        limit_bytes=LIMIT_BYTES,
        tasks_max=4,
        runtime_max_s=TIMEOUT_S,
    )


async def prove(root: Path, *, manager: commands.Manager) -> None:
    """Return if the limit killed the probe; raise `NoLimitError` if it survived, or never started.

    Leaves its slice behind: the caller sweeps.
    """
    names = commands.units(root, 0)
    process = await asyncio.create_subprocess_exec(
        *probe_command(names, manager=manager),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            counters = await _provoke(process)
    except TimeoutError:
        raise NoLimitError(
            f"the service manager has not answered within {TIMEOUT_S:g} s",
            hint="see `systemctl --user status` of the account that runs scenariod",
        ) from None
    finally:
        if process.returncode is None:
            child.send(process, signal.SIGKILL)
            await process.wait()
    if counters.oom_kills == 0:
        raise NoLimitError(
            f"a process was given {LIMIT_BYTES >> 20} MB in {names.scope}, took twice as much, and "
            "was not stopped: memory limits are not in force here",
            hint=cgroup.cure(),
        )


async def _provoke(process: asyncio.subprocess.Process) -> cgroup.Counters:
    """Let the probe exceed its limit; return what the kernel counted."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("the probe has no pipes")
    if not await process.stdout.readline():
        said = (await process.stderr.read(4096)).decode("utf-8", "replace").strip()
        raise NoLimitError(
            f"no limited process can be started: {said or 'systemd-run ended without a message'}",
            hint="see `systemctl --user status` of the account that runs scenariod; "
            "systemd 252 or newer is needed",
        )
    slice_folder = cgroup.of_process(process.pid).parent
    process.stdin.write(b"\n")
    process.stdin.close()
    await process.wait()
    return cgroup.counters(slice_folder)
