"""A run of the daemon: configuration, lock, supervisor, and what is said at the end.

Builds everything and passes it down. Never decides what happens to a file.
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from scenariod.base import config, streams
from scenariod.base.errors import EXIT_CODE_MEANING, ConfigError, ExitCode
from scenariod.base.names import printable
from scenariod.base.owner import become_owner, refuse_unreadable_program, touch_files_as_owner
from scenariod.base.root import Lock, prepare
from scenariod.daemon.setup import Setup
from scenariod.daemon.signals import SignalRequests
from scenariod.daemon.supervisor import Supervisor
from scenariod.intake.batch import Work
from scenariod.monitoring.journal import Event
from scenariod.monitoring.notify import Notifier
from scenariod.monitoring.status import left_alone
from scenariod.workers import budget, host, start_check
from scenariod.workers.launchers import launcher

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.monitoring.journal import Journal
    from scenariod.monitoring.status import Status
    from scenariod.workers.launchers.launcher import Launcher

THREAD_TURN_S = 0.001
"""How long a thread may go on in Python while others wait, in seconds."""


def serve(asked: argparse.Namespace, *, journal: Journal) -> int:
    """Run the daemon as `asked`, until it is to end; return its exit code."""
    loaded = config.load_for_command(config=asked.config, root=asked.root)
    # The loop answers for the status while other threads sort names or take in events by the
    # hundred thousand: it must not wait 5 ms, Python's default, for each of its turns.
    sys.setswitchinterval(THREAD_TURN_S)
    if host.is_booted():
        touch_files_as_owner(loaded.root)
    elif become_owner(loaded.root):  # then there is nothing that needs root
        refuse_unreadable_program(loaded.root)
    prepare(loaded)
    start_check.refuse_what_cannot_start(loaded)
    lock = Lock(loaded.lock)
    lock.acquire()
    try:
        told, code = asyncio.run(_supervise(loaded, asked=asked, journal=journal))
    finally:
        lock.release()
    left = len(Work(loaded.work).batches())
    words = EXIT_CODE_MEANING[code] if asked.once else _left(told, cut_off=left)
    journal.tell(Event.STOPPED, f"scenariod ended: {words}", exit_code=code)
    if asked.once:
        streams.to_stdout([_summary(told, config=loaded, code=code, cut_off=left), "\n"])
    return code


async def _supervise(
    loaded: Config, *, asked: argparse.Namespace, journal: Journal
) -> tuple[Status, ExitCode]:
    """Have one supervisor work to its end, and after each reload another; return the last status.

    The next one is a start like any other: what the kernel is to keep is checked, what was cut off
    is taken up. The process, its lock and its handlers of signals stay: none is missed.
    """
    notifier = Notifier(os.environ)
    may_reload = notifier.is_heard and not asked.once
    stop = SignalRequests(
        journal=journal, reread=partial(_reread, asked, loaded.root) if may_reload else None
    )
    current: Config | None = loaded
    while current is not None:
        setup = Setup.of(
            current,
            launcher=_launcher(current),
            journal=journal,
            notifier=notifier,
            once=asked.once,
        )
        supervisor = Supervisor(setup, stop=stop)
        code = await supervisor.run()
        if (current := stop.take_next()) is not None:
            notifier.reloading()
    return supervisor.snapshot(), code


def _reread(asked: argparse.Namespace, root: Path) -> Config:
    """Return the configuration as it is now; raise `ScenariodError` where it cannot be used."""
    now = config.load_for_command(config=asked.config, root=asked.root)
    if now.root != root:
        raise ConfigError(
            f"root = {now.root} is not {root}, the folder of this daemon",
            hint="`systemctl restart scenariod` applies it",
        )
    start_check.refuse_what_cannot_start(now)
    _launcher(now)
    return now


def _launcher(loaded: Config) -> Launcher:
    return launcher.choose(
        loaded.worker.launcher,
        root=loaded.root,
        most_bytes=budget.aggregate_bytes(loaded.memory),
    )


def _left(status: Status, *, cut_off: int) -> str:
    """Return what a daemon that was asked to end leaves for its next start, in words."""
    counts = ((status.inbox, "inbox/"), (cut_off, "work/"))
    left = ", ".join(f"{count} in {where}" for count, where in counts if count)
    return f"on request; left for the next start: {left}" if left else "on request"


def _summary(status: Status, *, config: Config, code: ExitCode, cut_off: int) -> str:
    """Return the summary of a run; `cut_off` counts the batches that are still in work/."""
    counts = status.counts
    rows = [
        (f"{counts.added} added", "in the library now", config.published),
        (f"{counts.replaced} replaced", "by new versions of them", config.published),
        (f"{counts.already_added} already added", "same content, nothing changed", config.done),
        (f"{counts.refused} refused", "each with NAME.reason.json beside it", config.failed),
        (f"{status.inbox} left", "not taken yet", config.inbox),
    ]
    rows += [(f"{cut_off} interrupted", "the next start resumes them", config.work)]
    lines = [_row(count, what, where) for count, what, where in rows if not count.startswith("0 ")]
    lines += [f"  {line}" for line in left_alone(status.left_alone, status.left_alone_files)]
    lines = lines or ["  the inbox was empty"]
    if status.newest_backup is not None:
        backup = config.backups / status.newest_backup
        lines += [_row("newest backup", "the whole library in one file", backup)]
    return "\n".join(
        [
            "",
            f"{EXIT_CODE_MEANING[code]}; the library holds {status.scenarios} scenarios",
            *lines,
        ]
    )


def _row(count: str, what: str, where: Path) -> str:
    return f"  {count:<18}{printable(str(where))}\n  {'':<18}({what})"
