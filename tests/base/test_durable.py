from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scenariod.base import durable, lock


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    with durable.replacing(path) as file:
        file.write(b"new")
        file.flush()
        seen_meanwhile = path.read_bytes()

    assert (seen_meanwhile, path.read_bytes()) == (b"old", b"new")
    assert os.listdir(tmp_path) == ["a.json"]


def test_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def write_half() -> None:
        with durable.replacing(path) as file:
            file.write(b"ne")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_file_is_synced_before_it_gets_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def told_fsync(descriptor: int) -> None:
        steps.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    def told_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", told_fsync)
    monkeypatch.setattr(Path, "rename", told_rename)

    durable.write(tmp_path / "a.json", b"new")

    assert steps == [f"fsync .a.json.{os.getpid()}.part", "rename", f"fsync {tmp_path.name}"]


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "file"])
def test_what_has_the_name_of_the_temporary_file_is_left_alone(tmp_path: Path, what: str) -> None:
    victim, taken = tmp_path / "victim", tmp_path / f".a.json.{os.getpid()}.part"
    victim.write_bytes(b"precious")
    make: dict[str, Callable[[], object]] = {
        "link": lambda: taken.symlink_to(victim),
        "pipe": lambda: os.mkfifo(taken),
        "folder": taken.mkdir,
        "file": lambda: os.link(victim, taken),
    }
    make[what]()

    durable.write(tmp_path / "a.json", b"new")

    assert (tmp_path / "a.json").read_bytes() == b"new"
    assert victim.read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == [taken.name, "a.json", "victim"]


def test_what_a_crash_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = ["a.json", ".other.json.12.part", ".a.json.lock"]
    for name in [*kept, ".a.json.12.part", ".a.json.99999.part", ".a.json.12-0af3.part"]:
        (tmp_path / name).touch()
    kept.append(".a.json.7.part")
    (tmp_path / ".a.json.7.part").mkdir()  # no file of ours, and in nobody's way

    durable.remove_leftovers(tmp_path, "a.json")

    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_a_lock_keeps_others_out_until_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "some.lock"
    program = f"""
import sys, time
from pathlib import Path
from scenariod.base import lock
with lock.held(Path({str(path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdout.readline()
    busy = subprocess.run(["flock", "--nonblock", str(path), "true"], check=False).returncode
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()

    with lock.held(path):
        held_now = subprocess.run(["flock", "--nonblock", str(path), "true"], check=False)

    assert (busy, held_now.returncode) == (1, 1)
    assert subprocess.run(["flock", "--nonblock", str(path), "true"], check=False).returncode == 0
