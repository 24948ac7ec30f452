"""Put a file in place so that a power cut leaves the old one or the new one, never a part.

Owns the order of write, fsync, rename and fsync of the folder. Never decides what is written.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base import libc

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY_SUFFIX = ".part"
_AT_FDCWD = -100
_RENAME_NOREPLACE = 1


@contextmanager
def replacing(path: Path, *, mode: int = 0o640, despite_umask: bool = False) -> Iterator[BinaryIO]:
    """Yield a file to write; on leaving, it stands at `path`, durable, or not at all.

    Raises OSError where it can't be written; the temporary file is then removed.
    """
    temporary, descriptor = _create_beside(path, mode=mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if despite_umask:
                with suppress(PermissionError):  # not all file systems have modes
                    os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        with suppress(OSError):  # the disk may be gone too; the first error is the one to tell
            temporary.unlink()
        raise
    sync_folder(path.parent)


def _create_beside(path: Path, *, mode: int) -> tuple[Path, int]:
    """Create a temporary file in the folder of `path`; return where it is, and its descriptor.

    It is always a new one: others may write to that folder, and a pipe of theirs, say, would be
    waited for without end. The later names no one has guessed.
    """
    # Cut, because a name may have all of the 255 bytes that a file system takes.
    name = os.fsdecode(os.fsencode(path.name)[:200])
    mark = str(os.getpid())
    while True:
        temporary = path.with_name(f".{name}.{mark}{TEMPORARY_SUFFIX}")
        with suppress(FileExistsError):
            return temporary, os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        mark = f"{os.getpid()}-{os.urandom(8).hex()}"


def write(path: Path, content: bytes, *, mode: int = 0o640) -> None:
    """Make `path` hold exactly `content`, durably."""
    with replacing(path, mode=mode) as file:
        file.write(content)


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Remove the temporary files that a crash left of files named like `pattern` in `folder`.

    The caller holds the lock under which such files are written: any there are of the dead.
    """
    ours = f".{pattern}.*{TEMPORARY_SUFFIX}"
    with os.scandir(folder) as entries:  # a glob would hold all the names in memory at once
        for entry in entries:
            if fnmatchcase(entry.name, ours) and not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: a rename is not, until its folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename_without_replacing(source: Path, target: Path) -> None:
    """Rename `source` to `target`; raise FileExistsError where there is a `target`.

    Uses renameat2(2) with RENAME_NOREPLACE. Where the file system has no such thing (NFS, old
    FUSE), looks first: nobody but the one supervisor writes to these folders.
    """
    old, new = os.fsencode(source), os.fsencode(target)
    try:
        libc.call("renameat2", _AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE)
        return
    except OSError as error:
        number = error.errno or 0
    if number not in {errno.EINVAL, errno.ENOSYS}:
        raise OSError(number, os.strerror(number), str(source), None, str(target))
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)
