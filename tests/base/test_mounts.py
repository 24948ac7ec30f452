from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.home import AS_ROOT, mounted

from scenariod.base.mounts import Mount, announces, mount_of, same_mount


@contextmanager
def opened(path: Path) -> Iterator[int]:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)


def found(path: Path) -> Mount:
    with opened(path) as folder:
        mount = mount_of(folder)
    assert mount is not None
    return mount


def test_the_type_of_a_file_system_is_what_the_kernel_calls_it() -> None:
    assert found(Path("/proc")).kind == "proc"


@AS_ROOT
def test_of_mounts_over_one_another_the_one_that_is_seen_counts(tmp_path: Path) -> None:
    place = tmp_path / "a place\nwith \\ a - name"
    place.mkdir()
    below = found(tmp_path)

    with mounted("-t", "tmpfs", "scenariod-test", at=place):
        above = found(place)

    assert above.kind == "tmpfs"
    assert above.id != below.id


@AS_ROOT
def test_two_mounts_of_one_file_system_are_not_one_mount(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "bound").mkdir()
    with (
        mounted("--bind", str(tmp_path / "source"), at=tmp_path / "bound"),
        opened(tmp_path / "source") as source,
        opened(tmp_path / "bound") as target,
        opened(tmp_path) as beside,
    ):
        answers = same_mount(source, target), same_mount(source, beside)

    assert answers == (False, True)


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "tmpfs", "zfs", "overlay", "fuseblk", "exfat", "f2fs"]
)
def test_what_is_done_on_a_file_system_of_this_machine_is_announced(kind: str) -> None:
    assert announces(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "9p",
        "virtiofs",
        "ceph",
        "afs",
        "lustre",
        "fuse.sshfs",
        "fuse",
    ],
)
def test_what_other_machines_do_on_a_shared_file_system_is_not(kind: str) -> None:
    assert not announces(kind)
