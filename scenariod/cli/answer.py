"""What a command answers, and what all commands ask of the root folder. Changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from scenariod.base import root
from scenariod.base.errors import ExitCode, NotFoundError
from scenariod.base.names import nearest
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenariod.base.config import Config
    from scenariod.library import Library, Version

READ_TIMEOUT_S = 5.0
"""How long a command that only reads waits for a locked library."""
_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


class Answer(Value):
    """A command's answer: a document for programs, lines for people."""

    document: Any
    lines: list[str]
    code: ExitCode = ExitCode.OK


class Stream(Value):
    """An answer that its command has written for who asked, a person or a program.

    Each piece is printed as it comes: all of them may be too much for the memory. Text is safe
    for a terminal; bytes are for a file or a pipe.
    """

    pieces: Iterable[str | bytes]
    code: ExitCode = ExitCode.OK


def require_root(config: Config) -> None:
    """Raise RootUnusableError if the root folder does not exist."""
    root.refuse_missing(config.root)


def scenario_of(library: Library, scenario_id: str) -> tuple[Version, bytes]:
    """Return a scenario and its document; raise NotFoundError with the nearest id."""
    found = library.scenario(scenario_id)
    if found is None:
        near = nearest(scenario_id, (record.id for record in library.scenarios()))
        raise NotFoundError(
            f"there is no scenario {scenario_id!r} in the library{near}",
            hint="`scenariodctl list` shows their ids",
        )
    return found


def backup_lines(document: dict[str, Any]) -> list[str]:
    """Return the lines on the newest backup, and what is wrong with it."""
    lines = [f"   Backup: {document['newest_backup'] or 'none yet'}"]
    return (
        [*lines, f"           ! {document['backup_doubt']}"] if document["backup_doubt"] else lines
    )


def report_made(config: Config) -> tuple[dict[str, str | None], list[str]]:
    """Return when the report was made, as part of a status's document, and in lines."""
    from scenariod.reports import folder  # what it loads a status needs, and --help does not

    made = folder.made_at(config.reports)
    words = "none yet: `scenariodctl report --now`"
    if made is not None:
        words = f"{config.reports / folder.INDEX}, made {utc(made)}"
    return {"report_made": made}, [f"   Report: {words}"]


def utc(when: str) -> str:
    """Return an ISO 8601 time in UTC as people read it."""
    return f"{datetime.fromisoformat(when):%Y-%m-%d %H:%M:%S} UTC"


def age(seconds: float) -> str:
    """Return in words how long ago it was."""
    for unit, length_s in _UNITS:
        if (count := int(seconds // length_s)) > 0:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"
