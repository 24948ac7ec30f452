"""The root folder of one daemon: its folders, and the lock that keeps it to one supervisor.

Never looks into the folders.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from scenariod import lock
from scenariod.errors import AlreadyRunningError, RootUnusableError

if TYPE_CHECKING:
    from ctypes import CDLL
    from pathlib import Path

    from scenariod.config import Config

_STRICTEST_UMASK = 0o027
"""That of the service: the group may read what the daemon makes."""


def prepare(config: Config) -> None:
    """Make the folders that are missing; raise `RootUnusableError` where one can't serve.

    True on return: all folders can be written, and files can be renamed between inbox/, work/,
    done/ and failed/.
    """
    if not config.root.is_dir():
        raise RootUnusableError(
            f"the root folder {config.root} is not there",
            hint=f"`mkdir -p {config.root}`, or name another with --root DIR",
        )
    folders = [config.inbox, config.work, config.done, config.failed, config.backups]
    for folder in [*folders, config.database.parent]:
        _make(folder)
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
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RootUnusableError(
            f"cannot make {folder}: {error.strerror}",
            hint=f"see `ls -ld {folder.parent}`; it must be writable for user {_who_touches()}",
        ) from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise RootUnusableError(
            f"{folder} is not writable for user {_who_touches()}",
            hint=f"run a command with sudo; for the daemon, see `ls -ld {folder}`, and give it to "
            "the user that runs scenariod",
        )


def _who_touches() -> int:
    """Return as which user this thread touches files (setfsuid(2))."""
    return int(_libc().setfsuid(-1))


def _libc() -> CDLL:
    from ctypes import CDLL  # takes long to load, and few commands need it

    return CDLL(None)


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


def become_owner(root: Path) -> None:
    """Where we are root and `root` belongs to a user, be that user from now on.

    So `sudo scenariodctl restore` leaves no file that the daemon may not touch, and nothing of
    ours runs as root. Raises PermissionError where that is refused.
    """
    owner = owner_to_be(root)
    if owner is not None:
        _loosen_umask()
        _take_groups_of(owner)
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def touch_files_as_owner(root: Path) -> None:
    """Where we are root and `root` belongs to a user, touch files as that user from now on.

    For the supervisor, who needs to be root to the system's service manager: what it makes belongs
    to the user, and no link of the user's leads it to what only root may touch (setfsuid(2)). It
    counts for the calling thread and those it starts, not for programs.
    """
    owner = owner_to_be(root)
    if owner is None:
        return
    _loosen_umask()
    _take_groups_of(owner)
    libc = _libc()
    libc.setfsgid(owner.st_gid)
    libc.setfsuid(owner.st_uid)
    if _who_touches() != owner.st_uid:  # the call itself tells of no error
        raise PermissionError(errno.EPERM, f"cannot touch files as user {owner.st_uid}", str(root))


def owner_to_be(root: Path) -> os.stat_result | None:
    """Return whom the folder belongs to, where we are root and that is somebody else."""
    if os.geteuid() != 0 or not root.is_dir():
        return None
    owner = root.stat()
    return None if owner.st_uid == 0 else owner


def _loosen_umask() -> None:
    """Leave to the group what we make for another user, however strict root's own umask is."""
    os.umask(os.umask(_STRICTEST_UMASK) & _STRICTEST_UMASK)


def _take_groups_of(owner: os.stat_result) -> None:
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:  # a number without a name, as in containers
        os.setgroups([])
