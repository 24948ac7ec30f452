"""Whether workers could run here as configured: the daemon asks before it starts, so do commands.

Changes nothing.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from scenariod.base import process
from scenariod.base.errors import ConfigError, NoLimitError
from scenariod.base.names import shell_word
from scenariod.base.units import MIB
from scenariod.base.value import replace
from scenariod.workers import admission, host, sizes
from scenariod.workers.launchers import launcher
from scenariod.workers.privileges import NOBODY, is_root

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.base.config import Config, Memory
    from scenariod.workers.host import Host
    from scenariod.workers.sizes import Sizes

_TRIAL = (
    "import os; from scenariod.workers.privileges import become_nobody; become_nobody(os.getppid())"
)
_ENOUGH_MB = 512
"""With so much RAM the defaults give a worker more than a usual scenario needs."""


def refuse_what_cannot_start(config: Config) -> None:
    """Raise `ConfigError` or `NoLimitError` where the daemon would end with it at its start."""
    refuse_what_never_fits(config.memory, host=host.look())
    launcher.refuse_unavailable(config.worker.launcher, root=config.root)
    if not host.is_booted():
        refuse_what_rlimits_forbid(
            sizes.of_machine(config.memory, total_bytes=host.look().total_bytes),
            allowed_bytes=process.most_allowed_bytes(),
        )
        refuse_to_stay_root(config.root)


def refuse_to_stay_root(root: Path) -> None:
    """Raise `NoLimitError` where this is root, and limited processes could not become nobody.

    What they do is tried; a container may have been started without the capabilities for it.
    """
    if not is_root():
        return
    command = [sys.executable, "-I", "-c", _TRIAL]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        lines = ended.stderr.splitlines() or [f"exit status {ended.returncode}"]
        why = lines[-1].rpartition("] ")[2]
        raise NoLimitError(
            f"workers never run as root, and cannot become user {NOBODY} here: {why}",
            hint="start the container with the capabilities SETUID and SETGID; or give the root "
            f"folder to a user, and start as that user: `chown -R USER: {shell_word(str(root))}`",
        )


def refuse_what_never_fits(memory: Memory, *, host: Host) -> None:
    """Raise `ConfigError` where no worker could ever start on this machine."""
    why = _why_never(memory, host)
    if why is not None:
        raise ConfigError(why, hint=_hint(memory, host))


def refuse_what_rlimits_forbid(found: Sizes, *, allowed_bytes: int) -> None:
    """Raise `NoLimitError` where this process may not give a worker the memory of the settings."""
    wanted = {"limit_mb": found.limit_bytes, "limit_max_mb": found.limit_max_bytes}
    above = [name for name, size_bytes in wanted.items() if size_bytes > allowed_bytes]
    if above:
        settings = " and ".join(f"memory.{name} = {allowed_bytes // MIB}" for name in above)
        raise NoLimitError(
            f"no worker can have memory.{above[0]} = {found.shown(above[0])}: a process may have"
            f" {allowed_bytes // MIB} MB here (`ulimit -Hv`, `ulimit -Hd`)",
            hint=f"set {settings}, or raise the limits of whatever starts scenariod",
        )


def _why_never(memory: Memory, host: Host) -> str | None:
    found = sizes.of_machine(memory, total_bytes=host.total_bytes)
    return admission.never_fits(
        needed_bytes=found.limit_bytes, reserve_bytes=found.reserve_bytes, host=host
    )


def _hint(memory: Memory, host: Host) -> str:
    """Return the settings to change so that a worker fits, as few as will do."""
    for changed in (
        replace(memory, limit_mb="auto"),
        replace(memory, reserve_mb="auto"),
        replace(memory, limit_mb="auto", reserve_mb="auto"),
    ):
        if _why_never(changed, host) is None:
            fitting = sizes.of_machine(changed, total_bytes=host.total_bytes).in_mb()
            given = [name for name in fitting if getattr(memory, name) != getattr(changed, name)]
            lines = [f'memory.{name} = "auto" ({fitting[name]} here)' for name in given]
            return f"set {' and '.join(lines)}, then `scenariodctl config check`"
    return f"scenariod needs more memory than {host.name} has: {_ENOUGH_MB} MB is enough"
