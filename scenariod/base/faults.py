"""The environment's faults: what failed, where, at which step, and what cures it.

Owns the error they are raised as, and its words. Never decides what follows from a fault.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod.base import causes
from scenariod.base.errors import (
    DroppedFileError,
    ExitCode,
    LibraryLockedError,
    NoLimitError,
    ScenariodError,
)
from scenariod.base.names import shell_word
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

DAMAGED = frozenset({errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.ENXIO})
"""What it means that a disk cannot tell of one file. ext4 has EUCLEAN for a structure that is wrong
(EFSCORRUPTED in fs/ext4/ext4.h), EBADMSG for a checksum (EFSBADCRC)."""
OF_ONE_FILE = DAMAGED | {errno.EAGAIN}
"""What it means that one file cannot be read now: damaged, or under somebody's write lease."""

_OF_TARGET = frozenset({errno.EISDIR, errno.ENOTEMPTY})
"""What a rename that fails says of its target."""


class Step(StrEnum):
    """What was being done when the environment failed."""

    OPENING = "opening the library"
    LOOKING = "scanning the inbox"
    CLAIMING = "claiming files"
    COUNTING = "counting the attempt"
    LAUNCHING = "launching the worker"
    JUDGING = "checking the files"
    BACKING_UP = "writing the backup"
    RECORDING = "recording in the library"
    MOVING = "moving the files"
    PUBLISHING = "publishing the library"
    TIDYING = "removing old files"
    EXPORTING = "exporting the library"
    LISTING = "listing refused files"
    REBUILDING = "rebuilding the library"
    SPEAKING = "speaking the scenarios"
    REPORTING = "making the report"


class Fault(Value):
    """A fault of the environment. `words` say all of it but the cure, a sentence with a command."""

    words: str
    step: str | None = None
    path: str | None = None
    cure: str | None = None

    def __str__(self) -> str:
        return f"{self.words}; {self.cure}" if self.cure else self.words


class EnvironmentFault(ScenariodError):  # noqa: N818  the word that all of this is about
    """A step failed on a path by no fault of a file; `cause` is the error that says why."""

    def __init__(self, cause: Exception, *, step: Step, path: Path) -> None:
        self.cause = cause
        self.fault = _described(cause, step=step, path=path)
        super().__init__(self.fault.words, hint=self.fault.cure or "fix the cause, then try again")
        self.exit_code = getattr(cause, "exit_code", ExitCode.PAUSED)


ENVIRONMENT_FAULTS = (OSError, NoLimitError, LibraryLockedError, EnvironmentFault)
"""Errors that no file caused: intake pauses and resumes; nothing fails, no attempt is counted."""


@contextmanager
def during(step: Step, path: Path) -> Iterator[None]:
    """Raise an error of the environment from the body as an EnvironmentFault of this step.

    `path` is what the step works on; it counts where the error itself names none. An inner
    `during` knows better than an outer one. A DroppedFileError is one file's, and stays.
    """
    try:
        yield
    except DroppedFileError:
        raise
    except (OSError, NoLimitError, LibraryLockedError) as error:
        raise EnvironmentFault(error, step=step, path=path) from error


def of(error: Exception) -> Fault:
    """Return what an error of the environment is about."""
    if isinstance(error, EnvironmentFault):
        return error.fault
    return _described(error, step=None, path=None)


def _described(error: Exception, *, step: Step | None, path: Path | None) -> Fault:
    at = f" ({step})" if step else ""
    if not isinstance(error, OSError) or error.errno is None:
        cure = error.hint if isinstance(error, ScenariodError) else None
        return Fault(f"{error}{at}", step=step, cure=cure)
    place = _place(error, path)
    cause = causes.find(error, place)
    what = error.strerror or os.strerror(error.errno)
    where = f": {place}" if place else ""
    because = f", because {cause.why}" if cause.why else ""
    return Fault(
        f"{what}{where}{because}{at}",
        step=step,
        path=None if place is None else str(place),
        cure=cause.cure,
    )


def _place(error: OSError, path: Path | None) -> Path | None:
    """Return what the error is about; it may name a file within the folder that is worked on."""
    at_fault = error.filename2 if error.errno in _OF_TARGET else None
    at_fault = at_fault or error.filename
    if at_fault is None or isinstance(at_fault, int):
        return path
    named = Path(os.fsdecode(at_fault))
    return named if path is None else path / named


def unusable_inbox(path: Path, error: OSError) -> str:
    """Return why the inbox cannot be opened, and the cure, in words."""
    cause = causes.find(error, path)
    if cause.why is not None:
        return f"the inbox {path}: {error.strerror}, because {cause.why}; {cause.cure}"
    folder = shell_word(path)
    if isinstance(error, FileNotFoundError):
        return f"the inbox {path} does not exist; `mkdir {folder}`, or mount its file system"
    if isinstance(error, NotADirectoryError):
        return f"the inbox {path} is not a folder; `mv {folder} {folder}.away && mkdir {folder}`"
    if isinstance(error, PermissionError):
        return f"the inbox {path} cannot be read; see `ls -ld {folder}`"
    return f"the inbox {path} cannot be read: {error.strerror}"
