"""SQLite's errors in our words: locked, damaged, or the fault of the disk.

Owns the table from result codes to errors. Never touches the database.
"""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from scenariod.base.errors import LibraryDamagedError, LibraryLockedError, RootUnusableError
from scenariod.base.names import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PRIMARY_CODE = 0xFF
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_LEAST_BYTES = 64 << 10
"""With less free SQLite cannot even set up what it shares between processes."""
_PATH_MOST = 504
"""The longest path that SQLite opens: MAX_PATHNAME (os_unix.c) is 512, and `-journal` is added."""
_OPEN_AT_ONCE = 4
"""How many descriptors SQLite needs to open a library: of the file, its WAL, and the folder."""
_NO_TEXT = "Could not decode to UTF-8"
"""Python's message for a column that is not valid text; it has no SQLite error code."""
_OTHER_NAMES = ("no such table", "no such column")
"""SQLite's messages where the schema has lost a name; their code is that of any error."""
_ENVIRONMENT = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
}
_OPENING = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR})
_WRITING = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
_GROWING = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})


class LibraryTooNewError(RootUnusableError):
    """The library was written by a newer scenariod: it is sound, and must not be "repaired"."""


class LibraryReplacedError(RootUnusableError):
    """Another file has the library's path since it was opened: on a disk mounted over it, say."""


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the library at `path` into ours.

    Raises LibraryLockedError, LibraryDamagedError, or an OSError where the environment is at
    fault (ENOSPC, EIO, EROFS, EACCES, ENOENT, EMFILE). Anything else is a defect of ours and stays.
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
            hint=f"try again once it has ended; `fuser -v {shell_word(path)}` names it",
        )
    if code in _DAMAGED or str(error).startswith((_NO_TEXT, *_OTHER_NAMES)):
        return damaged(path, str(error))
    if code == sqlite3.SQLITE_CANTOPEN and _is_too_long(path):
        return RootUnusableError(
            f"the path of the library is too long; SQLite allows {_PATH_MOST} bytes: {path}",
            hint="move the root folder to a shorter path, and give that with --root DIR",
        )
    if code in _ENVIRONMENT:
        number, at = _why(error, path)
        return OSError(number, f"{os.strerror(number)} (SQLite: {error})", str(at))
    return None


def _why(error: sqlite3.Error, path: Path) -> tuple[int, Path]:
    """Return what the system says to what SQLite could not do, and of what: SQLite keeps it back.

    Of the library itself nothing may be tried: to close a file lets go of all locks on it.
    """
    code = code_of(error)
    if code in _OPENING and (found := _why_not_opened(path)) is not None:
        return found
    if code in _WRITING and (number := _why_not_written(path.parent)) is not None:
        return number, path
    if code == sqlite3.SQLITE_READONLY and not os.access(path, os.W_OK, effective_ids=True):
        return errno.EACCES, path
    if getattr(error, "sqlite_errorcode", None) in _GROWING and _has_size_limit():
        return errno.EFBIG, path
    return _ENVIRONMENT[code or sqlite3.SQLITE_IOERR], path


def _is_too_long(path: Path) -> bool:
    return len(os.fsencode(os.path.realpath(path))) > _PATH_MOST


def _why_not_opened(path: Path) -> tuple[int, Path] | None:
    """Return why the library or a file of its beside it cannot be opened; None where all can."""
    with ExitStack() as opened:
        for _ in range(_OPEN_AT_ONCE):
            try:
                folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                return error.errno or errno.EIO, path.parent
            opened.callback(os.close, folder)
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if file.is_dir():
            return errno.EISDIR, file
        if file.is_symlink() and not file.exists():
            return errno.ENOENT, file
        if file.exists() and not os.access(file, os.R_OK, effective_ids=True):
            return errno.EACCES, file
    return None


def _why_not_written(folder: Path) -> int | None:
    """Return why no file can be written where the library is; None where one can."""
    probe = folder / f".scenariod-probe.{os.getpid()}"
    try:
        with probe.open("xb") as file:
            probe.unlink()
            file.write(bytes(_LEAST_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno
    return None


def _has_size_limit() -> bool:
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def code_of(error: sqlite3.Error) -> int | None:
    """Return SQLite's primary result code; None where the error is Python's own."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_CODE
