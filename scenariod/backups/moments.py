"""A state of the library as people name it: now, as it was before a batch, or what a backup holds.

Owns these names, and how a backup's scenarios are read. Never changes anything.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from scenariod.backups import folder
from scenariod.backups import reader as backup_reader
from scenariod.backups.reader import Defect, Verified
from scenariod.base import faults, safe_open
from scenariod.base.errors import BackupUnusableError
from scenariod.base.value import Value
from scenariod.library import NewScenario, Pack, batches_named
from scenariod.validation.document import canonical, reader
from scenariod.validation.problems import Problem
from scenariod.validation.verdict import stored_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from scenariod.library import HeldPack, Snapshot
    from scenariod.validation.document.reader import Document

_BEFORE = re.compile(r"batch:([0-9]{1,18})", re.ASCII)
_NOW = "now"


class Present(Value):
    """The library as it is."""

    def __str__(self) -> str:
        return _NOW


class BeforeBatch(Value):
    """The library as it was just before a batch."""

    batch: int

    def __str__(self) -> str:
        return f"batch:{self.batch}"


class InBackup(Value):
    """The library as a backup holds it."""

    path: Path

    def __str__(self) -> str:
        return self.path.name


class Without(Value):
    """The library as an undo of these batches would leave it."""

    batches: tuple[int, ...]

    def __str__(self) -> str:
        return batches_named(self.batches)


Earlier = BeforeBatch | InBackup
Moment = Present | Earlier | Without


def parse(text: str, *, backups: Path) -> Present | Earlier:
    """Return what `text` names: `now`, `batch:N`, or what `folder.find` finds in `backups`.

    Raises NotFoundError if it is neither. Does not check whether batch N exists.
    """
    if text == _NOW:
        return Present()
    if before := _BEFORE.fullmatch(text):
        return BeforeBatch(int(before[1]))
    others = [_NOW, re.sub(r"^.*?(?=[0-9]*$)", "batch:", text)]
    return InBackup(folder.find(backups, text, others=others))


@contextmanager
def held(moment: Moment, snapshot: Snapshot) -> Iterator[Iterator[tuple[str, str]]]:
    """Yield the ids of the scenarios at `moment`, each with the SHA-256 of its document.

    Raises NotFoundError where there is no such batch, BackupUnusableError where the backup is not
    whole, before anything is yielded; NotUndoableError with the first id.
    """
    if isinstance(moment, InBackup):
        with opened_backup(moment.path) as (file, _):
            yield digests(saved_scenarios(file, moment.path))
    elif isinstance(moment, Without):
        yield snapshot.versions_without(moment.batches)
    else:
        batch = moment.batch if isinstance(moment, BeforeBatch) else None
        yield ((v.id, v.stored.sha256) for v in snapshot.versions(before=batch))


@contextmanager
def opened_backup(path: Path) -> Iterator[tuple[BinaryIO, Verified]]:
    """Yield the backup at `path`, opened, and what was found once all of it was read: it is whole.

    Raises BackupUnusableError where it is not.
    """
    try:
        opened = safe_open.open_named(path)
    except OSError as error:
        fault = faults.of(error)
        raise BackupUnusableError(
            f"cannot restore {path}: it cannot be read: {fault.words}",
            hint=fault.cure or "`scenariodctl backups` lists the others",
        ) from error
    with opened as file:
        checked = backup_reader.verify_file(file, path=path)
        if isinstance(checked, Defect):
            raise _unusable(path, checked.message)
        yield file, checked


def saved_scenarios(file: BinaryIO, path: Path) -> Iterator[NewScenario]:
    """Yield the scenarios of an opened backup; raise BackupUnusableError at an invalid one."""
    for content in backup_reader.documents(file):
        read = reader.read(content)
        if isinstance(read, Problem) or read.flawed:
            why = read if isinstance(read, Problem) else "a duplicate key, or an invalid number"
            raise _unusable(path, f"it holds an invalid scenario: {why}")
        yield NewScenario(
            id=_text(read, "id", path),
            title=stored_title(_text(read, "title", path)),
            correct_answer=_text(read, "correctAnswer", path),
            content_sha256=canonical.content_sha256(read.members),
            document=content,
        )


def saved_packs(file: BinaryIO, path: Path) -> Iterator[HeldPack]:
    """Yield the packs of an opened backup, each with its scenarios' ids, to be used up in turn.

    Raises BackupUnusableError at an invalid one.
    """
    try:
        for name, about, ids in backup_reader.packs(file):
            yield Pack(name, about), ids
    except ValueError as error:
        raise _unusable(path, f"it holds an invalid pack: {error}") from error


def digests(saved: Iterable[NewScenario]) -> Iterator[tuple[str, str]]:
    """Yield the id of each scenario and the SHA-256 of its document."""
    return ((s.id, hashlib.sha256(s.document).hexdigest()) for s in saved)


def _text(read: Document, key: str, path: Path) -> str:
    value = read.members.get(key)
    if not isinstance(value, str):
        raise _unusable(path, f"it holds a scenario without {key}")
    return value


def _unusable(path: Path, why: str) -> BackupUnusableError:
    return BackupUnusableError(
        f"cannot restore {path}: {why}",
        hint="`scenariodctl backups` lists the others",
    )
