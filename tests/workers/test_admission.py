from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.base.units import MIB
from scenariod.workers.admission import Waits, most_workers, must_wait, never_fits
from scenariod.workers.host import Host

GIB = 1024


def ask(
    *, needed: int, total: int, free: int, reserve: int, running: int = 0, used: int = 0
) -> Waits | None:
    """Ask with figures in MB."""
    return must_wait(
        needed_bytes=needed * MIB,
        running_bytes=running * MIB,
        used_bytes=used * MIB,
        reserve_bytes=reserve * MIB,
        host=Host(total_bytes=total * MIB, available_bytes=free * MIB),
    )


@pytest.mark.parametrize(
    ("needed", "total", "free", "reserve", "running", "used", "expected"),
    [
        pytest.param(3072, 8192, 6000, 2048, 0, 0, None, id="a Pi with 8 GB, idle"),
        pytest.param(3072, 8192, 5120, 2048, 0, 0, None, id="exactly what is needed is free"),
        pytest.param(
            *(3072, 8192, 5119, 2048, 0, 0),
            Waits("needs 3072 MB, 3071 MB free beside the reserve", for_host=True),
            id="one MB too little is free",
        ),
        pytest.param(
            *(3072, 8192, 1000, 2048, 0, 0),
            Waits("needs 3072 MB, 0 MB free beside the reserve", for_host=True),
            id="less than the reserve is free",
        ),
        pytest.param(
            *(3072, 8192, 8000, 3072, 3072, 0),
            Waits("needs 3072 MB, and running workers hold 3072 MB of 5120 MB", for_host=False),
            id="a second worker does not fit in the budget",
        ),
        pytest.param(
            *(3072, 1024, 1000, 2048, 0, 0),
            Waits("needs 3072 MB, and running workers hold 0 MB of 0 MB", for_host=True),
            id="the reserve is more than there is",
        ),
        pytest.param(
            *(1024, 8192, 4000, 2048, 1024, 100),
            None,
            id="what a running worker may still take leaves enough",
        ),
        pytest.param(
            *(1024, 8192, 3900, 2048, 1024, 100),
            Waits("needs 1024 MB, 928 MB free beside the reserve", for_host=False),
            id="what a running worker may still take leaves too little",
        ),
    ],
)
def test_a_worker_starts_only_where_the_host_keeps_its_reserve(
    needed: int,
    total: int,
    free: int,
    reserve: int,
    running: int,
    used: int,
    expected: Waits | None,
) -> None:
    answer = ask(needed=needed, total=total, free=free, reserve=reserve, running=running, used=used)

    assert answer == expected


@pytest.mark.parametrize(
    ("stalled", "expected"),
    [
        (None, None),
        (0.0, None),
        (10.0, None),
        (
            10.4,
            Waits(
                "needs 64 MB; memory pressure: all tasks stalled 10 % of the last 10 s",
                for_host=True,
            ),
        ),
    ],
)
def test_no_worker_starts_under_memory_pressure(
    stalled: float | None, expected: Waits | None
) -> None:
    answer = must_wait(
        needed_bytes=64 * MIB,
        running_bytes=0,
        used_bytes=0,
        reserve_bytes=0,
        host=Host(total_bytes=1024 * MIB, available_bytes=1024 * MIB, stalled_percent=stalled),
    )

    assert answer == expected


def test_there_is_a_worker_a_processor_where_nothing_else_is_asked_for() -> None:
    asked = [most_workers("auto", processors=n) for n in (0, 1, 4)]

    assert asked == [1, 1, 4]
    assert most_workers(3, processors=1) == 3


def test_a_worker_that_can_never_fit_is_told_apart_from_one_that_waits() -> None:
    host = Host(total_bytes=4096 * MIB, available_bytes=0)

    fits = never_fits(needed_bytes=2048 * MIB, reserve_bytes=2048 * MIB, host=host)
    never = never_fits(needed_bytes=2049 * MIB, reserve_bytes=2048 * MIB, host=host)

    assert fits is None
    assert never == (
        "a worker of 2049 MB and a reserve of 2048 MB for the system do not fit "
        "in this machine's 4096 MB"
    )


amounts = st.integers(0, 64 * GIB)


@given(needed=amounts, total=amounts, free=amounts, reserve=amounts, running=amounts)
def test_no_worker_is_admitted_that_could_eat_into_the_reserve(
    needed: int, total: int, free: int, reserve: int, running: int
) -> None:
    answer = ask(needed=needed, total=total, free=free, reserve=reserve, running=running)

    if answer is None:
        assert free - running - needed >= reserve
        assert running + needed + reserve <= total
    else:
        assert answer.reason.startswith(f"needs {needed} MB")
