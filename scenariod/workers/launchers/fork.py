"""The supervisor's side of the template: start it, have it fork, and take in what it forked.

Owns the template's process, and those that it forks as children of this one. Knows no limit.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Self

from scenariod.base import libc
from scenariod.workers.job import GO, TEMPLATE_READY
from scenariod.workers.launchers import child

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Iterable, Sequence

FORK_TIMEOUT_S = 30.0
_ANSWER_BYTES = 64
_STREAMS = 3
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_CLOSED = "it has ended"


class Template:
    """A process that forks workers (`template.py`); started by `Template.start`."""

    def __init__(self, process: Process, orders: socket.socket) -> None:
        self._process = process
        self._orders = orders

    @classmethod
    async def start(cls, command: Sequence[str], *, timeout_s: float) -> Self:
        """Start the template of `command`, and wait until it can fork; raise OSError."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with its:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                process_group=0,
            )
        template = cls(process, ours)
        try:
            async with asyncio.timeout(timeout_s):
                said = await asyncio.get_running_loop().sock_recv(ours, _ANSWER_BYTES)
            if said != TEMPLATE_READY:
                raise ChildProcessError(await template._last_words())
        except BaseException:
            await template.end()
            raise
        return template

    @property
    def has_ended(self) -> bool:
        """Whether it is gone."""
        return self._process.returncode is not None

    async def fork(self, arguments: Sequence[str]) -> Forked:
        """Have it fork a worker, which waits for `Forked.go`; raise OSError where it cannot.

        One at a time: an answer does not say to which order.
        """
        ends: list[int] = []
        try:
            for _ in range(_STREAMS):
                ends += os.pipe()
            its, ours = (ends[0], ends[3], ends[5]), (ends[1], ends[2], ends[4])
            pid = await self._order(arguments, its)
            forked = Forked(pid)
        except BaseException:  # an answer to this may be on its way: no other is asked for
            self._orders.close()
            _close(ends)
            raise
        _close(its)
        return await forked.with_pipes(*ours)

    async def _order(self, arguments: Sequence[str], streams: Sequence[int]) -> int:
        """Return the number of a new child of ours.

        Only meanwhile do we take in orphans: those of others are for the system to bury.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(FORK_TIMEOUT_S):
            libc.call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            try:
                socket.send_fds(self._orders, [json.dumps(list(arguments)).encode()], streams)
                said = await loop.sock_recv(self._orders, _ANSWER_BYTES)
            finally:
                libc.call("prctl", _PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        if not (pid := int(said or b"0")):
            raise ChildProcessError(await self._last_words())
        return pid

    async def _last_words(self) -> str:
        """Return why it forks no more."""
        stderr = self._process.stderr
        words = b""
        if stderr is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    words = await stderr.read(4096)
        lines = words.decode("utf-8", "replace").strip().splitlines()
        return f"the template of workers does not fork: {lines[-1] if lines else _CLOSED}"

    async def end(self) -> None:
        """End it; its workers are not concerned."""
        self._orders.close()
        child.send(self._process, signal.SIGKILL)
        await self._process.wait()


class Forked:
    """A worker that a template forked: a `Child`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._ended = asyncio.Event()
        self._pidfd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._take_status)

    async def with_pipes(self, stdin: int, stdout: int, stderr: int) -> Self:
        """Take our ends of its pipes."""
        self.stdin = await _writer(os.fdopen(stdin, "wb", buffering=0))
        self.stdout = await _reader(os.fdopen(stdout, "rb", buffering=0))
        self.stderr = await _reader(os.fdopen(stderr, "rb", buffering=0))
        return self

    def go(self) -> None:
        """Let it run: its limit can be put in force."""
        if self.stdin is not None:
            self.stdin.write(GO)

    async def wait(self) -> int:
        """See `Child.wait`."""
        await self._ended.wait()
        return self.returncode or 0

    def _take_status(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()


async def _reader(pipe: IO[bytes]) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=child.LINE_LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    return reader


async def _writer(pipe: IO[bytes]) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), pipe
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
