from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import wait_until

from scenariod import lock

HOLDER = (
    "import sys; from pathlib import Path; from scenariod import lock\n"
    "with lock.held(Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.readline()\n"
)


def test_the_second_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with _holder(path) as first:
        told: list[str] = []

        def take() -> None:
            with lock.held(path):
                told.append("mine")

        second = threading.Thread(target=take)
        second.start()
        wait_until(lambda: _is_waited_for(path), "the second waits for the lock")
        before = list(told)
        assert first.stdin is not None
        first.stdin.write(b"\n")
        first.stdin.flush()
        second.join()

    assert (before, told) == ([], ["mine"])


def test_the_kernel_frees_the_lock_of_one_that_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with _holder(path) as holder:
        holder.kill()

        with lock.held(path):
            taken = True

    assert taken
    assert path.exists()


def test_the_lock_is_freed_when_the_body_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"

    with pytest.raises(ZeroDivisionError), lock.held(path):
        raise ZeroDivisionError
    with lock.held(path):
        pass


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"), lock.held(tmp_path / "a.lock"):
        pass

    assert not (tmp_path / "elsewhere").exists()


def _holder(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def _is_waited_for(path: Path) -> bool:
    """Say whether somebody waits for the lock; `->` marks them in proc_locks(5)."""
    inode = f":{path.stat().st_ino} "
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and inode in line and str(os.getpid()) in line for line in lines)
