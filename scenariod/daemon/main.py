"""The `scenariod` command: its arguments, its errors and its exit code.

Loads the rest only once it is to run. Never decides what happens to a file.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod import __version__
from scenariod.base import loading, process, streams
from scenariod.base.arguments import Parser
from scenariod.base.errors import EXIT_CODE_MEANING, ExitCode, ScenariodError
from scenariod.monitoring.journal import Event, open_journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenariod.monitoring.journal import Journal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon; return its exit code (see `EXIT_CODE_MEANING`)."""
    atexit.register(gc.freeze)  # the memory goes back as it is: no search for garbage at exit
    streams.repair()
    process.reset_inherited_signals()
    journal = open_journal(os.environ)
    try:
        asked = _parser().parse_args(arguments)
        with loading.without_search_for_garbage():
            from scenariod.daemon import service  # --help and a mistyped option need none of it

        return service.serve(asked, journal=journal)
    except (OSError, ScenariodError) as error:
        return _fail(error, journal=journal)
    finally:
        streams.finish()


def _fail(error: Exception, *, journal: Journal) -> ExitCode:
    from scenariod.base import faults
    from scenariod.monitoring.notify import Notifier

    fault = faults.of(error)
    hint = fault.cure or "fix the cause, then start again"
    code: ExitCode = getattr(error, "exit_code", ExitCode.PAUSED)
    journal.tell(Event.FAILED, f"{fault.words}; {hint}", path=fault.path, hint=hint, exit_code=code)
    Notifier(os.environ).status(f"ended: {fault.words}; {hint}")
    return code


def _parser() -> Parser:
    codes = "\n".join(f"  {c.value:2}  {text}" for c, text in EXIT_CODE_MEANING.items())
    parser = Parser(
        prog="scenariod",
        description="Process scenario files dropped into inbox/, each pair in a worker with a\n"
        "memory limit, and add them to the scenario library.",
        epilog=f"exit codes:\n{codes}\n\nman scenariod(8), scenariod.toml(5), scenariodctl(1)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration file")
    parser.add_argument("--root", type=Path, metavar="DIR", help="the folder that holds inbox/")
    parser.add_argument(
        "--once", action="store_true", help="process what is in the inbox, publish, and exit"
    )
    parser.add_argument("--version", action="version", version=f"scenariod {__version__}")
    return parser
