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


def of(status: Status, *, config: Config, code: ExitCode, cut_off: int) -> str:
    """Return the summary of a run; `cut_off` counts the batches that are still in work/."""
    rows = [
        (f"{status.added} added", "in the library now", config.published),
        (f"{status.replaced} replaced", "by new versions of them", config.published),
        (f"{status.already_added} already added", "same content, nothing changed", config.done),
        (f"{status.refused} refused", "each with NAME.reason.json beside it", config.failed),
        (f"{status.inbox} left", "not taken yet", config.inbox),
    ]
    rows += [(f"{cut_off} cut off", "the next start takes them up", config.work)]
    lines = [_row(count, what, where) for count, what, where in rows if not count.startswith("0 ")]
    if status.newest_backup is not None:
        backup = config.backups / status.newest_backup
        lines += [_row("newest backup", "the library before the last change", backup)]
    return "\n".join(
        [
            "",
            f"{EXIT_CODE_MEANING[code]}; the library holds {status.scenarios} scenarios",
            *(lines or ["  nothing was in the inbox"]),
        ]
    )


def _row(count: str, what: str, where: Path) -> str:
    return f"  {count:<18}{where}\n  {'':<18}({what})"
