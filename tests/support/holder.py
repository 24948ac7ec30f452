"""A process that holds something, and says so, until it is killed."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def holding(path: Path, *, by: str) -> Iterator[None]:
    """Have `path`, which it finds in `sys.argv[1]`, held by a program in Python.

    Once it holds it, it is to print `held`, and to stay until it has read a line.
    """
    command = [sys.executable, "-c", by, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield
        finally:
            holder.kill()
