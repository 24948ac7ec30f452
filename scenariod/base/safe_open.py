"""Open a file only where it is a regular one: no pipe is waited for, no folder taken for a file.

Never reads what a file says.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_NONE_THERE = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO})
"""What open(2) says of a missing name, of a link that is not followed, and of a socket."""


class NotAFileError(OSError):
    """It is not a regular file."""

    def __init__(self, path: Path | None) -> None:
        why = "it is a pipe, a device or a folder, not a file"
        super().__init__(errno.EINVAL, why, path and str(path))


def open_named(path: Path) -> BinaryIO:
    """Open a file for reading, following links; raise NotAFileError if it is not regular."""
    return from_descriptor(os.open(path, _FLAGS), path=path)


def from_descriptor(descriptor: int, *, path: Path | None = None) -> BinaryIO:
    """Take over a descriptor and return its file; raise NotAFileError if it is not regular."""
    file = _regular(descriptor)
    if file is None:
        raise NotAFileError(path)
    return file


def open_found(path: Path) -> BinaryIO | None:
    """Open for reading what stands at `path` itself, through no link.

    None where it is missing or no regular file: somebody may leave a folder, a link or a pipe
    there. Raises OSError where it may not be read, or the disk cannot tell.
    """
    try:
        descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in _NONE_THERE:
            return None
        raise
    return _regular(descriptor)


def _regular(descriptor: int) -> BinaryIO | None:
    """Return the file of a descriptor; None, and the descriptor closed, where it is not regular."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    return None
