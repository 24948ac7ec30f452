from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from support.home import AS_ROOT, POWERLESS, mounted, run

from scenariod.base import config
from scenariod.base.config import Config
from scenariod.base.errors import AlreadyRunningError, ExitCode, RootUnusableError
from scenariod.base.owner import become_owner
from scenariod.base.root import Lock, prepare, refuse_unusable

FOLDERS = ["backups", "done", "failed", "inbox", "library", "work"]


def loaded(root: Path) -> Config:
    return config.load(config=None, root=root, cwd=Path("/"))


def test_the_folders_that_are_missing_are_made(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "scenario-1.json").write_text("kept")

    prepare(loaded(tmp_path))
    prepare(loaded(tmp_path))

    assert sorted(os.listdir(tmp_path)) == FOLDERS
    assert (tmp_path / "inbox" / "scenario-1.json").read_text() == "kept"


@pytest.mark.parametrize("options", ["bind", "bind,ro"])
@pytest.mark.parametrize("name", ["work", "done", "failed"])
@AS_ROOT
def test_a_mount_between_the_folders_is_told_though_it_is_one_file_system(
    tmp_path: Path, name: str, options: str
) -> None:
    prepare(loaded(tmp_path))
    folder = tmp_path / name

    with (
        mounted("-o", options, str(folder), at=folder),
        pytest.raises(RootUnusableError, match=r"cannot be renamed between|Read-only file system"),
    ):
        prepare(loaded(tmp_path))


@AS_ROOT
def test_on_a_full_disk_the_folders_serve_and_nothing_is_written(tmp_path: Path) -> None:
    where = tmp_path / "small"
    where.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=1m,nr_inodes=16", "scenariod-test", at=where):
        prepare(loaded(where))
        with suppress(OSError):
            for number in range(16):
                (where / str(number)).touch()
        before = [folder.stat().st_mtime_ns for folder in where.iterdir()]

        prepare(loaded(where))

        assert [folder.stat().st_mtime_ns for folder in where.iterdir()] == before


def test_a_root_that_is_not_there_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(RootUnusableError) as caught:
        prepare(loaded(tmp_path / "typo"))

    assert str(caught.value) == f"the root folder {tmp_path}/typo does not exist"
    assert "--root" in caught.value.hint
    assert caught.value.exit_code is ExitCode.ROOT_UNUSABLE
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")

    with pytest.raises(RootUnusableError, match=f"Not a directory: {tmp_path}/{name}"):
        prepare(loaded(tmp_path))


def prepare_powerless(root: Path) -> str:
    return run([*POWERLESS, sys.executable, "-m", "scenariod", "--once", "--root", str(root)]).err


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name).chmod(0o555)

    told = prepare_powerless(tmp_path)

    assert f"Permission denied: {tmp_path}/{name}" in told
    assert f"{tmp_path}/{name}`" in told


def test_a_root_in_which_no_folder_can_be_made_is_named(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o555)

    told = prepare_powerless(root)

    assert f"Permission denied: {root}/inbox" in told
    assert f"{root}" in told.split("`")[1]


@AS_ROOT
def test_folders_on_different_file_systems_are_refused(tmp_path: Path) -> None:
    failed = tmp_path / "failed"
    failed.mkdir()
    with (
        mounted("-t", "tmpfs", "-o", "size=1m", "scenariod-test", at=failed),
        pytest.raises(RootUnusableError) as caught,
    ):
        prepare(loaded(tmp_path))

    assert "cannot be renamed between" in str(caught.value)


def test_the_lock_has_one_holder_at_a_time_and_tells_its_pid(tmp_path: Path) -> None:
    first, second = (Lock(tmp_path / "library.lock") for _ in range(2))
    first.acquire()

    with pytest.raises(AlreadyRunningError) as caught:
        second.acquire()
    first.release()
    second.acquire()
    second.release()

    assert f"another scenariod (PID {os.getpid()}) works on" in str(caught.value)
    assert caught.value.exit_code is ExitCode.ALREADY_RUNNING


def test_the_lock_of_one_that_was_killed_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "library.lock"
    code = (
        "import sys; from pathlib import Path; from scenariod.base.root import Lock\n"
        f"lock = Lock(Path({str(path)!r})); lock.acquire()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == b"held\n"
    lock = Lock(path)

    with pytest.raises(AlreadyRunningError, match=f"PID {holder.pid}"):
        lock.acquire()
    holder.kill()
    holder.wait()
    lock.acquire()

    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()
    holder.stdout.close()
    holder.stdin.close()


def test_the_lock_is_for_its_owner_alone_and_no_link_is_followed(tmp_path: Path) -> None:
    path, link = tmp_path / "library.lock", tmp_path / "a link"
    path.touch()
    path.chmod(0o640)
    link.symlink_to(tmp_path / "elsewhere")

    lock = Lock(path)
    lock.acquire()
    lock.release()
    with pytest.raises(OSError, match="symbolic links"):
        Lock(link).acquire()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not (tmp_path / "elsewhere").exists()


def test_whoever_owns_the_root_already_stays_who_they_are(tmp_path: Path) -> None:
    before = (os.getuid(), os.geteuid(), os.getgid())

    become_owner(tmp_path)
    become_owner(tmp_path / "not there")

    assert (os.getuid(), os.geteuid(), os.getgid()) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_owner_of_the_root_folder_for_good(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)

    code = (
        "import os; from pathlib import Path; from scenariod.base.owner import become_owner\n"
        f"become_owner(Path({str(tmp_path)!r}))\n"
        "print(os.getresuid(), os.getresgid())\n"
        "try: os.setuid(0)\n"
        "except PermissionError: print('for good')"
    )

    told = run([sys.executable, "-c", code])

    assert told.out.splitlines() == ["(65534, 65534, 65534) (65534, 65534, 65534)", "for good"]


@AS_ROOT
def test_where_root_cannot_become_the_owner_it_is_told_to_start_as_that_user(
    tmp_path: Path,
) -> None:
    os.chown(tmp_path, 65534, 65534)
    code = (
        "from pathlib import Path; from scenariod.base.owner import become_owner\n"
        f"try: become_owner(Path({str(tmp_path)!r}))\n"
        "except Exception as error: print(type(error).__name__, error, error.hint)"
    )

    told = run(["setpriv", "--bounding-set=-setuid,-setgid", "--", sys.executable, "-c", code])

    assert told.out.startswith("RootUnusableError root cannot become user 65534 here, who owns")
    assert "`--user 65534`" in told.out


@AS_ROOT
def test_a_program_that_the_owner_cannot_read_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "python").symlink_to(sys.executable)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from scenariod.base.owner import refuse_unreadable_program\n"
        f"sys.executable = {str(closed / 'python')!r}; os.setuid(65534)\n"
        "try: refuse_unreadable_program(Path('/root-folder'))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )

    told = run([sys.executable, "-c", code])

    assert told.out == (
        f"RootUnusableError user 65534, who owns /root-folder, cannot run {closed}/python\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("way", ["become_owner", "touch_files_as_owner"])
@pytest.mark.parametrize(("of_root", "then"), [(0o077, 0o027), (0o022, 0o022), (0o002, 0o002)])
def test_what_root_makes_for_another_user_is_not_closed_to_the_group(
    way: str, of_root: int, then: int, tmp_path: Path
) -> None:
    os.chown(tmp_path, 65534, 65534)
    program = f"""
import os
from pathlib import Path
from scenariod.base import owner
os.umask({of_root})
owner.{way}(Path({str(tmp_path)!r}))
print(os.umask(0))
"""

    assert run([sys.executable, "-c", program]).out == f"{then}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can touch files as somebody else")
def test_a_supervisor_that_is_root_touches_files_as_the_owner_of_the_root_folder(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("only root may read this")
    secret.chmod(0o600)
    root = tmp_path / "root"
    root.mkdir()
    (root / "trap").symlink_to("../secret")
    os.chown(root, 65534, 65534)
    program = """
import os, subprocess, threading
from pathlib import Path
from scenariod.base.owner import touch_files_as_owner
touch_files_as_owner(Path())
thread = threading.Thread(target=Path("made").touch)
thread.start()
thread.join()
print(Path("made").stat().st_uid, Path("made").stat().st_gid)
try:
    Path("trap").read_text()
except PermissionError:
    print("no way")
print(subprocess.check_output(["sh", "-c", "id -u; cat trap"], text=True))
"""

    told = run([sys.executable, "-c", program], cwd=root)

    assert told.out.splitlines() == ["65534 65534", "no way", "0", "only root may read this"]


def test_asking_whether_the_folders_can_be_used_makes_none(tmp_path: Path) -> None:
    refuse_unusable(loaded(tmp_path))

    assert os.listdir(tmp_path) == []


@AS_ROOT
def test_whether_a_folder_can_be_written_is_asked_of_the_owner_of_the_root_folder_alone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    prepare(loaded(folder))
    (folder / "done").chmod(0o500)
    ask = (
        "import sys; from pathlib import Path; from scenariod.base import config, root\n"
        "where = Path(sys.argv[1])\n"
        "root.refuse_unusable(config.load(config=None, root=where, cwd=where))"
    )
    command = [*POWERLESS, sys.executable, "-c", ask, str(folder)]

    as_owner = run(command)
    os.chown(folder, 65534, 65534)
    as_another = run(command)

    assert f"Permission denied: {folder}/done" in as_owner.err
    assert (as_another.code, as_another.err) == (0, "")
