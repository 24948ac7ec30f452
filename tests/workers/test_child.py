from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from support.home import is_alive

from scenariod.workers.launchers import child

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def late_watcher() -> Iterator[None]:
    """Have asyncio learn of an end in its loop, as it does from 3.12 on, and not in a thread."""
    if sys.version_info >= (3, 12):
        yield
        return
    policy = asyncio.get_event_loop_policy()
    policy.set_child_watcher(asyncio.PidfdChildWatcher())
    yield
    policy.set_child_watcher(asyncio.ThreadedChildWatcher())


@pytest.mark.usefixtures("late_watcher")
def test_a_signal_that_comes_too_late_leaves_how_the_process_ended_to_be_told() -> None:
    async def end_one() -> int:
        process = await asyncio.create_subprocess_exec("sleep", "600")
        os.kill(process.pid, signal.SIGTERM)
        while is_alive(process.pid):  # the loop stands still, and knows nothing of it yet
            pass
        child.send(process, signal.SIGKILL)
        return await process.wait()

    assert asyncio.run(end_one()) == -signal.SIGTERM


def test_a_signal_ends_a_process_and_none_is_sent_to_one_that_has_ended() -> None:
    async def end_one() -> int:
        process = await asyncio.create_subprocess_exec("sleep", "600")
        child.send(process, signal.SIGKILL)
        status = await process.wait()
        child.send(process, signal.SIGKILL)
        return status

    assert asyncio.run(end_one()) == -signal.SIGKILL
