"""What a limited process gives up: its capabilities, and being root; and with whom it dies.

Owns the user of this process. Never reads a file.
"""

from __future__ import annotations

import errno
import os
import signal
import struct
from contextlib import suppress

from scenariod.base import libc
from scenariod.base.errors import ExitCode

NOBODY = 65534
"""Whom a limited process becomes where it would be root: a user, and a group, that own nothing."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h


def die_with(supervisor_pid: int) -> None:
    """Have the kernel kill this process when its parent ends; end at once where it has already.

    The kernel means the *thread* that started the worker, so that must be one that stays.
    """
    libc.call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor_pid:
        raise SystemExit(ExitCode.INTERRUPTED)


def drop_capabilities() -> None:
    """Give up whatever capability was inherited; raise OSError where the kernel refuses.

    The daemon has CAP_LEASE to see who still writes; a worker, which reads hostile input, needs
    none. Version 3 of capset(2): two words each of effective, permitted and inheritable.
    """
    libc.call("capset", struct.pack("=II", _CAPABILITY_VERSION_3, 0), bytes(6 * 4))


def is_root() -> bool:
    """Say whether this process is root, and so must become nobody before it reads anything."""
    return os.geteuid() == 0


def become_nobody(supervisor_pid: int) -> None:
    """Stop being root, for good; raise OSError where that cannot be.

    What is open stays open. What is loaded later must have been loaded before: nobody may not be
    able to read our code.
    """
    libc.call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    drop_capabilities()
    if _is_more_than_nobody():
        raise PermissionError(errno.EPERM, f"user {NOBODY} can become root again")
    die_with(supervisor_pid)  # the kernel forgets that of a process that becomes another user


def _is_more_than_nobody() -> bool:
    with suppress(PermissionError):
        os.setresuid(0, 0, 0)
        return True
    return {*os.getresuid(), *os.getresgid(), *os.getgroups()} != {NOBODY}
