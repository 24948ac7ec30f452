"""A terminal with somebody who answers at it."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress

from support.home import SCENARIODCTL, Home

CTRL_C = "\x03"


def on_a_terminal(home: Home, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run scenariodctl with a terminal, and answer its question, if it asks one.

    Return its exit code and all that it shows there.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *SCENARIODCTL, "--root", str(home.path), *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown, asked = b"", False
    with suppress(OSError):  # EIO: the other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
            if b"[y/N] " in shown and not asked:
                asked = True
                os.write(ours, f"{answer}\n".encode())
    os.close(ours)
    return process.wait(), shown.decode().replace("\r\n", "\n")
