"""The root folder of one daemon: its folders, and the lock that keeps it to one supervisor.

Never looks into the folders.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from scenariod.base import faults, lock
from scenariod.base.errors import AlreadyRunningError, RootUnusableError
from scenariod.base.names import shell_word
from scenariod.base.owner import who_touches

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.base.config import Config


def prepare(config: Config) -> None:
    """Make the folders that are missing; raise `RootUnusableError` where one can't serve.

    True on return: all folders can be written, and files can be renamed between inbox/, work/,
    done/ and failed/.
    """
    refuse_missing(config.root)
    for folder in _folders(config):
        _make(folder)
    _refuse_separate(config)


def refuse_unusable(config: Config) -> None:
    """Raise what `prepare` would raise of what is there already, and make nothing.

    Whether it can be written is asked only of its owner: the daemon may be another user.
    """
    refuse_missing(config.root)
    if config.root.stat().st_uid != os.geteuid():
        return
    there = [folder for folder in _folders(config) if folder.exists()]
    is_whole = len(there) == len(_folders(config))
    for folder in there if is_whole else [config.root, *there]:
        _refuse_unwritable(folder)
    _refuse_separate(config)


def _folders(config: Config) -> tuple[Path, ...]:
    files = (config.inbox, config.work, config.done, config.failed)
    return (*files, config.backups, config.database.parent)


def refuse_missing(root: Path) -> None:
    """Raise RootUnusableError if the root folder does not exist."""
    try:
        _refuse_what_is_no_folder(root)
    except OSError as error:
        fault = faults.of(error)
        if error.errno == errno.ENOENT and not os.path.lexists(root):
            raise RootUnusableError(
                f"the root folder {root} does not exist",
                hint=f"`mkdir -p {shell_word(root)}`, or name another with --root DIR",
            ) from error
        raise RootUnusableError(
            f"the root folder cannot be used: {fault.words}",
            hint=fault.cure or "name another with --root DIR",
        ) from error


def _refuse_what_is_no_folder(path: Path) -> None:
    if not stat.S_ISDIR(path.stat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def _refuse_separate(config: Config) -> None:
    """Raise where files cannot be renamed between the folders that they pass through."""
    try:
        _rename_through([config.inbox, config.work, config.done, config.failed])
    except OSError as error:
        raise RootUnusableError(
            f"files cannot be renamed between inbox/, work/, done/ and failed/ of {config.root}: "
            f"{error.strerror}",
            hint="put them on one file system and one mount (see `findmnt`), writable for all four",
        ) from error


def _rename_through(folders: list[Path]) -> None:
    """Raise where files cannot be renamed from each folder to the next; leave and write nothing.

    A mount between any two of them shows only so. The kernel tells of it, and of one that is
    read-only, before it looks for the file, so that none has to be there.
    """
    name = f".scenariod-probe.{os.getpid()}"
    for here, there in pairwise(folders):
        with suppress(FileNotFoundError):
            (here / name).rename(there / name)


def _make(folder: Path) -> None:
    try:
        try:
            folder.mkdir()
        except FileExistsError:
            _refuse_what_is_no_folder(folder)
    except OSError as error:
        raise _unusable(folder, error) from error
    _refuse_unwritable(folder)


def _refuse_unwritable(folder: Path) -> None:
    if os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return
    read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    code = errno.EROFS if read_only else errno.EACCES
    raise _unusable(folder, OSError(code, os.strerror(code), str(folder)))


def _unusable(folder: Path, error: OSError) -> RootUnusableError:
    fault = faults.of(error)
    hint = fault.cure or "name another root folder with --root DIR"
    who = who_touches()
    if error.errno == errno.EACCES and who != 0:
        there = folder if folder.exists() else folder.parent
        hint = (
            f"run a command with sudo; for the daemon, see `ls -ld {shell_word(there)}`: it"
            f" must be writable for user {who}"
        )
    return RootUnusableError(f"a folder of the root cannot be used: {fault.words}", hint=hint)


class Lock:
    """Held by the one supervisor of a root folder, from start to end; a crash releases it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock; raise `AlreadyRunningError` with the holder's PID where it is taken."""
        file = lock.opened(self._path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise AlreadyRunningError(
                f"another scenariod (PID {holder}) works on {self._path.parent.parent}",
                hint="see `scenariodctl status`; stop it first, or name another --root DIR",
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give the lock back; the file stays, so that two never hold different ones."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
