from __future__ import annotations

from scenariod import host


def test_the_machine_has_memory_and_processors() -> None:
    seen = host.look()

    assert 0 < seen.available_bytes < seen.total_bytes
    assert host.processors() >= 1
