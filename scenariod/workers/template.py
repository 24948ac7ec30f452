"""The template: a process with all that a worker loads, of which each worker is a fork.

Owns how a worker is forked and what it is before it runs `worker.py`. Never hears of a file, and
never does anything but wait and fork.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from setproctitle import setproctitle

from scenariod.base import libc
from scenariod.base.errors import ExitCode
from scenariod.workers import worker
from scenariod.workers.confinement import load_judge, raise_oom_score
from scenariod.workers.job import GO, TEMPLATE_READY
from scenariod.workers.privileges import die_with, drop_capabilities, is_root

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_ORDER_BYTES = 1 << 16
_STREAMS = 3
_PR_SET_DUMPABLE = 4  # linux/prctl.h
SOUND = b"""{"id": "warm", "title": "t", "claim": "c", "text": "t", "correctAnswer": "logic",
    "answerWeights": {"logic": 1, "emotion": 1, "balanced": 1, "agenda": 1}}"""
BROKEN = b"{"


def main(arguments: Sequence[str] | None = None) -> int:
    """Load and warm up, then fork a worker for each order that comes, until none can come.

    An order is a packet on the socket that is standard input: the worker's arguments in JSON, and
    its three standard streams. The answer is its process number, 0 where there is no worker. The
    worker is a child of the supervisor, not of this process, so the supervisor sees how it ends.
    """
    _root, supervisor = sys.argv[1:] if arguments is None else arguments
    die_with(int(supervisor))
    raise_oom_score()
    _warm_up()
    if not is_root():
        drop_capabilities()
    # A worker is the same user. It must not write into this process, and so outlive its batch.
    libc.call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    with socket.socket(fileno=os.dup(0)) as orders:
        orders.send(TEMPLATE_READY)
        while True:
            order, streams, _, _ = socket.recv_fds(orders, MAX_ORDER_BYTES, _STREAMS)
            if not order:  # the supervisor has ended, or wants a new template
                return ExitCode.OK
            pid = _fork(json.loads(order), streams, orders)
            for stream in streams:
                os.close(stream)
            orders.send(str(pid).encode())


def _warm_up() -> None:
    """Load what judges a file, and have it judge one of each kind: the first takes longest."""
    judge = load_judge()
    for content in (SOUND, BROKEN):
        judge("scenario-warm.json", content)


def _fork(arguments: list[str], streams: list[int], orders: socket.socket) -> int:
    """Return the process number of a new worker whose parent is the supervisor; 0 for none.

    It is forked by a process that ends at once: the kernel then gives it to the next ancestor that
    takes in orphans (PR_SET_CHILD_SUBREAPER), which the supervisor is meanwhile.
    """
    number, tell = os.pipe()
    between = os.fork()
    if between == 0:
        _fork_and_end(arguments, streams, orders, tell=tell)
    os.close(tell)
    with open(number, "rb") as told:
        pid = told.read()
    os.waitpid(between, 0)
    return int(pid or b"0")


def _fork_and_end(
    arguments: list[str], streams: list[int], orders: socket.socket, *, tell: int
) -> NoReturn:
    try:
        # Each process may write to its own files in /proc only where it can be looked into.
        libc.call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
        if (pid := os.fork()) == 0:
            os.close(tell)
            orders.close()
            _be_worker(arguments, streams)
        os.write(tell, str(pid).encode())
    finally:
        os._exit(0)


def _be_worker(arguments: list[str], streams: list[int]) -> NoReturn:
    """Run the worker as if this process had been started for it, and end."""
    status = int(ExitCode.INTERNAL)
    try:
        title = os.fsencode(" ".join([worker.__name__, *arguments]))
        setproctitle(title.decode("utf-8", "replace"))  # what `ps` shows
        os.setpgid(0, 0)  # Ctrl-C on a terminal is the supervisor's to handle
        for standard, stream in enumerate(streams):
            os.dup2(stream, standard)
            os.close(stream)
        status = ExitCode.INTERRUPTED if os.read(0, len(GO)) != GO else worker.main(arguments)
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else status
    except BaseException:  # noqa: BLE001  the border of this process: the interpreter would do it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(main())
