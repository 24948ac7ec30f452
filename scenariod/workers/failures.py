"""Failure reports for a batch whose worker failed: about its file, or about the environment.

Pure: how a worker ended in, words out. Never decides what to do about it (outcome.py does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.faults import OF_ONE_FILE, EnvironmentFault, Fault, Step
from scenariod.base.units import MIB
from scenariod.validation.problems import Problem, Reason
from scenariod.workers.job import HARD_LIMIT_PERCENT
from scenariod.workers.outcome import EXIT_ENVIRONMENT, Outcome

if TYPE_CHECKING:
    from scenariod.intake.batch import Batch
    from scenariod.workers.job import Ended


def of_file(outcome: Outcome, *, ended: Ended | None, detail: str, size_bytes: int) -> Problem:
    """Return the problem of a file whose worker failed."""
    reason = _REASONS.get(outcome, Reason.CRASH)
    if ended is None:
        return Problem(reason, f"its worker ended with {outcome}: {detail}")
    if reason in {Reason.OUT_OF_MEMORY, Reason.SOFT_LIMIT}:
        return Problem(reason, f"{shortage(ended)}: {_holds(ended, size_bytes=size_bytes)}")
    if outcome is Outcome.CRASH and ended.evidence.exit_status == 0:
        words = "its worker reported success, but left no readable verdict on it"
        return Problem(Reason.NO_VERDICT, words)
    return Problem(reason, f"its worker ended with {outcome}{f': {detail}' if detail else ''}")


def shortage(ended: Ended) -> str:
    """Describe the memory that a worker needed and the limit that it had."""
    limit, peak = ended.limit_bytes // MIB, ended.peak_bytes // MIB
    figures = f"peak {peak} MB, limit {limit} MB"
    if ended.evidence.oom_kills or not ended.evidence.soft_stopped:
        return f"needed more than {limit} MB ({figures})"
    if ended.evidence.hard_stopped:
        told = f"{figures}, killed at {HARD_LIMIT_PERCENT} % of it"
        return f"needed more than {limit * HARD_LIMIT_PERCENT // 100} MB ({told})"
    return f"came near its limit and did not stop when asked ({figures})"


def _holds(ended: Ended, *, size_bytes: int) -> str:
    """Describe what makes the file so large in memory."""
    if ended.objects is not None:
        return f"the file holds {ended.objects:,} objects and lists".replace(",", " ")
    return f"the file has {size_bytes:,} bytes".replace(",", " ")


def of_host(batch: Batch) -> Fault:
    """Return the fault of a system that ran out of memory although no limit was reached."""
    words = f"batch {batch.id}: the system ran out of memory, and the kernel killed a worker"
    return Fault(
        words,
        step=Step.JUDGING,
        cure="see what uses the memory: `systemd-cgtop -m`; or raise memory.reserve_mb",
    )


def of_environment(ended: Ended, batch: Batch) -> Fault:
    """Return the fault of the environment because of which a worker ended, or never started."""
    if ended.errno is None:
        return Fault(f"batch {batch.id}: {ended.detail}", step=Step.LAUNCHING)
    path = batch.folder / ended.failed_file if ended.failed_file else batch.folder
    error = OSError(ended.errno, ended.detail, str(path))
    return EnvironmentFault(error, step=Step.JUDGING, path=path).fault


def lost_file(ended: Ended, names: list[str]) -> str | None:
    """Return the file that the worker could not read now and left for; None where there is none."""
    left = ended.evidence.exit_status == EXIT_ENVIRONMENT
    lost = left and ended.errno in OF_ONE_FILE and ended.failed_file in names
    return ended.failed_file if lost else None


_REASONS = {
    Outcome.OUT_OF_MEMORY: Reason.OUT_OF_MEMORY,
    Outcome.HOST_OUT_OF_MEMORY: Reason.OUT_OF_MEMORY,
    Outcome.SOFT_LIMIT: Reason.SOFT_LIMIT,
    Outcome.TIMEOUT: Reason.TIMEOUT,
    Outcome.KILLED: Reason.KILLED,
}
