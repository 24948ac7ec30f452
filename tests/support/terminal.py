"""A terminal with somebody who answers at it."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress

from support.home import SCENARIODCTL, Home


def on_a_terminal(home: Home, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run scenariodctl with a terminal; return its exit code and all that it shows there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*SCENARIODCTL, "--root", str(home.path), *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    shown = b""
    with suppress(OSError):  # EIO: the other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    return process.wait(), shown.decode().replace("\r\n", "\n")
