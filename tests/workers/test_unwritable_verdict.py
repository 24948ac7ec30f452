"""The disk fails between a claim and the worker's verdict: no file fails, no attempt is spent.

Each supervisor stands still before its worker gets any names, the disk is made to fail, for real,
and the supervisor goes on.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from stories.test_disk_full import leave_free
from stories.test_environment import failing, immutable, read_only, unwritable
from support.home import AS_ROOT, PLACES, POWERLESS, Home, mounted
from support.scenarios import scenario

from scenariod.base.killpoint import KillPoint
from scenariod.validation.verdict import VERDICT_FILE
from scenariod.workers.outcome import MAX_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import psutil
    from support.home import Daemon
    from support.standstill import Standstill

pytestmark = [pytest.mark.slow, AS_ROOT]

CODES = ("EACCES", "EIO", "ENOSPC", "EROFS")
CALLS = [(call, code) for call in ("openat", "write") for code in CODES]
"""Each third is another call and another code."""

DROPPED = {"scenario-1.json": scenario("one"), "scenario-2.json": b"{"}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Home]:
    """Return a root folder on a disk of 4 MB of its own."""
    where = tmp_path / "small"
    where.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=4m", "scenariod-test", at=where):
        made = Home(where / "root")
        try:
            yield made
        finally:
            made.close()


@contextmanager
def full(home: Home) -> Iterator[None]:
    """Leave no byte of the disk free."""
    ballast = leave_free(home.path, pages=0)
    try:
        yield
    finally:
        ballast.unlink()


@dataclass(frozen=True)
class Fault:
    """What is done to the disk, what is said of it, and how often in a row."""

    make: Callable[[Home, Path], AbstractContextManager[None]]
    words: str
    times: int = 1


FAULTS = {
    "full": Fault(lambda home, _: full(home), "No space left on device", MAX_ATTEMPTS + 1),
    "read-only": Fault(lambda home, _: read_only(home.path), "Read-only file system"),
    "not writable": Fault(lambda _, folder: unwritable(folder), "Permission denied"),
    "immutable": Fault(lambda _, folder: immutable(folder), "Operation not permitted"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_verdict_that_cannot_be_written_is_waited_for_and_spends_no_attempt(
    small: Home, still: Standstill, what: str
) -> None:
    fault = FAULTS[what]
    small.configure(intake={"rescan_s": 1.0})
    daemon = started(small, still)
    still.order(KillPoint.WORKER_READY)
    small.drop_all(DROPPED)
    supervisor, folder = stopped_supervisor(daemon, still)

    for _ in range(fault.times):
        with fault.make(small, folder):
            supervisor.resume()
            paused = daemon.wait_for_status(lambda s: s["state"] == "paused")
            failed = small.names("failed")
            still.order(KillPoint.WORKER_READY)
        assert failed == []
        assert fault.words in paused["detail"]
        assert str(folder) in paused["detail"]
        supervisor, folder = stopped_supervisor(daemon, still)
    supervisor.resume()

    told = f"intake pauses, and nothing is lost: {fault.words}: {folder} (checking the files)"
    assert told in daemon.journal()
    settle_everything(daemon)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes calls fail")
@pytest.mark.soak
@pytest.mark.parametrize(("call", "code"), CALLS if PLACES > 3 else CALLS[::3])
def test_a_verdict_at_any_call_of_which_the_disk_fails_is_waited_for_and_spends_no_attempt(
    home: Home, still: Standstill, call: str, code: str
) -> None:
    daemon = started(home, still)
    still.order(KillPoint.WORKER_READY)
    home.drop_all(DROPPED)

    supervisor, folder = stopped_supervisor(daemon, still)
    worker = daemon.wait_for_worker()
    place = folder / VERDICT_FILE if call == "write" else Path(VERDICT_FILE)
    with failing(worker.pid, call, code, at=place):
        supervisor.resume()
        words = os.strerror(getattr(errno, code))
        daemon.wait_for(f"and nothing is lost: {words}: {folder} (checking the files)")
    assert home.names("failed") == []
    settle_everything(daemon)


def started(home: Home, still: Standstill) -> Daemon:
    daemon = home.start(before=POWERLESS, environment=still.environment)
    daemon.wait_for_status(lambda s: s["state"] == "idle")
    return daemon


def stopped_supervisor(daemon: Daemon, still: Standstill) -> tuple[psutil.Process, Path]:
    """Return a supervisor that stands still before its worker opens anything, and the folder."""
    supervisor = still.wait_until_still(daemon.pid)
    (folder,) = daemon.home.work.iterdir()
    assert not (folder / VERDICT_FILE).exists()
    return supervisor, folder


def settle_everything(daemon: Daemon) -> None:
    """Have all of it be settled now that the disk is well: as if nothing had been."""
    home = daemon.home
    daemon.wait_for_status(lambda s: (s["added"], s["refused"], s["state"]) == (1, 1, "idle"))
    assert "intake resumes; the cause was: " in daemon.journal()
    assert home.names("done") == ["scenario-1.json"]
    assert home.names("failed") == ["scenario-2.json"]
    assert home.reason("scenario-2.json")["attempts"] == 1
    assert home.names("work") == []
    assert [s["id"] for s in json.loads(home.ctl("list", "--json").out)] == ["one"]
    assert daemon.terminate() == 0
