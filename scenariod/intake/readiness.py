"""Whether a file in the inbox is complete: its writer has finished.

Owns the rules of readiness. Opens only regular files of an acceptable size, never follows a link,
and reads only a file's last bytes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from enum import StrEnum

from scenariod.base.faults import DAMAGED
from scenariod.base.value import Value

LINK_FACTOR = 5
"""How many times `settle_s` a file may keep another name: link(2) is followed by unlink(2)."""
STALL_FACTOR = 10
"""How many times `settle_s` to wait for a file that is cut off, if no lease can be had on it."""
_TAIL_BYTES = 64
_PATH_FLAGS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
GONE = frozenset({errno.ENOENT, errno.ESTALE})
"""Errors that mean that a name no longer exists."""


_OF_A_MOUNT = frozenset({errno.EACCES, errno.EPERM, errno.ENOTCONN})
"""How a file system in user space hides its root from all but who mounted it, or has died."""


class Hold(StrEnum):
    """The reason why a file in the inbox is not ready."""

    WRITING = "its writer still has it open"
    SETTLING = "it may still be changing"
    HALF_WRITTEN = "it is incomplete; its writer may continue"
    LINKED = "it has another name, a hard link; `rm` that, or it is refused"
    UNREADABLE = "scenariod cannot read it; run `chmod g+r` on it"
    UNMOVABLE = "scenariod cannot move it: it belongs to another user, or is a mount"
    DAMAGED = "the disk reports an error when it is read; see `dmesg`"


class Rules(Value):
    """How long a file must be unchanged (seconds), and the largest size to open (bytes)."""

    settle_s: float
    largest_bytes: int


class Seen(Value):
    """A file as last seen: its state, since when it has not changed, and why it is held, if it is.

    Times are monotonic seconds. A held file may be ready in `again_s` seconds; None means that a
    person must act first.
    """

    identity: tuple[int, int, int, int, int]
    since: float
    ready_since: float | None = None
    hold: Hold | None = None
    again_s: float | None = None


class _Wait(Value):
    """Why a file is not ready, and for how long it must be unchanged to become ready."""

    hold: Hold
    calm_s: float | None = None


def observe(
    folder: int, name: str, *, before: Seen | None, renamed_in: bool, rules: Rules, now: float
) -> Seen | None:
    """Return the state of the file `name` in the open `folder`; None if it does not exist.

    `before` is its last known state; `renamed_in` says that it arrived by a rename. Raises OSError
    for errors that do not concern a single file, such as too many open files.
    """
    try:
        place = os.open(name, _PATH_FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno in GONE:
            return None
        if error.errno in DAMAGED:
            return Seen((0, 0, 0, 0, 0), now, hold=Hold.DAMAGED)
        raise
    try:
        status = os.fstat(place)
    except OSError as error:
        os.close(place)
        if is_somebodys_mount(error, folder):
            return Seen((0, 0, 0, 0, 0), now, hold=Hold.UNMOVABLE)
        raise
    try:
        same = before is not None and before.identity == _identity(status)
        since = before.since if before is not None and same else now
        calm_s = now - since
        wait = _wait(place, status=status, calm_s=calm_s, renamed_in=renamed_in, rules=rules)
    finally:
        os.close(place)
    if wait is None:
        was_ready = before.ready_since if before is not None and same else None
        return Seen(_identity(status), since, ready_since=now if was_ready is None else was_ready)
    if wait.hold is Hold.WRITING:
        since, calm_s = now, 0.0
    again_s = None if wait.calm_s is None else max(wait.calm_s - calm_s, 0.0)
    return Seen(_identity(status), since, hold=wait.hold, again_s=again_s)


def is_somebodys_mount(error: OSError, folder: int) -> bool:
    """Return whether an error on a name in `folder` comes from a mount that we may not enter."""
    return error.errno in _OF_A_MOUNT and os.access(".", os.X_OK, dir_fd=folder, effective_ids=True)


def _identity(status: os.stat_result) -> tuple[int, int, int, int, int]:
    """What changes when a file is written, replaced, or its mode or links are changed."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _wait(
    place: int, *, status: os.stat_result, calm_s: float, renamed_in: bool, rules: Rules
) -> _Wait | None:
    """Return what the file waits for, or None if it is ready."""
    settling = None if calm_s >= rules.settle_s else _Wait(Hold.SETTLING, rules.settle_s)
    if not stat.S_ISREG(status.st_mode) or status.st_size > rules.largest_bytes:
        return settling  # claimed, then refused by its kind or size: never opened
    linked_s = LINK_FACTOR * rules.settle_s
    if status.st_nlink > 1 and calm_s < linked_s:
        return _Wait(Hold.LINKED, linked_s)
    try:
        # The very file that was looked at: whatever has its name by now.
        file = os.open(f"/proc/self/fd/{place}", _READ_FLAGS)
    except PermissionError:
        return _Wait(Hold.UNREADABLE)
    except BlockingIOError:  # a write lease is on it, as a file server has for its client
        return _Wait(Hold.WRITING, rules.settle_s)
    except OSError as error:
        return _wait_of_error(error)
    try:
        return _wait_for_writer(
            file, status=status, calm_s=calm_s, renamed_in=renamed_in, rules=rules
        )
    except OSError as error:
        return _wait_of_error(error)
    finally:
        os.close(file)


def _wait_of_error(error: OSError) -> _Wait:
    if error.errno in DAMAGED:
        return _Wait(Hold.DAMAGED)
    if error.errno in GONE:
        return _Wait(Hold.SETTLING, 0.0)  # gone just now: the next look tells
    raise error


def _wait_for_writer(
    file: int, *, status: os.stat_result, calm_s: float, renamed_in: bool, rules: Rules
) -> _Wait | None:
    writer = _has_writer(file)
    if writer:
        return _Wait(Hold.WRITING, rules.settle_s)
    whole = _ends_whole(file, size=status.st_size)
    if writer is None and renamed_in and status.st_mtime_ns < status.st_ctime_ns:
        return None  # nobody has written to it since it was renamed
    if writer is False and whole:
        return None
    if calm_s < rules.settle_s:
        return _Wait(Hold.SETTLING, rules.settle_s)
    stalled_s = STALL_FACTOR * rules.settle_s
    if writer is None and not whole and calm_s < stalled_s:
        return _Wait(Hold.HALF_WRITTEN, stalled_s)
    return None


def _ends_whole(file: int, *, size: int) -> bool:
    """Return whether the file ends as a JSON object does; a cut-off one rarely does."""
    tail = os.pread(file, _TAIL_BYTES, max(size - _TAIL_BYTES, 0))
    return tail.rstrip().endswith(b"}")


def _has_writer(file: int) -> bool | None:
    """Return whether a process has the file open for writing; None if the kernel does not say.

    A read lease is granted only where nobody writes (fcntl(2), F_SETLEASE). It needs the file
    to be ours and the file system to support leases.
    """
    try:
        # A lease that is broken sends SIGIO, which kills; SIGURG is ignored unless asked for.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
