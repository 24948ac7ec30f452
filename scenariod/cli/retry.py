"""Refused files back into the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.errors import ExitCode, NameTakenError, NotFoundError, UsageError
from scenariod.base.names import nearest, printable, shell_word
from scenariod.cli.answer import Answer, require_root
from scenariod.intake import retry as retrying
from scenariod.monitoring.journal import CommandJournal, Event

if TYPE_CHECKING:
    import argparse

    from scenariod.base.config import Config


def retry(config: Config, asked: argparse.Namespace) -> Answer:
    """Move refused files back into the inbox, and answer which ones, and which could not."""
    require_root(config)
    if (asked.name is None) is not asked.all:
        raise UsageError("name one file, or --all", hint="`scenariodctl retry --help`")
    wanted = retrying.names(config.failed) if asked.all else [_refused(config, asked.name)]
    moved = [name for name in wanted if retrying.take_up(config.failed, config.inbox, name)]
    left = [name for name in wanted if name not in set(moved)]
    if moved:
        _tell(moved)
    if left and not asked.all:
        raise NameTakenError(
            f"inbox/ holds another file named {left[0]!r}; nothing was moved",
            hint="wait until that one is processed, or rename one of them",
        )
    document = {"retried": [printable(n) for n in moved], "left": [printable(n) for n in left]}
    lines = [f"{name} is in inbox/ again" for name in moved]
    lines += [f"{name} stays in failed/: inbox/ holds another file of this name" for name in left]
    code = ExitCode.NAME_TAKEN if left else ExitCode.OK
    return Answer(document, lines=lines or ["failed/ holds no file"], code=code)


def _refused(config: Config, asked: str) -> str:
    name = retrying.name_of(asked)
    found = retrying.find(config.failed, name)
    if found is None:
        near = nearest(name, retrying.names(config.failed))
        raise NotFoundError(
            f"failed/ holds no file named {name!r}{near}",
            hint=f"`ls {shell_word(config.failed)}` shows what it holds;"
            " `scenariodctl explain` finds others",
        )
    return found


def _tell(moved: list[str]) -> None:
    one = moved[0] if len(moved) == 1 else None
    what = one or f"{len(moved)} files"
    CommandJournal().tell(
        Event.FILES_RETRIED,
        f"requeued {what} from failed/ into the inbox",
        files=len(moved),
        file=one,
    )
