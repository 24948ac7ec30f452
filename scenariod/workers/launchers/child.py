"""Signals a child process of asyncio without learning, in asyncio's place, how it has ended."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from asyncio.subprocess import Process


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to `process`, unless it has ended.

    `Process.kill` and `terminate` look first whether it has (`subprocess.Popen.send_signal`). If it
    has just then, they take its exit status, and asyncio, which comes too late, says 255.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
