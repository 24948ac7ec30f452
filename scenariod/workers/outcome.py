"""How a batch's process ended, judged by the evidence it left.

Pure: the table of MEMORY.md ("Verdict on a worker"), in its order.
"""

from __future__ import annotations

from enum import StrEnum

from scenariod.base.value import Value

EXIT_SOFT_STOP = 75
"""The worker was asked to stop, and reports what it had done (EX_TEMPFAIL of sysexits.h)."""
EXIT_MEMORY_ERROR = 70
"""The worker got a MemoryError (EX_SOFTWARE of sysexits.h)."""
EXIT_NO_LIMIT = 14
EXIT_ENVIRONMENT = 17


class Outcome(StrEnum):
    """How a batch's process ended."""

    OK = "ok"
    OUT_OF_MEMORY = "out-of-memory"
    HOST_OUT_OF_MEMORY = "host-out-of-memory"
    SOFT_LIMIT = "soft-limit"
    TIMEOUT = "timeout"
    CRASH = "crash"
    KILLED = "killed-from-outside"
    NO_LIMIT = "no-limit"
    ENVIRONMENT = "environment"
    STOPPED = "stopped"


class Evidence(Value):
    """What is known when a worker has ended.

    `exit_status` is negative for a signal, as `subprocess` has it. `oom_kills` and `limit_hits`
    are `oom_kill` and `max` of the slice's memory.events (0 where there is no cgroup).
    `ready` says that its limit was seen in force; `soft_stopped` that it came near it and was
    asked to end, `hard_stopped` that it went on growing and was ended by force. `verdicts` counts
    those in verdict.json, None where that is not whole.
    """

    ready: bool
    exit_status: int
    oom_kills: int = 0
    limit_hits: int = 0
    timed_out: bool = False
    stopped_by_us: bool = False
    soft_stopped: bool = False
    hard_stopped: bool = False
    verdicts: int | None = None


def judge(evidence: Evidence) -> Outcome:
    """Return the outcome that the evidence shows."""
    if not evidence.ready:
        return Outcome.STOPPED if evidence.stopped_by_us else Outcome.NO_LIMIT
    if evidence.oom_kills:
        hit_own_limit = evidence.limit_hits > 0
        return Outcome.OUT_OF_MEMORY if hit_own_limit else Outcome.HOST_OUT_OF_MEMORY
    if evidence.hard_stopped:
        return Outcome.OUT_OF_MEMORY
    if evidence.timed_out:
        return Outcome.TIMEOUT
    if evidence.exit_status in {0, EXIT_MEMORY_ERROR}:
        return _by_exit_status(evidence)
    if evidence.soft_stopped:
        return Outcome.SOFT_LIMIT
    if evidence.stopped_by_us:
        return Outcome.STOPPED
    return _by_exit_status(evidence)


def _by_exit_status(evidence: Evidence) -> Outcome:
    known = {
        EXIT_SOFT_STOP: Outcome.STOPPED,
        EXIT_MEMORY_ERROR: Outcome.OUT_OF_MEMORY,
        EXIT_NO_LIMIT: Outcome.NO_LIMIT,
        EXIT_ENVIRONMENT: Outcome.ENVIRONMENT,
        -9: Outcome.KILLED,
    }
    if evidence.exit_status == 0:
        return Outcome.OK if evidence.verdicts is not None else Outcome.CRASH
    return known.get(evidence.exit_status, Outcome.CRASH)


class NextStep(StrEnum):
    """What the supervisor does next with a batch whose worker has ended."""

    SETTLE = "settle"
    FAIL = "fail"
    SPLIT = "split"
    LARGER = "larger"
    AGAIN = "again"
    PAUSE = "pause"
    LEAVE = "leave"


MAX_ATTEMPTS = 3
"""Launches of one batch whose end was not observed, before that counts against its files."""
MOST_SPARED = {Outcome.HOST_OUT_OF_MEMORY: 3, Outcome.KILLED: 2}
"""How often a batch runs again after failures that its files did not cause; then they count."""
_NEEDED_MORE = frozenset({Outcome.OUT_OF_MEMORY, Outcome.SOFT_LIMIT})


def next_step(
    outcome: Outcome, *, files: int, spared: int, verdicts: int | None, may_have_more: bool
) -> NextStep:
    """Decide the next step, so that a bad file is isolated.

    A pair that fails is split, so that the good file passes. A single file that needed more memory
    gets one try with the larger limit if it `may_have_more`; any other fails. What a worker
    finished before it was stopped counts; after a soft stop only if it finished something, or the
    same would happen forever. `spared` is how often the batch has run again already.
    """
    finished = verdicts is not None
    if outcome is Outcome.OK or (outcome is Outcome.STOPPED and finished):
        return NextStep.SETTLE
    if outcome is Outcome.SOFT_LIMIT and verdicts:
        return NextStep.SETTLE
    if outcome is Outcome.STOPPED:
        return NextStep.LEAVE
    if outcome in {Outcome.NO_LIMIT, Outcome.ENVIRONMENT}:
        return NextStep.PAUSE
    if spared < MOST_SPARED.get(outcome, 0):
        return NextStep.AGAIN
    if files > 1:
        return NextStep.SPLIT
    return NextStep.LARGER if may_have_more and outcome in _NEEDED_MORE else NextStep.FAIL
