"""Run one worker: start it, see its limit in force, hand it its files, watch it, gather evidence.

Owns the worker's process from the first to the last moment. Never decides what the end means.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from scenariod.base import clock
from scenariod.base.errors import NoLimitError
from scenariod.base.killpoint import KillPoint, reached
from scenariod.workers.gauge import Gauge
from scenariod.workers.job import Ended
from scenariod.workers.launchers import cgroup, child
from scenariod.workers.outcome import Evidence
from scenariod.workers.starting import way_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from scenariod.workers.job import Job, Reading
    from scenariod.workers.launchers.child import Child
    from scenariod.workers.launchers.launcher import Launcher
    from scenariod.workers.launchers.meter import Meter

LAST_WORDS_S = 1.0
"""How long to wait for the end of stderr once the worker is gone: a child of it may hold it."""
FORCE_TIMEOUT_S = 2.0
"""How long the service manager may take to freeze a worker, and then to kill it."""
STDERR_TAIL_BYTES = 8192


async def run(
    launcher: Launcher,
    job: Job,
    *,
    stop: asyncio.Event,
    on_reading: Callable[[Reading], None],
    start: Callable[[Job], Awaitable[Child]] | None = None,
) -> Ended:
    """Run the worker of `job` to its end, whatever that is, and leave nothing of it behind.

    `stop` asks it to end early: politely first, by force after the grace. `start` starts it, where
    that is not to run the launcher's command. Raises OSError where
    it cannot even be started, and `NoLimitError` where its units cannot be removed.
    """
    started_at, started = clock.now(), time.monotonic()
    process = await (child.start(launcher.command(job)) if start is None else start(job))
    reached(KillPoint.WORKER_LAUNCHED, other=process.pid)
    conversation = _Conversation(launcher, job, process, on_reading=on_reading)
    try:
        await conversation.hold(stop)
    finally:
        if process.returncode is None:
            child.send(process, signal.SIGKILL)
            await process.wait()
        counters = conversation.counters()
        await launcher.clean_up(job)
    reached(KillPoint.WORKER_ENDED)
    return conversation.ended(counters, started_at=started_at, started=started)


class _Conversation:
    """What supervisor and worker say to each other, line by line, and what was seen meanwhile."""

    def __init__(
        self,
        launcher: Launcher,
        job: Job,
        process: Child,
        *,
        on_reading: Callable[[Reading], None],
    ) -> None:
        self._launcher = launcher
        self._job = job
        self._settings = job.config.worker
        self._process = process
        self._gauge = Gauge(job, on_reading=on_reading)
        self._meter: Meter | None = None
        self._ready: float | None = None
        self._at_file: str | None = None
        self._objects: int | None = None
        self._said = ""
        self._errno: int | None = None
        self._failed_file: str | None = None
        self._stderr = b""
        self._timed_out = False
        self._stopped = False
        self._soft_stopped = False
        self._hard_stopped = False

    async def hold(self, stop: asyncio.Event) -> None:
        """Talk until the worker has ended, by itself or because it was told to."""
        errors = asyncio.create_task(self._read_stderr())
        talk = asyncio.create_task(self._talk())
        stopping = asyncio.create_task(stop.wait())
        near = asyncio.create_task(self._gauge.near.wait())
        over = asyncio.create_task(self._gauge.over.wait())
        try:
            await asyncio.wait({talk, stopping, near}, return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                self._stopped = stopping.done()
                self._soft_stopped = not self._stopped
                await self._end_early(talk, over)
            await talk
            await self._see_it_end(errors)
        finally:
            for task in (errors, talk, stopping, near, over):
                task.cancel()

    async def _see_it_end(self, errors: asyncio.Task[None]) -> None:
        """Wait for the process, and for its last words; neither for ever."""
        try:
            async with asyncio.timeout(self._settings.stop_grace_s):
                await self._process.wait()
        except TimeoutError:
            child.send(self._process, signal.SIGKILL)
            await self._process.wait()
        _, unfinished = await asyncio.wait({errors}, timeout=LAST_WORDS_S)
        if unfinished:
            # Somebody holds its stderr, so its process group is not empty, and its number not
            # another's by now.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await asyncio.wait({errors}, timeout=LAST_WORDS_S)

    def counters(self) -> cgroup.Counters:
        """Return what the kernel counted; zeros where the worker never got that far."""
        if self._meter is not None:
            with suppress(OSError):  # the slice is gone with all it knew: say what is known
                return self._meter.counters()
        return cgroup.Counters(peak_bytes=None, oom_kills=0, limit_hits=0)

    def ended(self, counters: cgroup.Counters, *, started_at: datetime, started: float) -> Ended:
        """Return how it ended, just now; `started` is `started_at` in monotonic seconds."""
        status = self._process.returncode
        evidence = Evidence(
            ready=self._meter is not None,
            exit_status=-signal.SIGKILL if status is None else status,
            oom_kills=counters.oom_kills,
            limit_hits=counters.limit_hits,
            timed_out=self._timed_out,
            stopped_by_us=self._stopped,
            soft_stopped=self._soft_stopped,
            # One that ended by itself while it was to be ended by force has judged what it judged.
            hard_stopped=self._hard_stopped and (status is None or status < 0),
        )
        last_words = self._stderr.decode("utf-8", "replace").strip().splitlines()
        last_words = last_words or [_words_of_status(evidence.exit_status)]
        return Ended(
            evidence=evidence,
            peak_bytes=max(self._gauge.peak_bytes, counters.peak_bytes or 0),
            limit_bytes=self._job.limit_bytes,
            started_at=started_at,
            duration_s=time.monotonic() - started,
            at_file=self._at_file,
            detail=self._said or last_words[-1],
            objects=self._objects,
            errno=self._errno,
            failed_file=self._failed_file,
            ready_s=None if self._ready is None else self._ready - started,
            started_by=way_of(self._process),
        )

    async def _talk(self) -> None:
        if not await self._greet() or self._meter is None:
            return
        watch = asyncio.create_task(self._gauge.keep_reading(self._meter))
        try:
            async with asyncio.timeout(self._job.timeout_s):
                while (event := await self._next_event()) is not None:
                    self._note(event)
                    if self._job.program is not None:
                        await self._hand_over(await self._job.program.answer(event))
                await self._process.wait()
        except TimeoutError:
            self._timed_out = True
            self._said = f"took longer than {self._job.timeout_s:g} s"
            child.send(self._process, signal.SIGKILL)
        finally:
            watch.cancel()

    async def _greet(self) -> bool:
        """See the worker ready and its limit in force, then hand it its files."""
        try:
            async with asyncio.timeout(self._settings.ready_timeout_s):
                event = await self._next_event()
        except TimeoutError:
            self._said = f"the worker was not ready within {self._settings.ready_timeout_s:g} s"
            child.send(self._process, signal.SIGKILL)
            return False
        if event is None or event.get("event") != "ready":
            self._said = str(event.get("reason", event)) if event else self._said
            return self._turn_away(event)
        try:
            meter = self._launcher.confirm(self._process.pid, self._job)
        except (NoLimitError, OSError, psutil.Error) as error:
            self._said = str(error)
            child.send(self._process, signal.SIGKILL)
            return False
        self._meter = meter
        self._ready = time.monotonic()
        reached(KillPoint.WORKER_READY, other=self._process.pid)
        await self._hand_over(self._order())
        reached(KillPoint.FILES_HANDED_OVER, other=self._process.pid)
        return True

    def _turn_away(self, event: dict[str, object] | None) -> bool:
        """Kill a worker that greets with anything but READY or its own refusal; return False."""
        if event is not None and event.get("event") != "no-limit":
            child.send(self._process, signal.SIGKILL)
        return False

    def _order(self) -> bytes:
        if self._job.program is not None:
            return self._job.program.order
        names = self._job.names
        return json.dumps({"files": names}).encode() + b"\n" if names else b""

    async def _hand_over(self, said: bytes) -> None:
        """Send it to the worker, which hears no more from us unless it runs another program."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101  asked for with PIPE
        with suppress(BrokenPipeError, ConnectionResetError):  # it died: its exit status tells
            if said:
                stdin.write(said)
                await stdin.drain()
            if self._job.program is None:
                stdin.close()

    async def _next_event(self) -> dict[str, object] | None:
        """Return the worker's next line, or None at its end."""
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101  asked for with PIPE
        try:
            line = await stdout.readline()
            event = json.loads(line) if line else None
        except ValueError as error:  # too long, or not JSON: no worker of ours says that
            self._said = f"the worker sent an invalid message: {error}"
            child.send(self._process, signal.SIGKILL)
            return None
        return event if isinstance(event, dict) else None

    def _note(self, event: dict[str, object]) -> None:
        kind = event.get("event")
        if kind == "file":
            self._at_file, self._objects = str(event.get("name")), None
        elif kind == "content":
            objects = event.get("objects")
            self._objects = objects if isinstance(objects, int) else None
        elif kind == "done":
            peak = event.get("peak_rss_bytes")
            self._gauge.note_peak(peak if isinstance(peak, int) else 0)
        elif kind == "no-limit":
            self._said = str(event.get("reason", kind))
        elif kind in {"environment", "memory-error"}:
            self._said = str(event.get("message", kind))
            code, name = event.get("errno"), event.get("file")
            self._errno = code if isinstance(code, int) else None
            self._failed_file = name if isinstance(name, str) else None

    async def _end_early(self, talk: asyncio.Task[None], over: asyncio.Task[bool]) -> None:
        """Ask the worker to end; end it by force over the hard limit, or after the grace."""
        if self._soft_stopped:
            self._said = f"{self._gauge.held} and was asked to stop"
        child.send(self._process, signal.SIGTERM)
        await asyncio.wait(
            {talk, over}, timeout=self._settings.stop_grace_s, return_when=asyncio.FIRST_COMPLETED
        )
        if not talk.done() and self._process.returncode is None:
            self._hard_stopped = over.done()
            await self._end_by_force()

    async def _end_by_force(self) -> None:
        """Freeze the worker, note what was big, kill it: it may be deep in one call into C."""
        pid = self._process.pid
        with suppress(OSError):  # TimeoutError is one; or it has ended by itself meanwhile
            async with asyncio.timeout(FORCE_TIMEOUT_S):
                await self._launcher.freeze(pid, self._job)
        if self._meter is not None and (self._soft_stopped or self._hard_stopped):
            at = f", at {self._at_file}" if self._at_file else ""
            with suppress(OSError, psutil.Error):
                self._said = f"{self._gauge.held}{at} ({self._meter.biggest()}), and was killed"
        with suppress(OSError):
            async with asyncio.timeout(FORCE_TIMEOUT_S):
                await self._launcher.kill(pid, self._job)
        child.send(self._process, signal.SIGKILL)  # also where no service manager can be asked

    async def _read_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101  asked for with PIPE
        while chunk := await stderr.read(4096):
            self._stderr = (self._stderr + chunk)[-STDERR_TAIL_BYTES:]


def _words_of_status(status: int) -> str:
    """Return an exit status in words; negative for a signal."""
    if status >= 0:
        return f"its worker ended with exit status {status}"
    return f"its worker was killed by {signal.Signals(-status).name}"
