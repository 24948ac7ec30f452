"""A process that holds a file as a file server does for a client that may write: an oplock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.holder import holding

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

_HOLDER = (
    "import fcntl, os, signal, sys\n"
    "signal.signal(signal.SIGIO, signal.SIG_IGN)\n"
    "file = os.open(sys.argv[1], os.O_RDWR)\n"
    "fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n"
    "print('held', flush=True); sys.stdin.readline()\n"
)


def write_lease(path: Path) -> AbstractContextManager[None]:
    """Have a write lease on the file, which does not go when it is broken (fcntl(2))."""
    return holding(path, by=_HOLDER)
