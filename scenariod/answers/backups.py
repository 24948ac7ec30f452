"""Which backups there are, and restoring one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod import backup, clock, journal
from scenariod.answers.answer import Answer, require_root
from scenariod.journal import Event
from scenariod.library import Library
from scenariod.restore import restore as restore_backup
from scenariod.sizes import MIB

if TYPE_CHECKING:
    import argparse

    from scenariod.config import Config


def backups(config: Config, _: argparse.Namespace) -> Answer:
    """Answer which backups there are, newest first."""
    require_root(config)
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
    require_root(config)
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
