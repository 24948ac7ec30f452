from __future__ import annotations

import re
from pathlib import Path

import pytest

from scenariod.base import config
from scenariod.base.config import Memory
from scenariod.base.units import MIB
from scenariod.workers import sizes

README = (Path(__file__).parents[2] / "README.md").read_text()


def in_mb(memory: Memory, *, total_mb: int) -> tuple[int, int, int]:
    """Return limit, larger limit and reserve on a machine with so much RAM."""
    found = sizes.of_machine(memory, total_bytes=total_mb * MIB).in_mb()
    return found["limit_mb"], found["limit_max_mb"], found["reserve_mb"]


@pytest.mark.parametrize(
    ("total_mb", "limit_mb", "limit_max_mb", "reserve_mb"),
    [
        pytest.param(24105, 3072, 4096, 2048, id="24 GB"),
        pytest.param(8192, 3072, 4096, 2048, id="8 GB"),
        pytest.param(7900, 3072, 4096, 1975, id="8 GB less what the firmware takes"),
        pytest.param(6000, 3072, 3750, 1500, id="6 GB"),
        pytest.param(5120, 3072, 3200, 1280, id="5 GB"),
        pytest.param(3900, 2438, 2438, 975, id="4 GB"),
        pytest.param(1950, 1182, 1182, 512, id="2 GB"),
        pytest.param(1024, 256, 256, 512, id="1 GB"),
        pytest.param(480, 120, 120, 240, id="512 MB: half of it is kept free"),
        pytest.param(100, 64, 64, 50, id="too little for anything"),
    ],
)
def test_the_defaults_fit_the_machine(
    total_mb: int, limit_mb: int, limit_max_mb: int, reserve_mb: int
) -> None:
    assert in_mb(Memory(), total_mb=total_mb) == (limit_mb, limit_max_mb, reserve_mb)


def test_the_sizes_in_the_readme_are_those_that_are_chosen() -> None:
    rows = re.findall(r"^\| .*\((\d+) MB\).* \| (\d+) MB \| (\d+) MB \|$", README, re.MULTILINE)

    assert len(rows) == 5
    for total_mb, limit_mb, reserve_mb in rows:
        found = in_mb(Memory(), total_mb=int(total_mb))
        assert (found[0], found[2]) == (int(limit_mb), int(reserve_mb))


@pytest.mark.parametrize("total_mb", range(256, 9000, 61))
def test_beside_the_defaults_there_is_room_for_what_the_system_itself_uses(total_mb: int) -> None:
    limit_mb, limit_max_mb, reserve_mb = in_mb(Memory(), total_mb=total_mb)

    assert limit_mb <= limit_max_mb
    assert total_mb - limit_max_mb - reserve_mb >= total_mb // 8


@pytest.mark.parametrize(
    ("memory", "found"),
    [
        pytest.param(Memory(limit_mb=1024), (1024, 2438, 975), id="limit"),
        pytest.param(Memory(limit_mb=3072), (3072, 3072, 975), id="limit that does not fit"),
        pytest.param(Memory(reserve_mb=2000), (1413, 1413, 2000), id="reserve"),
        pytest.param(Memory(reserve_mb=0), (3072, 3413, 0), id="no reserve"),
        pytest.param(Memory(reserve_mb=3900), (64, 64, 3900), id="reserve that leaves nothing"),
        pytest.param(Memory(limit_max_mb=4096), (2438, 4096, 975), id="larger limit"),
        pytest.param(Memory(limit_mb=512, limit_max_mb=64), (512, 512, 975), id="no larger limit"),
    ],
)
def test_a_number_that_is_given_stays_and_the_others_fit_beside_it(
    memory: Memory, found: tuple[int, int, int]
) -> None:
    assert in_mb(memory, total_mb=3900) == found


def test_what_was_chosen_is_told_from_what_was_given(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[memory]\nlimit_mb = 256\n")
    loaded = config.load(config=tmp_path / "c.toml", root=None, cwd=tmp_path)

    found = sizes.of_machine(loaded.memory, total_bytes=8192 * MIB)

    assert found.chosen == ("limit_max_mb", "reserve_mb")
    assert [found.shown(name) for name in ("limit_mb", "reserve_mb")] == [
        "256 MB",
        "2048 MB (auto)",
    ]
