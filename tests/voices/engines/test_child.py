"""A program that an engine has work for it: it gets nothing of ours, and never outlives us."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen

import psutil
import pytest

from scenariod.voices.engines import child
from scenariod.voices.engines.engine import EngineUnavailableError, UnspeakableError

pytestmark = pytest.mark.slow
TELL_AND_HANG = ["sh", "-c", "echo $$; exec sleep 1000"]
SPEAKER = f"""
from scenariod.voices.engines import child
for said in child.output_of({TELL_AND_HANG}, package="x"):
    print(said.decode(), flush=True)
"""


def is_gone(pid: int) -> bool:
    """Wait until a process has ended, 10 s at most; say whether it has."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return process.wait(10) is None or not process.is_running()
    return True


def test_it_gets_no_descriptor_but_its_own_and_nothing_to_read(tmp_path: Path) -> None:
    with (tmp_path / "ours").open("wb") as ours:
        os.set_inheritable(ours.fileno(), True)

        listed = b"".join(child.output_of(["readlink", "/proc/self/fd/0"], package="x"))
        numbers = b"".join(child.output_of(["ls", "/proc/self/fd"], package="x"))

    assert listed == b"/dev/null\n"
    assert numbers.split() == [b"0", b"1", b"2", b"3"]  # 3 is the folder that ls reads


def test_it_is_killed_when_nobody_listens_any_more() -> None:
    output = child.output_of(TELL_AND_HANG, package="x")
    pid = int(next(output))

    output.close()

    assert is_gone(pid)


def test_it_is_killed_when_it_hangs() -> None:
    output = child.output_of(TELL_AND_HANG, package="x", hang_s=0.2)
    pid = int(next(output))

    with pytest.raises(UnspeakableError, match=r"sh did not answer within 0\.2 s"):
        next(output)

    assert is_gone(pid)


def test_it_is_killed_when_it_closes_its_output_but_stays() -> None:
    command = ["sh", "-c", "exec >&-; exec sleep 1000"]

    with pytest.raises(UnspeakableError, match="did not answer"):
        list(child.output_of(command, package="x", hang_s=0.2))


def test_it_ends_with_us_when_we_are_killed() -> None:
    with Popen([sys.executable, "-c", SPEAKER], stdout=PIPE) as speaker:
        assert speaker.stdout is not None
        pid = int(speaker.stdout.readline())

        speaker.kill()

        assert is_gone(pid)


def test_what_it_complains_of_is_told() -> None:
    command = ["sh", "-c", "echo no such library >&2; exit 127"]

    with pytest.raises(EngineUnavailableError, match="exit code 127: no such library") as caught:
        list(child.output_of(command, package="flite"))

    assert caught.value.hint == "sudo apt install --reinstall flite"


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    (tmp_path / "flite").write_text("no program")

    with pytest.raises(EngineUnavailableError, match="Permission denied"):
        list(child.output_of([str(tmp_path / "flite")], package="flite"))
