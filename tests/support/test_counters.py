from __future__ import annotations

from support import counters
from support.counters import Told


def test_kills_are_counted_with_their_points() -> None:
    kills = ["claimed/supervisor", "file-read/worker", "file-read/both"]

    lines = counters.lines(Told([(counters.KILL, kill)]) for kill in kills)

    assert lines == ["kill points: 2 points, 3 kills, every file settled"]


def test_what_several_tests_count_is_added_up() -> None:
    counted = [("inputs read", 1200), ("inputs read", 34), ("example_key", "is not counted")]

    assert counters.lines([Told(counted[:1]), Told(counted[1:])]) == ["inputs read: 1,234"]


def test_nothing_counted_is_nothing_said() -> None:
    assert counters.lines([]) == []


def test_a_row_has_the_count_and_how_long_the_tests_took_that_counted() -> None:
    tests = [
        Told([("inputs read", 1200)], 10.0),
        Told([("inputs read", 34)], 2.4),
        Told([(counters.KILL, "claimed/supervisor"), (counters.KILL, "claimed/both")], 3.0),
        Told([], 99.0),
    ]

    rows = counters.rows(tests, date="2026-03-14", commit="abc1234")

    assert rows == [
        "| 2026-03-14 | abc1234 | inputs read | 1,234 | 12 |",
        "| 2026-03-14 | abc1234 | kills at 1 points, every file settled | 2 | 3 |",
    ]
