"""Restoring a backup, or the state before a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.backups import moments, rebuild
from scenariod.backups.damage import Damage, damage_of, examine, refuse_damaged
from scenariod.backups.restore import restore as restore_moment
from scenariod.base import clock
from scenariod.base.errors import LibraryDamagedError, NotFoundError
from scenariod.base.root import Lock, prepare
from scenariod.cli import preview, terminal
from scenariod.cli.answer import Answer, require_root
from scenariod.library import Library
from scenariod.monitoring.journal import CommandJournal, Event

if TYPE_CHECKING:
    import argparse

    from scenariod.backups.restore import Summary
    from scenariod.base.config import Config


def restore(config: Config, asked: argparse.Namespace) -> Answer:
    """Restore a backup or the state before a batch; answer what it changed and how to go back."""
    require_root(config)
    wanted = moments.parse(asked.what, backups=config.backups)
    if isinstance(wanted, moments.Present):
        raise NotFoundError(
            "`now` is the present state: restoring it changes nothing",
            hint="name a backup, or a batch as batch:N",
        )
    if asked.dry_run:
        return preview.dry_run(config, wanted, {"would_restore": str(wanted)})
    prepare(config)
    if isinstance(wanted, moments.BeforeBatch):
        refuse_damaged(config)
        return _ordinary(config, wanted, may_ask=not asked.yes)
    damage = examine(config)
    if damage is None:
        try:
            return _ordinary(config, wanted, may_ask=not asked.yes)
        except LibraryDamagedError as error:  # a document, which only who reads it all meets
            damage = damage_of(config, str(error))
    return _rebuilt(config, wanted, damage, may_ask=not asked.yes)


def _ordinary(config: Config, wanted: moments.Earlier, *, may_ask: bool) -> Answer:
    """Restore in one step of a library that is sound; the daemon may run."""
    if may_ask and not preview.is_confirmed(config, wanted, f"restore {wanted}?"):
        return preview.not_confirmed("restored")
    busy_s = config.library.busy_timeout_s
    with Library.open(config.database, busy_timeout_s=busy_s) as library:
        done = restore_moment(
            library,
            wanted,
            backups=config.backups,
            published=config.published,
            clock=clock.now,
        )
    return _restored(config, wanted, done)


def _rebuilt(config: Config, wanted: moments.InBackup, damage: Damage, *, may_ask: bool) -> Answer:
    """Put a library made of the backup in the place of the damaged one; the daemon must not run."""
    question = f"set the damaged library aside and rebuild it from {wanted}?"
    if may_ask and terminal.is_there() and not terminal.confirms([damage.why], question):
        return preview.not_confirmed("restored")
    lock, progress = Lock(config.lock), terminal.Progress()
    lock.acquire()
    try:
        done = rebuild.rebuild(
            config,
            damage,
            journal=CommandJournal(),
            show=progress.show,
            source=wanted.path,
        )
    finally:
        progress.clear()
        lock.release()
    document = {
        "restored": str(wanted.path),
        "scenarios": done.scenarios,
        "taken_back": done.taken_back,
        "unreadable": done.unreadable,
        "set_aside": str(done.aside),
    }
    lines = [
        damage.why,
        f"the damaged library is in {done.aside}",
        f"rebuilt from {wanted}: {done.scenarios} scenarios",
        f"{done.taken_back} files in done/ that it lacks are in inbox/ again: start scenariod",
        *rebuild.unread(done),
    ]
    return Answer(document, lines=lines)


def _restored(config: Config, wanted: moments.Earlier, done: Summary) -> Answer:
    source = str(wanted.path if isinstance(wanted, moments.InBackup) else wanted)
    document = {
        "restored": source,
        "batch": done.batch,
        "added": done.added,
        "removed": done.removed,
        "replaced": done.replaced,
        "unchanged": done.unchanged,
        "safety_backup": done.safety_backup.name,
    }
    counts = f"{done.added} brought back, {done.removed} removed, {done.replaced} replaced"
    words = f"restored {wanted} as batch {done.batch}: {counts}, {done.unchanged} unchanged"
    CommandJournal().tell(
        Event.RESTORED,
        words,
        batch=done.batch,
        backup=source,
        safety_backup=done.safety_backup.name,
    )
    go_back = f"to go back: scenariodctl restore {done.safety_backup.name}"
    if done.added or done.removed or done.replaced:
        last = f"{go_back}, or scenariodctl undo {done.batch}"
    else:
        last = f"nothing has changed; {preview.UNDO_LAST}"
    return Answer(document, lines=[words, f"published {config.published}", last])
