"""When the clock is not trusted to say which files are old, and that this ends by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scenariod.daemon.clock_check import STEADY, Run, Step, latest_step

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
WEEK_S = STEADY.total_seconds()


@pytest.mark.parametrize(
    ("days_ago", "step"),
    [
        pytest.param([], None, id="nothing was ever recorded"),
        pytest.param([0.5, 1, 2, 3, 4, 5, 6, 7, 8], None, id="a batch a day"),
        pytest.param([20, 45, 70], None, id="a batch now and then"),
        pytest.param([31], (31, 0), id="off for a month, or ahead by one"),
        pytest.param([400, 401], (400, 0), id="ahead by a year"),
        pytest.param([1, 400], (400, 1), id="ahead, and a batch came since"),
        pytest.param([1, 2, 6, 400], (400, 6), id="ahead, and some batches came since"),
        pytest.param([1, 2, 7, 400], None, id="it has gone on for a week from there"),
        pytest.param([8, 400], None, id="a batch came, and nothing for a week"),
        pytest.param([1, -300, 2], (2, -300), id="it was ahead, and was set back"),
        pytest.param([1, 7, -300, 8], None, id="it was ahead, and was set back a week ago"),
        pytest.param([-2, 1], None, id="set back by hours or days"),
    ],
)
def test_a_step_counts_for_a_week(days_ago: list[float], step: tuple[float, float] | None) -> None:
    def at(days: float) -> datetime:
        return NOW - timedelta(days=days)

    found = latest_step(NOW, map(at, days_ago))

    assert found == (None if step is None else Step(at(step[0]), at(step[1])))


def test_a_run_is_steady_after_a_week_and_counts_anew_from_a_step_of_the_clock() -> None:
    run = Run()
    steady = []
    for days, ahead_days in ((0, 0), (6.9, 0), (7, 1), (8, 400), (14.9, 400), (15, 399), (16, 0)):
        clock = NOW + timedelta(days=days + ahead_days)
        run.note(clock=clock, monotonic_s=days / STEADY.days * WEEK_S)
        steady.append(run.is_steady)

    assert steady == [False, False, True, False, False, True, False]
