"""Undoing the last change, or one batch."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from scenariod.backups import damage, moments
from scenariod.backups import restore as restoring
from scenariod.base import clock
from scenariod.base.errors import NotFoundError
from scenariod.base.value import as_dict
from scenariod.cli import preview
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, require_root
from scenariod.library import Kind, Library
from scenariod.monitoring.journal import CommandJournal, Event

if TYPE_CHECKING:
    import argparse

    from scenariod.base.config import Config
    from scenariod.library import LastChange

LAST = "last"


def undo(config: Config, asked: argparse.Namespace) -> Answer:
    """Undo a batch, or all that the last change took; answer what it changed and how to go back.

    What was shown is undone: a batch that is settled during the question stays.
    """
    require_root(config)
    damage.refuse_damaged(config)
    wanted, heading = _wanted(config, asked.batch)
    batches = list(wanted.batches)
    if asked.dry_run:
        document: dict[str, object] = {"would_undo": batches[-1], "batches": batches}
        return preview.dry_run(config, wanted, document, heading=heading)
    may_ask = not asked.yes
    if may_ask and not preview.is_confirmed(config, wanted, f"undo {wanted}?", heading=heading):
        return preview.not_confirmed("undone")
    busy_s = config.library.busy_timeout_s
    with Library.open(config.database, busy_timeout_s=busy_s) as library:
        done = restoring.undo(library, batches, published=config.published, clock=clock.now)
    words = (
        f"undid {wanted} as batch {done.batch}: {done.removed} removed,"
        f" {done.brought_back} brought back"
    )
    CommandJournal().tell(Event.UNDONE, words, batch=done.batch, undone_batch=batches[-1])
    answer = {"undone": batches[-1], **as_dict(done), "batches": batches}
    go_back = f"to go back: scenariodctl undo {done.batch}"
    return Answer(answer, lines=[words, f"published {config.published}", go_back])


def _wanted(config: Config, batch: int | str) -> tuple[moments.Without, list[str]]:
    """Return what is to be undone, and what is said of it first."""
    with (
        Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library,
        library.snapshot() as snapshot,
    ):
        if isinstance(batch, int):
            return moments.Without((batch,)), []
        last = snapshot.last_change()
    if last is None:
        raise NotFoundError(
            "there is no change to undo: nothing was ever added",
            hint="`scenariodctl history` lists what has happened",
        )
    return moments.Without(last.batches), [_described(last)]


def _described(last: LastChange) -> str:
    what = "dropped files" if last.kind is Kind.INTAKE else last.note
    when = datetime.fromisoformat(last.settled_at)
    return f"the last change: {what}, {when:%Y-%m-%d %H:%M:%S} UTC"
