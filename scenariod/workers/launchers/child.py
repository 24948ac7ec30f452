"""Child processes: how they are started, what all have, and how they get a signal."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence

LINE_LIMIT = 1 << 20
"""The longest line of a child, in bytes. The speaker's has all voices of an account in one."""


class Child(Protocol):
    """A child process with pipes: one of asyncio's, or one that a template forked."""

    @property
    def pid(self) -> int:
        """Its number, which is nobody else's until its end is known here."""

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""

    @property
    def stdin(self) -> asyncio.StreamWriter | None:
        """The pipe to it."""

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """The pipe from it."""

    @property
    def stderr(self) -> asyncio.StreamReader | None:
        """The pipe with its last words."""

    async def wait(self) -> int:
        """Wait for its end; return the exit status."""


async def start(command: Sequence[str]) -> Child:
    """Start a program; raise OSError where that cannot be."""
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        limit=LINE_LIMIT,
        process_group=0,  # Ctrl-C on a terminal is the supervisor's to handle
    )


def send(process: Child, number: signal.Signals) -> None:
    """Send a signal to `process`, unless it has ended.

    `Process.kill` and `terminate` of asyncio look first whether it has
    (`subprocess.Popen.send_signal`). If it has just then, they take its exit status, and asyncio,
    which comes too late, says 255.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
