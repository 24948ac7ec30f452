"""The environment's faults in words: what, where, at which step, and what helps."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from scenariod.base import faults
from scenariod.base.errors import DroppedFileError, ExitCode, LibraryLockedError
from scenariod.base.faults import EnvironmentFault, Fault, Step, during

WORK = Path("/no-such-file")
CURES = {
    errno.ENOSPC: "df -h /",
    errno.EDQUOT: "quota",
    errno.EROFS: "findmnt -T /",
    errno.EIO: "journalctl -k",
    errno.EUCLEAN: "journalctl -k",
    errno.EACCES: "namei -l /no-such-file",
    errno.EPERM: "lsattr -d /no-such-file",
    errno.EMFILE: "LimitNOFILE=",
    errno.ENFILE: "fs.file-nr",
    errno.ENOMEM: "systemd-cgtop",
    errno.EAGAIN: "TasksMax=",
    errno.ENOENT: "ls -ld /",
}


def met(error: Exception, *steps: tuple[Step, Path]) -> Fault:
    """Return what is said of an error that came out through these steps, the inner one first."""

    def raising(left: tuple[tuple[Step, Path], ...]) -> None:
        if not left:
            raise error
        step, path = left[-1]
        with during(step, path):
            raising(left[:-1])

    with pytest.raises(EnvironmentFault) as caught:
        raising(steps)
    assert caught.value.cause is error
    return faults.of(caught.value)


@pytest.mark.parametrize("code", CURES, ids=errno.errorcode.get)
def test_a_fault_says_what_where_at_which_step_and_what_helps(code: int) -> None:
    found = met(OSError(code, os.strerror(code)), (Step.CLAIMING, WORK))

    assert found.words.startswith(f"{os.strerror(code)}: {WORK}")
    assert found.words.endswith("(claiming files)")
    assert (found.step, found.path) == ("claiming files", str(WORK))
    assert CURES[code] in str(found)


def test_an_error_that_names_its_place_knows_better_than_the_step() -> None:
    found = met(OSError(errno.EACCES, "Permission denied", "/srv/x"), (Step.CLAIMING, WORK))

    assert found.words == "Permission denied: /srv/x (claiming files)"


def test_the_inner_step_counts() -> None:
    inner, outer = (Step.BACKING_UP, Path("/srv/b")), (Step.RECORDING, Path("/srv/l"))

    found = met(OSError(errno.ENOSPC, "full"), inner, outer)

    assert found.words == "full: /srv/b (writing the backup)"


def test_an_error_of_ours_brings_its_own_hint() -> None:
    error = LibraryLockedError("the library is locked", hint="wait")

    found = met(error, (Step.RECORDING, WORK))

    assert str(found) == "the library is locked (recording in the library); wait"


def test_an_error_in_words_alone_stays_as_it_is() -> None:
    found = met(OSError("inbox/ and work/ are not on one mount"), (Step.CLAIMING, WORK))

    assert found.words == "inbox/ and work/ are not on one mount (claiming files)"
    assert found.path is None


def test_a_defect_is_no_fault_of_the_environment() -> None:
    with pytest.raises(KeyError), during(Step.CLAIMING, WORK):
        raise KeyError("x")


def test_a_dropped_file_that_the_disk_lost_stays_the_fault_of_one_file() -> None:
    with pytest.raises(DroppedFileError), during(Step.RECORDING, WORK):
        raise DroppedFileError(errno.EIO, "Input/output error", "scenario-1.json")


def test_an_error_in_a_folder_that_names_a_file_of_it_is_at_that_path() -> None:
    found = met(OSError(errno.EIO, "Input/output error", "a.json"), (Step.CLAIMING, WORK))

    assert found.path == str(WORK / "a.json")


def test_a_fault_ends_a_command_with_the_code_of_its_cause() -> None:
    locked = LibraryLockedError("the library is locked", hint="wait")

    codes = [
        EnvironmentFault(cause, step=Step.RECORDING, path=WORK).exit_code
        for cause in (locked, OSError(errno.ENOSPC, "full"))
    ]

    assert codes == [ExitCode.LIBRARY_LOCKED, ExitCode.PAUSED]
