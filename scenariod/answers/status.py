"""How the daemon is, or what the folders tell where none runs. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenariod import backup, inbox, rebuild
from scenariod import status as live
from scenariod.answers.answer import READ_TIMEOUT_S, Answer, require_root
from scenariod.errors import ExitCode, NotFoundError
from scenariod.library import Library
from scenariod.sizes import MIB
from scenariod.upkeep import doubt

if TYPE_CHECKING:
    import argparse

    from scenariod.config import Config


def status(config: Config, _: argparse.Namespace) -> Answer:
    """Answer how the daemon is; where none runs, what the folders and the library tell."""
    require_root(config)
    document = live.ask(config.socket) if config.socket.parent.is_dir() else None
    if document is None:
        return _not_running(config)
    return Answer({"running": True, **document}, lines=_status_lines(document))


def _not_running(config: Config) -> Answer:
    waiting = _inbox_count(config)
    count = _library_count(config)
    newest, wrong = _newest_backup(config, scenarios=count)
    lost = rebuild.lost(config)
    document = {
        "running": False,
        "root": str(config.root),
        "inbox": waiting,
        "scenarios": count,
        "library_doubt": "" if lost is None else lost.why,
        "newest_backup": newest,
        "backup_doubt": wrong,
    }
    lines = [
        f"scenariod is not running on {config.root}",
        f"    Inbox: {waiting} waiting",
        f"  Library: {count} scenarios",
        *([] if lost is None else [f"           ! {lost.why}; a start rebuilds it, or says how"]),
        *_backup_lines(document),
        "    Start: `systemctl [--user] start scenariod`, or `scenariod` in the foreground",
    ]
    return Answer(document, lines=lines, code=ExitCode.NOT_RUNNING)


def _inbox_count(config: Config) -> int:
    return inbox.count(config.inbox) if config.inbox.is_dir() else 0


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
    newest = backup.newest(config.backups)
    wrong = doubt(
        newest,
        prepared=backup.prepared_count(config.backups),
        scenarios=scenarios,
        growth=config.backup.growth,
    )
    return None if newest is None else newest.path.name, wrong


def _sight(document: dict[str, Any]) -> str:
    """Say how arrivals are noticed, and why so where that is not by events."""
    seen = f"seen by {document['watch']}" if document["watch"] == "events" else document["watch"]
    return f"{seen}: {document['watch_detail']}" if document["watch_detail"] else seen


def _status_lines(document: dict[str, Any]) -> list[str]:
    state = document["state"] + (f": {document['detail']}" if document["detail"] else "")
    lines = [
        f"scenariod {document['version']} is {state}",
        f"     Root: {document['root']}",
        f"  Process: PID {document['pid']}, since {document['started_at']}",
        f"  Workers: {document['most_workers']} at most, by {document['launcher']}",
        f"    Inbox: {document['inbox']} waiting ({_sight(document)})",
    ]
    lines += [f"           {w['file']}: {w['reason']}" for w in document["waiting"][:10]]
    for worker in document["workers"]:
        running = live.Running(**worker)
        files = ", ".join(running.files)
        stalled = _stalled(running.stalled_percent)
        lines.append(f"    Batch: {running.batch}: {files}; {live.memory(running)}{stalled}")
    if document["next_waits"]:
        lines.append(f"     Next: {document['next_waits']}")
    lines.append(f"   Memory: {_memory_line(document['memory'])}")
    counts = (
        f"{document['added']} added, {document['replaced']} replaced, "
        f"{document['already_added']} already added"
    )
    return [
        *lines,
        f"  Library: {document['scenarios']} scenarios",
        f"    Since: {counts}, {document['refused']} refused, in {document['batches']} batches",
        *_backup_lines(document),
    ]


def _backup_lines(document: dict[str, Any]) -> list[str]:
    lines = [f"   Backup: {document['newest_backup'] or 'none yet'}"]
    return (
        [*lines, f"           ! {document['backup_doubt']}"] if document["backup_doubt"] else lines
    )


def _stalled(percent: float | None) -> str:
    return f", stood still for it {percent:g} % of the last 10 s" if percent else ""


def _memory_line(memory: dict[str, Any]) -> str:
    host = live.Memory(**memory)
    available = f"{host.available_bytes // MIB} MB of {host.total_bytes // MIB} MB available"
    pressure = (
        "pressure unknown (no /proc/pressure/memory)"
        if host.stalled_percent is None
        else f"stood still for it {host.stalled_percent:g} % of the last 10 s"
    )
    return f"{available}, {host.reserve_bytes // MIB} MB kept free; {pressure}"
