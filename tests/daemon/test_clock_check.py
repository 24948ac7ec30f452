"""When the clock is not trusted to say which files are old, and that this ends by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scenariod.daemon.clock_check import Reading, Step, decode, encode

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def at(day: float) -> datetime:
    return NOW + timedelta(days=day)


@pytest.mark.parametrize(
    ("days", "doubted"),
    [
        pytest.param([0, 1, 2, 9, 30, 59], "......", id="it goes on, the daemon is off at times"),
        pytest.param([0, 30, 60.1], "..!", id="a month goes by, and more than a month"),
        pytest.param([0, 400, 401, 406.9, 407], ".!!!.", id="ahead, or off, for a week of doubt"),
        pytest.param([0, 400, 800, 806, 807], ".!!!.", id="it steps again"),
        pytest.param([0, 400, 1, 2], ".!..", id="ahead, and corrected"),
        pytest.param([0, 400, 1, 400, 407], ".!.!.", id="ahead, corrected, and ahead again"),
        pytest.param([0, -400, -399, 0], "...!", id="behind, and corrected"),
        pytest.param([0, 400, 420], ".!.", id="nobody reads it for the rest of the week"),
    ],
)
def test_a_step_of_more_than_a_month_is_doubted_for_a_week(days: list[float], doubted: str) -> None:
    reading, found = Reading(at(days[0])), ""
    for day in days:
        reading = reading.then(at(day))
        found += "." if reading.step is None else "!"

    assert found == doubted


def test_a_reading_survives_its_file() -> None:
    for reading in (Reading(at(0)), Reading(at(401), Step(at(0), at(400)))):
        assert decode(encode(reading)) == reading


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"\xff", b'{"at": 1, "step": []}', b'{"at": "soon", "step": []}'),
        b'{"at": "2026-11-27T12:00:00", "step": []}',
        b'{"at": "2026-11-27T12:00:00+00:00", "step": ["2026-11-27T12:00:00+00:00"]}',
    ],
)
def test_what_is_no_reading_is_none(content: bytes) -> None:
    assert decode(content) is None
