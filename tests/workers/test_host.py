from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.workers import host

if TYPE_CHECKING:
    from pathlib import Path


def test_the_machine_has_memory_and_processors() -> None:
    seen = host.look()

    assert 0 < seen.available_bytes < seen.total_bytes
    assert host.processors() >= 1


PRESSURE = """\
some avg10=3.50 avg60=0.20 avg300=0.00 total=1
full avg10=1.25 avg60=0.10 avg300=0.00 total=1
"""


def test_the_pressure_is_that_of_the_last_ten_seconds(tmp_path: Path) -> None:
    (tmp_path / "memory").write_text(PRESSURE)

    full, some = (host.stalled(tmp_path / "memory", kind=kind) for kind in ("full", "some"))

    assert (full, some) == (1.25, 3.5)


def test_a_kernel_that_tells_no_pressure_is_told_from_a_calm_one(tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("some\n\n".strip())

    assert host.stalled(tmp_path / "absent") is None
    assert host.stalled(tmp_path / "odd") is None
