"""What is behind an error of the system, made for real."""

from __future__ import annotations

import errno
import os
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.home import AS_ROOT, mounted, run

from scenariod.base import causes
from scenariod.base.causes import Cause

if TYPE_CHECKING:
    from collections.abc import Callable


def met(path: Path, act: Callable[[Path], object] = os.stat) -> Cause:
    """Return what is behind the error of doing this with the path."""
    with pytest.raises(OSError) as caught:  # noqa: PT011  which error, the kind decides
        act(path)
    return causes.find(caught.value, path)


def write(path: Path) -> None:
    path.write_bytes(b"x")


def test_a_link_to_nothing_is_named_with_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to("/mnt/unplugged")

    of_itself, below = met(tmp_path / "root"), met(tmp_path / "root" / "inbox" / "a")

    assert of_itself.why == "it is a link to /mnt/unplugged, which does not exist"
    assert below.why == f"{tmp_path}/root is a link to /mnt/unplugged, which does not exist"
    assert f"`ls -ld {tmp_path}/root`" in str(below.cure)


def test_the_first_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    itself, above = met(tmp_path / "a"), met(tmp_path / "a" / "b" / "c")

    assert itself == Cause(None, f"put it back: `ls -ld {tmp_path}`")
    assert above == Cause(f"{tmp_path}/a does not exist", f"put it back: `ls -ld {tmp_path}`")


def test_a_file_where_a_folder_belongs_is_named(tmp_path: Path) -> None:
    write(tmp_path / "file")

    below, itself = met(tmp_path / "file" / "inbox"), met(tmp_path / "file", os.scandir)

    assert below.why == f"{tmp_path}/file is not a folder"
    assert f"`ls -ld {tmp_path}/file`" in str(itself.cure)


def test_a_link_that_leads_back_to_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")

    assert met(tmp_path / "one" / "a").why == f"{tmp_path}/one is a link that leads back to itself"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_may_not_be_entered_is_named() -> None:
    code = (
        "import ctypes, os, sys; from pathlib import Path; from scenariod.base import causes\n"
        "os.seteuid(65534)\n"
        "try: os.stat(sys.argv[1])\n"
        "except OSError as error: print(causes.find(error, Path(sys.argv[1])).why)"
    )
    with tempfile.TemporaryDirectory() as made:  # not in pytest's folders, which are root's alone
        Path(made).chmod(0o755)
        closed = Path(made, "closed")
        (closed / "inbox").mkdir(parents=True)
        closed.chmod(0)

        told = run([sys.executable, "-c", code, str(closed / "inbox")])

    assert told.out == f"user 65534 cannot enter {closed}\n", told.err


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/tmp/" + "n" * 300, "a name has 300 bytes, but at most 255 are allowed"),
        ("/tmp" + "/name" * 1000, "the path has 5004 bytes, but at most 4095 are allowed"),
    ],
    ids=["name", "path"],
)
def test_what_is_too_long_is_measured(path: str, why: str) -> None:
    assert met(Path(path)).why == why


@AS_ROOT
def test_a_disk_without_inodes_is_told_from_one_without_space(tmp_path: Path) -> None:
    for options, why, command in (
        ("size=1m,nr_inodes=20", "no inode is left", "df -i"),
        ("size=64k", None, "df -h"),
    ):
        with mounted("-t", "tmpfs", "-o", options, "scenariod-test", at=tmp_path):

            def fill(path: Path) -> None:
                for number in range(100):
                    path.with_name(str(number)).write_bytes(bytes(4096))

            cause = met(tmp_path / "file", fill)

        assert cause.why == why
        assert f"`{command} {tmp_path}`" in str(cause.cure)


@AS_ROOT
def test_a_disk_that_is_read_only_is_named(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "-o", "ro", "scenariod-test", at=tmp_path):
        cause = met(tmp_path / "file", write)

    assert cause.cure == f"make it writable: `findmnt -T {tmp_path}`"


def test_too_few_descriptors_are_named_with_how_many_there_are(tmp_path: Path) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    cause = causes.find(OSError(errno.EMFILE, "Too many open files"), tmp_path)

    assert cause.why == f"no more than {soft} may be open (ulimit -n)"
    assert "LimitNOFILE=" in str(cause.cure)


def test_a_current_folder_that_is_gone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(FileNotFoundError) as caught:
        Path("relative").absolute()

    found = {causes.find(caught.value, path).why for path in (None, Path("relative"))}
    assert found == {"the current folder was removed"}


@pytest.mark.parametrize(
    "name", ["two words", "it's", 'a "quoted" one', "$HOME;ls", "a\nb", "\udcff"]
)
def test_a_command_can_be_pasted_whatever_the_path_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()

    cure = met(folder / "missing").cure
    assert cure is not None
    command = cure.split("`")[1]

    listed = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
    assert os.fsencode(folder) in listed.stdout or b"*" in os.fsencode(shlex.split(command)[-1])
