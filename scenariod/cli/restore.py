"""Restoring a backup, or the state before a batch."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from scenariod.backups import moments, rebuild
from scenariod.backups.damage import Damage, damage_of, damage_there, refuse_damaged
from scenariod.backups.restore import restore as restore_moment
from scenariod.base import clock
from scenariod.base.errors import ExitCode, LibraryDamagedError, NotFoundError
from scenariod.base.root import Lock, prepare
from scenariod.cli import terminal
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, require_root
from scenariod.library import Change, Library, compared
from scenariod.monitoring.journal import CommandJournal, Event

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from scenariod.backups.restore import Summary
    from scenariod.base.config import Config
    from scenariod.library import Difference

_IDS_SHOWN = 10


def restore(config: Config, asked: argparse.Namespace) -> Answer:
    """Restore a backup or the state before a batch; answer what it changed and how to go back."""
    require_root(config)
    wanted = moments.parse(asked.what, backups=config.backups)
    if isinstance(wanted, moments.Present):
        raise NotFoundError(
            "the present state is there already", hint="name a backup, or a batch as batch:N"
        )
    if asked.dry_run:
        return _dry_run(config, wanted)
    prepare(config)
    if isinstance(wanted, moments.BeforeBatch):
        refuse_damaged(config)
        return _ordinary(config, wanted, may_ask=not asked.yes)
    damage = damage_there(config)
    if damage is None:
        try:
            return _ordinary(config, wanted, may_ask=not asked.yes)
        except LibraryDamagedError as error:  # a document, which only who reads it all meets
            damage = damage_of(config, str(error))
    return _rebuilt(config, wanted, damage, may_ask=not asked.yes)


def _ordinary(config: Config, wanted: moments.Earlier, *, may_ask: bool) -> Answer:
    """Restore in one step of a library that is sound; the daemon may run."""
    if may_ask and terminal.is_there() and not _confirmed(config, wanted):
        return _not_confirmed()
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


def _not_confirmed() -> Answer:
    document = {"restored": None, "confirmed": False}
    return Answer(document, lines=["nothing was changed"], code=ExitCode.NOT_CONFIRMED)


def _rebuilt(config: Config, wanted: moments.InBackup, damage: Damage, *, may_ask: bool) -> Answer:
    """Put a library made of the backup in the place of the damaged one; the daemon must not run."""
    question = f"set the damaged library aside and rebuild it from {wanted}?"
    if may_ask and terminal.is_there() and not terminal.confirms([damage.why], question):
        return _not_confirmed()
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
        f"{done.taken_back} files of done/ that it lacks are in inbox/ again: start scenariod",
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
    changed = done.added or done.removed or done.replaced
    go_back = f"scenariodctl restore {done.safety_backup.name}"
    go_back += f", or scenariodctl undo {done.batch}" if changed else ""
    lines = [words, f"published {config.published}", f"to go back: {go_back}"]
    return Answer(document, lines=lines)


def _dry_run(config: Config, wanted: moments.Moment) -> Answer:
    with _difference(config, wanted) as difference:
        counts, lines = difference.counts(), _difference_lines(difference)
    document = {
        "would_restore": str(wanted),
        "added": counts.added,
        "removed": counts.removed,
        "replaced": counts.changed,
        "unchanged": counts.unchanged,
    }
    return Answer(document, lines=[*lines, "nothing was changed: this was a dry run"])


def _confirmed(config: Config, wanted: moments.Moment) -> bool:
    with _difference(config, wanted) as difference:
        lines = _difference_lines(difference)
    return terminal.confirms(lines, f"restore {wanted}?")


@contextmanager
def _difference(config: Config, wanted: moments.Moment) -> Iterator[Difference]:
    """Yield what a restore would change, from now to `wanted`; an absent library is empty."""
    with ExitStack() as stack:
        try:
            library = stack.enter_context(
                Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S)
            )
        except NotFoundError:
            if not isinstance(wanted, moments.InBackup):
                raise
            file, _ = stack.enter_context(moments.opened_backup(wanted.path))
            after = moments.digests(moments.saved_scenarios(file, wanted.path))
            yield stack.enter_context(compared((), after))
            return
        snapshot = stack.enter_context(library.snapshot())
        former = stack.enter_context(moments.held(moments.Present(), snapshot))
        latter = stack.enter_context(moments.held(wanted, snapshot))
        yield stack.enter_context(compared(former, latter))


def _difference_lines(difference: Difference) -> list[str]:
    counts = difference.counts()
    words = {
        Change.ADDED: f"{counts.added} to bring back",
        Change.REMOVED: f"{counts.removed} to remove",
        Change.CHANGED: f"{counts.changed} to replace",
    }
    lines = [line for change in Change for line in _some_of(difference, change, words[change])]
    return [*lines, f"{counts.unchanged} unchanged"]


def _some_of(difference: Difference, change: Change, words: str) -> list[str]:
    ids = list(difference.ids(change, most=_IDS_SHOWN + 1))
    more = ["  …"] if len(ids) > _IDS_SHOWN else []
    return [words, *(f"  {scenario_id}" for scenario_id in ids[:_IDS_SHOWN]), *more]
