"""What each command of scenariodctl answers: a document for programs, lines for people.

Reads the library, the backups and the daemon's status; only `restore` changes anything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scenariod import backup, clock, journal
from scenariod import config as configuration
from scenariod import status as live
from scenariod.errors import ExitCode, NotFoundError, RootUnusableError
from scenariod.inbox import Inbox
from scenariod.journal import Event
from scenariod.library import Library
from scenariod.restore import restore as restore_backup

if TYPE_CHECKING:
    import argparse

    from scenariod.config import Config

MIB = 1 << 20
_READ_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A command's answer.

    `raw`, where it is given, is what people see instead of `lines`, and `json_text` what programs
    get instead of `document`.
    """

    document: Any
    lines: list[str] = field(default_factory=list)
    raw: bytes | None = None
    json_text: str | None = None
    code: ExitCode = ExitCode.OK


def status(config: Config, _: argparse.Namespace) -> Answer:
    """Answer how the daemon is; where none runs, what the folders and the library tell."""
    _require_root(config)
    document = live.ask(config.socket) if config.socket.parent.is_dir() else None
    if document is None:
        return _not_running(config)
    return Answer({"running": True, **document}, lines=_status_lines(document))


def _not_running(config: Config) -> Answer:
    waiting = _inbox_count(config)
    count = _library_count(config)
    document = {"running": False, "root": str(config.root), "inbox": waiting, "scenarios": count}
    lines = [
        f"scenariod is not running on {config.root}",
        f"    Inbox: {waiting} waiting",
        f"  Library: {count} scenarios",
        "    Start: `systemctl [--user] start scenariod`, or `scenariod` in the foreground",
    ]
    return Answer(document, lines=lines, code=ExitCode.NOT_RUNNING)


def _inbox_count(config: Config) -> int:
    if not config.inbox.is_dir():
        return 0
    return Inbox(config.inbox, settle_s=0).look(now=0.0).total


def _library_count(config: Config) -> int:
    try:
        with Library.open_read_only(config.database, busy_timeout_s=_READ_TIMEOUT_S) as library:
            return library.count()
    except NotFoundError:
        return 0


def _status_lines(document: dict[str, Any]) -> list[str]:
    state = document["state"] + (f": {document['detail']}" if document["detail"] else "")
    lines = [
        f"scenariod {document['version']} is {state}",
        f"     Root: {document['root']}",
        f"  Process: PID {document['pid']}, since {document['started_at']}",
        f"  Workers: {document['launcher']}",
        f"    Inbox: {document['inbox']} waiting (seen by {document['watch']})",
    ]
    lines += [f"           {w['file']}: {w['reason']}" for w in document["waiting"][:10]]
    if document["worker"]:
        running = live.Running(**document["worker"])
        files = ", ".join(running.files)
        lines.append(f"    Batch: {running.batch}: {files}; {live.memory(running)}")
    counts = f"{document['added']} added, {document['already_added']} already added"
    return [
        *lines,
        f"  Library: {document['scenarios']} scenarios",
        f"    Since: {counts}, {document['refused']} refused, in {document['batches']} batches",
        f"   Backup: {document['newest_backup'] or 'none yet'}",
    ]


def scenarios(config: Config, _: argparse.Namespace) -> Answer:
    """Answer which scenarios the library holds, in the order in which they were added."""
    _require_root(config)
    with Library.open_read_only(config.database, busy_timeout_s=_READ_TIMEOUT_S) as library:
        records = list(library.scenarios())
    document = [
        {
            "id": r.id,
            "title": r.title,
            "correctAnswer": r.correct_answer,
            "size_bytes": r.size_bytes,
            "added_batch": r.added_batch,
        }
        for r in records
    ]
    width = max((len(r.id) for r in records), default=0)
    lines = [f"{r.id:<{width}}  {r.correct_answer:<8}  {r.title}" for r in records]
    return Answer(document, lines=lines or ["the library is empty"])


def show(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer one scenario: for people the document as dropped, for programs with its record."""
    with Library.open_read_only(config.database, busy_timeout_s=_READ_TIMEOUT_S) as library:
        found = library.scenario(asked.what)
    if found is None:
        raise NotFoundError(
            f"there is no scenario {asked.what!r} in the library",
            hint="`scenariodctl list` shows their ids",
        )
    record, content = found
    document = {
        "id": record.id,
        "added_batch": record.added_batch,
        "content_sha256": record.content_sha256,
    }
    # Spliced in as it was dropped: a program must get its numbers digit by digit.
    head = json.dumps(document, indent=2).removesuffix("\n}")
    spliced = f'{head},\n  "scenario": {content.decode().strip()}\n}}'
    raw = content if content.endswith(b"\n") else content + b"\n"
    return Answer(document, raw=raw, json_text=spliced)


def backups(config: Config, _: argparse.Namespace) -> Answer:
    """Answer which backups there are, newest first."""
    _require_root(config)
    found = backup.list_backups(config.backups) if config.backups.is_dir() else []
    document = [
        {
            "name": b.path.name,
            "created": b.created.isoformat(timespec="seconds"),
            "scenarios": b.count,
            "batch": b.batch,
            "size_bytes": b.size_bytes,
        }
        for b in found
    ]
    lines = [
        f"{b.path.name}  {b.created:%Y-%m-%d %H:%M:%S} UTC  "
        f"{'not whole' if b.count is None else f'{b.count} scenarios'}  {b.size_bytes / MIB:.1f} MB"
        for b in found
    ]
    return Answer(document, lines=lines or ["there is no backup yet"])


def restore(config: Config, asked: argparse.Namespace) -> Answer:
    """Restore a backup, and answer what it changed and how to go back."""
    _require_root(config)
    source = backup.find(config.backups, asked.what)
    busy_s = config.library.busy_timeout_s
    with Library.open(config.database, busy_timeout_s=busy_s) as library:
        done = restore_backup(
            library,
            source,
            backups=config.backups,
            published=config.published,
            clock=clock.now,
        )
    document = {
        "restored": str(source),
        "batch": done.batch,
        "added": done.added,
        "removed": done.removed,
        "replaced": done.replaced,
        "unchanged": done.unchanged,
        "safety_backup": done.safety_backup.name,
    }
    counts = f"{done.added} brought back, {done.removed} removed, {done.replaced} replaced"
    words = f"restored {source.name} as batch {done.batch}: {counts}, {done.unchanged} unchanged"
    journal.tell_from_command(
        Event.RESTORED,
        words,
        batch=done.batch,
        backup=str(source),
        safety_backup=done.safety_backup.name,
    )
    lines = [
        words,
        f"published {config.published}",
        f"to go back: scenariodctl restore {done.safety_backup.name}",
    ]
    return Answer(document, lines=lines)


def config_check(config: Config, _: argparse.Namespace) -> Answer:
    """Answer every setting in force; an invalid configuration has failed before this."""
    settings = configuration.settings(config)
    source = str(config.source) if config.source else "no file: the defaults"
    lines = [f"valid ({source})", *(f"  {key} = {value}" for key, value in settings.items())]
    return Answer({"valid": True, "source": source, "settings": settings}, lines=lines)


def _require_root(config: Config) -> None:
    if not config.root.is_dir():
        raise RootUnusableError(
            f"the root folder {config.root} is not there",
            hint="name it with --root DIR, or its configuration with --config FILE",
        )
