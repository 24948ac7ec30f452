from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scenariod.workers import container
from scenariod.workers.container import Room

if TYPE_CHECKING:
    from pathlib import Path

V2 = "0::{name}\n"
V1 = "9:name=systemd:/\n4:cpu,memory:{name}\n0::/\n"


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """Return the folder in which control groups are mounted."""
    folder = tmp_path / "cgroup"
    folder.mkdir()
    return folder


def member(tmp_path: Path, text: str, *, name: str) -> Path:
    path = tmp_path / "membership"
    path.write_text(text.format(name=name))
    return path


def group_v2(folder: Path, *, limit: str, used: int, cache: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(
        f"anon {used - cache}\nfile {cache + 10}\nshmem 10\nslab_reclaimable 0\n"
    )


def group_v1(folder: Path, *, limit: int, used: int, cache: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.limit_in_bytes").write_text(f"{limit}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(
        f"cache 1\ntotal_cache {cache + 10}\ntotal_shmem 10\ntotal_rss {used - cache}\n"
    )


def test_a_container_shows_its_limit_at_the_top_of_what_is_mounted(
    tmp_path: Path, mount: Path
) -> None:
    group_v2(mount, limit="1000", used=300, cache=100)

    found = container.rooms(membership=member(tmp_path, V2, name="/"), mount=mount)

    assert found == [Room(limit_bytes=1000, free_bytes=800)]


def test_every_limit_from_our_own_group_up_counts(tmp_path: Path, mount: Path) -> None:
    group_v2(mount / "a" / "b", limit="max", used=200)
    group_v2(mount / "a", limit="900", used=300)

    found = container.rooms(membership=member(tmp_path, V2, name="/a/b"), mount=mount)

    assert found == [Room(900, 600)]


def test_with_a_service_manager_only_the_topmost_limit_counts(tmp_path: Path, mount: Path) -> None:
    group_v2(mount / "a", limit="100", used=30)
    group_v2(mount, limit="5000", used=300)

    found = container.outermost_rooms(membership=member(tmp_path, V2, name="/a"), mount=mount)

    assert found == [Room(5000, 4700)]


def test_a_machine_has_no_limit_at_the_top(tmp_path: Path, mount: Path) -> None:
    (mount / "memory.stat").write_text("anon 1\n")
    membership = member(tmp_path, V2, name="/system.slice/x.service")

    assert container.outermost_rooms(membership=membership, mount=mount) == []
    assert container.rooms(membership=membership, mount=mount) == []


def test_a_container_of_cgroup_v1_has_a_limit_under_a_name_that_it_cannot_see(
    tmp_path: Path, mount: Path
) -> None:
    group_v1(mount / "memory", limit=2000, used=500, cache=200)

    found = container.rooms(membership=member(tmp_path, V1, name="/docker/1f"), mount=mount)

    assert found == [Room(2000, 1700)]


def test_a_group_of_cgroup_v1_without_a_limit_counts_for_nothing(
    tmp_path: Path, mount: Path
) -> None:
    group_v1(mount / "memory", limit=0x7FFFFFFFFFFFF000, used=300)

    assert container.rooms(membership=member(tmp_path, V1, name="/"), mount=mount) == []


def test_a_group_over_its_limit_has_nothing_free(tmp_path: Path, mount: Path) -> None:
    group_v1(mount / "memory" / "x", limit=100, used=120)

    found = container.rooms(membership=member(tmp_path, V1, name="/x"), mount=mount)

    assert found == [Room(100, 0)]


def test_a_kernel_without_control_groups_limits_nothing(tmp_path: Path, mount: Path) -> None:
    assert container.rooms(membership=tmp_path / "absent", mount=mount) == []
