"""The command lines of systemd and of the worker.

Pure: values in, a list of arguments out; another module runs it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from typing import TYPE_CHECKING, Literal

from scenariod.base.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scenariod.workers.job import Job

Manager = Literal["user", "system"]

TEMPLATE_LIMIT_BYTES = 128 << 20
"""The limit of a template, which holds 20 MB."""
HOLD = ["/bin/sh", "-c", "echo; read -r _"]
"""A process that says that it runs, and does so until its standard input ends."""
WORKER = "scenariod.workers.worker"
TEMPLATE = "scenariod.workers.template"
_TEMPLATE_TASKS = 64
"""Each worker is in its template's scope for a moment."""
STOP_S = 5
"""How long systemd waits for processes that a worker left behind before it kills them, in s."""


class Units(Value):
    """The names of one batch's units.

    `instance` is the slice of all workers of one root folder, so that two daemons of one user
    never stop each other's. A dash in a slice's name nests it in the slice before the dash.
    """

    instance: str
    slice: str
    scope: str


class Account(Value):
    """The user that a worker becomes if the supervisor is root."""

    uid: int
    gid: int


def units(root: Path, batch_id: int) -> Units:
    """Return the unit names for a batch of the daemon that works on `root`."""
    mark = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:8]
    return Units(
        instance=f"scenariod-{mark}.slice",
        slice=f"scenariod-{mark}-b{batch_id:06d}.slice",
        scope=f"scenariod-b{batch_id:06d}-{mark}.scope",
    )


def worker(
    folder: Path, *, launcher: str, limit_bytes: int, max_scenario_bytes: int, supervisor_pid: int
) -> list[str]:
    """Return the worker's own command."""
    return limited(
        WORKER,
        (str(folder), "--max-scenario-bytes", str(max_scenario_bytes)),
        launcher=launcher,
        limit_bytes=limit_bytes,
        supervisor_pid=supervisor_pid,
    )


def limited(
    module: str, own: Iterable[str], *, launcher: str, limit_bytes: int, supervisor_pid: int
) -> list[str]:
    """Return the command of a limited process; `own` are arguments that only this module takes."""
    return [
        *_isolated(module),
        *own,
        *("--launcher", launcher),
        *("--limit-bytes", str(limit_bytes)),
        *("--supervisor-pid", str(supervisor_pid)),
    ]


def of_job(job: Job, *, launcher: str, supervisor_pid: int) -> list[str]:
    """Return the worker's own command for `job`."""
    if job.program is not None:
        return limited(
            job.program.module,
            job.program.arguments,
            launcher=launcher,
            limit_bytes=job.limit_bytes,
            supervisor_pid=supervisor_pid,
        )
    return worker(
        job.batch.folder,
        launcher=launcher,
        limit_bytes=job.limit_bytes,
        max_scenario_bytes=job.config.intake.max_scenario_bytes,
        supervisor_pid=supervisor_pid,
    )


def of_fork(job: Job, *, launcher: str, supervisor_pid: int) -> list[str]:
    """Return what the worker of `job` is told where it is forked: all but the program."""
    whole = of_job(job, launcher=launcher, supervisor_pid=supervisor_pid)
    return whole[len(_isolated(WORKER)) :]


def template(root: Path, *, supervisor_pid: int) -> list[str]:
    """Return the command of a template; `root` is there for who looks at it (`ps`)."""
    return [*_isolated(TEMPLATE), str(root), str(supervisor_pid)]


def template_scope(root: Path, number: int, *, supervisor_pid: int) -> list[str]:
    """Return the `systemd-run` of a template in a scope of its own, beside the workers' slices."""
    names = units(root, 0)
    mark = names.instance.removesuffix(".slice")
    return scope(
        template(root, supervisor_pid=supervisor_pid),
        manager="user",
        names=replace(names, slice=names.instance, scope=f"{mark}-template-{number}.scope"),
        limit_bytes=TEMPLATE_LIMIT_BYTES,
        tasks_max=_TEMPLATE_TASKS,
        runtime_max_s=None,
    )


def _isolated(module: str) -> list[str]:
    """Return the command of a module of ours: isolated from the caller's environment (`-I`)."""
    return [sys.executable, "-I", "-m", module]


def scope(
    inner: list[str],
    *,
    manager: Manager,
    names: Units,
    limit_bytes: int,
    tasks_max: int,
    runtime_max_s: float | None,
    delegate: bool = False,
) -> list[str]:
    """Return the `systemd-run` that puts `inner` into a limited scope (docs/MEMORY.md).

    OOMPolicy=kill: with the default, an OOM looks like a polite stop. MemorySwapMax=0: swap
    lies outside MemoryMax=. RuntimeMaxSec= is the last resort; the supervisor's own comes first.
    With None it runs for ever. Delegate=: only then does the manager move others into the scope.
    TimeoutStopSec=: what a worker leaves behind may be deaf, and nobody waits long for that.
    """
    return [
        "systemd-run",
        *(["--user"] if manager == "user" else []),
        *("--scope", "--quiet", "--collect"),
        f"--unit={names.scope}",
        f"--slice={names.slice}",
        *("-p", f"Description={_description(names)}"),
        *("-p", f"MemoryMax={limit_bytes}"),
        *("-p", "MemorySwapMax=0"),
        *("-p", "OOMPolicy=kill"),
        *("-p", f"TasksMax={tasks_max}"),
        *([] if runtime_max_s is None else ["-p", f"RuntimeMaxSec={runtime_max_s + 30:.0f}"]),
        *(["-p", "Delegate=yes"] if delegate else []),
        *("-p", f"TimeoutStopSec={STOP_S}"),
        "--",
        *inner,
    ]


def as_account(inner: list[str], account: Account) -> list[str]:
    """Return `inner` run as another user; scopes accept `-p User=`, and ignore it."""
    return [
        "setpriv",
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--init-groups",
        "--",
        *inner,
    ]


def stop(unit: str, *, manager: Manager) -> list[str]:
    """Return the `systemctl stop` that ends everything in `unit`."""
    return ["systemctl", *(["--user"] if manager == "user" else []), "stop", "--quiet", "--", unit]


def capped(unit: str, *, manager: Manager, limit_bytes: int) -> list[list[str]]:
    """Return the `systemctl` calls, in their order, that start a slice with a limit of its own.

    Until the next boot only (--runtime). A limit that systemd has set stays over a reload of it.
    """
    systemctl = ["systemctl", *(["--user"] if manager == "user" else [])]
    limits = [f"MemoryMax={limit_bytes}", "MemorySwapMax=0"]
    return [
        [*systemctl, "set-property", "--runtime", "--", unit, *limits],
        [*systemctl, "start", "--", unit],
    ]


def loaded_at(*, manager: Manager) -> list[str]:
    """Return the `systemctl show` for when the manager last read its units."""
    user = ["--user"] if manager == "user" else []
    return ["systemctl", *user, "show", "--property=UnitsLoadTimestampMonotonic", "--value"]


def freeze(unit: str, *, manager: Manager) -> list[str]:
    """Return the `systemctl freeze` that stops all processes of `unit`, within 10 ms or so."""
    return ["systemctl", *(["--user"] if manager == "user" else []), "freeze", "--", unit]


def kill(unit: str, *, manager: Manager) -> list[str]:
    """Return the `systemctl kill` that kills all processes of `unit`."""
    user = ["--user"] if manager == "user" else []
    return ["systemctl", *user, "kill", "--signal=SIGKILL", "--", unit]


def _description(names: Units) -> str:
    if names.slice == names.instance:
        return "scenariod template of workers"
    number = names.scope.removeprefix("scenariod-b").partition("-")[0]
    return f"scenariod worker of batch {number}"
