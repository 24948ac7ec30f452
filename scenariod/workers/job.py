"""The order for a worker, and what is known when it has ended.

Plain records; no process, no systemd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from scenariod.base.config import Config
    from scenariod.intake.batch import Batch
    from scenariod.workers.outcome import Evidence

HARD_LIMIT_PERCENT = 90
TEMPLATE_READY = b"ready"
"""What a template says once it can fork."""
GO = b"\n"
"""What a forked worker waits for on its standard input: until then it is under no limit."""


class Program(Value):
    """What a limited process runs in place of the worker that checks files.

    It is handed `order` first. Each event that it sends is passed to `answer`, and what that
    returns is handed to it. It may take `timeout_s`.
    """

    module: str
    arguments: tuple[str, ...]
    order: bytes
    timeout_s: float
    answer: Callable[[Mapping[str, object]], Awaitable[bytes]]


class Job(Value):
    """The order for a worker: check these files of a batch, within this limit.

    With a `program`, that is run instead, and `names` are what it works on.
    """

    config: Config
    batch: Batch
    names: tuple[str, ...]
    limit_bytes: int
    program: Program | None = None

    @property
    def timeout_s(self) -> float:
        """How long it may take, in seconds."""
        return self.config.worker.timeout_s if self.program is None else self.program.timeout_s

    @property
    def soft_limit_bytes(self) -> int:
        """How much it may hold before it is asked to end."""
        return self.config.memory.soft_limit_bytes(self.limit_bytes)

    @property
    def hard_limit_bytes(self) -> int:
        """How much it may hold before it is killed: 90 % of its limit, or its soft limit."""
        return max(self.limit_bytes * HARD_LIMIT_PERCENT // 100, self.soft_limit_bytes)


class Reading(Value):
    """A worker's memory now: what cannot be reclaimed, its limit and its peak so far, in bytes.

    `stalled_percent`: for how much of the last 10 s all of its tasks stalled for lack of memory
    (PSI); None if the kernel does not report it. The peak may include page cache.
    """

    used_bytes: int
    limit_bytes: int
    peak_bytes: int = 0
    stalled_percent: float | None = None


class Ended(Value):
    """How a worker ended. `detail` is the last thing it said of what was wrong, for people.

    `objects` is how many objects and lists the file at hand holds, None where it was not read.
    `errno` is the error of the environment that it left for, and `failed_file` the file that it
    met it on; None where it did not. `ready_s` is how long it took to be ready with its limit in
    force, None where it never was; `started_by` how it was started, `exec` or `fork`.
    """

    evidence: Evidence
    peak_bytes: int
    limit_bytes: int
    started_at: datetime
    duration_s: float
    at_file: str | None
    detail: str
    objects: int | None = None
    errno: int | None = None
    failed_file: str | None = None
    ready_s: float | None = None
    started_by: str = "exec"

    @property
    def ready_ms(self) -> int | None:
        """The same in whole milliseconds."""
        return None if self.ready_s is None else round(self.ready_s * 1000)
