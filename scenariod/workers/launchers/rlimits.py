"""Workers limited by rlimits: only without systemd.

Confirms the limit with the kernel. Never talks to the worker.
"""

from __future__ import annotations

import os
import resource
import signal
from typing import TYPE_CHECKING

from scenariod.base.errors import NoLimitError
from scenariod.workers.launchers import commands
from scenariod.workers.launchers.meter import ProcessMeter
from scenariod.workers.privileges import NOBODY, is_root

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.workers.job import Job
    from scenariod.workers.launchers.meter import Meter


class RlimitLauncher:
    """Workers limited by RLIMIT_AS and RLIMIT_DATA: only without systemd."""

    name = "rlimits (no systemd here)"
    kind = "rlimits"

    def __init__(self) -> None:
        self.worker_uid = NOBODY if is_root() else os.geteuid()

    def command(self, job: Job) -> list[str]:
        """See `Launcher.command`; the worker sets its own limits before it reads anything."""
        return commands.of_job(job, launcher=self.kind, supervisor_pid=os.getpid())

    def template_command(self, root: Path, number: int) -> list[str]:  # noqa: ARG002
        """See `Launcher.template_command`."""
        return commands.template(root, supervisor_pid=os.getpid())

    async def place(self, pid: int, job: Job) -> None:
        """See `Launcher.place`: a worker limits itself, wherever it is."""

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
        """See `Launcher.check_again`: no manager can forget a limit."""

    def doubt(self) -> None:
        """See `Launcher.doubt`: each worker's own limits are read back anyway."""

    async def freeze(self, pid: int, job: Job) -> None:  # noqa: ARG002
        """See `Launcher.freeze`: the worker leads a process group."""
        os.killpg(pid, signal.SIGSTOP)

    async def kill(self, pid: int, job: Job) -> None:  # noqa: ARG002
        """See `Launcher.kill`."""
        os.killpg(pid, signal.SIGKILL)

    async def clean_up(self, job: Job) -> None:
        """See `Launcher.clean_up`: nothing but the process existed."""

    async def sweep(self, root: Path) -> None:
        """See `Launcher.sweep`: a worker dies with its supervisor (PR_SET_PDEATHSIG)."""
