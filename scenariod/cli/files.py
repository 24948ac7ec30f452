"""Where a dropped file is and what to do about it, and taking refused ones up again."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from scenariod.base.errors import (
    ExitCode,
    NameTakenError,
    NotAnsweringError,
    NotFoundError,
    UsageError,
)
from scenariod.base.names import batch_in, is_scenario_name, nearest, printable, without_batch
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, require_root
from scenariod.intake import retry as retrying
from scenariod.library import Library, Result
from scenariod.monitoring import status as live
from scenariod.monitoring.journal import CommandJournal, Event
from scenariod.validation import reason_file
from scenariod.validation.reason_file import retry_command

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.library import FileRecord

MOST_RECORDS = 10
"""How many of the library's records on files of one name are told."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A place where a file of this name is: what that means, and what comes next or helps."""

    where: str
    path: str
    says: str
    next: str
    code: str | None = None


# Explaining one file


def explain(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer where a file is, what has become of it, and what will happen or is to be done."""
    require_root(config)
    name = retrying.name_of(asked.file)
    records = _records(config, name)
    places, hidden = _places(config, name, records)
    if not places and not records:
        hint = "`scenariodctl status` shows what waits; done/ and failed/ hold the others"
        if hidden:
            hint = "work/ can be seen by its owner only: ask again with sudo"
        raise NotFoundError(f"no file named {name!r} is known", hint=hint)
    document = {
        "file": printable(name),
        "places": [asdict(place) for place in places],
        "records": [asdict(record) for record in records],
    }
    lines = [line for place in places for line in _place_lines(place)]
    if not places:
        where = "in no folder that you may look into" if hidden else "no longer in any folder"
        lines = [f"{name} is {where}; the library remembers it"]
    return Answer(document, lines=[*lines, *(f"  {_record_line(record)}" for record in records)])


def _place_lines(place: _Place) -> list[str]:
    return [f"{place.path}: {place.says}", f"  {place.next}"]


def _record_line(record: FileRecord) -> str:
    what = " ".join(filter(None, (record.verdict, record.code and f"({record.code})")))
    scenario = f", scenario {record.scenario_id}" if record.scenario_id else ""
    return f"{record.settled_at}  batch {record.batch}: {what}{scenario}"


def _records(config: Config, name: str) -> list[FileRecord]:
    try:
        with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
            known_as = {name, without_batch(name)}
            records = [r for n in known_as for r in library.files(n, most=MOST_RECORDS)]
    except NotFoundError:
        return []
    return sorted(records, key=lambda r: r.settled_at, reverse=True)[:MOST_RECORDS]


def _places(config: Config, name: str, records: list[FileRecord]) -> tuple[list[_Place], bool]:
    """Return the places where the file is, and whether there are folders we may not look into."""
    daemon = _ask(config)
    in_inbox = retrying.find(config.inbox, name)
    places = [] if in_inbox is None else [_in_inbox(config, in_inbox, daemon)]
    working, hidden = _in_work(config, name, running=isinstance(daemon, dict))
    places += working
    for found in _namesakes(config.failed, name):
        places.append(_in_failed(config, found))
    for found in _namesakes(config.done, name):
        places.append(_in_done(config, found, records))
    return places, hidden


def _ask(config: Config) -> dict[str, object] | NotAnsweringError | None:
    """Return the daemon's status, or that it does not answer; None where none runs."""
    try:
        return live.ask(config.socket) if config.socket.parent.is_dir() else None
    except NotAnsweringError as error:
        return error


def _namesakes(folder: Path, name: str) -> Iterator[str]:
    """Yield the files in `folder` that were dropped under this name, the numbered ones too."""
    for found in retrying.names(folder):
        if name in {found, printable(found), without_batch(found)}:
            yield found


def _in_inbox(
    config: Config, name: str, daemon: dict[str, object] | NotAnsweringError | None
) -> _Place:
    says, comes_next = _waits_for(name, daemon)
    return _Place("inbox", _shown(config, config.inbox / name), says, comes_next)


def _waits_for(name: str, daemon: dict[str, object] | NotAnsweringError | None) -> tuple[str, str]:
    """Return what a file in the inbox waits for, and what will happen or is to be done."""
    if not is_scenario_name(name):
        return "is left alone: its name is not scenario-*.json", "rename it to have it taken"
    if daemon is None:
        return "waits: scenariod is not running", "start it: `systemctl [--user] start scenariod`"
    if isinstance(daemon, NotAnsweringError):
        return f"waits: {daemon}", daemon.hint
    waiting = daemon["waiting"]
    held = {w["file"]: w["reason"] for w in waiting} if isinstance(waiting, list) else {}
    if printable(name) in held:
        return f"waits: {held[printable(name)]}", "it is taken by itself once that is over"
    if daemon["state"] in {live.State.PAUSED, live.State.WAITING}:
        return f"waits: {daemon['detail']}", "it is taken by itself once that is over"
    return f"waits for its turn, with {daemon['inbox']} in the inbox", "nothing is to be done"


def _in_work(config: Config, name: str, *, running: bool) -> tuple[list[_Place], bool]:
    places, hidden = [], False
    try:
        folders = sorted(config.work.iterdir()) if config.work.is_dir() else []
    except PermissionError:  # the installed service lets only its own account look into it
        return [], True
    for folder in folders:
        if not folder.name.isdecimal() or not folder.is_dir():
            continue
        if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
            hidden = True
            continue
        found = retrying.find(folder, name)
        if found is not None:
            says = f"is claimed by batch {int(folder.name)}"
            comes_next = "its verdict comes next" if running else "the next start takes it up"
            places.append(_Place("work", _shown(config, folder / found), says, comes_next))
    return places, hidden


def _in_failed(config: Config, name: str) -> _Place:
    reason = reason_file.read(config.failed, name)
    path = _shown(config, config.failed / name)
    if reason is None:
        return _Place("failed", path, "was refused; its reason is gone", retry_command(name))
    says = f"was refused ({reason.code}): {reason.message}"
    comes_next = f"{reason.advice}; then {retry_command(name)}" if reason.advice else reason.retry
    return _Place("failed", path, says, comes_next, code=reason.code)


def _in_done(config: Config, name: str, records: list[FileRecord]) -> _Place:
    number = batch_in(name)
    good = [r for r in records if r.verdict is not Result.REFUSED]
    if number is not None:
        good = [r for r in good if r.batch == number]
    says = f"is processed: {_record_line(good[0])}" if good else "is processed"
    return _Place("done", _shown(config, config.done / name), says, "nothing is to be done")


def _shown(config: Config, path: Path) -> str:
    return printable(str(path.relative_to(config.root)))


# Taking refused files up again


def retry(config: Config, asked: argparse.Namespace) -> Answer:
    """Move refused files back into the inbox, and answer which ones, and which could not."""
    require_root(config)
    if (asked.name is None) is not asked.all:
        raise UsageError("name one file, or --all", hint="`scenariodctl retry --help`")
    wanted = retrying.names(config.failed) if asked.all else [_refused(config, asked.name)]
    moved = [name for name in wanted if retrying.take_up(config.failed, config.inbox, name)]
    left = [name for name in wanted if name not in set(moved)]
    if moved:
        _tell(moved)
    if left and not asked.all:
        raise NameTakenError(
            f"inbox/ holds another file named {left[0]!r}; nothing was moved",
            hint="wait until that one is processed, or rename one of them",
        )
    document = {"retried": [printable(n) for n in moved], "left": [printable(n) for n in left]}
    lines = [f"{name} is in inbox/ again" for name in moved]
    lines += [f"{name} stays in failed/: inbox/ holds another file of this name" for name in left]
    code = ExitCode.NAME_TAKEN if left else ExitCode.OK
    return Answer(document, lines=lines or ["failed/ holds no file"], code=code)


def _refused(config: Config, asked: str) -> str:
    name = retrying.name_of(asked)
    found = retrying.find(config.failed, name)
    if found is None:
        near = nearest(name, retrying.names(config.failed))
        raise NotFoundError(
            f"failed/ holds no file named {name!r}{near}",
            hint=f"`ls {config.failed}` shows what it holds; `scenariodctl explain` finds others",
        )
    return found


def _tell(moved: list[str]) -> None:
    one = moved[0] if len(moved) == 1 else None
    what = one or f"{len(moved)} files"
    CommandJournal().tell(
        Event.FILES_RETRIED,
        f"taken up again: {what} from failed/ back into the inbox",
        files=len(moved),
        file=one,
    )
