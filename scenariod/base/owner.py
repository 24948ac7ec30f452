"""Whom root becomes: the user who owns the root folder.

Owns the user and the groups of this process. Never makes a folder.
"""

from __future__ import annotations

import errno
import os
import pwd
import sys
from typing import TYPE_CHECKING

from scenariod.base import libc
from scenariod.base.errors import RootUnusableError
from scenariod.base.names import shell_word

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

_STRICTEST_UMASK = 0o027
"""That of the service: the group may read what the daemon makes."""


def who_touches() -> int:
    """Return as which user this thread touches files (setfsuid(2))."""
    return libc.call("setfsuid", -1)


def user_name(uid: int) -> str:
    """Return the name of a user; the number where it has none, as in containers."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def own_name() -> str:
    """Return as whom this process runs, and as whom it accesses files where that is another."""
    process, files = os.geteuid(), who_touches()
    name = user_name(process)
    return name if files == process else f"{name}, accessing files as {user_name(files)}"


def become_owner(root: Path) -> bool:
    """Where we are root and `root` belongs to a user, be that user from now on; return whether.

    So `sudo scenariodctl restore` leaves no file that the daemon may not touch, and nothing of
    ours runs as root. Raises RootUnusableError where that is refused.
    """
    owner = owner_to_be(root)
    if owner is None:
        return False
    try:
        _loosen_umask()
        _take_groups_of(owner)
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
    except PermissionError as error:
        raise RootUnusableError(
            f"root cannot become user {owner.st_uid} here, who owns {root}: {error.strerror}",
            hint=f"start as that user (in a container: `--user {owner.st_uid}`), or with the"
            " capabilities SETUID and SETGID",
        ) from error
    return True


def refuse_unreadable_program(root: Path) -> None:
    """Raise RootUnusableError where the user whom root became cannot read our program."""
    if os.access(sys.executable, os.X_OK, effective_ids=True):
        return
    raise RootUnusableError(
        f"user {os.geteuid()}, who owns {root}, cannot run {sys.executable}",
        hint="install Python and scenariod where that user can read them:"
        f" `namei -l {shell_word(os.path.realpath(sys.executable))}`",
    )


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
    libc.call("setfsgid", owner.st_gid)
    libc.call("setfsuid", owner.st_uid)
    if who_touches() != owner.st_uid:  # the call itself tells of no error
        raise PermissionError(errno.EPERM, f"cannot touch files as user {owner.st_uid}", str(root))


def owner_to_be(root: Path) -> os.stat_result | None:
    """Return whom the folder belongs to, where we are root and that is somebody else."""
    if os.geteuid() != 0 or not root.is_dir():
        return None
    owner = root.stat()
    return None if owner.st_uid == 0 else owner


def start_as_owner(command: list[str], root: Path) -> subprocess.Popen[str]:
    """Start `command` as the user to whom `root` belongs; its stdout is a pipe of text."""
    import subprocess  # few commands need it

    owner = owner_to_be(root)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        user=None if owner is None else owner.st_uid,
        group=None if owner is None else owner.st_gid,
        extra_groups=None if owner is None else [],
    )


def _loosen_umask() -> None:
    """Leave to the group what we make for another user, however strict root's own umask is."""
    os.umask(os.umask(_STRICTEST_UMASK) & _STRICTEST_UMASK)


def _take_groups_of(owner: os.stat_result) -> None:
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:  # a number without a name, as in containers
        os.setgroups([])
