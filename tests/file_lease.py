"""A process that holds a file as a file server does for a client that may write: an oplock."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOLDER = (
    "import fcntl, os, signal, sys\n"
    "signal.signal(signal.SIGIO, signal.SIG_IGN)\n"
    "file = os.open(sys.argv[1], os.O_RDWR)\n"
    "fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n"
    "print('held', flush=True); sys.stdin.readline()\n"
)


@contextmanager
def write_lease(path: Path) -> Iterator[None]:
    """Have a write lease on the file, which does not go when it is broken (fcntl(2))."""
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield
        finally:
            holder.kill()
