"""Run the unpacker over a file or folder and yield what it finds, past whatever kills it.

Owns the unpacker's process and its memory limit. Never parses a scenario, never opens the library.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from scenariod.base.errors import NoLimitError
from scenariod.base.value import Value
from scenariod.transfer import protocol
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Rejected
from scenariod.workers.outcome import EXIT_NO_LIMIT

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from scenariod.transfer.protocol import Judging, Message

_CHUNK_BYTES = 64 << 10


class Bounds(Value):
    """What the unpacker may use, and how long one scenario may take."""

    limit_bytes: int
    max_scenario_bytes: int
    timeout_s: float


class _EndedError(Exception):
    """The unpacker said no more; `why` tells where it was killed for its slowness."""

    def __init__(self, why: Reason | None = None) -> None:
        super().__init__(why)
        self.why = why


def unpack(source: str, *, bounds: Bounds) -> Generator[Message]:
    """Yield the frames of all that `source` holds, a path or `-`; `Done` comes last.

    What kills the unpacker is refused, and another one goes on after it. Raises NoLimitError where
    no limit can be put in force, OSError where no process can be started.
    """
    after = (0, -1)
    while True:
        process = _start(source, bounds=bounds, after=after)
        at: Judging | None = None
        begun_after = after
        try:
            for frame in _frames(process, timeout_s=bounds.timeout_s):
                at = frame if isinstance(frame, protocol.Judging) else None
                yield frame
                if isinstance(frame, protocol.Done):
                    return
                after = _place_after(frame, after)
        except _EndedError as ended:
            why = ended.why
        finally:
            _end(process)
        if at is not None:
            yield _killed(at, process.returncode, why)
            after = (at.index + 1, -1) if at.number == 0 else (at.index, at.number)
        elif after == begun_after:
            raise _never_began(process)


def _place_after(frame: Message, after: tuple[int, int]) -> tuple[int, int]:
    """Return the place up to which all is known once `frame` was said."""
    if isinstance(frame, protocol.FileBegun):
        return max(after, (frame.index, 0))
    return (frame.index, frame.number) if isinstance(frame, protocol.Judged) else after


def _start(source: str, *, bounds: Bounds, after: tuple[int, int]) -> subprocess.Popen[bytes]:
    command = [
        *(sys.executable, "-I", "-m", "scenariod.transfer.unpacker"),
        f"--limit-bytes={bounds.limit_bytes}",
        f"--max-scenario-bytes={bounds.max_scenario_bytes}",
        f"--parent-pid={os.getpid()}",
        f"--after-file={after[0]}",
        f"--after-number={after[1]}",
        *("--", source),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)


def _frames(process: subprocess.Popen[bytes], *, timeout_s: float) -> Iterator[Message]:
    """Yield what the unpacker says; raise _EndedError at its end."""
    assert process.stdout is not None  # noqa: S101  asked for with PIPE
    stream = _Stream(process.stdout.fileno(), timeout_s=timeout_s)
    while True:
        try:
            yield protocol.decode(stream.line(), stream.exactly)
        except protocol.InvalidMessageError as error:
            raise _EndedError(Reason.CRASH) from error


class _Stream:
    """Bytes from a pipe, each wait for them bounded; raises _EndedError at their end."""

    def __init__(self, descriptor: int, *, timeout_s: float) -> None:
        self._descriptor = descriptor
        self._timeout_s = timeout_s
        self._data = bytearray()

    def line(self) -> bytes:
        """Return the next line, its line break included."""
        searched = 0
        deadline = time.monotonic() + self._timeout_s
        while (found := self._data.find(b"\n", searched)) < 0:
            searched = len(self._data)
            if searched > protocol.MOST_LINE_BYTES:
                raise _EndedError(Reason.CRASH)
            self._fill(deadline)
        return self._take(found + 1)

    def exactly(self, size_bytes: int) -> bytes:
        """Return the next `size_bytes` bytes."""
        deadline = time.monotonic() + self._timeout_s
        while len(self._data) < size_bytes:
            self._fill(deadline)
        return self._take(size_bytes)

    def _take(self, size_bytes: int) -> bytes:
        taken = bytes(self._data[:size_bytes])
        del self._data[:size_bytes]
        return taken

    def _fill(self, deadline: float) -> None:
        left_s = max(deadline - time.monotonic(), 0)
        if not select.select([self._descriptor], [], [], left_s)[0]:
            raise _EndedError(Reason.TIMEOUT)
        more = os.read(self._descriptor, _CHUNK_BYTES)
        if not more:
            raise _EndedError
        self._data += more


def _end(process: subprocess.Popen[bytes]) -> None:
    """See that the process is gone, however far it has come."""
    with process:
        if process.stdout is not None:
            process.stdout.close()
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()


def _never_began(process: subprocess.Popen[bytes]) -> NoLimitError:
    status = process.returncode
    how = "no memory limit is in force" if status == EXIT_NO_LIMIT else f"its status is {status}"
    return NoLimitError(
        f"the process that reads the import cannot run: {how}",
        hint="see `ulimit -a`; memory.limit_mb of the configuration is its limit",
    )


def _killed(at: Judging, status: int, why: Reason | None) -> protocol.Judged:
    """Refuse what was being read when the unpacker ended."""
    place = at.name if at.number == 0 else f"{at.name}[{at.number}]"
    reason = why or (Reason.KILLED if status == -signal.SIGKILL else Reason.CRASH)
    words = {
        Reason.TIMEOUT: "it takes longer to read than worker.timeout_s",
        Reason.KILLED: "the process that read it was killed, probably because memory ran out;"
        " import it again to continue from here",
    }
    message = words.get(reason, f"the process that read it has ended with status {status}")
    problem = Problem(reason, message)
    return protocol.Judged(at.index, at.number, Rejected(place, 0, None, (problem,)), b"")
