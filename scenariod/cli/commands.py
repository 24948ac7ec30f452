"""The table of the commands of scenariodctl: how each is called, and what answers it.

Owns the words of the command line. Never loads what answers a command before it is asked for.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from scenariod.base import loading
from scenariod.base.names import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenariod.base.config import Config
    from scenariod.cli.answer import Answer, Stream

# Named tuples, not dataclasses: those load `inspect`, and would be a third of a --help.


class Argument(NamedTuple):
    """An argument or option of one command; `settings` are what `add_argument` takes."""

    name: str
    help: str
    settings: Mapping[str, Any] = MappingProxyType({})


class Command(NamedTuple):
    """A command: how it is called, what it says of itself, and what answers it: `module:function`.

    `parts` are its second words; without one of them it answers itself. `interrupted` says how
    things are after Ctrl-C; after one that `changes_library`, a running daemon looks at it.
    """

    name: str
    help: str
    answerer: str
    arguments: tuple[Argument, ...] = ()
    parts: tuple[Command, ...] = ()
    interrupted: str = "nothing was changed"
    changes_library: bool = False

    def answer(self, config: Config, asked: argparse.Namespace) -> Answer | Stream:
        """Load the module that answers, and return its answer."""
        module, _, function = self.answerer.partition(":")
        with loading.without_search_for_garbage():
            found = getattr(import_module(f"scenariod.cli.{module}"), function)
        answer: Answer | Stream = found(config, asked)
        return answer


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _positive(text: str) -> int:
    if (number := _count(text)) == 0:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return number


def _batch(text: str) -> int | str:
    if text == "last":
        return text
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        words = f"{text!r} is neither `last` nor the number of a batch{nearest(text, ['last'])}"
        raise argparse.ArgumentTypeError(words)
    return int(text)


def _sound(text: str) -> str:
    if text not in (sounds := ("title", "content", "claim")):
        words = f"{text!r} is not title, content or claim{nearest(text, sounds)}"
        raise argparse.ArgumentTypeError(words)
    return text


_ID = Argument("what", "the scenario's id", {"metavar": "ID"})
_DRY_RUN = Argument("--dry-run", "show what would change; change nothing", {"action": "store_true"})
_YES = Argument(
    "--yes", "do not ask for confirmation, even on a terminal", {"action": "store_true"}
)
_SO_FAR = "what was done so far stays"
_IN_THE_HISTORY = (
    "the library was changed completely or not at all; `scenariodctl history` shows which"
)

COMMANDS = (
    Command("status", "show what the daemon is doing now", "status:status"),
    Command("list", "list the scenarios in the library", "library:scenarios"),
    Command(
        "show",
        "print one scenario as it was dropped",
        "library:show",
        (_ID,),
    ),
    Command(
        "library",
        "`library verify`: read the whole library and report what is not as it was stored",
        "library:verify",
        (Argument("action", "the word `verify`", {"choices": ["verify"]}),),
    ),
    Command(
        "backups",
        "list the backups, newest first; `backups verify` checks them, `backups prune` removes"
        " old ones",
        "backups:backups",
        parts=(
            Command(
                "verify",
                "read a whole backup and report whether every byte is as it was written",
                "backups:verify",
                (
                    Argument(
                        "name",
                        "a backup's name or path (default: the newest)",
                        {"metavar": "NAME", "nargs": "?"},
                    ),
                    Argument("--all", "verify all backups", {"action": "store_true"}),
                ),
            ),
            Command(
                "prune",
                "remove backups that no retention rule keeps, and explain each decision",
                "backups:prune",
                (
                    Argument(
                        "--dry-run",
                        "show what would be removed and kept; remove nothing",
                        {"action": "store_true"},
                    ),
                ),
                interrupted=_SO_FAR,
            ),
        ),
    ),
    Command(
        "restore",
        "restore a backup or an earlier state (backs up the present state first)",
        "restore:restore",
        (
            Argument(
                "what",
                "a backup's name or path, `latest` for the newest backup, or batch:N for the state"
                " before that batch; to undo the last change use `undo last`",
                {"metavar": "MOMENT"},
            ),
            _DRY_RUN,
            _YES,
        ),
        interrupted=_IN_THE_HISTORY,
        changes_library=True,
    ),
    Command(
        "import",
        "import scenarios from a file or from a folder of files",
        "importing:import_",
        (
            Argument(
                "source",
                "a predecessor's file, a backup, a pack, a list, a folder of files, or - for"
                " standard input",
                {"metavar": "FILE|DIR"},
            ),
            _DRY_RUN,
        ),
        interrupted=_SO_FAR,
        changes_library=True,
    ),
    Command(
        "export",
        "export the library as a folder of packs",
        "exporting:export",
        (
            Argument(
                "--at",
                "export the state before a batch, as batch:N (default: now)",
                {"default": "now", "metavar": "MOMENT"},
            ),
            Argument(
                "--pack-size",
                "scenarios per file, for those that came in no pack (default: 10)",
                {"type": _positive, "default": 10, "metavar": "N"},
            ),
            Argument(
                "--output",
                "the folder to create (default: scenarios-export)",
                {"type": Path, "default": Path("scenarios-export"), "metavar": "DIR"},
            ),
        ),
        interrupted="the folder is complete, or unchanged",
    ),
    Command(
        "history",
        "list the batches that changed the library, newest first, and which can be undone",
        "history:history",
        (
            Argument(
                "--limit",
                "how many batches to list, 0 for all (default: 20)",
                {"type": _count, "default": 20, "metavar": "N"},
            ),
        ),
    ),
    Command(
        "undo",
        "undo the last change, or exactly what one batch did",
        "undo:undo",
        (
            Argument(
                "batch",
                "`last` for the last change with all its batches, or the number of one batch",
                {"type": _batch, "metavar": "last|BATCH"},
            ),
            _DRY_RUN,
            _YES,
        ),
        interrupted=_IN_THE_HISTORY,
        changes_library=True,
    ),
    Command(
        "diff",
        "compare two restore points: a backup, batch:N (the state before it), or now",
        "history:diff",
        (
            Argument("former", "the first restore point", {"metavar": "A"}),
            Argument("latter", "the second restore point", {"metavar": "B"}),
        ),
    ),
    Command(
        "memory",
        "show how much memory batches needed, the limit, and which limit would fit",
        "memory:memory",
    ),
    Command(
        "explain",
        "show where a dropped file is, or where a scenario came from, and what to do next",
        "explain:explain",
        (Argument("what", "a file's name or path, or a scenario's id", {"metavar": "FILE|ID"}),),
    ),
    Command(
        "report",
        "show where the report on the library is, and when it was made",
        "report:report",
        (
            Argument("--now", "make the report now", {"action": "store_true"}),
            Argument("--open", "open the report in a browser", {"action": "store_true"}),
            Argument(
                "--serve",
                "serve the report to browsers of this machine until Ctrl-C",
                {"action": "store_true"},
            ),
        ),
        interrupted="the report is as it was, or partly new; the next one completes it",
    ),
    Command(
        "failed",
        "list the refused files in failed/, newest first, with reason and age",
        "failed:failed",
        (
            Argument(
                "--limit",
                "how many files to list, 0 for all (default: 20)",
                {"type": _count, "default": 20, "metavar": "N"},
            ),
        ),
    ),
    Command(
        "retry",
        "move refused files from failed/ back into inbox/",
        "retry:retry",
        (
            Argument("name", "a file in failed/", {"metavar": "NAME", "nargs": "?"}),
            Argument("--all", "retry all files in failed/", {"action": "store_true"}),
        ),
        interrupted=_SO_FAR,
    ),
    Command(
        "voices",
        "show the progress of the voices; `voices text` shows what is spoken for a scenario",
        "voices:voices",
        (
            Argument("--missing", "list what is still to be spoken", {"action": "store_true"}),
            Argument(
                "--failed", "list what could not be spoken, and why", {"action": "store_true"}
            ),
            Argument("--redo", "speak these scenarios again", {"nargs": "+", "metavar": "ID"}),
            Argument("--cost", "show how much is to be spoken", {"action": "store_true"}),
        ),
        parts=(
            Command(
                "text",
                "show what is spoken for a scenario, and by whom",
                "voices:text",
                (_ID,),
            ),
        ),
        interrupted="all of them are spoken again, or none",
        changes_library=True,
    ),
    Command(
        "characters",
        "show who speaks in a scenario, or in all that were spoken",
        "voices:characters",
        (Argument("what", "the scenario's id", {"metavar": "ID", "nargs": "?"}),),
    ),
    Command(
        "cast",
        "show which voice each character of a scenario has, and why",
        "voices:cast",
        (_ID,),
    ),
    Command("cost", "show what the voices have cost this month", "voices:cost"),
    Command(
        "play",
        "play a scenario's sound",
        "play:play",
        (
            _ID,
            Argument(
                "file",
                "title, content or claim (default: content)",
                {"nargs": "?", "type": _sound, "default": "content", "metavar": "FILE"},
            ),
        ),
    ),
    Command(
        "config",
        "`config check`: report whether the configuration is valid, and print every setting",
        "config:config_check",
        (Argument("action", "the word `check`", {"choices": ["check"]}),),
    ),
)
