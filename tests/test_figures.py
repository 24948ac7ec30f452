from __future__ import annotations

import figures


def test_kills_are_counted_with_their_points() -> None:
    kills = ["claimed/supervisor", "file-read/worker", "file-read/both"]

    lines = figures.lines((figures.KILL, kill) for kill in kills)

    assert lines == ["kill points: 2 points, 3 kills, every file settled"]


def test_what_several_tests_count_is_added_up() -> None:
    counted = [("inputs read", 1200), ("inputs read", 34), ("example_key", "is not counted")]

    assert figures.lines(counted) == ["inputs read: 1,234"]


def test_nothing_counted_is_nothing_said() -> None:
    assert figures.lines([]) == []
