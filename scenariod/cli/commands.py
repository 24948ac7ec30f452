"""The table of the commands of scenariodctl: how each is called, and what answers it.

Owns the words of the command line. Never loads what answers a command before it is asked for.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenariod.base.config import Config
    from scenariod.cli.answer import Answer


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument or option of one command; `settings` are what `add_argument` takes."""

    name: str
    help: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: how it is called, what it says of itself, and what answers it: `module:function`.

    `parts` are its second words; without one of them it answers itself. `interrupted` says how
    things are after Ctrl-C.
    """

    name: str
    help: str
    answerer: str
    arguments: tuple[Argument, ...] = ()
    parts: tuple[Command, ...] = ()
    interrupted: str = "nothing was changed"

    def answer(self, config: Config, asked: argparse.Namespace) -> Answer:
        """Load the module that answers, and return its answer."""
        module, _, function = self.answerer.partition(":")
        found = getattr(import_module(f"scenariod.cli.{module}"), function)
        answer: Answer = found(config, asked)
        return answer


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

COMMANDS = (
    Command("status", "how the daemon is, right now", "status:status"),
    Command("list", "the scenarios in the library", "library:scenarios"),
    Command(
        "show",
        "one scenario, as it was dropped",
        "library:show",
        (Argument("what", "the scenario's id", {"metavar": "ID"}),),
    ),
    Command(
        "library",
        "`library verify`: read all of the library, and say what is not as it was stored",
        "library:verify",
        (Argument("action", "the word `verify`", {"choices": ["verify"]}),),
    ),
    Command(
        "backups",
        "the backups, newest first; `backups verify` reads them, `backups prune` tidies up",
        "backups:backups",
        parts=(
            Command(
                "verify",
                "read all of a backup, and say whether every byte is as it was written",
                "backups:verify",
                (
                    Argument(
                        "name",
                        "a backup's name or path, the newest without it",
                        {"metavar": "NAME", "nargs": "?"},
                    ),
                    Argument("--all", "all that backups/ holds", {"action": "store_true"}),
                ),
            ),
            Command(
                "prune",
                "remove the backups that no rule of the configuration keeps, and say why",
                "backups:prune",
                (
                    Argument(
                        "--dry-run",
                        "say what would go and what stays, and remove nothing",
                        {"action": "store_true"},
                    ),
                ),
                interrupted=_SO_FAR,
            ),
        ),
    ),
    Command(
        "restore",
        "make the library what a backup holds (backs up the present state first)",
        "restore:restore",
        (
            Argument(
                "what",
                "a backup's name, a path, `latest`, or batch:N for the state before that batch",
                {"metavar": "MOMENT"},
            ),
            Argument(
                "--dry-run", "say what would change, and change nothing", {"action": "store_true"}
            ),
            Argument("--yes", "do not ask, not on a terminal either", {"action": "store_true"}),
        ),
        interrupted=_IN_THE_HISTORY,
    ),
    Command(
        "import",
        "bring in a file that holds many scenarios, or a folder of files",
        "importing:import_",
        (
            Argument(
                "source",
                "a predecessor's file, a backup, a pack, a list, a folder of files, or - for a"
                " file on standard input",
                {"metavar": "FILE|DIR"},
            ),
            Argument(
                "--dry-run", "say what would change, and change nothing", {"action": "store_true"}
            ),
        ),
        interrupted=_SO_FAR,
    ),
    Command(
        "export",
        "write the library out as packs, a folder of files",
        "exporting:export",
        (
            Argument(
                "--at",
                "the state before a batch, as batch:N, instead of now",
                {"default": "now", "metavar": "MOMENT"},
            ),
            Argument(
                "--pack-size",
                "how many scenarios go into a file, of those that came in no pack (10 without it)",
                {"type": _positive, "default": 10, "metavar": "N"},
            ),
            Argument(
                "--output",
                "the folder to make (scenarios-export without it)",
                {"type": Path, "default": Path("scenarios-export"), "metavar": "DIR"},
            ),
        ),
        interrupted="the folder is there with all of it, or as it was",
    ),
    Command(
        "history",
        "what changed the library, the last batch first, and what can be undone",
        "history:history",
        (
            Argument(
                "--limit",
                "how many batches, 0 for all (20 without it)",
                {"type": _count, "default": 20, "metavar": "N"},
            ),
        ),
    ),
    Command(
        "undo",
        "take back exactly what one batch did",
        "history:undo",
        (Argument("batch", "the batch's number", {"type": _count, "metavar": "BATCH"}),),
        interrupted=_IN_THE_HISTORY,
    ),
    Command(
        "diff",
        "what differs between two moments: a backup, batch:N (before it), or now",
        "history:diff",
        (
            Argument("former", "the one moment", {"metavar": "A"}),
            Argument("latter", "the other moment", {"metavar": "B"}),
        ),
    ),
    Command(
        "memory",
        "what memory batches needed, the limit, and what limit would fit",
        "memory:memory",
    ),
    Command(
        "explain",
        "where a dropped file is, what became of it, and what to do",
        "files:explain",
        (Argument("file", "its name, or a path to it", {"metavar": "FILE"}),),
    ),
    Command(
        "retry",
        "move refused files from failed/ back into inbox/",
        "files:retry",
        (
            Argument("name", "a file in failed/", {"metavar": "NAME", "nargs": "?"}),
            Argument("--all", "all that failed/ holds", {"action": "store_true"}),
        ),
        interrupted=_SO_FAR,
    ),
    Command(
        "config",
        "`config check`: say whether the configuration is valid, and every setting in force",
        "config:config_check",
        (Argument("action", "the word `check`", {"choices": ["check"]}),),
    ),
)
