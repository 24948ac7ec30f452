from __future__ import annotations

import fcntl
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.home import wait_until

from scenariod.base import lock
from scenariod.base.errors import LibraryLockedError

HOLDER = (
    "import sys; from pathlib import Path; from scenariod.base import lock\n"
    "with lock.held(Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.readline()\n"
)


def test_the_second_waits_until_the_first_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    with _holder(path) as first:
        told: list[str] = []
        asked: list[int] = []
        flock = fcntl.flock

        def ask(descriptor: int, operation: int) -> None:
            asked.append(operation)
            flock(descriptor, operation)

        monkeypatch.setattr(fcntl, "flock", ask)

        def take() -> None:
            with lock.held(path):
                told.append("mine")

        second = threading.Thread(target=take)
        second.start()
        wait_until(lambda: len(asked) > 2, "the second waits for the lock")
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


def test_one_that_is_held_for_too_long_is_told_with_what_helps(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with _holder(path) as holder:
        with (
            pytest.raises(LibraryLockedError, match="another process holds") as told,
            lock.held(path, longest_wait_s=0.1),
        ):
            pass
        holder.kill()

    assert told.value.hint == f"`fuser -v {path}` shows which"


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


@pytest.mark.parametrize("mode", [None, 0o640, 0o664])
def test_nobody_but_its_owner_can_open_a_lock_and_so_hold_it(
    tmp_path: Path, mode: int | None
) -> None:
    path = tmp_path / "a.lock"
    if mode is not None:  # one that an earlier scenariod has made
        path.touch()
        path.chmod(mode)

    with lock.held(path):
        while_held = stat.S_IMODE(path.stat().st_mode)

    assert while_held == 0o600


def _holder(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process
