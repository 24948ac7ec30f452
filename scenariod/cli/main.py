"""`scenariodctl`: ask how things are, and change what the operator may change.

Owns the command line and what it prints. Decides nothing itself.
"""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod import __version__
from scenariod.base import streams
from scenariod.base.arguments import Parser
from scenariod.base.errors import EXIT_CODE_MEANING, ExitCode, ScenariodError
from scenariod.base.names import printable_line
from scenariod.cli.commands import COMMANDS, Command

# Imports up here are what --help and a mistyped command need. A command loads the rest itself: on
# a small machine, most of the time that it takes.

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenariod.base.config import Config
    from scenariod.cli.answer import Answer, Stream


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (see `EXIT_CODE_MEANING`)."""
    atexit.register(gc.freeze)  # the memory goes back as it is: no search for garbage at exit
    streams.repair()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        asked = _parser(given).parse_args(given)
        return _answer(asked)
    except ScenariodError as error:  # of the command line, or of the output of --help
        return _fail(str(error), error.hint, error.exit_code, as_json="--json" in given)
    finally:
        streams.finish()


def _answer(asked: argparse.Namespace) -> int:
    from scenariod.base import config, faults, owner, process

    process.reset_inherited_signals()
    loaded: Config | None = None
    try:
        loaded = config.load_for_command(config=asked.config, root=asked.root)
        if owner.become_owner(loaded.root):
            owner.refuse_unreadable_program(loaded.root)
        command = _asked_command(asked)
        answer = command.answer(loaded, asked)
        if command.changes_library:
            _wake_daemon(loaded)
        _print(answer, as_json=asked.json)
    except (OSError, faults.EnvironmentFault) as error:
        return _fail_of_environment(error, loaded, as_json=asked.json)
    except ScenariodError as error:
        return _fail(str(error), error.hint, error.exit_code, as_json=asked.json)
    except KeyboardInterrupt:
        hint = "run it again to complete it"
        changes = not getattr(asked, "dry_run", False)
        how = _asked_command(asked).interrupted if changes else "nothing was changed"
        return _fail(f"interrupted: {how}", hint, ExitCode.INTERRUPTED, as_json=asked.json)
    return answer.code


def _wake_daemon(loaded: Config) -> None:
    from scenariod.monitoring import status  # most commands need nothing of it

    status.wake(loaded.socket)


def _fail_of_environment(error: Exception, loaded: Config | None, *, as_json: bool) -> int:
    from scenariod.base import faults

    fault = faults.of(error)
    cause = error.cause if isinstance(error, faults.EnvironmentFault) else error
    code = getattr(error, "exit_code", ExitCode.PAUSED)
    hint = fault.cure or "no partial change was made; fix the cause and run it again"
    if isinstance(cause, PermissionError):
        code = ExitCode.ROOT_UNUSABLE
        if cause.errno == errno.EACCES and not _is_ours(loaded):
            hint = "run it with sudo, or join the group: `sudo adduser $USER scenariod`"
    return _fail(fault.words, hint, code, as_json=as_json)


def _is_ours(loaded: Config | None) -> bool:
    """Say whether we are root, or who owns the root folder: then sudo changes nothing."""
    if os.geteuid() == 0:
        return True
    try:
        return loaded is not None and loaded.root.stat().st_uid == os.geteuid()
    except OSError:
        return False


def _asked_command(asked: argparse.Namespace) -> Command:
    command = next(c for c in COMMANDS if c.name == asked.command)
    part = getattr(asked, "part", None)
    return next((p for p in command.parts if p.name == part), command)


def _print(answer: Answer | Stream, *, as_json: bool) -> None:
    from scenariod.cli.answer import Stream

    if isinstance(answer, Stream) and as_json:  # in UTF-8, whatever the locale is
        streams.to_stdout(
            piece.encode() if isinstance(piece, str) else piece for piece in answer.pieces
        )
    elif isinstance(answer, Stream):
        streams.to_stdout(answer.pieces)
    elif as_json:
        _print_json(answer.document)
    else:
        streams.to_stdout(f"{printable_line(line)}\n" for line in answer.lines)


def _print_json(document: object) -> None:
    import json

    streams.to_stdout([json.dumps(document, indent=2, ensure_ascii=True).encode(), b"\n"])


def _fail(message: str, hint: str, code: ExitCode, *, as_json: bool) -> int:
    streams.to_stderr(f"scenariodctl: {printable_line(message)}\n  {printable_line(hint)}\n")
    if as_json:
        error = {"message": message, "hint": hint, "exit_code": code}
        with suppress(streams.OutputError):  # the first error is the one to end with
            _print_json({"error": error})
    return code


def _parser(given: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser of the words `given`, whose other commands are names only.

    None: of all commands. To make all their options takes as long as to start Python.
    """
    codes = "\n".join(f"  {c.value:2}  {text}" for c, text in EXIT_CODE_MEANING.items())
    parser = Parser(
        prog="scenariodctl",
        description="Query and control scenariod.",
        epilog=f"exit codes:\n{codes}\n\nman scenariodctl(1)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"scenariodctl {__version__}")
    _add_common(parser, default_of=lambda default: default)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.help, description=command.help)
        if given is None or command.name in given:
            _add_arguments(sub, command)
    return parser


def _add_arguments(sub: Parser, command: Command) -> None:
    _add_common(sub, default_of=lambda _: argparse.SUPPRESS)
    for argument in command.arguments:
        sub.add_argument(argument.name, help=argument.help, **argument.settings)
    if command.parts:
        parts = sub.add_subparsers(dest="part", metavar="[PART]")
        for part in command.parts:
            added = parts.add_parser(part.name, help=part.help, description=part.help)
            _add_arguments(added, part)


def _add_common(parser: Parser, *, default_of: Callable[[object], object]) -> None:
    """Let the common options stand before or after the command."""
    parser.add_argument(
        "--json",
        action="store_true",
        default=default_of(False),
        help="print one JSON document on stdout, everything else on stderr",
    )
    for option, metavar, text in (
        ("--config", "FILE", "the configuration file"),
        ("--root", "DIR", "the folder that holds inbox/"),
    ):
        parser.add_argument(option, type=Path, metavar=metavar, default=default_of(None), help=text)
