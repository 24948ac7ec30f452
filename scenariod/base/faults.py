"""The environment's faults in words: what failed, where, at which step, and what cures it.

Pure: an error in, words out. Never decides what follows from a fault.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.errors import ENVIRONMENT_FAULTS, ScenariodError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAMAGED = frozenset({errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.ENXIO})
"""What it means that a disk cannot tell of one file. ext4 has EUCLEAN for a structure that is wrong
(EFSCORRUPTED in fs/ext4/ext4.h), EBADMSG for a checksum (EFSBADCRC)."""
OF_ONE_FILE = DAMAGED | {errno.EAGAIN}
"""What it means that one file cannot be read now: damaged, or under somebody's write lease."""


class Step(StrEnum):
    """What was being done when the environment failed."""

    OPENING = "opening the library"
    LOOKING = "looking into the inbox"
    CLAIMING = "claiming files"
    COUNTING = "counting the attempt"
    LAUNCHING = "launching the worker"
    JUDGING = "judging the files"
    BACKING_UP = "writing the backup"
    RECORDING = "recording in the library"
    MOVING = "moving the files"
    PUBLISHING = "publishing the library"
    TIDYING = "removing old files"
    EXPORTING = "exporting the library"
    REBUILDING = "rebuilding the library"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the environment. `words` say all of it but the cure, a sentence with a command."""

    words: str
    step: str | None = None
    path: str | None = None
    cure: str | None = None

    def __str__(self) -> str:
        return f"{self.words}; {self.cure}" if self.cure else self.words


@contextmanager
def during(step: Step, path: Path) -> Iterator[None]:
    """Have an error of the environment that comes out of the body know its step and place.

    `path` is what the step works on; it counts where the error itself names none. An inner
    `during` knows better than an outer one.
    """
    try:
        yield
    except ENVIRONMENT_FAULTS as error:
        if not getattr(error, "__notes__", None):
            error.add_note(step)
        if isinstance(error, OSError) and error.filename is None and error.errno is not None:
            error.filename = os.fspath(path)
        raise


def of(error: Exception) -> Fault:
    """Return what an error of the environment is about."""
    step = next(iter(getattr(error, "__notes__", ())), None)
    at = f" ({step})" if step else ""
    if not isinstance(error, OSError) or error.errno is None:
        cure = error.hint if isinstance(error, ScenariodError) else None
        return Fault(f"{error}{at}", step=step, cure=cure)
    path = None if error.filename is None else os.fsdecode(error.filename)
    what = error.strerror or os.strerror(error.errno)
    where = f": {path}" if path else ""
    return Fault(f"{what}{where}{at}", step=step, path=path, cure=_cure(error.errno, path))


def unusable_inbox(path: Path, error: OSError) -> str:
    """Return why the inbox cannot be opened, and the cure, in words."""
    if isinstance(error, FileNotFoundError):
        return f"the inbox {path} is not there; `mkdir` it, or mount what it is on"
    if isinstance(error, NotADirectoryError):
        return f"the inbox {path} is not a folder; move away what is there, then `mkdir` it"
    if isinstance(error, PermissionError):
        return f"the inbox {path} may not be read; see `ls -ld {path}`"
    return f"the inbox {path} cannot be read: {error.strerror}"


def _cure(code: int, path: str | None) -> str | None:
    return _CURES.get(code) or (None if path is None else _cure_at(code, path))


_CURES = {
    errno.EIO: "see what the disk says: `journalctl -k -p warning`",
    errno.EUCLEAN: "have the file system checked: `journalctl -k -p warning`",
    errno.EMFILE: "raise LimitNOFILE= of the service: `systemctl edit scenariod`",
    errno.ENFILE: "too many files are open on this machine: `sysctl fs.file-nr`",
    errno.ENOMEM: "free some memory: `systemd-cgtop -m`",
    errno.EAGAIN: "raise TasksMax= of the service: `systemctl edit scenariod`",
}


def _cure_at(code: int, path: str) -> str | None:
    folder = os.path.dirname(path) or path
    return {
        errno.ENOSPC: f"free some space: `df -h {folder}`",
        errno.EDQUOT: f"free some space, or raise the quota: `quota`, `df -h {folder}`",
        errno.EROFS: f"make it writable: `findmnt -T {folder}`",
        errno.EACCES: f"give it to the user that runs scenariod: `namei -l {path}`",
        errno.EPERM: f"see its owner and attributes: `ls -ld {path}; lsattr -d {path}`",
        errno.ENOENT: f"put it back: `ls -ld {folder}`",
    }.get(code)
