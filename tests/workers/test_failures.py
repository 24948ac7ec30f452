from __future__ import annotations

from typing import Any

import pytest
from support.makers import NOON

from scenariod.base.units import MIB
from scenariod.validation.problems import Reason
from scenariod.workers import failures
from scenariod.workers.job import Ended
from scenariod.workers.outcome import Evidence, Outcome


def ended(*, peak_mb: int = 3072, objects: int | None = None, **evidence: Any) -> Ended:
    """Return the end of a worker with 3072 MB."""
    return Ended(
        evidence=Evidence(**{"ready": True, "exit_status": -9, **evidence}),
        peak_bytes=peak_mb * MIB,
        limit_bytes=3072 * MIB,
        started_at=NOON,
        duration_s=1.0,
        at_file="scenario-1.json",
        detail="words",
        objects=objects,
    )


ENDS = {
    "killed by the kernel, with many objects": (
        ended(oom_kills=1, limit_hits=1, objects=1_900_000),
        (
            "needed more than 3072 MB (peak 3072 MB, limit 3072 MB): the file holds 1 900 000 "
            "objects and lists"
        ),
    ),
    "killed by the kernel, with one long string": (
        ended(oom_kills=1, limit_hits=1),
        "needed more than 3072 MB (peak 3072 MB, limit 3072 MB): the file has 8 000 000 bytes",
    ),
    "ended by force": (
        ended(peak_mb=2790, soft_stopped=True, hard_stopped=True),
        (
            "needed more than 2764 MB (peak 2790 MB, limit 3072 MB, killed at 90 % of it): "
            "the file has 8 000 000 bytes"
        ),
    ),
}


@pytest.mark.parametrize(("how", "words"), ENDS.values(), ids=ENDS.keys())
def test_a_file_that_needed_too_much_is_told_so_in_figures(how: Ended, words: str) -> None:
    problem = failures.of_file(Outcome.OUT_OF_MEMORY, ended=how, detail="", size_bytes=8_000_000)

    assert (problem.code, problem.message) == (Reason.OUT_OF_MEMORY, words)


def test_a_worker_that_did_not_end_in_time_is_told_from_one_that_needed_more() -> None:
    slow = ended(peak_mb=2200, soft_stopped=True)

    problem = failures.of_file(Outcome.SOFT_LIMIT, ended=slow, detail="", size_bytes=1)

    assert problem.code is Reason.SOFT_LIMIT
    assert problem.message.startswith("came near its limit and did not stop when")
    assert "(peak 2200 MB, limit 3072 MB)" in problem.message


def test_a_worker_that_was_killed_from_outside_is_told_in_its_own_words() -> None:
    problem = failures.of_file(Outcome.KILLED, ended=ended(), detail="SIGKILL", size_bytes=1)

    assert str(problem) == "its worker ended with killed-from-outside: SIGKILL"
