"""The places where a dropped file is: what it waits for there, why it was refused, what is next.

Asks the folders and the daemon. Changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base import clock, safe_open
from scenariod.base.errors import NotAnsweringError
from scenariod.base.names import batch_in, is_scenario_name, printable, without_batch
from scenariod.base.value import Value
from scenariod.cli.answer import age, utc
from scenariod.intake import misnamed
from scenariod.intake import retry as retrying
from scenariod.library import Result
from scenariod.monitoring import status as live
from scenariod.validation import reason_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.library import FileRecord
    from scenariod.validation.reason_file import Refused, RefusedFor


_CHUNK_BYTES = 64 << 10


class Place(Value):
    """A place where a file of some name is: what that means, and what comes next or helps.

    `since` is when it came into the inbox. Of a refused file, `problems` are all reasons, and
    `changed` says whether it is another file than the one that was refused; None: not known.
    """

    where: str
    path: str
    says: str
    next: str
    code: str | None = None
    since: str | None = None
    changed: bool | None = None
    problems: tuple[RefusedFor, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield what people read."""
        yield f"{self.path}: {'was refused' if self.problems else self.says}"
        yield from (f"  {problem.code}: {problem.words()}" for problem in self.problems)
        if self.since is not None:
            waited = clock.now() - datetime.fromisoformat(self.since)
            yield f"  it arrived {age(waited.total_seconds())}, {utc(self.since)}"
        yield f"  {self.next}"


def places(config: Config, name: str, records: Sequence[FileRecord]) -> tuple[list[Place], bool]:
    """Return where the file is, and whether there are folders that we may not look into."""
    daemon = _ask(config)
    found = [_in_inbox(config, path, daemon) for path in _arrived(config.inbox, name)]
    working, hidden = _in_work(config, name, running=isinstance(daemon, dict))
    found += working
    found += [_in_failed(config, refused, records) for refused in _namesakes(config.failed, name)]
    found += [_in_done(config, done, records) for done in _namesakes(config.done, name)]
    return found, hidden


def names(config: Config) -> Iterator[str]:
    """Yield the names of what is in inbox/, failed/ and done/."""
    if config.inbox.is_dir():
        yield from os.listdir(config.inbox)
    for folder in (config.failed, config.done):
        yield from retrying.names(folder)


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


# In the inbox


def _arrived(inbox: Path, name: str) -> Iterator[Path]:
    """Yield where a file of this name is in the inbox, and in the folders in it."""
    if not inbox.is_dir():
        return
    left_alone = misnamed.find(inbox, now_s=clock.now().timestamp())
    folders = [inbox / m.name for m in left_alone if m.why is misnamed.Why.FOLDER]
    for folder in (inbox, *folders):
        if (found := retrying.find(folder, name)) is not None:
            yield folder / found


def _in_inbox(
    config: Config, path: Path, daemon: dict[str, object] | NotAnsweringError | None
) -> Place:
    if path.parent != config.inbox:
        says = "is left alone: it is in a folder, and files in folders are not taken"
        comes_next = misnamed.command_to_drop(path, config.inbox)
    elif is_scenario_name(path.name):
        says, comes_next = _waits_for(path.name, daemon)
    else:
        why = misnamed.why(path)
        says = f"is left alone: {why}"
        comes_next = misnamed.command(path, why) or "a file with this name is never taken"
    came_at = datetime.fromtimestamp(path.lstat().st_ctime, UTC).isoformat(timespec="seconds")
    return Place("inbox", _shown(config, path), says, comes_next, since=came_at)


def _waits_for(name: str, daemon: dict[str, object] | NotAnsweringError | None) -> tuple[str, str]:
    """Return what a file in the inbox waits for, and what will happen or is to be done."""
    if daemon is None:
        return "waits: scenariod is not running", "start it: `systemctl [--user] start scenariod`"
    if isinstance(daemon, NotAnsweringError):
        return f"waits: {daemon}", daemon.hint
    waiting = daemon["waiting"]
    held = {w["file"]: w["reason"] for w in waiting} if isinstance(waiting, list) else {}
    if printable(name) in held:
        return f"waits: {held[printable(name)]}", "it is taken automatically once that is over"
    if daemon["state"] in {live.State.PAUSED, live.State.WAITING}:
        return f"waits: {daemon['detail']}", "it is taken automatically once that is over"
    return f"waits for its turn, with {daemon['inbox']} in the inbox", "nothing to do"


# In the other folders


def _in_work(config: Config, name: str, *, running: bool) -> tuple[list[Place], bool]:
    found, hidden = [], False
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
        claimed = retrying.find(folder, name)
        if claimed is not None:
            says = f"is claimed by batch {int(folder.name)}"
            comes_next = "its verdict follows" if running else "the next start resumes it"
            found.append(Place("work", _shown(config, folder / claimed), says, comes_next))
    return found, hidden


def _in_failed(config: Config, name: str, records: Sequence[FileRecord]) -> Place:
    reason = reason_file.read(config.failed, name)
    path = _shown(config, config.failed / name)
    if reason is None:
        retry = reason_file.retry_command(name)
        of = [r for r in records if r.verdict is Result.REFUSED][:1]
        problems = tuple(reason_file.shown(problem) for r in of for problem in r.problems)
        says = "was refused; its reason file is missing"
        return Place("failed", path, says, retry, problems=problems)
    changed = _has_changed(config.failed / name, reason)
    before = "it has changed since then" if changed else "once it is fixed"
    return Place(
        "failed",
        path,
        says=f"was refused ({reason.code}): {reason.message}",
        next=f"{before}: {reason.retry}",
        code=reason.code,
        changed=changed,
        problems=reason.problems,
    )


def _has_changed(path: Path, refused: Refused) -> bool | None:
    """Return whether a file is another than the refused one; None if that cannot be known."""
    try:
        file = safe_open.open_found(path)
    except OSError:  # it may not be read, or the disk cannot read it
        return None
    if file is None:
        return None
    with file:
        if os.fstat(file.fileno()).st_size != refused.size_bytes:
            return None if refused.size_bytes is None else True
        return None if refused.sha256 is None else _sha256(file) != refused.sha256


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _in_done(config: Config, name: str, records: Sequence[FileRecord]) -> Place:
    number = batch_in(name)
    good = [r for r in records if r.verdict is not Result.REFUSED]
    if number is not None:
        good = [r for r in good if r.batch == number]
    says = f"is processed: {record_line(good[0])}" if good else "is processed"
    return Place("done", _shown(config, config.done / name), says, "nothing to do")


def record_line(record: FileRecord) -> str:
    """Return for people what the library has recorded of a file."""
    what = " ".join(filter(None, (record.verdict, record.code and f"({record.code})")))
    scenario = f", scenario {record.scenario_id}" if record.scenario_id else ""
    return f"{utc(record.settled_at)}  batch {record.batch}: {what}{scenario}"


def _shown(config: Config, path: Path) -> str:
    return printable(str(path.relative_to(config.root)))
