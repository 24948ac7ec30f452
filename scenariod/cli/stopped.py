"""How things are where no daemon runs: what the folders and the library tell. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod import backups
from scenariod.backups import damage
from scenariod.backups.schedule import doubt
from scenariod.base import clock
from scenariod.base.errors import ExitCode, NotFoundError
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, backup_lines
from scenariod.intake import inbox, misnamed
from scenariod.library import Library
from scenariod.monitoring import status as live

if TYPE_CHECKING:
    from scenariod.base.config import Config
    from scenariod.intake.misnamed import Misnamed


def status(config: Config) -> Answer:
    """Answer what can be told without a daemon."""
    waiting = _inbox_count(config)
    left_alone = _left_alone(config)
    shown = misnamed.shown(left_alone, config.inbox)
    count = _library_count(config)
    newest, wrong = _newest_backup(config, scenarios=count)
    lost = damage.lost(config)
    document = {
        "running": False,
        "root": str(config.root),
        "inbox": waiting,
        "left_alone": len(left_alone),
        "left_alone_files": shown,
        "scenarios": count,
        "library_doubt": "" if lost is None else lost.why,
        "newest_backup": newest,
        "backup_doubt": wrong,
    }
    lines = [
        f"scenariod is not running on {config.root}",
        f"    Inbox: {waiting} waiting",
        *(f"{'':11}{line}" for line in live.left_alone(len(left_alone), shown)),
        f"  Library: {count} scenarios",
        *([] if lost is None else [f"           ! {lost.why}; a start rebuilds it, or says how"]),
        *backup_lines(document),
        "    Start: `systemctl [--user] start scenariod`, or `scenariod` in the foreground",
    ]
    return Answer(document, lines=lines, code=ExitCode.NOT_RUNNING)


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


def _newest_backup(config: Config, *, scenarios: int) -> tuple[str | None, str]:
    """Return the name of the newest backup, and what is wrong with it."""
    if not config.backups.is_dir():
        return None, ""
    newest = backups.newest(config.backups)
    wrong = doubt(
        newest,
        prepared=backups.prepared_count(config.backups),
        scenarios=scenarios,
        growth=config.backup_rules.growth,
    )
    return None if newest is None else newest.path.name, wrong
