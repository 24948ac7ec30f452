"""What a command answers, and what all commands ask of the root folder. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scenariod.base.errors import ExitCode, RootUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenariod.base.config import Config

READ_TIMEOUT_S = 5.0
"""How long a command that only reads waits for a locked library."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A command's answer.

    `raw`, where it is given, is what people see instead of `lines`, and `json_text` what programs
    get instead of `document`. `pieces` is instead of all these: text that may be too long for the
    memory, printed as it comes, safe for a terminal.
    """

    document: Any
    lines: list[str] = field(default_factory=list)
    raw: bytes | None = None
    json_text: str | None = None
    pieces: Iterable[str] | None = None
    code: ExitCode = ExitCode.OK


def require_root(config: Config) -> None:
    """Raise RootUnusableError where there is no root folder."""
    if not config.root.is_dir():
        raise RootUnusableError(
            f"the root folder {config.root} is not there",
            hint="name it with --root DIR, or its configuration with --config FILE",
        )


def backup_lines(document: dict[str, Any]) -> list[str]:
    """Return the lines on the newest backup, and what is wrong with it."""
    lines = [f"   Backup: {document['newest_backup'] or 'none yet'}"]
    return (
        [*lines, f"           ! {document['backup_doubt']}"] if document["backup_doubt"] else lines
    )
