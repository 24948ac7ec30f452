"""The limited process: the files of one batch folder in, `verdict.json` out, then its end.

Owns the order in which it makes itself harmless before it reads anything from outside. Never
opens the library, the network or anything outside its folder.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod.base.errors import ExitCode
from scenariod.base.killpoint import KillPoint, reached
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import VERDICT_FILE, Rejected, Verdict, encode
from scenariod.workers.confinement import Stop, load_judge, peak_rss_bytes
from scenariod.workers.limited import (
    confine,
    leave,
    leave_to_environment,
    parser,
    say,
    stop_being_root,
)
from scenariod.workers.outcome import EXIT_MEMORY_ERROR, EXIT_SOFT_STOP
from scenariod.workers.privileges import drop_capabilities, is_root

# Imports up here stay light: under rlimits no limit is in force yet. See load_judge() for the rest.

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    Judge = Callable[[str, bytes], Verdict]
    Opened = int | Rejected | None
    """A descriptor, a refusal where the file is not to be read, None if it is gone."""

MANY_OBJECTS = 1000
"""From how many objects and lists on a file is told to hold many."""
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_VERDICT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the files of one batch; return the exit status. See `run.py` for the protocol."""
    stop = Stop()
    orders = _orders(arguments)
    ready = confine(orders)
    judge = load_judge()  # only now: what pydantic and the files take, they take under the limit
    if not is_root():  # only now: it may take one to read what is loaded
        drop_capabilities()
    say("ready", **ready)
    names = _files_to_judge(stop)
    if names is None:
        return ExitCode.OK
    files, verdict = _open_all(names, folder=orders.folder, max_bytes=orders.max_scenario_bytes)
    if is_root():
        stop_being_root("the worker", orders.supervisor_pid)
    verdicts = _judge_all(files, stop=stop, judge=judge, max_bytes=orders.max_scenario_bytes)
    _write(verdicts, verdict)
    say("done", peak_rss_bytes=peak_rss_bytes())
    return EXIT_SOFT_STOP if stop.asked else ExitCode.OK


def open_file(name: str, *, folder: int, max_bytes: int) -> int | Rejected | None:
    """Open `name` in the open `folder`; return a refusal where it is not to be read, None if gone.

    Never follows a link, opens only regular files, never waits for a writer.
    """
    if "/" in name:
        raise ValueError(f"not a name in the batch folder: {name!r}")
    try:
        before = os.stat(name, dir_fd=folder, follow_symlinks=False)
        refusal = _refuse_unread(name, before, max_bytes=max_bytes)
        return refusal or os.open(name, _OPEN_FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link, a socket
            return _not_a_file(name)
        if error.errno in {errno.EACCES, errno.EPERM}:
            return _unreadable(name)
        raise


def read_file(name: str, descriptor: int, *, max_bytes: int) -> bytes | Rejected:
    """Return the content of an open file, or a refusal; it is closed then.

    Never reads more than `max_bytes` + 1.
    """
    with open(descriptor, "rb") as file:
        refusal = _refuse_unread(name, os.fstat(descriptor), max_bytes=max_bytes)
        if refusal is not None:
            return refusal
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        return _too_large(name, size_bytes=len(content), max_bytes=max_bytes)
    return content


def _refuse_unread(name: str, found: os.stat_result, *, max_bytes: int) -> Rejected | None:
    """Return the refusal of what must not be read, or None where it may be."""
    if not stat.S_ISREG(found.st_mode):
        return _not_a_file(name)
    if found.st_nlink > 1:
        return _hard_linked(name, links=found.st_nlink)
    if found.st_size > max_bytes:
        return _too_large(name, size_bytes=found.st_size, max_bytes=max_bytes)
    return None


def _not_a_file(name: str) -> Rejected:
    message = "this is a link, a folder, a pipe, a socket or a device, not a regular file"
    return Rejected(name, 0, None, (Problem(Reason.NOT_A_REGULAR_FILE, message),))


def _hard_linked(name: str, *, links: int) -> Rejected:
    message = (
        f"the file has {links} names (hard links), and may belong to another user or be changed "
        "through another name"
    )
    return Rejected(name, 0, None, (Problem(Reason.HARD_LINKED, message),))


def _unreadable(name: str) -> Rejected:
    message = "scenariod cannot read this file"
    return Rejected(name, 0, None, (Problem(Reason.UNREADABLE, message),))


def _too_large(name: str, *, size_bytes: int, max_bytes: int) -> Rejected:
    message = f"the file has {size_bytes} bytes; at most {max_bytes} are allowed"
    return Rejected(name, size_bytes, None, (Problem(Reason.TOO_LARGE, message),))


def _files_to_judge(stop: Stop) -> list[str] | None:
    """Return the names that the supervisor hands over; none once it has asked to stop."""
    if not stop.or_readable(sys.stdin.fileno()):
        return []
    line = sys.stdin.buffer.readline()
    return [str(name) for name in json.loads(line)["files"]] if line else None


def _open_all(
    names: list[str], *, folder: Path, max_bytes: int
) -> tuple[list[tuple[str, Opened]], int]:
    """Open all that this process reads and writes from now on: files by name, and the verdict.

    Nothing is read yet: where this process is root, it is not for long.
    """
    try:
        within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        files = [(name, _open_one(name, within, max_bytes=max_bytes)) for name in names]
        return files, os.open(VERDICT_FILE, _VERDICT_FLAGS, 0o640, dir_fd=within)
    except OSError as error:
        leave_to_environment(error, file=None)


def _open_one(name: str, folder: int, *, max_bytes: int) -> Opened:
    try:
        return open_file(name, folder=folder, max_bytes=max_bytes)
    except OSError as error:
        leave_to_environment(error, file=name)


def _judge_all(
    files: list[tuple[str, Opened]], *, stop: Stop, judge: Judge, max_bytes: int
) -> list[Verdict]:
    verdicts = []
    for name, opened in files:
        if stop.asked:
            break
        say("file", name=name)
        verdict = _judge_one(name, opened, judge=judge, max_bytes=max_bytes)
        if verdict is not None:
            verdicts.append(verdict)
    return verdicts


def _judge_one(name: str, opened: Opened, *, judge: Judge, max_bytes: int) -> Verdict | None:
    """Return the verdict, None if the file is gone; all that it took is free again on return."""
    try:
        content = (
            read_file(name, opened, max_bytes=max_bytes) if isinstance(opened, int) else opened
        )
        reached(KillPoint.FILE_READ, other=os.getppid())
        if not isinstance(content, bytes):
            return content
        _tell_of_many_objects(name, content)
        return judge(name, content)
    except OSError as error:
        leave_to_environment(error, file=name)
    except MemoryError:
        pass  # the traceback holds on to all that fills the memory: speak once it is gone
    return leave(EXIT_MEMORY_ERROR, "memory-error", file=name)


def _tell_of_many_objects(name: str, content: bytes) -> None:
    """Say what makes the file large, before it is parsed: this may be the last that is heard."""
    objects = content.count(b"{") + content.count(b"[")
    if objects >= MANY_OBJECTS:
        say("content", name=name, objects=objects)


def _write(verdicts: list[Verdict], descriptor: int) -> None:
    """Write the verdict. One that is cut off is not valid, and none outlives a crash as such."""
    try:
        with open(descriptor, "wb") as file:
            file.write(encode(verdicts))
            reached(KillPoint.VERDICT_BEING_WRITTEN, other=os.getppid())
    except OSError as error:
        leave_to_environment(error, file=None)
    reached(KillPoint.VERDICT_WRITTEN, other=os.getppid())


def _orders(arguments: Sequence[str] | None) -> argparse.Namespace:
    known = parser("scenariod.workers.worker")
    known.add_argument("folder", type=Path)
    known.add_argument("--max-scenario-bytes", type=int, required=True)
    return known.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
