"""The ways to run a worker within an enforced memory limit: a systemd scope, or rlimits.

Owns the choice between them. A launcher builds the command, confirms the limit with the kernel, and
cleans up; it never talks to the worker.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from scenariod.base.errors import ConfigError, NoLimitError
from scenariod.base.names import shell_word
from scenariod.workers import host
from scenariod.workers.launchers import cgroup, commands
from scenariod.workers.launchers.rlimits import RlimitLauncher
from scenariod.workers.launchers.systemd import SystemdLauncher

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.workers.job import Job
    from scenariod.workers.launchers.meter import Meter


class Launcher(Protocol):
    """A way to run workers within an enforced limit."""

    name: str
    kind: str
    """What a worker is told: how its limit comes into force."""
    worker_uid: int
    """As which user workers read files."""

    def command(self, job: Job) -> list[str]:
        """Return the command that starts the worker of `job`."""

    def template_command(self, root: Path, number: int) -> list[str]:
        """Return the command that starts a template, the supervisor's `number`-th.

        Raises `NoLimitError` where workers that a template forks could not be limited.
        """

    async def place(self, pid: int, job: Job) -> None:
        """Put a forked process, which waits, where the limit of `job` can be in force.

        Raises OSError or `NoLimitError`.
        """

    def confirm(self, pid: int, job: Job) -> Meter:
        """Return the worker's meter; raise `NoLimitError` if its limit is not in force."""

    async def check(self, root: Path) -> None:
        """Raise `NoLimitError` if this machine cannot enforce a limit."""

    async def check_again(self, root: Path) -> None:
        """Check again if limits may no longer be in force; raise `NoLimitError` if they are not.

        Called before each launch; workers may be running.
        """

    def doubt(self) -> None:
        """Prove limits again before the next launch: one was not in force."""

    async def freeze(self, pid: int, job: Job) -> None:
        """Stop the worker at once, even within one call into C."""

    async def kill(self, pid: int, job: Job) -> None:
        """Kill the worker and its children, frozen or not."""

    async def clean_up(self, job: Job) -> None:
        """Remove everything that the job left behind."""

    async def sweep(self, root: Path) -> None:
        """Stop everything that an earlier run on `root` left behind."""


def choose(asked: str, *, root: Path, most_bytes: int) -> Launcher:
    """Return the launcher for this machine; `asked` is `worker.launcher` of the configuration.

    `most_bytes` is what all workers together may have.
    Raises `ConfigError` if systemd is asked for and absent, `NoLimitError` if it is present and
    unusable: there is no fallback from that.
    """
    refuse_unavailable(asked, root=root)
    if not host.is_booted():
        return RlimitLauncher()
    if os.geteuid() == 0:
        owner = root.stat()
        account = commands.Account(owner.st_uid, owner.st_gid)
        return SystemdLauncher("system", account=account, most_bytes=most_bytes)
    if not os.environ.get("XDG_RUNTIME_DIR"):
        raise NoLimitError(
            f"no service manager of user {os.geteuid()} can be reached: XDG_RUNTIME_DIR is not set",
            hint=f"`sudo loginctl enable-linger {os.geteuid()}`, then log in again; "
            f"or set XDG_RUNTIME_DIR=/run/user/{os.geteuid()}",
        )
    return SystemdLauncher("user", account=None, most_bytes=most_bytes)


def refuse_unavailable(asked: str, *, root: Path) -> None:
    """Raise what `choose` raises on this machine for whichever user, and change nothing."""
    if not host.is_booted():
        if asked == "systemd":
            raise ConfigError(
                'worker.launcher = "systemd", but this system was not booted with systemd',
                hint='set worker.launcher = "auto" to run workers under rlimits here',
            )
        return
    why = cgroup.missing()
    if why is not None:
        raise NoLimitError(f"no memory limit can be enforced: {why}", hint=cgroup.cure())
    if os.geteuid() == 0 and root.stat().st_uid == 0:
        raise NoLimitError(
            f"workers never run as root, and {root} belongs to root",
            hint=f"give it to a user (`chown -R scenariod: {shell_word(root)}`),"
            " or run scenariod as a user",
        )
