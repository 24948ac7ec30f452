"""Where a dropped file is and where a scenario came from, why, and what comes next.

Asks folders, library and daemon. Changes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenariod.base.errors import NotFoundError
from scenariod.base.names import is_scenario_name, nearest, printable, without_batch
from scenariod.base.value import Value, as_dict
from scenariod.cli import places as placing
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, require_root, utc
from scenariod.intake import misnamed
from scenariod.intake import retry as retrying
from scenariod.library import Kind, Library, ScenarioChange
from scenariod.validation import reason_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from scenariod.base.config import Config
    from scenariod.library import FileRecord, ScenarioEvent, Snapshot

MOST_RECORDS = 10
"""How many of the library's records on files of one name, and on one scenario, are shown."""
_WORDS = {
    ScenarioChange.ADDED: "added it",
    ScenarioChange.REPLACED: "replaced it with a new version",
    ScenarioChange.REMOVED: "removed it",
}


class _Known(Value):
    """What the library knows of a name: files, newest first, and what happened to a scenario."""

    records: Sequence[FileRecord] = ()
    events: Sequence[ScenarioEvent] = ()

    @property
    def in_library(self) -> bool:
        """Whether the library holds the scenario now."""
        return bool(self.events) and self.events[0].change is not ScenarioChange.REMOVED


def explain(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer where a file is, or a scenario came from, and what will happen or is to be done."""
    require_root(config)
    name = retrying.name_of(asked.what)
    known = _known(config, name)
    places, hidden = placing.places(config, name, known.records)
    if not places and not known.records and not known.events:
        raise _not_found(config, asked.what, hidden=hidden)
    document = {
        "file": printable(name),
        "places": [as_dict(place) for place in places],
        "records": [{**as_dict(r), "name": printable(r.name)} for r in known.records],
        "scenario": _scenario_document(name, known) if known.events else None,
    }
    lines = list(_scenario_lines(name, known)) if known.events else []
    lines += [line for place in places for line in place.lines()]
    if known.records and not places:
        lines += _lines_without_file(name, known.records[0], hidden=hidden)
    return Answer(document, lines=[*lines, *(f"  {_record_line(r, name)}" for r in known.records)])


def _known(config: Config, name: str) -> _Known:
    try:
        with (
            Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library,
            library.snapshot() as snapshot,
        ):
            return _known_of(snapshot, name)
    except NotFoundError:  # there is no library yet
        return _Known()


def _known_of(snapshot: Snapshot, name: str) -> _Known:
    names = {name, without_batch(name)}
    records = [r for n in names for r in snapshot.files(n, most=MOST_RECORDS)]
    events = snapshot.events(name, most=MOST_RECORDS)
    if not records and not events and not is_scenario_name(name):
        records = snapshot.files_of(name, most=MOST_RECORDS)  # none of them was added
    records = sorted(records, key=lambda r: r.settled_at, reverse=True)
    return _Known(records[:MOST_RECORDS], events)


def _not_found(config: Config, asked: str, *, hidden: bool) -> NotFoundError:
    if os.path.isfile(asked):
        command = misnamed.command_to_drop(Path(asked), config.inbox, tool="cp")
        return NotFoundError(f"{asked!r} was not dropped yet", hint=f"to drop it: `{command}`")
    hint = "`scenariodctl status` shows what waits; done/ and failed/ hold the others"
    if hidden:
        hint = "only its owner can read work/: run it again with sudo"
    near = nearest(retrying.name_of(asked), _names(config))
    return NotFoundError(f"no file and no scenario named {asked!r} is known{near}", hint=hint)


def _names(config: Config) -> Iterator[str]:
    """Yield what may have been meant: names of files, and ids."""
    yield from placing.names(config)
    try:
        with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
            yield from (record.id for record in library.scenarios())
    except NotFoundError:
        return


# Scenarios


def _scenario_document(scenario_id: str, known: _Known) -> dict[str, Any]:
    events = [
        {**as_dict(event), "file": None if event.file is None else printable(event.file)}
        for event in known.events
    ]
    return {"id": scenario_id, "in_library": known.in_library, "events": events}


def _scenario_lines(scenario_id: str, known: _Known) -> Iterator[str]:
    if known.in_library:
        yield f"scenario {scenario_id} is in the library: scenariodctl show {scenario_id}"
    else:
        yield f"scenario {scenario_id} is no longer in the library"
    for event in known.events:
        yield f"  {utc(event.settled_at)}  batch {event.batch} {_event_words(event)}"


def _event_words(event: ScenarioEvent) -> str:
    words = _WORDS[event.change]
    if event.change is ScenarioChange.ADDED and event.kind in {Kind.UNDO, Kind.RESTORE}:
        words = "brought it back"
    source = "" if event.file is None else f" from {event.file}"
    return f"{words}{source}{event.note and f' ({event.note})'}"


# Files


def _lines_without_file(name: str, newest: FileRecord, *, hidden: bool) -> Iterator[str]:
    if newest.scenario_id == name:
        yield f"scenario {name} was never added"
    else:
        where = "not in any folder that you can read" if hidden else "no longer in any folder"
        yield f"{name} is {where}; the library has its record"
    for problem in map(reason_file.shown, newest.problems):
        yield f"  {problem.code}: {problem.words()}"


def _record_line(record: FileRecord, name: str) -> str:
    file = "" if record.name == name else f" ({record.name})"
    return f"{placing.record_line(record)}{file}"
