"""How things are where no daemon answers: what folders and library show. Changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scenariod.backups import damage
from scenariod.backups.schedule import look_at_newest
from scenariod.base import clock
from scenariod.base.errors import ExitCode, NotFoundError
from scenariod.cli import failed
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, backup_lines, report_made
from scenariod.intake import inbox, misnamed
from scenariod.library import Library
from scenariod.monitoring import status as live

if TYPE_CHECKING:
    from scenariod.base.config import Config
    from scenariod.base.errors import NotAnsweringError
    from scenariod.intake.misnamed import Misnamed


def status(config: Config) -> Answer:
    """Answer what is known where no daemon runs."""
    found, lines = _on_disk(config)
    return Answer(
        {"running": False, "answering": False, **found},
        lines=[
            f"scenariod is not running on {config.root}",
            *lines,
            "    Start: `systemctl [--user] start scenariod`, or `scenariod` in the foreground",
        ],
        code=ExitCode.NOT_RUNNING,
    )


def silent(config: Config, error: NotAnsweringError) -> Answer:
    """Answer what is known where a daemon runs but does not answer."""
    found, lines = _on_disk(config)
    since = _locked_since(config)
    held = f"has held the lock since {since or 'unknown'}"
    running = {"pid": error.pid or None, "started_at": since, "detail": str(error)}
    return Answer(
        {"running": True, "answering": False, **running, **found},
        lines=[
            str(error),
            f"     Root: {config.root}",
            f"  Process: PID {error.pid or 'unknown'}, {held}",
            *lines,
            f"     Help: {error.hint}",
        ],
        code=error.exit_code,
    )


def _locked_since(config: Config) -> str | None:
    """Return when the daemon took its lock; it then writes its PID there. None: it is gone."""
    try:
        taken_at = datetime.fromtimestamp(config.lock.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    return taken_at.isoformat(timespec="seconds")


def _on_disk(config: Config) -> tuple[dict[str, object], list[str]]:
    """Return what the folders and the library show, as a document and in lines."""
    waiting = _inbox_count(config)
    left_alone = _left_alone(config)
    shown = misnamed.shown(left_alone, config.inbox)
    refused = failed.look(config.failed)
    count = _library_count(config)
    newest, wrong = look_at_newest(config, scenarios=count)
    found = damage.find_damage(config)
    made, report_lines = report_made(config)
    document = {
        "root": str(config.root),
        "inbox": waiting,
        "left_alone": len(left_alone),
        "left_alone_files": shown,
        "scenarios": count,
        "library_doubt": "" if found is None else found.why,
        "newest_backup": newest,
        "backup_doubt": wrong,
        **refused.document,
        **made,
    }
    lines = [
        f"    Inbox: {waiting} waiting",
        *(f"{'':11}{line}" for line in live.left_alone(len(left_alone), shown)),
        f"  Library: {count} scenarios",
        *(
            []
            if found is None
            else [f"           ! {found.why}; starting scenariod rebuilds it, or shows how"]
        ),
        *refused.lines,
        *backup_lines(document),
        *report_lines,
    ]
    return document, lines


def _inbox_count(config: Config) -> int:
    return inbox.count(config.inbox) if config.inbox.is_dir() else 0


def _left_alone(config: Config) -> list[Misnamed]:
    now_s = clock.now().timestamp()
    return misnamed.find(config.inbox, now_s=now_s) if config.inbox.is_dir() else []


def _library_count(config: Config) -> int:
    try:
        with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
            return library.count()
    except NotFoundError:
        return 0
