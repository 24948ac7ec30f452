"""The environment's faults, made for real: intake pauses, says what, where and what helps, and
goes on by itself; no file fails and none is lost."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from support.home import AS_ROOT, IMPATIENT, POWERLESS, Home, mounted, run, wait_until
from support.library_lock import held
from support.scenarios import scenario
from support.standstill import Standstill

from scenariod.base.killpoint import KillPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from support.home import Daemon

pytestmark = pytest.mark.slow

FUSE = Path("/dev/fuse")
MNT_DETACH = 2
"""From sys/mount.h."""
OUT_OF_FILES = "too many files are open"


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


@contextmanager
def gone(path: Path) -> Iterator[None]:
    elsewhere = path.with_name("moved-away")
    path.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(path)


@contextmanager
def immutable(folder: Path) -> Iterator[None]:
    assert run(["chattr", "+i", str(folder)]).code == 0
    try:
        yield
    finally:
        run(["chattr", "-i", str(folder)])


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Have all that is opened from now on in `folder` be on a file system that is read-only."""
    with mounted("--bind", str(folder), at=folder):
        assert run(["mount", "-o", "remount,bind,ro", str(folder)]).code == 0
        yield


@contextmanager
def no_more_files(daemon: Daemon) -> Iterator[None]:
    """Let the daemon open no more files than it has open now."""
    process = psutil.Process(daemon.pid)
    before = process.rlimit(resource.RLIMIT_NOFILE)
    process.rlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        process.rlimit(resource.RLIMIT_NOFILE, before)


FAULTS: dict[str, tuple[Callable[[Daemon], AbstractContextManager[None]], tuple[str, ...]]] = {
    "work/ may not be written": (
        lambda daemon: unwritable(daemon.home.work),
        ("Permission denied", "/work/", "claiming files", "namei -l"),
    ),
    "work/ is immutable": (
        lambda daemon: immutable(daemon.home.work),
        ("Operation not permitted", "/work/", "claiming files", "lsattr -d"),
    ),
    "backups/ may not be written": (
        lambda daemon: unwritable(daemon.home.backups),
        ("Permission denied", "/backups/", "writing the backup", "namei -l"),
    ),
    "done/ may not be written": (
        lambda daemon: unwritable(daemon.home.done),
        ("Permission denied", "scenario-1.json", "moving the files", "namei -l"),
    ),
    "failed/ may not be written": (
        lambda daemon: unwritable(daemon.home.failed),
        ("Permission denied", "scenario-2.json.reason.json", "moving the files", "namei -l"),
    ),
    "work/ is gone": (
        lambda daemon: gone(daemon.home.work),
        ("No such file or directory", "/work ", "claiming files", "ls -ld"),
    ),
    "backups/ is gone": (
        lambda daemon: gone(daemon.home.backups),
        ("No such file or directory", "/backups ", "writing the backup", "ls -ld"),
    ),
    "the library is gone": (
        lambda daemon: gone(daemon.home.database),
        ("No such file or directory", "/library/scenarios.db", "recording in", "ls -ld"),
    ),
    "the root folder is read-only": (
        lambda daemon: read_only(daemon.home.path),
        ("Read-only file system", "findmnt -T"),
    ),
    OUT_OF_FILES: (no_more_files, ("Too many open files", "LimitNOFILE=")),
    "the library is locked": (
        lambda daemon: held(daemon.home.database),
        ("locked", "recording in the library", "fuser -v"),
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_pauses_intake_says_what_helps_and_ends_by_itself(home: Home, what: str) -> None:
    if os.geteuid() != 0 and what in {"work/ is immutable", "the root folder is read-only"}:
        pytest.skip("only root can do that to a folder")
    fault, words = FAULTS[what]
    home.configure(intake={"rescan_s": 1.0}, library=IMPATIENT)
    daemon = home.start(before=POWERLESS)
    daemon.wait_for_status(lambda s: s["state"] == "idle")

    with fault(daemon):
        home.inbox.mkdir(exist_ok=True)
        drop(home, what)
        wait_until(lambda: has_paused(daemon, words), f"it pauses and says {words}")
        if what != OUT_OF_FILES:  # then there is none left for the status socket either
            shown = daemon.wait_for_status(lambda s: s["state"] == "paused")["detail"]
            assert f"intake pauses, and nothing is lost: {shown}" in daemon.journal()
        failed = home.names("failed")
    daemon.wait_for_status(lambda s: (s["added"], s["refused"], s["state"]) == (1, 1, "idle"))

    assert failed == []
    assert "intake resumes; the cause was: " in daemon.journal()
    assert home.names("done") == ["scenario-1.json"]
    assert home.names("failed") == ["scenario-2.json"]
    assert home.reason("scenario-2.json")["attempts"] == 1
    assert home.names("work") == []


def has_paused(daemon: Daemon, words: tuple[str, ...]) -> bool:
    told = [s for s in daemon.journal().splitlines() if "intake pauses, and nothing is lost" in s]
    return any(all(word in line for word in words) for line in told)


def drop(home: Home, what: str) -> None:
    """Drop a good file and a bad one; on a read-only mount, beside it."""
    files = {"scenario-1.json": scenario("one"), "scenario-2.json": b"{"}
    if "read-only" not in what:
        for name, content in files.items():
            home.drop(name, content)
        return
    script = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    for name, content in files.items():  # a process of its own sees what is below the mount
        command = ["unshare", "-m", "sh", "-c", 'umount "$1" && exec "$2" -c "$3" "$4"', "sh"]
        command += [str(home.path), sys.executable, script, str(home.inbox / name)]
        subprocess.run(command, input=content, check=True)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the disk fail")
def test_a_bad_sector_under_one_file_holds_up_that_file_alone(home: Home) -> None:
    home.drop("scenario-1.json", scenario("unlucky"))
    home.drop("scenario-2.json", scenario("partner"))
    home.drop("scenario-3.json", scenario("later"))
    claimed = [home.work / f"{number:06d}" / "scenario-1.json" for number in range(1, 9)]
    failing = [word for path in claimed for word in ("-P", str(path))]
    strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "inject=read:error=EIO"]

    daemon = home.start(before=[*strace, *failing])
    daemon.wait_for("published 2 scenarios")
    status = daemon.wait_for_status(
        lambda s: any("the disk reports an error" in w["reason"] for w in s["waiting"])
    )
    explained = home.ctl("explain", "scenario-1.json")
    said = daemon.journal()
    daemon.terminate()
    ended = home.once()

    assert [w["file"] for w in status["waiting"]] == ["scenario-1.json"]
    assert "inbox/scenario-1.json: waits: the disk reports an error" in explained.out
    assert "intake pauses" not in said
    assert "scenario-1.json waits in the inbox: the disk reports an error" in said
    assert ended.code == 0, ended
    assert sorted(home.ids()) == ["later", "partner", "unlucky"]
    assert home.names("failed") == []


DISK_ERRORS = {
    "the note of the attempt": ("write", "work/000001/batch.json", "counting"),
    "the backup": ("fsync", "backups", "writing the backup"),
    "the write-ahead log": ("pwrite64", "library/scenarios.db-wal", "library"),
    "the published library": ("fsync", "library/.scenarios.json.{pid}.part", "publishing"),
}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the disk fail")
@pytest.mark.parametrize("code", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("where", DISK_ERRORS)
def test_a_disk_that_fails_at_any_step_is_waited_for(home: Home, where: str, code: str) -> None:
    call, path, step = DISK_ERRORS[where]
    home.once()  # the folders and the library are there
    home.drop("scenario-1.json")
    strace = f"strace -D -f -qq -o /dev/null -e inject={call}:error={code}"
    shell = f'exec {strace} -P {home.path}/{path.format(pid="$$")} "$@"'

    daemon = home.launch(before=[*POWERLESS, "sh", "-c", shell, "sh"])
    daemon.wait_for("intake pauses, and nothing is lost: ")
    let_go(daemon.pid)
    wait_until(lambda: home.published.exists() and home.ids() == ["scenario-1"], "it is added")
    daemon.terminate()

    said = daemon.journal()
    assert step in said
    assert "intake resumes" in said
    assert home.names("done") == ["scenario-1.json"]
    assert home.names("failed") == []
    assert json.loads(home.ctl("list", "--json").out)[0]["id"] == "scenario-1"


def let_go(pid: int) -> None:
    """Have strace leave a process alone, whose calls go through from then on; see `failing`."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    tracer = next(int(line.split()[1]) for line in status if line.startswith("TracerPid:"))
    assert tracer > 0, "strace has ended by itself"
    os.kill(tracer, signal.SIGKILL)


AROUND_A_WORKER = {
    "the worker cannot be executed": ("execve", "EACCES", None, "launching the worker"),
    "no pipes are left for it": ("pipe2", "EMFILE", None, "launching the worker"),
    "it has no memory for a process": ("execve", "ENOMEM", None, "launching the worker"),
    "its files cannot be opened again": (
        "openat",
        "EMFILE",
        "scenario-1.json",
        "recording in the library",
    ),
}


@AS_ROOT
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes calls fail")
@pytest.mark.parametrize("what", AROUND_A_WORKER)
def test_a_fault_around_a_worker_fails_no_file_and_spends_no_attempt(home: Home, what: str) -> None:
    call, code, name, step = AROUND_A_WORKER[what]
    start = "exec" if call == "execve" else "auto"  # no program is run for a fork
    home.configure(intake={"rescan_s": 1.0}, worker={"start": start})
    daemon = home.start(before=POWERLESS)
    daemon.wait_for_status(lambda s: s["state"] == "idle")

    with failing(daemon.pid, call, code, at=None if name is None else home.work / "000001" / name):
        home.drop_all({"scenario-1.json": scenario("one"), "scenario-2.json": b"{"})
        paused = daemon.wait_for_status(lambda s: s["state"] == "paused")
        tried_again = daemon.journal().count("batch 1: scenario-1.json")
        wait_until(
            lambda: daemon.journal().count("batch 1: scenario-1.json") > tried_again + 2,
            "it has been tried again more often than a file has attempts",
        )
        failed = home.names("failed")
    daemon.wait_for_status(lambda s: (s["added"], s["refused"], s["state"]) == (1, 1, "idle"))

    assert step in paused["detail"]
    assert failed == []
    assert home.names("done") == ["scenario-1.json"]
    assert home.reason("scenario-2.json")["attempts"] == 1


@AS_ROOT
def test_a_disk_that_is_mounted_over_a_running_daemon_ends_it_and_a_new_start_takes_that_up(
    home: Home, tmp_path: Path
) -> None:
    home.configure(intake={"rescan_s": 1.0})
    home.drop("scenario-1.json", scenario("on-the-disk"))
    home.once()
    disk = tmp_path / "disk"
    home.path.rename(disk)
    home.path.mkdir()
    shutil.copytree(disk / "config", home.path / "config")
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["state"] == "idle")

    with mounted("--bind", str(disk), at=home.path):
        home.drop("scenario-2.json", scenario("later"))
        code = daemon.wait()
        unharmed = home.ids()
        home.start().wait_for_status(lambda s: s["added"] == 1 and s["state"] == "idle")
        taken_up = home.ids()

    assert code == 15
    assert "is not the file that was opened" in daemon.journal()
    assert unharmed == ["on-the-disk"]
    assert taken_up == ["on-the-disk", "later"]


@AS_ROOT
def test_the_batch_at_hand_ends_first_where_a_disk_is_mounted_over_a_running_daemon(
    home: Home, tmp_path: Path, still: Standstill
) -> None:
    disk = tmp_path / "disk"
    home.once()
    shutil.copytree(home.path, disk)
    home.configure(worker={"workers": 2}, intake={"rescan_s": 1.0})
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)
    home.drop("scenario-1.json", scenario("at-hand"))
    home.drop("scenario-2.json", scenario("its-partner"))
    worker = still.wait_for(daemon.pid)

    with mounted("--bind", str(disk), at=home.path):
        home.drop("scenario-3.json", scenario("on-the-disk"))
        home.drop("scenario-4.json", scenario("there-too"))
        worker.resume()
        code = daemon.wait()

    assert code == 15
    assert "a defect" not in daemon.journal()
    assert home.names("work") == ["scenario-1.json", "scenario-2.json"]


@AS_ROOT
@pytest.mark.skipif(not FUSE.exists(), reason="this kernel has no file systems in user space")
def test_a_mount_of_somebody_in_the_inbox_that_is_closed_to_us_holds_up_nobody(home: Home) -> None:
    daemon = home.start(before=POWERLESS)
    daemon.wait_for("published 0 scenarios")
    folder = home.inbox / "scenario-1.json"
    daemon.stand_still()  # it sees the folder only once that is closed to it
    folder.mkdir()

    with closed_mount(folder):
        daemon.signal(signal.SIGCONT)
        home.drop("scenario-2.json", scenario("another"))
        status = daemon.wait_for_status(lambda s: s["added"] == 1 and s["state"] == "waiting")

    assert [w["file"] for w in status["waiting"]] == ["scenario-1.json"]
    assert "intake pauses" not in daemon.journal()


@contextmanager
def closed_mount(folder: Path) -> Iterator[None]:
    """Mount a file system in user space (fuse(4)) of a user who lets no one else see it."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open(FUSE, os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=12345,group_id=12345"
    try:
        assert libc.mount(b"test", bytes(folder), b"fuse", 0, options.encode()) == 0
        try:
            yield
        finally:
            libc.umount2(bytes(folder), MNT_DETACH)
    finally:
        os.close(device)


def test_a_folder_that_may_not_leave_its_parent_holds_up_nobody(home: Home) -> None:
    home.once()
    (home.work / "000007").mkdir()
    (home.work / "000007" / "scenario-1.json").mkdir(mode=0)
    daemon = home.start(before=POWERLESS)

    home.drop("scenario-2.json", scenario("another"))
    daemon.wait_for_status(lambda s: (s["added"], s["refused"], s["state"]) == (1, 1, "idle"))

    assert os.listdir(home.work) == ["000007.foreign"]
    assert "intake pauses" not in daemon.journal()


HOUR_US = 3600 * 10**6


@AS_ROOT
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes calls slow")
def test_a_disk_that_does_not_come_to_an_end_of_syncing_does_not_hold_up_the_status(
    home: Home,
) -> None:
    daemon = home.start(before=POWERLESS)
    daemon.wait_for_status(lambda s: s["state"] == "idle")

    with traced(daemon.pid, f"inject=fsync,fdatasync:delay_exit={HOUR_US}"):
        home.drop("scenario-1.json")
        wait_until(lambda: a_thread_is_held(daemon.pid), "a sync does not come to its end")
        for _ in range(20):
            daemon.wait_for_status(bool)
        settled = ": ok; " in daemon.journal()
    daemon.wait_for(": ok; ")

    assert not settled


def a_thread_is_held(pid: int) -> bool:
    """Say whether strace holds a thread for longer than any one call takes."""
    tick = threading.Event()
    held = {path.name for path in Path(f"/proc/{pid}/task").iterdir()}
    for _ in range(20):
        tick.wait(0.01)
        held = {
            thread
            for thread in held
            if "\nState:\tt" in Path(f"/proc/{pid}/task/{thread}/status").read_text()
        }
    return bool(held)


@AS_ROOT
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace tells of calls")
def test_the_thread_that_answers_the_status_never_waits_for_a_disk_to_sync(
    home: Home, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    daemon = home.start(before=POWERLESS)
    daemon.wait_for_status(lambda s: s["state"] == "idle")

    with traced(daemon.pid, "trace=fsync,fdatasync", told=calls):
        home.drop("scenario-1.json")
        daemon.wait_for("published 1 scenarios")
        daemon.wait_for_status(lambda s: s["state"] == "idle")

    synced_by = {int(line.split()[0]) for line in calls.read_text().splitlines() if "sync(" in line}
    assert synced_by
    assert daemon.pid not in synced_by


@contextmanager
def failing(pid: int, call: str, code: str, *, at: Path | None) -> Iterator[None]:
    """Have a system call of a process and its children fail, of those on `at` if that is given."""
    where = [] if at is None else ["-P", str(at)]
    with traced(pid, f"inject={call}:error={code}", *where):
        yield


@contextmanager
def traced(pid: int, what: str, *where: str, told: Path = Path(os.devnull)) -> Iterator[None]:
    """Have strace do something to system calls of a process and its children, or note them."""
    command = ["strace", "-f", "-o", str(told), "-e", what, *where, "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as strace:
        assert strace.stderr is not None
        try:
            assert b"attached" in strace.stderr.readline()
            yield
        finally:
            strace.kill()  # asked to end, it waits for ever for a process that waits for its child
            strace.stderr.read()


def test_a_root_whose_folders_are_links_works_as_any_other_a_rebuild_included(
    home: Home, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    home.inbox.rmdir()
    for name in ("inbox", "work", "done", "failed", "backups", "library"):
        (disk / name).mkdir(parents=True)
        (home.path / name).symlink_to(disk / name)
    daemon = home.start()
    home.drop("scenario-1.json", scenario("one"))
    daemon.wait_for("published 1 scenarios")
    assert daemon.terminate() == 0
    home.drop("scenario-2.json", scenario("two"))
    assert home.once().code == 0
    home.database.write_bytes(b"not a database")

    rebuilt = home.once()

    assert rebuilt.code == 0, rebuilt.err
    assert sorted(home.ids()) == ["one", "two"]
    assert home.names("done") == ["scenario-1.json", "scenario-2.json"]
    assert all((home.path / name).is_symlink() for name in os.listdir(disk))
