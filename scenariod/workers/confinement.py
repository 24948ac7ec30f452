"""What a limited process does to itself before it reads anything from outside.

Owns the limit and the priority of this process, and what it loads under its limit.
Never reads a file that was dropped.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod.base import loading
from scenariod.base.value import Value
from scenariod.workers.privileges import is_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.validation.verdict import Verdict

    Judge = Callable[[str, bytes], Verdict]


OOM_SCORE_ADJ = 500
NICE = 10


class Limit(Value):
    """The memory limit that is in force; `swap_limit_bytes` is None where there is no such limit.

    `cgroup` is the control group below the mount that enforces it, None under rlimits.
    """

    limit_bytes: int
    swap_limit_bytes: int | None
    cgroup: str | None


class Stop:
    """Whether SIGTERM has asked for an end after the file at hand."""

    def __init__(self) -> None:
        self.asked = False
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._note)
        # Ctrl-C in a terminal reaches the worker too, but it is the supervisor who decides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def or_readable(self, descriptor: int) -> bool:
        """Wait until `descriptor` can be read (True) or only the signal has come (False)."""
        while not self.asked:
            readable, _, _ = select.select([descriptor, self._woken], [], [])
            if descriptor in readable:
                return True
        return bool(select.select([descriptor], [], [], 0)[0])

    def _note(self, _number: int, _frame: object) -> None:
        self.asked = True


def load_judge() -> Judge:
    """Load what judges a file, and return it.

    That makes 25,000 objects, which all stay until this process ends. The garbage collector would
    search them again and again, and once more at exit, a tenth of a worker's time: it never does.
    """
    with loading.without_search_for_garbage():
        from scenariod.validation.scenario import judge

        if is_root():  # only faulty files need it, but as nobody this may find nothing to load
            import difflib  # noqa: F401

        gc.freeze()
    return lambda name, content: judge(content, name=name)


def cgroup_limit(
    limit_bytes: int,
    *,
    membership: Path = Path("/proc/self/cgroup"),
    mount: Path = Path("/sys/fs/cgroup"),
) -> Limit | str:
    """Return the limit of this process's cgroup v2, or why it is not `limit_bytes` without swap."""
    try:
        lines = membership.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        cgroup = next((line[3:] for line in lines if line.startswith("0::")), None)
        if cgroup is None:
            return "this system has no cgroup v2"
        folder = mount / cgroup.lstrip("/")
        memory = (folder / "memory.max").read_text().strip()
    except OSError as error:
        return f"memory.max of the worker's cgroup cannot be read: {error}"
    in_force = limit_bytes - limit_bytes % resource.getpagesize()  # the kernel keeps whole pages
    if memory != str(in_force):
        return f"memory.max of {cgroup} is {memory}, not {in_force}"
    try:
        swap = (folder / "memory.swap.max").read_text().strip()
    except FileNotFoundError:  # a kernel without swap, or without accounting for it
        return Limit(limit_bytes, None, cgroup)
    if swap != "0":
        return f"memory.swap.max of {cgroup} is {swap}, not 0"
    return Limit(limit_bytes, 0, cgroup)


def set_rlimits(limit_bytes: int) -> Limit | str:
    """Limit this process itself, for good; return the limit, or why it is not in force."""
    memory = (resource.RLIMIT_AS, limit_bytes), (resource.RLIMIT_DATA, limit_bytes)
    for kind, limit in (*memory, (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(kind, (limit, limit))
        except (OSError, ValueError, OverflowError) as error:
            return f"setrlimit to {limit} failed: {error}"
        if resource.getrlimit(kind) != (limit, limit):
            return f"the rlimit is {resource.getrlimit(kind)}, not {limit}"
    return Limit(limit_bytes, None, None)


def yield_to_others() -> str | None:
    """Be the first to go when the host runs short, and the last to run; return what failed."""
    os.nice(NICE)
    try:
        raise_oom_score()
    except OSError as error:
        return str(error)
    return None


def raise_oom_score() -> None:
    """Be among the first to go when the host runs short; raise OSError where that cannot be."""
    score = Path("/proc/self/oom_score_adj")
    # Never less than was inherited: the kernel lets only some lower it (CAP_SYS_RESOURCE).
    raised = max(OOM_SCORE_ADJ, int(score.read_text(encoding="ascii")))
    score.write_text(str(raised), encoding="ascii")


def peak_rss_bytes() -> int:
    """Return the most memory that this process has held."""
    # Not ru_maxrss: across exec that keeps the peak of the supervisor, of which this was a fork.
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    return next(int(s.split()[1]) * 1024 for s in status.splitlines() if s.startswith("VmHWM:"))
