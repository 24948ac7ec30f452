"""What is said of a batch whose worker came to a bad end: of its file, or of the environment.

Pure: how a worker ended in, words out. Never decides what follows (outcome.py does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod import fault
from scenariod.errors import DroppedFileError
from scenariod.fault import DAMAGED, Fault, Step
from scenariod.outcome import EXIT_ENVIRONMENT, Outcome
from scenariod.reasons import Problem, Reason
from scenariod.sizes import MIB

if TYPE_CHECKING:
    from scenariod.scope import Ended
    from scenariod.work import Batch


def of_file(outcome: Outcome, *, ended: Ended | None, detail: str) -> Problem:
    """Return the problem of a file whose worker came to a bad end."""
    reason = _REASONS.get(outcome, Reason.CRASH)
    if reason is Reason.OUT_OF_MEMORY and ended is not None:
        limit, peak = ended.limit_bytes // MIB, ended.peak_bytes // MIB
        words = f"needed more than {limit} MB (peak {peak} MB, limit {limit} MB)"
        return Problem(reason, f"{words}; split it, or raise memory.limit_mb")
    if outcome is Outcome.CRASH and ended is not None and ended.evidence.exit_status == 0:
        words = "its worker said that it was done, but left no verdict on it that can be read"
        return Problem(Reason.NO_VERDICT, words)
    return Problem(reason, f"its worker ended with {outcome}{f': {detail}' if detail else ''}")


def of_environment(ended: Ended, batch: Batch) -> Fault:
    """Return the fault that a worker has left for, or for which it never began."""
    if ended.errno is None:
        return Fault(f"batch {batch.id}: {ended.detail}", step=Step.LAUNCHING)
    path = batch.folder / ended.failed_file if ended.failed_file else batch.folder
    error = OSError(ended.errno, ended.detail, str(path))
    error.add_note(Step.JUDGING)
    return fault.of(error)


def raise_if_one_file_is_damaged(ended: Ended, names: list[str]) -> None:
    """Raise DroppedFileError where the worker met an error of the disk on one file, and left."""
    left = ended.evidence.exit_status == EXIT_ENVIRONMENT
    if left and ended.errno in DAMAGED and ended.failed_file in names:
        raise DroppedFileError(ended.errno, ended.detail, ended.failed_file)


_REASONS = {
    Outcome.OUT_OF_MEMORY: Reason.OUT_OF_MEMORY,
    Outcome.HOST_OUT_OF_MEMORY: Reason.OUT_OF_MEMORY,
    Outcome.SOFT_LIMIT: Reason.SOFT_LIMIT,
    Outcome.TIMEOUT: Reason.TIMEOUT,
    Outcome.KILLED: Reason.KILLED,
}
