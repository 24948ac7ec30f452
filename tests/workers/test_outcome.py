from __future__ import annotations

import itertools
from typing import Any

import pytest

from scenariod.workers.outcome import (
    MOST_SPARED,
    Evidence,
    NextStep,
    Outcome,
    judge,
    next_step,
)


@pytest.mark.parametrize(
    ("evidence", "outcome"),
    [
        ({"exit_status": 0, "verdicts": 2}, Outcome.OK),
        ({"exit_status": 0}, Outcome.CRASH),
        ({"exit_status": 1}, Outcome.CRASH),
        ({"exit_status": -11}, Outcome.CRASH),
        ({"exit_status": -6, "verdicts": 2}, Outcome.CRASH),
        ({"exit_status": -9}, Outcome.KILLED),
        ({"exit_status": 70}, Outcome.OUT_OF_MEMORY),
        ({"exit_status": 75}, Outcome.STOPPED),
        ({"exit_status": 14}, Outcome.NO_LIMIT),
        ({"exit_status": 17}, Outcome.ENVIRONMENT),
        ({"exit_status": -9, "oom_kills": 1, "limit_hits": 3}, Outcome.OUT_OF_MEMORY),
        ({"exit_status": 0, "oom_kills": 1, "limit_hits": 1}, Outcome.OUT_OF_MEMORY),
        ({"exit_status": -9, "oom_kills": 1}, Outcome.HOST_OUT_OF_MEMORY),
        ({"exit_status": -9, "timed_out": True}, Outcome.TIMEOUT),
        ({"exit_status": -9, "stopped_by_us": True}, Outcome.STOPPED),
        (
            {"exit_status": -9, "timed_out": True, "oom_kills": 1, "limit_hits": 1},
            Outcome.OUT_OF_MEMORY,
        ),
        ({"exit_status": 75, "soft_stopped": True, "verdicts": 1}, Outcome.SOFT_LIMIT),
        ({"exit_status": -9, "soft_stopped": True}, Outcome.SOFT_LIMIT),
        ({"exit_status": -9, "soft_stopped": True, "hard_stopped": True}, Outcome.OUT_OF_MEMORY),
        ({"exit_status": -9, "stopped_by_us": True, "hard_stopped": True}, Outcome.OUT_OF_MEMORY),
        ({"exit_status": 0, "soft_stopped": True, "verdicts": 2}, Outcome.OK),
        ({"exit_status": 70, "soft_stopped": True}, Outcome.OUT_OF_MEMORY),
        (
            {"exit_status": -9, "soft_stopped": True, "oom_kills": 1, "limit_hits": 1},
            Outcome.OUT_OF_MEMORY,
        ),
        ({"exit_status": 0, "limit_hits": 9, "verdicts": 2}, Outcome.OK),
        ({"exit_status": 1, "ready": False}, Outcome.NO_LIMIT),
        ({"exit_status": -9, "ready": False}, Outcome.NO_LIMIT),
        ({"exit_status": -15, "ready": False, "stopped_by_us": True}, Outcome.STOPPED),
    ],
)
def test_the_outcome_is_told_from_the_evidence(evidence: dict[str, Any], outcome: Outcome) -> None:
    assert judge(Evidence(**{"ready": True, **evidence})) is outcome


@pytest.mark.parametrize(
    ("outcome", "files", "spared", "verdicts", "step"),
    [
        (Outcome.OK, 2, 0, 2, NextStep.SETTLE),
        (Outcome.STOPPED, 2, 0, 2, NextStep.SETTLE),
        (Outcome.STOPPED, 2, 0, None, NextStep.LEAVE),
        (Outcome.OUT_OF_MEMORY, 2, 0, None, NextStep.SPLIT),
        (Outcome.OUT_OF_MEMORY, 1, 0, None, NextStep.FAIL),
        (Outcome.OUT_OF_MEMORY, 2, 0, 2, NextStep.SPLIT),
        (Outcome.TIMEOUT, 8, 0, None, NextStep.SPLIT),
        (Outcome.CRASH, 1, 0, None, NextStep.FAIL),
        (Outcome.SOFT_LIMIT, 2, 0, None, NextStep.SPLIT),
        (Outcome.SOFT_LIMIT, 2, 0, 1, NextStep.SETTLE),
        (Outcome.SOFT_LIMIT, 2, 0, 0, NextStep.SPLIT),
        (Outcome.SOFT_LIMIT, 1, 0, 0, NextStep.FAIL),
        (Outcome.KILLED, 1, 0, None, NextStep.AGAIN),
        (Outcome.KILLED, 2, 1, None, NextStep.AGAIN),
        (Outcome.KILLED, 2, 2, None, NextStep.SPLIT),
        (Outcome.KILLED, 1, 2, None, NextStep.FAIL),
        (Outcome.HOST_OUT_OF_MEMORY, 1, 2, None, NextStep.AGAIN),
        (Outcome.HOST_OUT_OF_MEMORY, 1, 3, None, NextStep.FAIL),
    ],
)
def test_what_follows_isolates_the_poison_file(
    *, outcome: Outcome, files: int, spared: int, verdicts: int | None, step: NextStep
) -> None:
    followed = next_step(
        outcome, files=files, spared=spared, verdicts=verdicts, may_have_more=False
    )

    assert followed is step


def step_of(outcome: Outcome, *, files: int = 1, spared: int = 0, more: bool = False) -> NextStep:
    """Return what follows where no verdict was left."""
    return next_step(outcome, files=files, spared=spared, verdicts=None, may_have_more=more)


def test_a_single_that_needed_more_gets_more_where_there_is_more_and_no_other() -> None:
    singles = {outcome for outcome in Outcome if step_of(outcome, more=True) is NextStep.LARGER}
    pairs = {step_of(outcome, files=2, more=True) for outcome in Outcome}

    assert singles == {Outcome.OUT_OF_MEMORY, Outcome.SOFT_LIMIT}
    assert NextStep.LARGER not in pairs


@pytest.mark.parametrize("outcome", [Outcome.NO_LIMIT, Outcome.ENVIRONMENT])
def test_the_environments_fault_never_fails_a_file(outcome: Outcome) -> None:
    steps = {
        next_step(outcome, files=files, spared=spared, verdicts=verdicts, may_have_more=True)
        for files, spared, verdicts in itertools.product(range(1, 9), range(100), (None, 0, 1))
    }

    assert steps == {NextStep.PAUSE}


def test_only_a_fault_of_the_files_fails_one_at_its_first_attempt() -> None:
    failed = {outcome for outcome in Outcome if step_of(outcome) is NextStep.FAIL}

    assert failed == {Outcome.OUT_OF_MEMORY, Outcome.SOFT_LIMIT, Outcome.TIMEOUT, Outcome.CRASH}


def test_nothing_runs_again_for_ever() -> None:
    for outcome in set(Outcome) - {Outcome.NO_LIMIT, Outcome.ENVIRONMENT}:
        assert step_of(outcome, spared=max(MOST_SPARED.values())) is not NextStep.AGAIN
