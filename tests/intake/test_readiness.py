"""When a writer is done with a file: each rule, with a lease where one can be had and without."""

from __future__ import annotations

import os
import resource
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.file_lease import write_lease
from support.home import POWERLESS, run

from scenariod.intake.readiness import LINK_FACTOR, STALL_FACTOR, Hold, Rules, Seen, observe

SETTLE_S = 2.0
LINK_S = LINK_FACTOR * SETTLE_S
LARGEST = 1000
RULES = Rules(settle_s=SETTLE_S, largest_bytes=LARGEST)
NAME = "scenario-1.json"
WHOLE = b'{"id": "whole"}\n'
HALF = b'{"id": "half", "tit'
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


class Place:
    """One name in a folder, looked at again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        self.seen: Seen | None = None

    def look(self, *, now: float, renamed_in: bool = False) -> Hold | None:
        """Return why the file is held at `now`, or None if it is ready."""
        self.seen = observe(
            self.folder,
            self.path.name,
            before=self.seen,
            renamed_in=renamed_in,
            rules=RULES,
            now=now,
        )
        assert self.seen is not None
        return self.seen.hold

    def again_s(self) -> float | None:
        assert self.seen is not None
        return self.seen.again_s


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / NAME)
    yield made
    os.close(made.folder)


# Where the kernel tells of writers


@pytest.mark.parametrize("content", [WHOLE, b"{}", b"{" + b" " * 50 + b"}" + b"\n\t " * 10])
def test_a_closed_file_that_ends_as_an_object_is_ready_at_once(
    place: Place, content: bytes
) -> None:
    place.path.write_bytes(content)

    assert place.look(now=100.0) is None


@pytest.mark.parametrize("content", [b"", HALF, b"[1, 2]"])
def test_a_closed_file_that_does_not_may_go_on_and_settles(place: Place, content: bytes) -> None:
    place.path.write_bytes(content)

    soon, again_s = place.look(now=100.0), place.again_s()
    settled = place.look(now=100.0 + SETTLE_S)

    assert (soon, again_s, settled) == (Hold.SETTLING, SETTLE_S, None)


def test_a_writer_that_comes_back_to_a_half_written_file_is_waited_for(place: Place) -> None:
    place.path.write_bytes(HALF)
    half = place.look(now=100.0)

    with place.path.open("ab") as writer:
        writer.write(b'le": "t"')
        writer.flush()
        stalled = [place.look(now=100.0 + n * 3600) for n in range(1, 4)]
        writer.write(b"}")
    whole = place.look(now=100_000.0)

    assert half is Hold.SETTLING
    assert stalled == [Hold.WRITING] * 3
    assert whole is None


def test_a_file_that_a_file_server_holds_for_its_client_is_waited_for(place: Place) -> None:
    place.path.write_bytes(WHOLE)

    with write_lease(place.path):
        held = [place.look(now=100.0 + n * 3600) for n in range(3)]

    assert held == [Hold.WRITING] * 3
    assert place.look(now=100_000.0) is None


# Where it does not


@contextmanager
def no_lease(place: Place) -> Iterator[None]:
    """Give the file to somebody else, and this process no power to ask for a lease of it."""
    os.chown(place.path, 65534, 65534)
    place.path.chmod(0o644)
    yield


def powerless_looks(place: Place, *times: float, renamed_in: bool = False) -> list[str]:
    """Return why the file is held at each of `times`, seen without power over others' files."""
    code = (
        "import os; from scenariod.intake.readiness import *\n"
        f"folder = os.open({str(place.path.parent)!r}, os.O_RDONLY); seen = None\n"
        f"for now in {times!r}:\n"
        f"    seen = observe(folder, {NAME!r}, before=seen, renamed_in={renamed_in},"
        f" rules=Rules({SETTLE_S}, {LARGEST}), now=now)\n"
        "    print(seen.hold.name if seen.hold else 'ready')"
    )
    ended = run([*POWERLESS, sys.executable, "-c", code])
    assert ended.code == 0, ended.err
    return ended.out.split()


@AS_ROOT
def test_without_a_lease_a_file_that_ends_as_an_object_settles(place: Place) -> None:
    place.path.write_bytes(WHOLE)
    with no_lease(place):
        looks = powerless_looks(place, 0.0, SETTLE_S - 0.1, SETTLE_S)

    assert looks == ["SETTLING", "SETTLING", "ready"]


@AS_ROOT
def test_without_a_lease_a_file_that_ends_in_the_middle_is_waited_for_much_longer(
    place: Place,
) -> None:
    place.path.write_bytes(HALF)
    with no_lease(place):
        looks = powerless_looks(
            place, 0.0, SETTLE_S, STALL_FACTOR * SETTLE_S - 0.1, STALL_FACTOR * SETTLE_S
        )

    assert looks == ["SETTLING", "HALF_WRITTEN", "HALF_WRITTEN", "ready"]


@AS_ROOT
def test_without_a_lease_a_file_that_was_renamed_in_is_ready_at_once(place: Place) -> None:
    aside = place.path.with_name("aside")
    aside.write_bytes(HALF)
    os.utime(aside, ns=(1, 1))
    aside.rename(place.path)
    with no_lease(place):
        looks = powerless_looks(place, 0.0, renamed_in=True)

    assert looks == ["ready"]


@AS_ROOT
def test_without_a_lease_a_file_that_was_written_to_after_it_was_renamed_in_settles(
    place: Place,
) -> None:
    place.path.write_bytes(b"")
    os.chown(place.path, 65534, 65534)
    place.path.chmod(0o666)
    with place.path.open("ab") as writer:
        writer.write(WHOLE)

    assert powerless_looks(place, 0.0, SETTLE_S, renamed_in=True) == ["SETTLING", "ready"]


# What is no file to be read


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_regular_file_settles_and_is_never_opened(place: Place, kind: str) -> None:
    if kind == "link":
        place.path.symlink_to("/dev/zero")
    elif kind == "folder":
        place.path.mkdir()
    else:
        os.mkfifo(place.path)

    assert place.look(now=100.0) is Hold.SETTLING
    assert place.look(now=100.0 + SETTLE_S) is None


@AS_ROOT
def test_a_device_settles_and_is_never_opened(place: Place) -> None:
    try:
        os.mknod(place.path, stat.S_IFCHR | 0o666, os.makedev(10, 0x7F))  # no such driver
    except PermissionError:
        pytest.skip("no device can be made here")

    assert place.look(now=100.0) is Hold.SETTLING
    assert place.look(now=100.0 + SETTLE_S) is None


def test_a_file_that_is_too_large_is_not_opened_and_goes_to_be_refused(place: Place) -> None:
    place.path.write_bytes(b"{" + b" " * LARGEST + b"}")
    with place.path.open("ab"):  # a writer that would be seen, if the file were opened
        assert place.look(now=100.0) is Hold.SETTLING
        assert place.look(now=100.0 + SETTLE_S) is None


def test_a_file_with_another_name_waits_for_that_to_go_and_is_then_ready_at_once(
    place: Place,
) -> None:
    aside = place.path.with_name("aside")
    aside.write_bytes(WHOLE)
    place.path.hardlink_to(aside)

    linked, again_s = place.look(now=100.0), place.again_s()
    still = place.look(now=100.0 + LINK_S - 0.1)
    aside.unlink()
    alone = place.look(now=100.0 + LINK_S - 0.05)

    assert (linked, again_s, still, alone) == (Hold.LINKED, LINK_S, Hold.LINKED, None)


def test_a_file_that_keeps_its_other_name_goes_to_be_refused(place: Place) -> None:
    place.path.write_bytes(WHOLE)
    place.path.with_name("kept").hardlink_to(place.path)

    place.look(now=100.0)

    assert place.look(now=100.0 + LINK_S) is None


# The environment's faults


def test_too_many_open_files_are_no_fault_of_a_file(place: Place) -> None:
    place.path.write_bytes(WHOLE)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    try:
        for room in (0, 1):  # for the place itself, and for reading it
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + room, hard))
            with pytest.raises(OSError, match="Too many open files"):
                place.look(now=100.0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert place.look(now=100.0) is None


def test_a_file_that_is_gone_is_not_there(place: Place) -> None:
    gone = observe(
        place.folder, "scenario-2.json", before=None, renamed_in=False, rules=RULES, now=1.0
    )

    assert gone is None


def test_looking_leaves_no_descriptor_open(place: Place) -> None:
    place.path.write_bytes(WHOLE)
    before = len(os.listdir("/proc/self/fd"))

    for n in range(20):
        place.look(now=float(n))

    assert len(os.listdir("/proc/self/fd")) <= before
