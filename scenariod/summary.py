"""What `scenariod --once` says at its end: what became of the files, and what is where.

Pure: a status in, text out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.errors import EXIT_CODE_MEANING, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.config import Config
    from scenariod.status import Status


def of(status: Status, *, config: Config, code: ExitCode) -> str:
    """Return the summary of a run."""
    rows = [
        (f"{status.added} added", "in the library now", config.published),
        (f"{status.already_added} already added", "same content, nothing changed", config.done),
        (f"{status.refused} refused", "each with NAME.reason.json beside it", config.failed),
        (f"{status.inbox} left", "not taken yet", config.inbox),
    ]
    lines = [_row(count, what, where) for count, what, where in rows if not count.startswith("0 ")]
    backup = config.backups / status.newest_backup if status.newest_backup else config.backups
    return "\n".join(
        [
            "",
            f"{EXIT_CODE_MEANING[code]}; the library holds {status.scenarios} scenarios",
            *(lines or ["  nothing was in the inbox"]),
            _row("newest backup", "`scenariodctl restore latest` brings it back", backup),
        ]
    )


def _row(count: str, what: str, where: Path) -> str:
    return f"  {count:<18}{where}\n  {'':<18}({what})"
