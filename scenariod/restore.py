"""Restore a backup: verify it, back up what is there, change the library in one step, publish.

Owns the order of these steps. Never removes anything: a restore can be restored away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from scenariod import backup, document
from scenariod.errors import BackupUnusableError, LibraryLockedError
from scenariod.library import RestoredDocument
from scenariod.publish import publish
from scenariod.reasons import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from scenariod.library import Library, Restored

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Summary:
    """What a restore did. `safety_backup` is the library as it was before."""

    batch: int
    added: int
    removed: int
    replaced: int
    unchanged: int
    safety_backup: Path


def restore(
    library: Library,
    source: Path,
    *,
    backups: Path,
    published: Path,
    clock: Callable[[], datetime],
) -> Summary:
    """Make `library` what the backup `source` holds, and publish it at `published`.

    Killed at any point, the library is as before or as the backup, never between. `clock` tells
    aware UTC. Raises BackupUnusableError, LibraryLockedError, and OSError where the disk fails.
    """
    try:
        opened = backup.open_regular(source)
    except OSError as error:
        raise _unusable(source, f"it cannot be read: {error.strerror or error}") from error
    with opened as file:
        checked = backup.verify_file(file, path=source)
        if isinstance(checked, backup.Defect):
            raise _unusable(source, checked.message)
        restored, safety_backup = _replace(library, file, source, backups=backups, clock=clock)
    publish(library, published)
    return Summary(
        batch=restored.batch,
        added=restored.added,
        removed=restored.removed,
        replaced=restored.replaced,
        unchanged=restored.unchanged,
        safety_backup=safety_backup,
    )


def back_up(library: Library, folder: Path, *, now: datetime) -> backup.Verified:
    """Write a verified backup of `library` as it is now into `folder`."""
    with library.snapshot() as snapshot:
        return backup.write(folder, snapshot.documents(), batch=snapshot.batch, now=now)


def _replace(
    library: Library,
    file: BinaryIO,
    source: Path,
    *,
    backups: Path,
    clock: Callable[[], datetime],
) -> tuple[Restored, Path]:
    # The daemon may add a batch between the backup and the change. Then that backup does not
    # show what the restore would replace, and another one is due.
    for _ in range(_ATTEMPTS):
        safety = back_up(library, backups, now=clock())
        restored = None
        try:
            restored = library.restore(
                _documents(file, source),
                unless_changed_since=safety.batch,
                clock=clock,
                note=f"restore {source.name}",
            )
        finally:
            if restored is None:  # nothing was changed: as the newest it would hide the one before
                safety.path.unlink()
        if restored is not None:
            return restored, safety.path
    raise LibraryLockedError(
        f"cannot restore {source.name}: batches keep changing the library",
        hint="wait until the inbox is empty (`scenariodctl status`), and restore again",
    )


def _documents(file: BinaryIO, source: Path) -> Iterator[RestoredDocument]:
    for content in backup.documents(file):
        read = document.read(content)
        if isinstance(read, Problem) or read.flawed:
            why = read if isinstance(read, Problem) else "a key twice, or a number that is none"
            raise _unusable(source, f"it holds what is no scenario: {why}")
        yield RestoredDocument(
            id=_text(read, "id", source),
            title=_text(read, "title", source),
            correct_answer=_text(read, "correctAnswer", source),
            content_sha256=document.content_sha256(read.members),
            document=content,
        )


def _text(read: document.Document, key: str, source: Path) -> str:
    value = read.members.get(key)
    if not isinstance(value, str):
        raise _unusable(source, f"it holds a scenario without {key}")
    return value


def _unusable(source: Path, why: str) -> BackupUnusableError:
    return BackupUnusableError(
        f"cannot restore {source}: {why}",
        hint="`scenariodctl backups` lists the others",
    )
