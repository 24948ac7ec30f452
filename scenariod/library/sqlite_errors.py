"""SQLite's errors in our words: locked, damaged, or the fault of the disk.

Owns the table from result codes to errors. Never touches the database.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scenariod.base.errors import LibraryDamagedError, LibraryLockedError, RootUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PRIMARY_CODE = 0xFF
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_LEAST_BYTES = 64 << 10
"""With less free SQLite cannot even set up what it shares between processes."""
_NO_TEXT = "Could not decode to UTF-8"
"""What Python says of a column whose text is none; it has no code of SQLite's."""
_ENVIRONMENT = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
}


class LibraryTooNewError(RootUnusableError):
    """The library was written by a newer scenariod: it is sound, and must not be "repaired"."""


class LibraryReplacedError(RootUnusableError):
    """Another file has the library's path since it was opened: on a disk mounted over it, say."""


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the library at `path` into ours.

    Raises LibraryLockedError, LibraryDamagedError, or an OSError where the environment is at
    fault (ENOSPC, EIO, EROFS, EACCES, ENOENT). Anything else is a defect of ours and stays.
    """
    try:
        yield
    except sqlite3.Error as error:
        ours = _translated(error, path)
        if ours is None:
            raise
        raise ours from error
    except UnicodeDecodeError as error:  # a name in the schema, or what SQLite says of it
        raise damaged(path, "it holds text that is not UTF-8") from error


def damaged(path: Path, why: str) -> LibraryDamagedError:
    """Return the error that says that the library at `path` is damaged, and what to do."""
    return LibraryDamagedError(
        f"the library {path} is damaged: {why}",
        hint="stop scenariod, then `scenariodctl restore latest` sets it aside and rebuilds it",
    )


def _translated(error: sqlite3.Error, path: Path) -> Exception | None:
    code = code_of(error)
    if code in _LOCKED:
        return LibraryLockedError(
            f"the library {path} is locked by another command",
            hint=f"try again once it has ended; `fuser -v {path}` names it",
        )
    if code in _DAMAGED or str(error).startswith(_NO_TEXT):
        return damaged(path, str(error))
    if code in _ENVIRONMENT:
        number = _ENVIRONMENT[code]
        if code == sqlite3.SQLITE_CANTOPEN:
            number = _why_not_opened(path) or number
        if code == sqlite3.SQLITE_READONLY and _is_only_forbidden(path):
            number = errno.EACCES
        if code == sqlite3.SQLITE_IOERR and _is_full(path):
            number = errno.ENOSPC  # as where the shared memory of the WAL finds no room
        return OSError(number, f"{os.strerror(number)} (SQLite: {error})", str(path))
    return None


def _why_not_opened(path: Path) -> int | None:
    """Return why nothing can be opened where the library is; None where that is not known.

    Of the library itself this must not be tried: to close a file lets go of all locks on it.
    """
    try:
        os.close(os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno
    return None if os.path.lexists(path) else errno.ENOENT


def _is_only_forbidden(path: Path) -> bool:
    """Say whether this user may not write the library, though its file system can be written."""
    try:
        read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    except OSError:
        return False
    needed = (path, path.parent)
    return not read_only and not all(os.access(p, os.W_OK, effective_ids=True) for p in needed)


def _is_full(path: Path) -> bool:
    try:
        there = os.statvfs(path.parent)
    except OSError:
        return False
    return there.f_bavail * there.f_frsize < _LEAST_BYTES


def code_of(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code; None where the error is Python's own."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE
