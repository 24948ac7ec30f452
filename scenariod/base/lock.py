"""A lock between processes: one file, held with flock(2), freed by the kernel when its holder ends.

Never says what it protects.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from scenariod.base.errors import LibraryLockedError
from scenariod.base.names import shell_word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_WAIT_S = 60.0
"""How long a lock is waited for: its holder writes one file, or was stopped in the middle of it."""
_ASK_AGAIN_S = 0.05
_OWNER_ONLY = 0o600


@contextmanager
def held(path: Path, *, longest_wait_s: float = LONGEST_WAIT_S) -> Iterator[None]:
    """Wait for the lock at `path`, then run the body with it. The file itself stays.

    Raises LibraryLockedError where another holds it for too long.
    """
    descriptor = opened(path)
    try:
        _take(descriptor, path, until=time.monotonic() + longest_wait_s)
        yield
    finally:
        os.close(descriptor)


def opened(path: Path) -> int:
    """Open the lock file at `path`, made where it is missing, for its owner alone.

    Whoever can open it, if only to read, could hold it, and so stop all who wait for it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _OWNER_ONLY)
    status = os.fstat(descriptor)
    if stat.S_IMODE(status.st_mode) != _OWNER_ONLY:
        with suppress(PermissionError):  # somebody else's, as the one that root has left
            os.fchmod(descriptor, _OWNER_ONLY)
    return descriptor


def _take(descriptor: int, path: Path, *, until: float) -> None:
    """Take the lock; flock(2) itself has no time limit."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise LibraryLockedError(
                    f"another process holds {path}",
                    hint=f"`fuser -v {shell_word(path)}` shows which",
                ) from None
            time.sleep(_ASK_AGAIN_S)
        else:
            return
