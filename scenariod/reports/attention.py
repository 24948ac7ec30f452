"""What needs a person: refused files, a doubtful backup, pauses of intake.

Looks at folders, and at a library that others have opened.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from scenariod.backups import schedule
from scenariod.base.names import printable
from scenariod.base.value import as_dict, replace
from scenariod.intake import retry
from scenariod.validation import reason_file

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.library import Snapshot

MOST_LISTED = 10
PAUSES_OF = timedelta(days=7)
"""Before the last batch: what is over for long needs nobody."""
_LONGEST_REASON = 500
MOST_LOOKED_AT = 10_000
"""Of more files than these the newest are not looked for: each needs a system call."""


def refused_files(failed: Path) -> dict[str, Any]:
    """Return how many files failed/ holds, and the newest of them with their reasons."""
    if not failed.is_dir():
        return {"count": 0, "newest": []}
    count = retry.count(failed)
    if count > MOST_LOOKED_AT:
        return {"count": count, "newest": []}
    names = [name for _, name in retry.newest_first(failed)[:MOST_LISTED]]
    return {"count": count, "newest": [_refused(failed, name) for name in names]}


def _refused(failed: Path, name: str) -> dict[str, str]:
    reason = reason_file.read(failed, name)
    if reason is None:
        again = reason_file.retry_command(name)
        return {"file": printable(name), "code": "", "message": "", "advice": "", "retry": again}
    return {
        "file": printable(name),
        "code": reason.code,
        "message": reason.message,
        "advice": reason.advice,
        "retry": reason.retry,
    }


def backup(config: Config, *, scenarios: int) -> dict[str, str]:
    """Return the newest backup's name, and why it is doubtful; "" where there is none."""
    if not config.backups.is_dir():
        return {"newest": "", "doubt": ""}
    newest, doubt = schedule.look_at_newest(config, scenarios=scenarios)
    return {"newest": newest or "", "doubt": doubt}


def pauses(snapshot: Snapshot) -> dict[str, Any]:
    """Return how often intake paused in the days before the last batch, and the last pauses."""
    if (last := snapshot.last_settled_at()) is None:
        return {"count": 0, "newest": []}
    count, newest = snapshot.pauses(since=last - PAUSES_OF, most=MOST_LISTED)
    shown = (replace(each, reason=printable(each.reason)[:_LONGEST_REASON]) for each in newest)
    return {"count": count, "newest": [as_dict(each) for each in shown]}
