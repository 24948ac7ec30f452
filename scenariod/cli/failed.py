"""What failed/ holds: the refused files, the newest first, each with its reason and age.

Changes nothing, and loads nothing large.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scenariod.base import clock
from scenariod.base.names import printable
from scenariod.base.value import Value, as_dict
from scenariod.cli.answer import Answer, age, require_root
from scenariod.intake import retry

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.validation.reason_file import RefusedFor

MOST_LOOKED_AT = 10_000
"""Up to so many files, a status finds the newest: asking for the ctime of 100,000 takes seconds."""


class _Refused(Value):
    """A file in failed/; `code` is None without its reason file, `failed_at` is ISO 8601 in UTC."""

    file: str
    code: str | None
    message: str
    advice: str
    failed_at: str
    retry: str
    problems: tuple[RefusedFor, ...]

    def line(self, now: datetime) -> str:
        """Return it for people, with its age at `now`."""
        code = f" ({self.code})" if self.code else ""
        ago = age((now - datetime.fromisoformat(self.failed_at)).total_seconds())
        more = len(self.problems) - 1
        also = f", and {more} more" if more > 0 else ""
        return f"{self.file}, {ago}{code}: {self.message}{also}"


class Look(Value):
    """What a status shows of failed/: keys of its document, and lines."""

    document: dict[str, object]
    lines: list[str]


def failed(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer which files are in failed/ and why, the newest first."""
    require_root(config)
    found = retry.newest_first(config.failed)
    shown = [_read(config.failed, *each) for each in found[: asked.limit or None]]
    now = clock.now()
    lines = [each.line(now) for each in shown] or ["failed/ holds no file"]
    if (left := len(found) - len(shown)) > 0:
        lines.append(f"{left} more: scenariodctl failed --limit 0")
    return Answer([as_dict(each) for each in shown], lines=lines)


def look(folder: Path) -> Look:
    """Return what a status shows of failed/: how many files, and the newest with its reason."""
    count = retry.count(folder)
    newest = None
    if count <= MOST_LOOKED_AT:
        newest = next((_read(folder, *each) for each in retry.newest_first(folder)), None)
    files = "1 file" if count == 1 else f"{count} files"
    lines = [
        f"   Failed: {files} in failed/: `scenariodctl failed`" if count else "   Failed: none"
    ]
    if newest is not None:
        lines.append(f"{'':11}{newest.line(clock.now())}")
    return Look({"failed": count, "newest_failed": newest and as_dict(newest)}, lines=lines)


def _read(folder: Path, ctime_ns: int, name: str) -> _Refused:
    from scenariod.validation import reason_file  # mostly there is no refused file

    reason = reason_file.read(folder, name)
    refused_at = datetime.fromtimestamp(ctime_ns // 10**9, UTC).isoformat()
    if reason is None:
        again = reason_file.retry_command(name)
        missing = "its reason file is missing"
        return _Refused(printable(name), None, missing, "", refused_at, again, ())
    return _Refused(
        file=printable(name),
        code=reason.code,
        message=reason.message,
        advice=reason.advice,
        failed_at=refused_at,
        retry=reason.retry,
        problems=reason.problems,
    )
