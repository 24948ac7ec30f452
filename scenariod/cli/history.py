"""What the library went through: its batches, and what differs between two moments."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from scenariod.backups import moments
from scenariod.base.names import printable
from scenariod.base.value import as_dict
from scenariod.cli.answer import READ_TIMEOUT_S, Stream, require_root
from scenariod.library import Change, Library, batches_named, compared

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from scenariod.base.config import Config
    from scenariod.library import BatchRecord, Difference, Snapshot

_MOST_REFUSALS = 10
"""How many of a batch's refused files are listed; an import may have hundreds."""
_MARKS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}


def history(config: Config, asked: argparse.Namespace) -> Stream:
    """Answer which batches changed the library, the last one first; nothing is held in memory."""
    require_root(config)
    library = Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S)
    write = _json_list if asked.json else _history_lines
    return Stream(_of_batches(library, most=asked.limit or -1, write=write))


def diff(config: Config, asked: argparse.Namespace) -> Stream:
    """Answer which scenarios were added, removed and changed between two moments."""
    require_root(config)
    sides = [moments.parse(name, backups=config.backups) for name in (asked.former, asked.latter)]
    write = _difference_json if asked.json else _difference_lines
    return Stream(_of_difference(config, sides, write=write))


def _of_batches(
    library: Library,
    *,
    most: int,
    write: Callable[[Snapshot, Iterable[BatchRecord]], Iterator[str]],
) -> Iterator[str]:
    with library, library.snapshot() as snapshot:
        yield from write(snapshot, snapshot.batches(most=most))


def _history_lines(snapshot: Snapshot, records: Iterable[BatchRecord]) -> Iterator[str]:
    record = None
    for record in records:
        for line in _lines(record):
            yield printable(line) + "\n"
    if record is None:
        yield "nothing has happened yet\n"
    elif earlier := record.position - 1:
        yield f"{earlier} earlier: scenariodctl history --limit 0\n"
    if (last := snapshot.last_change()) is not None:
        yield f"`scenariodctl undo last` undoes {batches_named(last.batches)}\n"


def _lines(record: BatchRecord) -> Iterator[str]:
    when = datetime.fromisoformat(record.settled_at)
    undoable = "can be undone" if record.obstacle is None else record.obstacle.why
    what = f"{record.kind} {record.outcome}" + (f" ({record.note})" if record.note else "")
    beside = f", with batch {record.first_batch}" if record.first_batch != record.id else ""
    refused = f", {len(record.refusals)} refused" if record.refusals else ""
    yield (
        f"batch {record.id}  {when:%Y-%m-%d %H:%M:%S} UTC  +{record.added} -{record.removed}"
        f"  {record.scenarios} scenarios  {what}{beside}{refused}: {undoable}"
    )
    for refusal in record.refusals[:_MOST_REFUSALS]:
        first, more = refusal.problems[0], len(refusal.problems) - 1
        also = f", and {more} more" if more else ""
        yield f"  refused {refusal.name} ({first.code}): {first}{also}"
    if (left := len(record.refusals) - _MOST_REFUSALS) > 0:
        yield f"  refused {left} more: scenariodctl history --json"


def _json_list(_: Snapshot, records: Iterable[BatchRecord]) -> Iterator[str]:
    separator = "["
    for record in records:
        refusals = [{**as_dict(each), "name": printable(each.name)} for each in record.refusals]
        document = {
            **as_dict(record),
            "refusals": refusals,
            "undoable": record.obstacle is None,
        }
        yield f"{separator}\n{json.dumps(document)}"
        separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"


def _of_difference(
    config: Config,
    sides: Sequence[moments.Moment],
    *,
    write: Callable[[Difference], Iterator[str]],
) -> Iterator[str]:
    with (
        Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library,
        library.snapshot() as snapshot,
        moments.held(sides[0], snapshot) as former,
        moments.held(sides[1], snapshot) as latter,
        compared(former, latter) as difference,
    ):
        yield from write(difference)


def _difference_lines(difference: Difference) -> Iterator[str]:
    counts = difference.counts()
    for change, mark in _MARKS.items():
        for scenario_id in difference.ids(change):
            yield f"{mark} {printable(scenario_id)}\n"
    yield (
        f"{counts.added} added, {counts.removed} removed, {counts.changed} changed,"
        f" {counts.unchanged} the same\n"
    )


def _difference_json(difference: Difference) -> Iterator[str]:
    before = "{\n"
    for change in Change:
        yield f"{before}{json.dumps(change)}: ["
        separator = ""
        for scenario_id in difference.ids(change):
            yield separator + json.dumps(scenario_id)
            separator = ", "
        before = "],\n"
    yield f'],\n"unchanged": {difference.counts().unchanged}\n}}\n'
