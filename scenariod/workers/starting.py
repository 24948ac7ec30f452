"""Start workers: forks of a template where one can be had, else each as a program of its own.

Owns the template's life. Never talks to a worker, and never decides what follows from its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import scenariod
from scenariod.base.errors import ScenariodError
from scenariod.workers import budget
from scenariod.workers.launchers import child, commands
from scenariod.workers.launchers.fork import Forked, Template

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.base.config import Config
    from scenariod.workers.job import Ended, Job
    from scenariod.workers.launchers.child import Child
    from scenariod.workers.launchers.launcher import Launcher

Way = Literal["fork", "exec"]


class Starter:
    """Starts the workers of one supervisor.

    A template serves one drain: its workers share an address layout and a hash seed. It is replaced
    at once when one of them was killed, or when the code that it was made of was.
    """

    def __init__(self, config: Config, launcher: Launcher, *, tell: Callable[[str], None]) -> None:
        """`tell` is told why workers are no forks, once for each reason."""
        self._config = config
        self._launcher = launcher
        self._tell = tell
        self._told = ""
        self._asked = config.worker.start
        self._template: Template | None = None
        self._made_of = (0, 0)
        self._made = 0
        self._forks = 0
        self._why_not = "" if self._asked != "exec" else 'worker.start = "exec"'
        self._changing = asyncio.Lock()
        self._making: asyncio.Task[None] | None = None

    @property
    def words(self) -> str:
        """How workers are started, for people."""
        return f"started anew: {self._why_not}" if self._why_not else "forked from a template"

    def prepare(self) -> None:
        """Begin to make a template, beside what else is done, if there can be one."""
        if not self._why_not:
            self._making = asyncio.create_task(self._make())

    def renew(self) -> None:
        """After a drain: replace a template that was used, and try again where there was none."""
        if self._asked != "exec" and (self._forks or self._why_not):
            self._why_not = ""
            self._making = asyncio.create_task(self._make(anew=True))

    async def start(self, job: Job) -> Child:
        """Start the worker of `job`; raise OSError, or `NoLimitError`, where it cannot be."""
        if job.program is None and not self._why_not:
            try:
                return await self._fork(job)
            except (OSError, ScenariodError) as error:
                if self._asked == "fork":
                    raise
                await self._give_up(error)
                await self._launcher.clean_up(job)
        return await child.start(self._launcher.command(job))

    async def note_end(self, ended: Ended) -> None:
        """Replace the template of a worker that was killed."""
        if ended.started_by == "fork" and ended.evidence.exit_status < 0:
            async with self._changing:
                await self._end()

    async def close(self) -> None:
        """End the template, for good."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.wait({self._making})
        async with self._changing:
            await self._end()

    async def _make(self, *, anew: bool = False) -> None:
        try:
            async with self._changing:
                if anew:
                    await self._end()
                await self._at_hand()
        except (OSError, ScenariodError) as error:
            if self._asked == "auto":  # else the next batch meets it, and intake pauses
                await self._give_up(error)

    async def _fork(self, job: Job) -> Forked:
        told = commands.of_fork(job, launcher=self._launcher.kind, supervisor_pid=os.getpid())
        async with self._changing:
            template = await self._at_hand()
            forked = await template.fork(told)
            self._forks += 1
        try:
            await self._launcher.place(forked.pid, job)
        except BaseException:
            child.send(forked, signal.SIGKILL)
            await forked.wait()
            raise
        forked.go()
        return forked

    async def _at_hand(self) -> Template:
        """Return the template; start one where there is none of this code."""
        code = _code()
        if self._template is not None and (self._template.has_ended or self._made_of != code):
            await self._end()
        if self._template is None:
            budget.spare_bytes(self._config.memory, what="a template for workers")
            self._made, self._made_of = self._made + 1, code
            command = self._launcher.template_command(self._config.root, self._made)
            timeout_s = self._config.worker.ready_timeout_s
            self._template = await Template.start(command, timeout_s=timeout_s)
        return self._template

    async def _end(self) -> None:
        """End the template; its workers go on."""
        template, self._template, self._forks = self._template, None, 0
        if template is not None:
            await template.end()

    async def _give_up(self, error: Exception) -> None:
        """Fork no more until the next drain."""
        self._why_not = str(error) or type(error).__name__
        if self._why_not != self._told:
            self._told = self._why_not
            self._tell(self._why_not)
        async with self._changing:
            await self._end()


def way_of(process: Child) -> Way:
    """Return how `process` was started."""
    return "fork" if isinstance(process, Forked) else "exec"


def _code() -> tuple[int, int]:
    """Return what changes when another version is installed."""
    found = Path(scenariod.__file__).stat()
    return found.st_ino, found.st_mtime_ns
