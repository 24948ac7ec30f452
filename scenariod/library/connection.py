"""Connections to the library's database, and their transactions.

Owns how SQLite is set up, which file is open, and when the WAL is cut back. Never knows a table.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scenariod.base.errors import RootUnusableError
from scenariod.library.sqlite_errors import LibraryReplacedError, code_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAL_BYTES_KEPT = 16 << 20
"""What a WAL that grew in a restore, or while a long read held it, is cut back to."""
_PAGE_BYTES = 1024
"""Of a new library. A commit writes whole pages: a batch touches twenty, most of them a little."""
_BYTES_PER_CHECKPOINT = 4 << 20
_CACHE_KIB = 2048
WAL_MOST_BYTES = 2 * WAL_BYTES_KEPT
WAL_PATIENCE_S = 1.0


def open_writable(path: Path, *, busy_timeout_s: float) -> sqlite3.Connection:
    """Open the database at `path`, or make an empty one; WAL, each commit durable."""
    db = _connect(path, "mode=rwc", busy_timeout_s=busy_timeout_s)
    try:
        _set_up(db)
    except BaseException:
        db.close()
        raise
    return db


def use_wal(db: sqlite3.Connection, path: Path) -> None:
    """Put the database in WAL mode: the one set-up step that writes to the file."""
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise RootUnusableError(
            f"the file system of {path.parent} cannot hold the library: no shared memory for a WAL",
            hint="put the root folder on a local file system",
        )


def is_missing_or_empty(path: Path) -> bool:
    """Say whether there is no library yet; raise OSError where links lead to none, say."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        if path.is_symlink() or path.parent.is_symlink():
            raise
        return True


def open_readable(path: Path, *, busy_timeout_s: float) -> sqlite3.Connection:
    """Open the database at `path` for reading only."""
    try:
        return _open_readable(path, "mode=ro", busy_timeout_s=busy_timeout_s)
    except sqlite3.OperationalError as error:
        # A reader needs the -wal and -shm files. The last writer that closes removes them, and a
        # group member who may only read cannot create them. Then everything is in the main
        # file, and `immutable` reads that without them, and without locks. Where there is a -wal
        # file it may hold commits, which `immutable` would not show: then the error stands. A
        # daemon that starts during such a read can spoil it; the reader then sees an error, or
        # the state before: the commands that read this way are short, and can be repeated.
        unreachable = code_of(error) in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
        if not unreachable or path.with_name(path.name + "-wal").exists():
            raise
        return _open_readable(path, "mode=ro&immutable=1", busy_timeout_s=busy_timeout_s)


@contextmanager
def transaction(db: sqlite3.Connection, *, durable: bool = True) -> Iterator[None]:
    """Run the body in one write transaction: all of it is durable on leaving, or none.

    Not `durable`: a power cut may take it back. With a WAL, NORMAL is FULL without an fsync.
    """
    if not durable:
        db.execute("PRAGMA synchronous = NORMAL")
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite itself rolls back where the disk is full
            db.execute("ROLLBACK")
        raise
    finally:
        if not durable:
            db.execute("PRAGMA synchronous = FULL")


@contextmanager
def savepoint(db: sqlite3.Connection) -> Iterator[None]:
    """Run the body so that an error in it undoes the body, not the transaction around it."""
    db.execute("SAVEPOINT step")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK TO step")
            db.execute("RELEASE step")
        raise
    db.execute("RELEASE step")


class Wal:
    """The WAL of one database, and how large it is to be when it is tried next.

    What SQLite does by itself at a commit waits for nobody: it starts the WAL anew only if no
    reader is in it at that moment. `cut_back` lets nobody write meanwhile: then those who read
    end, and those who come read the database alone. Twice the time that one reads is enough.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-wal")
        self._try_at = WAL_MOST_BYTES

    def cut_back(self, db: sqlite3.Connection, *, busy_timeout_s: float) -> None:
        """Make the WAL small again where it is large; give up after WAL_PATIENCE_S.

        After one who reads for longer it is tried again when the WAL has grown by as much as is
        kept: so no more than WAL_PATIENCE_S is lost for so many bytes.
        """
        if self._bytes() < self._try_at:
            return
        patience_s = min(WAL_PATIENCE_S, busy_timeout_s)
        db.execute(f"PRAGMA busy_timeout = {round(patience_s * 1000)}")
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            db.execute(f"PRAGMA busy_timeout = {round(busy_timeout_s * 1000)}")
        self._try_at = max(WAL_MOST_BYTES, self._bytes() + WAL_BYTES_KEPT)

    def _bytes(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0


def _connect(path: Path, query: str, *, busy_timeout_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,  # transactions are begun by hand, where one can see them
        check_same_thread=False,  # `Library` keeps threads apart with a lock of its own
    )


def _open_readable(path: Path, query: str, *, busy_timeout_s: float) -> sqlite3.Connection:
    db = _connect(path, query, busy_timeout_s=busy_timeout_s)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        db.execute("PRAGMA schema_version").fetchone()  # the first read, which opens the WAL
    except BaseException:
        db.close()
        raise
    return db


def _set_up(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # does nothing where there are pages already
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        f"cache_size = -{_CACHE_KIB}",
        f"wal_autocheckpoint = {_BYTES_PER_CHECKPOINT // page_bytes}",
        f"journal_size_limit = {WAL_BYTES_KEPT}",
    ):
        db.execute(f"PRAGMA {pragma}")


class OpenedFile:
    """The file that a library was opened as: another one may have its path by now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = _identity(path)

    def is_replaced(self) -> bool:
        """Return whether the path leads to another file."""
        try:
            return _identity(self._path) != self._identity
        except FileNotFoundError:
            return False

    def raise_if_replaced(self) -> None:
        """Raise where the path leads to another file than the one that is open, or to none.

        What is written to a file without a name is lost. A mount, a restored copy or a rebuild may
        have taken the name; FileNotFoundError where nothing has.
        """
        if _identity(self._path) != self._identity:
            raise LibraryReplacedError(
                f"the library {self._path} is not the file that was opened",
                hint="nothing was written to either; run it again to use the new one",
            )


def _identity(path: Path) -> tuple[int, int]:
    there = path.stat()
    return there.st_dev, there.st_ino


def keep_open_for_ever(db: sqlite3.Connection) -> None:
    """Take a reference that nobody gives back: not even the end of Python closes it."""
    import ctypes  # takes long to load, and this is rare

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))
