"""What a restore or an undo would change: shown, and asked for. Changes nothing."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from scenariod.backups import moments
from scenariod.base.errors import ExitCode, NotFoundError
from scenariod.cli import terminal
from scenariod.cli.answer import READ_TIMEOUT_S, Answer
from scenariod.library import Change, Library, compared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scenariod.base.config import Config
    from scenariod.library import Counts, Difference

_IDS_SHOWN = 10
UNDO_LAST = "to undo the last change: scenariodctl undo last"


def is_confirmed(
    config: Config, wanted: moments.Moment, question: str, *, heading: Sequence[str] = ()
) -> bool:
    """Show what would change and ask; a script is not asked, and has confirmed it."""
    if not terminal.is_there():
        return True
    with terminal.changing_nothing():
        _, lines = _difference(config, wanted)
    return terminal.confirms([*heading, *lines], question)


def not_confirmed(what: str) -> Answer:
    """Return the answer where the person said no; `what` is the key of what would be done."""
    document = {what: None, "confirmed": False}
    return Answer(document, lines=["nothing was changed"], code=ExitCode.NOT_CONFIRMED)


def dry_run(
    config: Config,
    wanted: moments.Moment,
    document: dict[str, object],
    *,
    heading: Sequence[str] = (),
) -> Answer:
    """Return what would change, added to `document`, and in words after `heading`."""
    with terminal.changing_nothing():
        counts, lines = _difference(config, wanted)
    document |= {
        "added": counts.added,
        "removed": counts.removed,
        "replaced": counts.changed,
        "unchanged": counts.unchanged,
    }
    last = "nothing was changed: this was a dry run"
    return Answer(document, lines=[*heading, *lines, last])


def _difference(config: Config, wanted: moments.Moment) -> tuple[Counts, list[str]]:
    with _compared_with_now(config, wanted) as difference:
        counts = difference.counts()
        words = {
            Change.ADDED: f"{counts.added} to bring back",
            Change.REMOVED: f"{counts.removed} to remove",
            Change.CHANGED: f"{counts.changed} to replace",
        }
        lines = [line for change in Change for line in _some_of(difference, change, words[change])]
    lines.append(f"{counts.unchanged} unchanged")
    if not (counts.added or counts.removed or counts.changed):
        lines.append(f"nothing would change; {UNDO_LAST}")
    return counts, lines


@contextmanager
def _compared_with_now(config: Config, wanted: moments.Moment) -> Iterator[Difference]:
    """Yield what would change from now to `wanted`; an absent library is empty."""
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


def _some_of(difference: Difference, change: Change, words: str) -> list[str]:
    ids = list(difference.ids(change, most=_IDS_SHOWN + 1))
    more = ["  …"] if len(ids) > _IDS_SHOWN else []
    return [words, *(f"  {scenario_id}" for scenario_id in ids[:_IDS_SHOWN]), *more]
