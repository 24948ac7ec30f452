from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.intake.pairing import Plan, Ready, plan


def ready(*names: str, since: float = 100.0) -> list[Ready]:
    return [Ready(name, since) for name in names]


def test_nothing_ready_is_nothing_to_claim_and_nothing_to_wait_for() -> None:
    planned = plan([], size=2, pair_wait_s=5.0, now=100.0)

    assert planned == Plan((), wait_s=None)


def test_a_pair_goes_at_once() -> None:
    planned = plan(ready("a", "b"), size=2, pair_wait_s=5.0, now=100.0)

    assert planned == Plan(("a", "b"))


def test_of_many_files_the_first_go_in_the_order_they_came() -> None:
    planned = plan(ready("b", "a", "c"), size=2, pair_wait_s=5.0, now=100.0)

    assert planned.names == ("b", "a")


def test_a_lone_file_waits_for_a_partner_as_long_as_is_left() -> None:
    planned = plan(ready("a", since=100.0), size=2, pair_wait_s=5.0, now=103.0)

    assert planned == Plan((), wait_s=2.0)


@pytest.mark.parametrize("now", [105.0, 105.1, 1e9])
def test_a_lone_file_goes_alone_when_its_wait_is_over(now: float) -> None:
    planned = plan(ready("a", since=100.0), size=2, pair_wait_s=5.0, now=now)

    assert planned == Plan(("a",))


def test_a_lone_file_goes_at_once_where_there_is_no_wait() -> None:
    assert plan(ready("a"), size=2, pair_wait_s=0.0, now=100.0).names == ("a",)


def test_a_batch_of_one_never_waits() -> None:
    assert plan(ready("a", "b"), size=1, pair_wait_s=3600.0, now=100.0).names == ("a",)


def test_a_smaller_batch_waits_only_as_long_as_its_oldest_file() -> None:
    files = [Ready("new", 104.0), Ready("old", 100.0), Ready("newer", 104.5)]

    waiting = plan(files, size=4, pair_wait_s=5.0, now=104.5)
    going = plan(files, size=4, pair_wait_s=5.0, now=105.0)

    assert waiting == Plan((), wait_s=0.5)
    assert going.names == ("new", "old", "newer")


@given(
    count=st.integers(0, 30),
    size=st.integers(1, 8),
    wait_s=st.floats(0, 3600),
    age_s=st.floats(0, 7200),
)
def test_a_plan_takes_a_full_batch_or_waits_or_takes_what_has_waited(
    count: int, size: int, wait_s: float, age_s: float
) -> None:
    names = [f"scenario-{n}" for n in range(count)]

    planned = plan(ready(*names, since=0.0), size=size, pair_wait_s=wait_s, now=age_s)

    assert planned.names in {(), tuple(names[:size])}
    assert bool(planned.names) == (count >= size or (count > 0 and age_s >= wait_s))
    assert planned.wait_s is None or 0 < planned.wait_s <= wait_s
