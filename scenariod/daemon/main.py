"""The `scenariod` command: from arguments to a running supervisor, and its exit code.

Builds everything and passes it down. Never decides what happens to a file.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import gc
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod import __version__
from scenariod.base import config, faults, process, streams
from scenariod.base.arguments import Parser
from scenariod.base.errors import EXIT_CODE_MEANING, ConfigError, ExitCode, ScenariodError
from scenariod.base.owner import become_owner, touch_files_as_owner
from scenariod.base.root import Lock, prepare
from scenariod.daemon.setup import Setup
from scenariod.daemon.signals import SignalRequests
from scenariod.daemon.supervisor import Supervisor
from scenariod.intake.batch import Work
from scenariod.monitoring.journal import Event, open_journal
from scenariod.monitoring.notify import Notifier
from scenariod.monitoring.status import left_alone
from scenariod.workers import budget, host, start_check
from scenariod.workers.launchers import launcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenariod.base.config import Config
    from scenariod.monitoring.journal import Journal
    from scenariod.monitoring.status import Status
    from scenariod.workers.launchers.launcher import Launcher

THREAD_TURN_S = 0.001
"""How long a thread may go on in Python while others wait, in seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; return its exit code (see `EXIT_CODE_MEANING`)."""
    atexit.register(gc.freeze)  # the memory goes back as it is: no search for garbage at exit
    streams.repair()
    process.reset_inherited_signals()
    journal = open_journal(os.environ)
    try:
        asked = _parser().parse_args(arguments)
        loaded = config.load_for_command(config=asked.config, root=asked.root)
        return _serve(loaded, asked=asked, journal=journal)
    except (OSError, ScenariodError) as error:
        return _fail(error, journal=journal)
    finally:
        streams.finish()


def _fail(error: Exception, *, journal: Journal) -> ExitCode:
    fault = faults.of(error)
    hint = fault.cure or "fix the cause, then start again"
    code: ExitCode = getattr(error, "exit_code", ExitCode.PAUSED)
    journal.tell(Event.FAILED, f"{fault.words}; {hint}", path=fault.path, hint=hint, exit_code=code)
    Notifier(os.environ).status(f"ended: {fault.words}; {hint}")
    return code


def _serve(loaded: Config, *, asked: argparse.Namespace, journal: Journal) -> int:
    # The loop answers for the status while other threads sort names or take in events by the
    # hundred thousand: it must not wait 5 ms, Python's default, for each of its turns.
    sys.setswitchinterval(THREAD_TURN_S)
    if host.is_booted():
        touch_files_as_owner(loaded.root)
    else:  # then there is nothing that needs root
        become_owner(loaded.root)
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


def _parser() -> Parser:
    codes = "\n".join(f"  {c.value:2}  {text}" for c, text in EXIT_CODE_MEANING.items())
    parser = Parser(
        prog="scenariod",
        description="Process scenario files dropped into inbox/, each pair in a worker with a\n"
        "memory limit, and add them to the scenario library.",
        epilog=f"exit codes:\n{codes}\n\nman scenariod(8), scenariod.toml(5), scenariodctl(1)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration")
    parser.add_argument("--root", type=Path, metavar="DIR", help="the folder that holds inbox/")
    parser.add_argument(
        "--once", action="store_true", help="process what is in the inbox, publish, and exit"
    )
    parser.add_argument("--version", action="version", version=f"scenariod {__version__}")
    return parser


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
    return f"  {count:<18}{where}\n  {'':<18}({what})"
