"""The ways to run a worker with a memory limit that is in force: a systemd scope, or rlimits.

A launcher builds the command, confirms the limit with the kernel, and cleans up. It never talks
to the worker.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scenariod.errors import ConfigError, NoLimitError
from scenariod.scope import canary, cgroup, command
from scenariod.scope.manager import ServiceManager
from scenariod.scope.meter import CgroupMeter, ProcessMeter

if TYPE_CHECKING:
    from scenariod.scope.job import Job
    from scenariod.scope.meter import Meter

ASK_EVERY_S = 5.0
"""How often the service manager is asked, before a launch, whether it was reloaded."""
_NO_BATCH = 0


class Launcher(Protocol):
    """A way to run workers with a limit that is in force."""

    name: str

    def command(self, job: Job) -> list[str]:
        """Return the command that starts the worker of `job`."""

    def confirm(self, pid: int, job: Job) -> Meter:
        """Return the worker's meter; raise `NoLimitError` where its limit is not in force."""

    async def check(self, root: Path) -> None:
        """Raise `NoLimitError` where this machine cannot put a limit in force."""

    async def check_again(self, root: Path) -> None:
        """Raise `NoLimitError` where limits may have gone out of force, and have.

        Called before each launch; workers may be running.
        """

    def doubt(self) -> None:
        """Have limits proved again before the next launch: one was not in force."""

    async def freeze(self, pid: int, job: Job) -> None:
        """Stop all that the worker does, at once, even within one call into C."""

    async def kill(self, pid: int, job: Job) -> None:
        """Kill the worker and its children, frozen or not."""

    async def clean_up(self, job: Job) -> None:
        """Leave nothing of the job behind."""

    async def sweep(self, root: Path) -> None:
        """End all that an earlier run on `root` left behind."""


class SystemdLauncher:
    """Workers in scopes of a service manager, limited by their control group."""

    def __init__(
        self, kind: command.Manager, *, account: command.Account | None, most_bytes: int
    ) -> None:
        self.name = f"systemd ({kind} manager)"
        self._manager = ServiceManager(kind)
        self._account = account
        # The canary may run beside workers that hold all the rest.
        cap = most_bytes + canary.LIMIT_BYTES
        self._cap_bytes = cap - cap % resource.getpagesize()
        self._checking = asyncio.Lock()
        self._proved_at: str | None = None
        self._asked_at = 0.0

    def command(self, job: Job) -> list[str]:
        """See `Launcher.command`."""
        inner = _worker_command(job, launcher="systemd")
        return command.scope(
            command.as_account(inner, self._account) if self._account else inner,
            manager=self._manager.kind,
            names=command.units(job.root, job.batch_id),
            limit_bytes=job.limit_bytes,
            tasks_max=job.tasks_max,
            runtime_max_s=job.ready_timeout_s + job.timeout_s,
        )

    def confirm(self, pid: int, job: Job) -> Meter:
        """See `Launcher.confirm`; what counts is the kernel's file, not systemd's property."""
        folder = cgroup.of_process(pid)
        names = command.units(job.root, job.batch_id)
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
                hint="somebody may have changed or stopped it; it is made anew",
            )
        return CgroupMeter(folder)

    async def check(self, root: Path) -> None:
        """See `Launcher.check`: what the kernel has, then a process that must die of its limit."""
        why = cgroup.missing()
        if why is not None:
            raise NoLimitError(f"no memory limit can be put in force: {why}", hint=cgroup.cure())
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
        """Cap the slice above the workers, and see a canary in it die of its own limit."""
        self._proved_at = None
        names = command.units(root, _NO_BATCH)
        loaded_at = await self._manager.loaded_at()
        await self._manager.cap(names.instance, limit_bytes=self._cap_bytes)
        try:
            await canary.prove(root, manager=self._manager.kind)
        finally:
            await self._manager.stop(names.slice)
        self._proved_at = loaded_at

    async def freeze(self, pid: int, job: Job) -> None:
        """See `Launcher.freeze`; by the manager where the kernel's file is not ours to write.

        Where neither works, what follows at once, the kill, is what counts.
        """
        if not cgroup.freeze(cgroup.of_process(pid)):
            await self._manager.freeze(command.units(job.root, job.batch_id).scope)

    async def kill(self, pid: int, job: Job) -> None:
        """See `Launcher.kill`; what survives even this, `clean_up` ends."""
        if not cgroup.kill(cgroup.of_process(pid)):
            await self._manager.kill(command.units(job.root, job.batch_id).scope)

    async def clean_up(self, job: Job) -> None:
        """See `Launcher.clean_up`."""
        await self._manager.stop(command.units(job.root, job.batch_id).slice)

    async def sweep(self, root: Path) -> None:
        """See `Launcher.sweep`: the slice of this root holds all of its workers."""
        await self._manager.stop(command.units(root, _NO_BATCH).instance)


class RlimitLauncher:
    """Workers limited by RLIMIT_AS and RLIMIT_DATA: only where there is no systemd."""

    name = "rlimits (no systemd here)"

    def command(self, job: Job) -> list[str]:
        """See `Launcher.command`; the worker sets its own limits before it reads anything."""
        return _worker_command(job, launcher="rlimits")

    def confirm(self, pid: int, job: Job) -> Meter:
        """See `Launcher.confirm`."""
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            found = resource.prlimit(pid, kind)
            if found != (job.limit_bytes, job.limit_bytes):
                raise NoLimitError(
                    f"the worker's rlimits are {found}, not {job.limit_bytes}",
                    hint="see `ulimit -a` and the limits of whatever starts scenariod",
                )
        return ProcessMeter(pid)

    async def check(self, root: Path) -> None:
        """See `Launcher.check`: each worker's own limits are read back."""

    async def check_again(self, root: Path) -> None:
        """See `Launcher.check_again`: there is no manager that could forget a limit."""

    def doubt(self) -> None:
        """See `Launcher.doubt`: each worker's own limits are read back anyway."""

    async def freeze(self, pid: int, job: Job) -> None:  # noqa: ARG002
        """See `Launcher.freeze`: the worker leads a process group."""
        os.killpg(pid, signal.SIGSTOP)

    async def kill(self, pid: int, job: Job) -> None:  # noqa: ARG002
        """See `Launcher.kill`."""
        os.killpg(pid, signal.SIGKILL)

    async def clean_up(self, job: Job) -> None:
        """See `Launcher.clean_up`: the process was all there is."""

    async def sweep(self, root: Path) -> None:
        """See `Launcher.sweep`: a worker dies with its supervisor (PR_SET_PDEATHSIG)."""


def is_booted() -> bool:
    """Say whether this machine was booted with systemd (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def choose(asked: str, *, root: Path, most_bytes: int) -> Launcher:
    """Return the launcher for this machine; `asked` is `worker.launcher` of the configuration.

    `most_bytes` is what all workers together may have.
    Raises `ConfigError` where systemd is asked for and absent, `NoLimitError` where it is there
    and cannot be used: never falls back from that.
    """
    if not is_booted():
        if asked == "systemd":
            raise ConfigError(
                'worker.launcher = "systemd", but this system was not booted with systemd',
                hint='set worker.launcher = "auto" to run workers under rlimits here',
            )
        return RlimitLauncher()
    if os.geteuid() == 0:
        return SystemdLauncher("system", account=_account_of(root), most_bytes=most_bytes)
    if "XDG_RUNTIME_DIR" not in os.environ:
        raise NoLimitError(
            f"no service manager of user {os.geteuid()} can be reached: XDG_RUNTIME_DIR is not set",
            hint=f"`sudo loginctl enable-linger {os.geteuid()}`, then log in anew; "
            f"or set XDG_RUNTIME_DIR=/run/user/{os.geteuid()}",
        )
    return SystemdLauncher("user", account=None, most_bytes=most_bytes)


def _account_of(root: Path) -> command.Account:
    owner = root.stat()
    if owner.st_uid == 0:
        raise NoLimitError(
            f"workers never run as root, and {root} belongs to root",
            hint=f"give it to a user (`chown -R scenariod: {root}`), or run scenariod as a user",
        )
    return command.Account(owner.st_uid, owner.st_gid)


def _worker_command(job: Job, *, launcher: str) -> list[str]:
    return command.worker(
        job.folder,
        launcher=launcher,
        limit_bytes=job.limit_bytes,
        max_scenario_bytes=job.max_scenario_bytes,
        supervisor_pid=os.getpid(),
    )
