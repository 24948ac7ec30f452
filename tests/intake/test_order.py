from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from scenariod.intake.order import DROP_NS, sort_key

NOW = 1_800_000_000 * 1_000_000_000
SECOND = 1_000_000_000


def order(drops: dict[str, int], *, now: int = NOW) -> list[str]:
    """Return the names in the order of their turn; `drops` has the nanosecond of each."""
    oldest = min(drops.values())
    return sorted(
        drops, key=lambda name: sort_key(name, dropped_ns=drops[name], oldest_ns=oldest, now_ns=now)
    )


def test_within_a_drop_the_order_is_natural_whatever_came_first() -> None:
    drops = {"scenario-11": NOW - 9 * SECOND, "scenario-2": NOW - 3 * SECOND, "scenario-1": NOW}

    assert order(drops) == ["scenario-1", "scenario-2", "scenario-11"]


def test_what_was_dropped_over_a_minute_earlier_goes_first_whatever_its_name() -> None:
    drops = {"scenario-1": NOW, "scenario-99": NOW - DROP_NS - SECOND}

    assert order(drops) == ["scenario-99", "scenario-1"]


def test_a_time_from_the_future_goes_first_for_it_would_wait_for_ever() -> None:
    year = 365 * 24 * 3600 * SECOND
    drops = {"scenario-1": NOW, "scenario-9": NOW + year, "scenario-2": NOW - DROP_NS - SECOND}

    assert order(drops) == ["scenario-9", "scenario-2", "scenario-1"]


@given(
    ages=st.lists(st.integers(0, 100 * DROP_NS), min_size=2, max_size=40),
    oldest=st.integers(0, 200 * DROP_NS),
    seed=st.randoms(use_true_random=False),
)
def test_nothing_that_came_a_minute_later_ever_goes_first(
    ages: list[int], oldest: int, seed: random.Random
) -> None:
    names = [f"scenario-{n}" for n in range(len(ages))]
    seed.shuffle(names)
    drops = dict(zip(names, (NOW - age for age in ages), strict=True))

    turns = sorted(
        (sort_key(name, dropped_ns=when, oldest_ns=NOW - oldest, now_ns=NOW), when)
        for name, when in drops.items()
    )

    latest = 0
    for _, when in turns:
        assert when > latest - DROP_NS
        latest = max(latest, when)
