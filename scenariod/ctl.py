"""`scenariodctl`: ask how things are, and change what the operator may change.

Owns the command line and what it prints. Decides nothing itself.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenariod import __version__, answers, config, fault, signals
from scenariod.errors import EXIT_CODE_MEANING, ExitCode, ScenariodError
from scenariod.names import printable
from scenariod.owner import become_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scenariod.answers import Answer
    from scenariod.config import Config


@dataclass(frozen=True, slots=True)
class _Argument:
    """An argument or option of one command; `settings` are what `add_argument` takes."""

    name: str
    help: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Command:
    """A command: how it is called, what it says of itself, and how to get what answers it.

    `parts` are its second words; without one of them it answers itself. `interrupted` says how
    things are after Ctrl-C.
    """

    name: str
    help: str
    answerer: Callable[[], Callable[[Config, argparse.Namespace], Answer]]
    arguments: tuple[_Argument, ...] = ()
    parts: tuple[_Command, ...] = ()
    interrupted: str = "nothing was changed"


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def _positive(text: str) -> int:
    if (number := _count(text)) == 0:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return number


_SO_FAR = "what was done so far stays"
_IN_THE_HISTORY = (
    "the library was changed as a whole or not at all, as `scenariodctl history` tells"
)

_COMMANDS = (
    _Command("status", "how the daemon is, right now", lambda: answers.status.status),
    _Command("list", "the scenarios in the library", lambda: answers.library.scenarios),
    _Command(
        "show",
        "one scenario, as it was dropped",
        lambda: answers.library.show,
        (_Argument("what", "the scenario's id", {"metavar": "ID"}),),
    ),
    _Command(
        "library",
        "`library verify`: read all of the library, and say what is not as it was stored",
        lambda: answers.library.verify,
        (_Argument("action", "the word `verify`", {"choices": ["verify"]}),),
    ),
    _Command(
        "backups",
        "the backups, newest first; `backups verify` reads them, `backups prune` tidies up",
        lambda: answers.upkeep.backups,
        parts=(
            _Command(
                "verify",
                "read all of a backup, and say whether every byte is as it was written",
                lambda: answers.upkeep.verify,
                (
                    _Argument(
                        "name",
                        "a backup's name or path, the newest without it",
                        {"metavar": "NAME", "nargs": "?"},
                    ),
                    _Argument("--all", "all that backups/ holds", {"action": "store_true"}),
                ),
            ),
            _Command(
                "prune",
                "remove the backups that no rule of the configuration keeps, and say why",
                lambda: answers.upkeep.prune,
                (
                    _Argument(
                        "--dry-run",
                        "say what would go and what stays, and remove nothing",
                        {"action": "store_true"},
                    ),
                ),
                interrupted=_SO_FAR,
            ),
        ),
    ),
    _Command(
        "restore",
        "make the library what a backup holds (backs up the present state first)",
        lambda: answers.backups.restore,
        (
            _Argument(
                "what",
                "a backup's name, a path, `latest`, or batch:N for the state before that batch",
                {"metavar": "MOMENT"},
            ),
            _Argument(
                "--dry-run", "say what would change, and change nothing", {"action": "store_true"}
            ),
            _Argument("--yes", "do not ask, not on a terminal either", {"action": "store_true"}),
        ),
        interrupted=_IN_THE_HISTORY,
    ),
    _Command(
        "import",
        "bring in a file that holds many scenarios, or a folder of files",
        lambda: answers.bundles.import_,
        (
            _Argument(
                "source",
                "a predecessor's file, a backup, a pack, a list, a folder of files, or - for a"
                " file on standard input",
                {"metavar": "FILE|DIR"},
            ),
            _Argument(
                "--dry-run", "say what would change, and change nothing", {"action": "store_true"}
            ),
        ),
        interrupted=_SO_FAR,
    ),
    _Command(
        "export",
        "write the library out as packs, a folder of files",
        lambda: answers.exporting.export,
        (
            _Argument(
                "--at",
                "the state before a batch, as batch:N, instead of now",
                {"default": "now", "metavar": "MOMENT"},
            ),
            _Argument(
                "--pack-size",
                "how many scenarios go into a file, of those that came in no pack (10 without it)",
                {"type": _positive, "default": 10, "metavar": "N"},
            ),
            _Argument(
                "--output",
                "the folder to make (scenarios-export without it)",
                {"type": Path, "default": Path("scenarios-export"), "metavar": "DIR"},
            ),
        ),
        interrupted="the folder is there with all of it, or as it was",
    ),
    _Command(
        "history",
        "what changed the library, the last batch first, and what can be undone",
        lambda: answers.history.history,
        (
            _Argument(
                "--limit",
                "how many batches, 0 for all (20 without it)",
                {"type": _count, "default": 20, "metavar": "N"},
            ),
        ),
    ),
    _Command(
        "undo",
        "take back exactly what one batch did",
        lambda: answers.history.undo,
        (_Argument("batch", "the batch's number", {"type": _count, "metavar": "BATCH"}),),
        interrupted=_IN_THE_HISTORY,
    ),
    _Command(
        "diff",
        "what differs between two moments: a backup, batch:N (before it), or now",
        lambda: answers.history.diff,
        (
            _Argument("former", "the one moment", {"metavar": "A"}),
            _Argument("latter", "the other moment", {"metavar": "B"}),
        ),
    ),
    _Command(
        "memory",
        "what memory batches needed, the limit, and what limit would fit",
        lambda: answers.memory.memory,
    ),
    _Command(
        "explain",
        "where a dropped file is, what became of it, and what to do",
        lambda: answers.files.explain,
        (_Argument("file", "its name, or a path to it", {"metavar": "FILE"}),),
    ),
    _Command(
        "retry",
        "move refused files from failed/ back into inbox/",
        lambda: answers.files.retry,
        (
            _Argument("name", "a file in failed/", {"metavar": "NAME", "nargs": "?"}),
            _Argument("--all", "all that failed/ holds", {"action": "store_true"}),
        ),
        interrupted=_SO_FAR,
    ),
    _Command(
        "config",
        "`config check`: say whether the configuration is valid, and every setting in force",
        lambda: answers.settings.config_check,
        (_Argument("action", "the word `check`", {"choices": ["check"]}),),
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (see `EXIT_CODE_MEANING`)."""
    atexit.register(gc.freeze)  # the memory goes back as it is: no search for garbage at exit
    asked = _parser().parse_args(arguments)
    signals.undo_inherited_deafness()
    try:
        loaded = config.load_for_command(config=asked.config, root=asked.root)
        become_owner(loaded.root)
        answer = _asked_command(asked).answerer()(loaded, asked)
        _print(answer, as_json=asked.json)
    except ScenariodError as error:
        return _fail(str(error), error.hint, error.exit_code, as_json=asked.json)
    except KeyboardInterrupt:
        hint = "run it again to have it done"
        words = f"interrupted: {_asked_command(asked).interrupted}"
        return _fail(words, hint, ExitCode.INTERRUPTED, as_json=asked.json)
    except BrokenPipeError:
        signals.be_silent()
        return ExitCode.OK
    except PermissionError as error:
        hint = "run it with sudo, or join the group: `sudo adduser $USER scenariod`"
        return _fail(str(error), hint, ExitCode.ROOT_UNUSABLE, as_json=asked.json)
    except OSError as error:
        told = fault.of(error)
        hint = "nothing was changed by halves; mend the cause, then run it again"
        return _fail(told.words, told.cure or hint, ExitCode.PAUSED, as_json=asked.json)
    return answer.code


def _asked_command(asked: argparse.Namespace) -> _Command:
    command = next(c for c in _COMMANDS if c.name == asked.command)
    part = getattr(asked, "part", None)
    return next((p for p in command.parts if p.name == part), command)


def _print(answer: Answer, *, as_json: bool) -> None:
    if answer.pieces is not None:
        sys.stdout.writelines(answer.pieces)
    elif as_json:
        print(answer.json_text or json.dumps(answer.document, indent=2, ensure_ascii=True))
    elif answer.raw is not None and not sys.stdout.isatty():
        sys.stdout.buffer.write(answer.raw)
    else:
        raw = answer.raw
        lines = answer.lines if raw is None else raw.decode().expandtabs(4).splitlines()
        print("\n".join(printable(line) for line in lines))
    sys.stdout.flush()


def _fail(message: str, hint: str, code: ExitCode, *, as_json: bool) -> int:
    if as_json:
        error = {"message": message, "hint": hint, "exit_code": code}
        print(json.dumps({"error": error}, indent=2, ensure_ascii=True))
    print(f"scenariodctl: {printable(message)}\n  {printable(hint)}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {c.value:2}  {text}" for c, text in EXIT_CODE_MEANING.items())
    parser = argparse.ArgumentParser(
        prog="scenariodctl",
        description="Ask and steer scenariod.",
        epilog=f"exit codes:\n{codes}\n\nman scenariodctl(1)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"scenariodctl {__version__}")
    _add_common(parser, default_of=lambda default: default)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        sub = _add_command(commands, command)
        if command.parts:
            parts = sub.add_subparsers(dest="part", metavar="PART")
            for part in command.parts:
                _add_command(parts, part)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], command: _Command
) -> argparse.ArgumentParser:
    sub = commands.add_parser(command.name, help=command.help, description=command.help)
    _add_common(sub, default_of=lambda _: argparse.SUPPRESS)
    for argument in command.arguments:
        sub.add_argument(argument.name, help=argument.help, **argument.settings)
    return sub


def _add_common(parser: argparse.ArgumentParser, *, default_of: Callable[[object], object]) -> None:
    """Let the common options stand before or after the command."""
    parser.add_argument(
        "--json",
        action="store_true",
        default=default_of(False),
        help="one JSON document on stdout, everything else on stderr",
    )
    for option, metavar, text in (
        ("--config", "FILE", "the configuration"),
        ("--root", "DIR", "the folder that holds inbox/"),
    ):
        parser.add_argument(option, type=Path, metavar=metavar, default=default_of(None), help=text)
