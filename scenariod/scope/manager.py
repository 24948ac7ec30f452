"""Asks and orders one service manager, the system's or a user's: stop, freeze, kill, cap.

Runs what `command.py` builds, each with a timeout. Never starts a worker.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
from typing import TYPE_CHECKING

from scenariod.errors import NoLimitError
from scenariod.scope import child, command

if TYPE_CHECKING:
    from scenariod.scope.command import Manager

CALL_TIMEOUT_S = 90.0
"""How long systemd may take to stop a slice; its own default (DefaultTimeoutStopSec=)."""


class ServiceManager:
    """One service manager."""

    def __init__(self, kind: Manager) -> None:
        self.kind = kind

    async def stop(self, unit: str) -> None:
        """End all that is in a unit; raise `NoLimitError` where that can't be done."""
        status, said = await _call(command.stop(unit, manager=self.kind))
        if status != 0 and "not loaded" not in said:
            raise _refused(f"stop {unit}", said=said, status=status)

    async def freeze(self, unit: str) -> None:
        """Stop all processes of a unit; where that fails, what follows at once is a kill."""
        await _call(command.freeze(unit, manager=self.kind))

    async def kill(self, unit: str) -> None:
        """Kill all processes of a unit; what survives, the stop of its slice ends."""
        await _call(command.kill(unit, manager=self.kind))

    async def cap(self, unit: str, *, limit_bytes: int) -> None:
        """Start a slice whose members have so much memory together; raise `NoLimitError`."""
        for order in command.capped(unit, manager=self.kind, limit_bytes=limit_bytes):
            status, said = await _call(order)
            if status != 0:
                raise _refused(f"limit {unit}", said=said, status=status)

    async def loaded_at(self) -> str:
        """Return when it has last read its units, in its own words; they change with a reload."""
        _, said = await _call(command.loaded_at(manager=self.kind))
        return said


def _refused(what: str, *, said: str, status: int) -> NoLimitError:
    return NoLimitError(
        f"cannot {what}: {said or f'exit status {status}'}",
        hint="see `systemctl --user status` of the account that runs scenariod",
    )


async def _call(arguments: list[str]) -> tuple[int, str]:
    """Run a short command; return its exit status and what it said, stripped."""
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        return -signal.SIGKILL, f"no answer within {CALL_TIMEOUT_S:g} s"
    finally:
        if process.returncode is None:
            child.send(process, signal.SIGKILL)
            await process.wait()
    return process.returncode or 0, said.decode("utf-8", "replace").strip()
