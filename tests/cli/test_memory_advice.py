from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.base.units import MIB
from scenariod.cli.memory_advice import (
    LIMITS_MB,
    Needed,
    by_input,
    fitting_limit_mb,
    needed,
    percentile,
    workers,
)
from scenariod.library import Peak


def peaks(*peaks_mb: int, input_bytes: int = 1000) -> list[Peak]:
    return [Peak(input_bytes, mb * MIB) for mb in peaks_mb]


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [
        ([7], 7, 7),
        ([1, 2], 1, 2),
        (list(range(1, 101)), 50, 95),
        (list(range(1, 21)), 10, 19),
    ],
)
def test_a_percentile_is_a_value_that_was_seen(values: list[int], p50: int, p95: int) -> None:
    assert (percentile(values, 50), percentile(values, 95)) == (p50, p95)


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 100))
def test_so_many_per_cent_do_not_exceed_a_percentile(values: list[int], percent: int) -> None:
    ordered = sorted(values)

    found = percentile(ordered, percent)

    assert sum(v <= found for v in ordered) * 100 >= percent * len(ordered)
    assert sum(v < found for v in ordered) * 100 < percent * len(ordered)


def test_batches_are_told_apart_by_the_size_of_their_files() -> None:
    found = by_input(
        [
            *peaks(40, 50, input_bytes=16 << 10),
            *peaks(60, input_bytes=(16 << 10) + 1),
            *peaks(900, input_bytes=9 * MIB),
        ]
    )

    assert [(group.up_to_bytes, group.batches, group.max_bytes // MIB) for group in found] == [
        *((16 << 10, 2, 50), (128 << 10, 1, 60), (None, 1, 900)),
    ]


@pytest.mark.parametrize(
    ("p95_mb", "max_mb", "batches", "limit_mb"),
    [
        pytest.param(61, 80, 120, 256, id="twice of what 95 % needed is below the soft limit"),
        pytest.param(40, 300, 120, 512, id="the largest is below the soft limit"),
        pytest.param(1400, 2800, 120, 4096, id="the largest limit"),
        pytest.param(1500, 2900, 120, None, id="no limit is enough"),
        pytest.param(61, 80, 19, None, id="too few batches"),
    ],
)
def test_the_least_limit_that_fits_is_advised(
    *, p95_mb: int, max_mb: int, batches: int, limit_mb: int | None
) -> None:
    seen = Needed(None, batches, 0, p95_mb * MIB, max_mb * MIB)

    assert fitting_limit_mb(seen, soft_limit_percent=70) == limit_mb


@given(st.lists(st.integers(1, 3000), min_size=20), st.integers(10, 100))
def test_no_batch_would_have_been_asked_to_end_under_the_advised_limit(
    peaks_mb: list[int], percent: int
) -> None:
    limit = fitting_limit_mb(needed(peaks(*peaks_mb)), soft_limit_percent=percent)

    assert limit is None or max(peaks_mb) * MIB <= limit * MIB * percent // 100
    assert limit is None or limit in LIMITS_MB


@pytest.mark.parametrize(
    ("limit_mb", "total_mb", "most", "found"),
    [(3072, 8192, 4, 2), (512, 8192, 4, 4), (512, 8192, 64, 12), (4096, 5000, 4, 0)],
)
def test_as_many_workers_are_allowed_as_fit_beside_the_reserve(
    *, limit_mb: int, total_mb: int, most: int, found: int
) -> None:
    allowed = workers(
        limit_bytes=limit_mb * MIB,
        total_bytes=total_mb * MIB,
        reserve_bytes=2048 * MIB,
        most=most,
    )

    assert allowed == found
