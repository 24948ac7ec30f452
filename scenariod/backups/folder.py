"""The folder of backups: write a new one, list them, find one.

Owns the files' names. Never overwrites or removes a backup that was verified.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from array import array
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scenariod.backups import file_format, ledger
from scenariod.backups.reader import Defect, DefectKind, Verified, opening_of, verify
from scenariod.base import durable, lock, safe_open
from scenariod.base.errors import NotFoundError
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import nearest
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scenariod.backups.ledger import Check
    from scenariod.library import HeldPack, Library

LOCK_FILE = ".backup.lock"
LATEST = "latest"
_FORMER_FILE = ".prepared-backup.json"
"""What 0.1.0 kept its next backup in, out of the list."""
_NAME = re.compile(r"scenarios-backup-([0-9]{13,})\.json")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class BackupFile(Value):
    """A backup as its name and trailer tell, its content unread.

    `batch` and `count` are None if its trailer is not one that this version writes; `created` is
    then from its name, and `seen` says what it looks like. `check` is what the last reading of all
    of it has found, None where there was none.
    """

    path: Path
    created: datetime
    size_bytes: int
    batch: int | None
    count: int | None
    check: Check | None
    seen: DefectKind | None = None

    @property
    def is_verified(self) -> bool:
        """Whether all of it was read, and found whole, and it was not changed since."""
        return self.check is not None and self.check.defect is None

    @property
    def origin(self) -> str | None:
        """Of which library it is, where that is known and it is verified."""
        return self.check.origin if self.check is not None and self.is_verified else None

    @property
    def defect(self) -> DefectKind | None:
        """What the last check found wrong; without a check, what the trailer shows."""
        return self.seen if self.check is None else self.check.defect


def write(
    folder: Path,
    documents: Iterable[Iterable[bytes]],
    *,
    batch: int,
    now: datetime,
    packs: Iterable[HeldPack] = (),
    origin: str | None = None,
) -> Verified:
    """Write a new backup into `folder`, read it back, and return it, verified and durable.

    Each document comes in chunks; `batch` is the last one that changed them; `now` is aware, and
    names the file, or the next free millisecond does; `origin` is that of the library. Raises
    OSError where it can't be written (ENOSPC …), or is not on the disk as it was written (EIO).
    """
    with lock.held(folder / LOCK_FILE):  # or two could choose one name, and rename() would replace
        _remove_leftovers(folder)
        path = _free_path(folder, now)
        checked = _write_verified(path, documents, batch=batch, created=now, packs=packs)
        try:
            ledger.note(folder, [checked], now=now, origin=origin)
        except BaseException:
            checked.path.unlink()
            raise
        reached(KillPoint.BACKUP_NOTED)
        return checked


def remember(folder: Path, checked: Iterable[Verified | Defect], *, now: datetime) -> None:
    """Remember, durably, what reading all of these backups of `folder` has found."""
    with lock.held(folder / LOCK_FILE):
        ledger.note(folder, checked, now=now)


def _remove_leftovers(folder: Path) -> None:
    for pattern in ("scenarios-backup-*.json", _FORMER_FILE):
        durable.remove_leftovers(folder, pattern)
    (folder / _FORMER_FILE).unlink(missing_ok=True)


def _write_verified(
    path: Path,
    documents: Iterable[Iterable[bytes]],
    *,
    batch: int,
    created: datetime,
    packs: Iterable[HeldPack],
) -> Verified:
    with durable.replacing(path) as file:
        sha256 = _write(file, documents, batch=batch, created=created, packs=packs)
        reached(KillPoint.BACKUP_BEING_WRITTEN)
    reached(KillPoint.BACKUP_WRITTEN)
    _forget_cached(path)
    checked = verify(path)
    if not isinstance(checked, Verified) or checked.sha256 != sha256:
        path.unlink()
        raise OSError(errno.EIO, "the backup on the disk differs from what was written", str(path))
    reached(KillPoint.BACKUP_VERIFIED)
    return checked


def list_backups(folder: Path) -> list[BackupFile]:
    """Return the backups in `folder`, newest first by their names; reads only their trailers."""
    return list(newest_first(folder))


def newest_first(folder: Path) -> Iterator[BackupFile]:
    """Yield the same, and read each trailer only when it is asked for."""
    known = ledger.load(folder)
    for unix_ms, path in sorted(named(folder), reverse=True):
        yield _listed(path, unix_ms, check=known.get(path.name))


def newest(folder: Path) -> BackupFile | None:
    """Return the newest backup in `folder` by its name, None if there is none."""
    return next(newest_first(folder), None)


def newest_of_known_origin(folder: Path) -> BackupFile | None:
    """Return the newest whole backup in `folder` of which it is known which library it shows.

    Of one that was copied into the folder that is not known.
    """
    return next((each for each in newest_first(folder) if each.origin is not None), None)


def is_backed_up(folder: Path, library: Library) -> bool:
    """Say whether the newest backup in `folder` is verified, and shows `library` as it is now."""
    last = newest(folder)
    if last is None or not last.is_verified:
        return False
    return (last.batch, last.count) == (library.latest_change(), library.count())


def find(folder: Path, name: str, *, others: Iterable[str] = ()) -> Path:
    """Return the backup that `name` means: `latest`, a name in `folder`, or a path.

    Raises NotFoundError with the nearest name, of `others` too. What is found need not be whole:
    verify it.
    """
    if name == LATEST:
        last = newest(folder)
        if last is not None:
            return last.path
        raise NotFoundError(
            f"there is no backup in {folder} yet",
            hint="the first dropped file or import writes one",
        )
    for path in (folder / name, folder / f"{name}.json", Path(name)):
        # Opening it says what is wrong with a folder or a dead link; "" and "." name nothing.
        if Path(name).name and os.path.lexists(path):
            return path
    known = [path.name for _, path in named(folder)] if folder.is_dir() else []
    near = nearest(name, [LATEST, *others, *known])
    raise NotFoundError(
        f"there is no backup {name!r}, neither in {folder} nor as a path{near}",
        hint="`scenariodctl backups` lists them",
    )


def _write(
    file: BinaryIO,
    documents: Iterable[Iterable[bytes]],
    *,
    batch: int,
    created: datetime,
    packs: Iterable[HeldPack],
) -> str:
    """Write all of a backup; return the SHA-256 in its trailer."""
    digest = hashlib.sha256()

    def put(piece: bytes) -> None:
        digest.update(piece)
        file.write(piece)

    lengths = array("Q")
    put(file_format.HEAD)
    for chunks in documents:
        put(file_format.SEPARATOR if lengths else b"")
        lengths.append(0)
        for chunk in chunks:
            put(chunk)
            lengths[-1] += len(chunk)
    put(b"\n" if lengths else b"")
    put(file_format.FOOT)
    count = 0
    for count, (pack, ids) in enumerate(packs, 1):
        for piece in file_format.written_pack(pack, ids, is_first=count == 1):
            put(piece)
    put(file_format.closing_packs() if count else b"")
    put(file_format.opening(created=created, batch=batch, count=len(lengths), packs=count))
    for piece in file_format.written_lengths(lengths):
        put(piece)
    put(file_format.BEFORE_DIGEST)
    file.write(digest.hexdigest().encode("ascii") + file_format.AFTER_DIGEST)
    return digest.hexdigest()


def named(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield the files that are named like backups, each with the millisecond in its name."""
    return ((int(m[1]), p) for p in folder.iterdir() if (m := _NAME.fullmatch(p.name)))


def _free_path(folder: Path, created: datetime) -> Path:
    # Later than all there are, whatever the clock says: a Pi boots with yesterday's. 13 digits.
    last = max((unix_ms for unix_ms, _ in named(folder)), default=0)
    unix_ms = max((created - _EPOCH) // _MILLISECOND, last + 1, 10**12)
    while os.path.lexists(path := folder / f"scenarios-backup-{unix_ms}.json"):
        unix_ms += 1
    return path


def _forget_cached(path: Path) -> None:
    """Ask the kernel to forget what it holds of a file, so that it is read from the disk."""
    with safe_open.open_named(path) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _listed(path: Path, unix_ms: int, *, check: Check | None) -> BackupFile:
    check = ledger.still_holds(check, path)
    seen, size_bytes = DefectKind.UNREADABLE, 0
    with suppress(OSError):  # listed all the same: `verify` says what is wrong with it
        size_bytes = path.lstat().st_size
        with safe_open.open_named(path) as file:
            opening = opening_of(file, path=path)
        if not isinstance(opening, Defect):
            return BackupFile(
                path, opening.created, size_bytes, opening.batch, opening.count, check
            )
        seen = opening.kind
    if check is not None and check.defect is None:  # by the version that can read it
        check = None
    return BackupFile(path, moment_of(unix_ms), size_bytes, None, None, check, seen)


def moment_of(unix_ms: int) -> datetime:
    """Return the moment that a backup's name tells."""
    try:
        return _EPOCH + timedelta(milliseconds=unix_ms)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
