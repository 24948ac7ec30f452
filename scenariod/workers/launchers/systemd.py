"""Workers in scopes of a service manager, and the requests to that manager.

Runs the commands that `commands.py` builds, each with a timeout; confirms the limit with the
kernel. Never talks to the worker.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base.errors import NoLimitError
from scenariod.workers.launchers import cgroup, child, commands, limit_probe, manager_bus
from scenariod.workers.launchers.meter import CgroupMeter

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.workers.job import Job
    from scenariod.workers.launchers.child import Child
    from scenariod.workers.launchers.commands import Manager
    from scenariod.workers.launchers.meter import Meter

ASK_EVERY_S = 5.0
"""Shortest time between two checks, before a launch, whether the service manager was reloaded."""
CALL_TIMEOUT_S = 90.0
"""How long systemd may take to stop a slice; its own default (DefaultTimeoutStopSec=)."""
_NO_BATCH = 0


class SystemdLauncher:
    """Workers in scopes of a service manager, limited by their control group."""

    kind = "systemd"

    def __init__(
        self, kind: commands.Manager, *, account: commands.Account | None, most_bytes: int
    ) -> None:
        self.name = f"systemd ({kind} manager)"
        self.worker_uid = os.geteuid() if account is None else account.uid
        self._manager = ServiceManager(kind)
        self._account = account
        # The probe and the template may run beside workers that use all the rest.
        cap = most_bytes + limit_probe.LIMIT_BYTES + commands.TEMPLATE_LIMIT_BYTES
        self._cap_bytes = cap - cap % resource.getpagesize()
        self._checking = asyncio.Lock()
        self._proved_at: str | None = None
        self._asked_at = 0.0

    def command(self, job: Job) -> list[str]:
        """See `Launcher.command`."""
        inner = commands.of_job(job, launcher=self.kind, supervisor_pid=os.getpid())
        return self._scope(
            commands.as_account(inner, self._account) if self._account else inner, job
        )

    def _scope(self, inner: list[str], job: Job, *, delegate: bool = False) -> list[str]:
        settings = job.config.worker
        return commands.scope(
            inner,
            manager=self._manager.kind,
            names=commands.units(job.config.root, job.batch.id),
            limit_bytes=job.limit_bytes,
            tasks_max=settings.tasks_max,
            runtime_max_s=settings.ready_timeout_s + job.timeout_s,
            delegate=delegate,
        )

    def template_command(self, root: Path, number: int) -> list[str]:
        """See `Launcher.template_command`."""
        if self._account is not None:
            raise NoLimitError(
                "a forked worker needs the service manager of the user that it runs as",
                hint="run scenariod as that user, or as the service",
            )
        return commands.template_scope(root, number, supervisor_pid=os.getpid())

    async def place(self, pid: int, job: Job) -> None:
        """See `Launcher.place`: systemd-run makes the scope, and the manager moves `pid` there.

        A scope lives as long as it holds a process, so until then a shell waits in it.
        """
        scope = commands.units(job.config.root, job.batch.id).scope
        holder = await child.start(self._scope(commands.HOLD, job, delegate=True))
        try:
            async with asyncio.timeout(job.config.worker.ready_timeout_s):
                await _see_it_run(holder, scope)
                await manager_bus.attach(pid, scope=scope)
        finally:
            child.send(holder, signal.SIGKILL)
            await holder.wait()

    def confirm(self, pid: int, job: Job) -> Meter:
        """See `Launcher.confirm`; what counts is the kernel's file, not systemd's property."""
        folder = cgroup.of_process(pid)
        names = commands.units(job.config.root, job.batch.id)
        found = cgroup.limit(folder, "memory.max")
        swap = cgroup.limit(folder, "memory.swap.max")
        if folder.name != names.scope or found != job.limit_bytes or swap not in {0, None}:
            raise NoLimitError(
                f"the worker in {folder.name} has memory.max = {found} and memory.swap.max = "
                f"{swap}, not {job.limit_bytes} and 0",
                hint=cgroup.cure(),
            )
        capped = cgroup.limit(folder.parent.parent, "memory.max")
        if capped != self._cap_bytes:
            raise NoLimitError(
                f"the slice above the workers, {names.instance}, has memory.max = {capped}, not "
                f"{self._cap_bytes}",
                hint="it may have been changed or stopped; it is created again",
            )
        return CgroupMeter(folder)

    async def check(self, root: Path) -> None:
        """See `Launcher.check`: the limit must kill a process."""
        await self.sweep(root)
        try:
            await self._prove(root)
        except BaseException:
            await self.sweep(root)
            raise

    async def check_again(self, root: Path) -> None:
        """See `Launcher.check_again`: after a reload or re-execution of the service manager."""
        async with self._checking:  # several workers may be about to start
            now = time.monotonic()
            if self._proved_at is not None and now - self._asked_at < ASK_EVERY_S:
                return
            self._asked_at = now
            if self._proved_at is None or await self._manager.loaded_at() != self._proved_at:
                await self._prove(root)

    def doubt(self) -> None:
        """See `Launcher.doubt`."""
        self._proved_at = None

    async def _prove(self, root: Path) -> None:
        """Limit the slice above the workers, and prove that a limit kills a probe in it."""
        self._proved_at = None
        names = commands.units(root, _NO_BATCH)
        loaded_at = await self._manager.loaded_at()
        await self._manager.cap(names.instance, limit_bytes=self._cap_bytes)
        try:
            await limit_probe.prove(root, manager=self._manager.kind)
        finally:
            await self._manager.stop(names.slice)
        self._proved_at = loaded_at

    async def freeze(self, pid: int, job: Job) -> None:
        """See `Launcher.freeze`; by the manager if we may not write the kernel's file.

        If neither works, the kill that follows at once is what counts.
        """
        if not cgroup.freeze(cgroup.of_process(pid)):
            await self._manager.freeze(commands.units(job.config.root, job.batch.id).scope)

    async def kill(self, pid: int, job: Job) -> None:
        """See `Launcher.kill`; `clean_up` ends what survives even this."""
        if not cgroup.kill(cgroup.of_process(pid)):
            await self._manager.kill(commands.units(job.config.root, job.batch.id).scope)

    async def clean_up(self, job: Job) -> None:
        """See `Launcher.clean_up`."""
        await self._manager.stop(commands.units(job.config.root, job.batch.id).slice)

    async def sweep(self, root: Path) -> None:
        """See `Launcher.sweep`: the slice of this root holds all of its workers."""
        await self._manager.stop(commands.units(root, _NO_BATCH).instance)


class ServiceManager:
    """One service manager."""

    def __init__(self, kind: Manager) -> None:
        self.kind = kind

    async def stop(self, unit: str) -> None:
        """Stop everything in a unit; raise `NoLimitError` if that fails."""
        if self.kind == "user":
            with suppress(OSError):  # systemctl meets it too, and says why
                await manager_bus.stop(unit)
                return
        status, said = await _call(commands.stop(unit, manager=self.kind))
        if status != 0 and "not loaded" not in said:
            raise _refused(f"stop {unit}", said=said, status=status)

    async def freeze(self, unit: str) -> None:
        """Freeze all processes of a unit; if that fails, the kill that follows is enough."""
        await _call(commands.freeze(unit, manager=self.kind))

    async def kill(self, unit: str) -> None:
        """Kill all processes of a unit; stopping its slice ends what survives."""
        await _call(commands.kill(unit, manager=self.kind))

    async def cap(self, unit: str, *, limit_bytes: int) -> None:
        """Start a slice with one memory limit for all its members; raise `NoLimitError`."""
        for order in commands.capped(unit, manager=self.kind, limit_bytes=limit_bytes):
            status, said = await _call(order)
            if status != 0:
                raise _refused(f"limit {unit}", said=said, status=status)

    async def loaded_at(self) -> str:
        """Return when it last read its units, in its own words, which change with a reload."""
        _, said = await _call(commands.loaded_at(manager=self.kind))
        return said


def _refused(what: str, *, said: str, status: int) -> NoLimitError:
    return NoLimitError(
        f"cannot {what}: {said or f'exit status {status}'}",
        hint="see `systemctl --user status` of the account that runs scenariod",
    )


async def _see_it_run(holder: Child, scope: str) -> None:
    if holder.stdout is None or holder.stderr is None:
        raise RuntimeError("the holder of a scope has no pipes")
    if not await holder.stdout.readline():
        said = (await holder.stderr.read(4096)).decode("utf-8", "replace").strip()
        raise NoLimitError(
            f"the scope {scope} cannot be created: {said or 'systemd-run ended without a message'}",
            hint="see `systemctl --user status` of the account that runs scenariod",
        )


async def _call(arguments: list[str]) -> tuple[int, str]:
    """Run a short command; return its exit status and output, stripped."""
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        return -signal.SIGKILL, f"no answer within {CALL_TIMEOUT_S:g} s"
    finally:
        if process.returncode is None:
            child.send(process, signal.SIGKILL)
            await process.wait()
    return process.returncode or 0, said.decode("utf-8", "replace").strip()
