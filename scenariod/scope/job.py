"""What a worker is asked to do, and what is known when it has ended.

Plain records; no process, no systemd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.outcome import Evidence


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do, and within which bounds (bytes, seconds)."""

    root: Path
    batch_id: int
    folder: Path
    names: tuple[str, ...]
    limit_bytes: int
    soft_limit_bytes: int
    max_scenario_bytes: int
    tasks_max: int
    ready_timeout_s: float
    timeout_s: float
    stop_grace_s: float


@dataclass(frozen=True, slots=True)
class Reading:
    """A worker's memory now: what cannot be reclaimed, and its limit, in bytes."""

    used_bytes: int
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended. `detail` is the last thing it said of what was wrong, for people.

    `errno` is the error of the environment that it left for, and `failed_file` the file that it
    met it on; None where it did not.
    """

    evidence: Evidence
    peak_bytes: int
    limit_bytes: int
    duration_s: float
    at_file: str | None
    detail: str
    errno: int | None = None
    failed_file: str | None = None
