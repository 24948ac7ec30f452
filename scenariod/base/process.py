"""This process as it was started: which signals reach it, and which limits it has.

Owns what is changed of that. Never takes a signal: `daemon/signals.py` does.
"""

from __future__ import annotations

import resource
import signal
import sys
import threading

NEEDED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def reset_inherited_signals() -> None:
    """Make sure that ends of children and requests to end are delivered, however this was started.

    Whatever is ignored or blocked stays so across exec(2). With SIGCHLD ignored the kernel tells
    nobody how a worker ended. SIGHUP stays ignored where it is: nohup(1) means it. In a thread of
    a program that calls a command, all that is the program's own affair: nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, NEEDED)


def most_allowed_bytes() -> int:
    """Return the most memory that a child may be given by rlimits: we may be limited ourselves."""
    allowed = sys.maxsize
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY:
            continue
        try:
            resource.setrlimit(kind, (soft, resource.RLIM_INFINITY))  # with CAP_SYS_RESOURCE
            resource.setrlimit(kind, (soft, hard))
        except ValueError:
            allowed = min(allowed, hard)
    return allowed
