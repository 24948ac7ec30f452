from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.home import run

from scenariod.workers import host

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = {
    Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes",
    Path("/sys/fs/cgroup"): "memory.max",
}
"""Where control groups are, and what limits one: version 1 first, which hides version 2."""


def test_the_machine_has_memory_and_processors() -> None:
    seen = host.look()

    assert 0 < seen.available_bytes < seen.total_bytes
    assert host.processors() >= 1


@pytest.fixture
def small_container() -> Iterator[Path]:
    """Return a control group that may use 2 GB."""
    group = _group_of(2 << 30)
    if group is None:
        pytest.skip("no control group can be made here")
    yield group
    group.rmdir()


def _group_of(limit_bytes: int) -> Path | None:
    for top, limit in GROUPS.items():
        group = top / f"scenariod-test-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            if (group / limit).exists():
                (group / limit).write_text(str(limit_bytes))
                return group
            group.rmdir()
    return None


@pytest.mark.skipif(host.is_booted(), reason="there is a systemd here")
def test_a_container_has_what_it_may_use(small_container: Path) -> None:
    look = "from scenariod.workers import host; print(host.look())"
    enter = f'echo $$ > {small_container}/cgroup.procs && exec "$@"'

    told = run(["/bin/sh", "-c", enter, "sh", sys.executable, "-c", look])

    assert "total_bytes=2147483648" in told.out, told.err
    assert "is_container=True" in told.out


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
