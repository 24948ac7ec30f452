"""Owns the mount namespace of a test run: what a test mounts is seen by, and goes with, the run.

A run that is killed can't unmount anything; what stays mounted in a folder of pytest's makes later
runs fail, when they want to remove the folder.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
"""From <linux/sched.h>."""


def begin() -> None:
    """Give this process, and all that it starts, mounts of its own; needs root.

    Raises:
        OSError: the kernel does not allow it.
        subprocess.CalledProcessError: mount(8) failed.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no mounts of its own for this run: {os.strerror(number)}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for left in _left_by_killed_runs():
        subprocess.run(["umount", "--lazy", left], check=True)  # of ours, not of everybody's


def _left_by_killed_runs() -> list[str]:
    """Return where something is mounted in folders of pytest's, the latest first."""
    folders = f"{tempfile.gettempdir()}/pytest-of-"
    lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return [point for point in reversed(points) if point.startswith(folders)]
