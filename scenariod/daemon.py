"""The `scenariod` command: from arguments to a running supervisor, and its exit code.

Builds everything and passes it down. Never decides what happens to a file.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod import __version__, budget, config, fault, scope, summary
from scenariod.errors import EXIT_CODE_MEANING, ExitCode, ScenariodError
from scenariod.journal import Event, Notifier, open_journal
from scenariod.root import Lock, become_owner, prepare, touch_files_as_owner
from scenariod.settle import Settler
from scenariod.supervisor import Supervisor
from scenariod.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenariod.config import Config
    from scenariod.journal import Journal

THREAD_TURN_S = 0.001
"""How long a thread may go on in Python while others wait, in seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; return its exit code (see `EXIT_CODE_MEANING`)."""
    asked = _parser().parse_args(arguments)
    journal = open_journal(os.environ)
    try:
        loaded = config.load_for_command(config=asked.config, root=asked.root)
        return _serve(loaded, journal=journal, once=asked.once)
    except ScenariodError as error:
        journal.tell(
            Event.FAILED, f"{error}; {error.hint}", hint=error.hint, exit_code=error.exit_code
        )
        Notifier(os.environ).status(f"ended: {error}; {error.hint}")
        return error.exit_code
    except OSError as error:
        told = fault.of(error)
        hint = told.cure or "mend the cause, then start again"
        journal.tell(
            Event.FAILED,
            f"cannot start, and nothing was lost: {told.words}; {hint}",
            path=told.path,
            hint=hint,
            exit_code=ExitCode.PAUSED,
        )
        return ExitCode.PAUSED


def _serve(loaded: Config, *, journal: Journal, once: bool) -> int:
    # The loop answers for the status while other threads sort names or take in events by the
    # hundred thousand: it must not wait 5 ms, Python's default, for each of its turns.
    sys.setswitchinterval(THREAD_TURN_S)
    if scope.is_booted():
        touch_files_as_owner(loaded.root)
    else:  # then there is nothing that needs root
        become_owner(loaded.root)
    prepare(loaded)
    lock = Lock(loaded.lock)
    lock.acquire()
    try:
        work = Work(inbox=loaded.inbox, work=loaded.work, done=loaded.done, failed=loaded.failed)
        settler = Settler(loaded, work=work, journal=journal)
        supervisor = Supervisor(
            loaded,
            settler=settler,
            work=work,
            launcher=scope.choose(
                loaded.worker.launcher,
                root=loaded.root,
                most_bytes=budget.aggregate_bytes(loaded.memory),
            ),
            journal=journal,
            notifier=Notifier(os.environ),
            once=once,
        )
        code = asyncio.run(supervisor.run())
    finally:
        lock.release()
    journal.tell(Event.STOPPED, f"scenariod ended: {EXIT_CODE_MEANING[code]}", exit_code=code)
    if once:
        left = len(work.batches())
        print(summary.of(supervisor.snapshot(), config=loaded, code=code, cut_off=left))
    return code


def _parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {c.value:2}  {text}" for c, text in EXIT_CODE_MEANING.items())
    parser = argparse.ArgumentParser(
        prog="scenariod",
        description="Process scenario files dropped into inbox/, each pair in a worker with a "
        "memory limit, and add them to the scenario library.",
        epilog=f"exit codes:\n{codes}\n\nman scenariod(8), scenariod.toml(5), scenariodctl(1)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration")
    parser.add_argument("--root", type=Path, metavar="DIR", help="the folder that holds inbox/")
    parser.add_argument(
        "--once", action="store_true", help="process what the inbox holds, publish, and end"
    )
    parser.add_argument("--version", action="version", version=f"scenariod {__version__}")
    return parser
