from __future__ import annotations

import errno
import os
import random
import time
import tracemalloc
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from support.home import FILES, mounted, wait_until

from scenariod.base.names import REASON_SUFFIX, with_suffix
from scenariod.daemon import expiry
from scenariod.daemon.expiry import DAY_NS, CutOff, Limits, Old, Removed

NO_LIMITS = Limits(age_ns=None, count=None)
LONGEST = "scenario-" + "x" * 241 + ".json"


def put(folder: Path, *names: str) -> list[str]:
    """Make files, each at a time of its own, with their reasons before them; return the names."""
    for name in names:
        (folder / with_suffix(name, REASON_SUFFIX)).write_text("{}")
        (folder / name).write_text("x")
        wait_until(partial(ticked, folder / name), "the clock of files has gone on")
    return list(names)


def ticked(file: Path) -> bool:
    """Say whether a file made now has a later time than this one."""
    probe = file.with_name("probe")
    probe.touch()
    later = ctime_ns(probe) > ctime_ns(file)
    probe.unlink()
    return later


def tidy(folder: Path, limits: Limits, *, now_ns: int | None = None) -> Removed:
    """Do all that is to be done in a folder."""
    removed = Removed()
    cut = expiry.cut_off(folder, limits, now_ns=now_ns or time.time_ns())
    for several in expiry.old_files(folder, cut):
        removed += expiry.remove(folder, several)
    expiry.remove_reasons(folder, expiry.reasons_without_file(folder, cut))
    return removed


def listed(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def with_reasons(*names: str) -> list[str]:
    return sorted([*names, *(with_suffix(name, REASON_SUFFIX) for name in names)])


def ctime_ns(path: Path) -> int:
    return path.lstat().st_ctime_ns


# Which


@pytest.mark.parametrize(
    ("ctimes", "limits", "wanted"),
    [
        ([], Limits(1, 1), CutOff(100)),
        ([5, 6, 7], NO_LIMITS, CutOff(5)),
        ([5, 6, 7], Limits(None, 3), CutOff(5)),
        ([5, 6, 7], Limits(None, 2), CutOff(5, 1)),
        ([7, 5, 6], Limits(None, 1), CutOff(6, 1)),
        ([5, 5, 5, 9], Limits(None, 2), CutOff(5, 2)),
        ([90, 95, 99], Limits(10, None), CutOff(90)),
        ([89, 90, 99], Limits(10, None), CutOff(90)),
        ([70, 80, 99], Limits(10, 1), CutOff(90)),
        ([70, 95, 99], Limits(10, 1), CutOff(95, 1)),
        ([70, 90, 90, 90], Limits(10, 2), CutOff(90, 1)),
        ([500, 600, 700], Limits(10, None), CutOff(500)),
        ([500, 600, 700], Limits(10, 1), CutOff(600, 1)),
    ],
)
def test_the_cut_off_is_the_later_one_of_age_and_count(
    ctimes: list[int], limits: Limits, wanted: CutOff
) -> None:
    assert expiry.cut_off_among(array("q", ctimes), limits, now_ns=100) == wanted


def test_the_cut_off_leaves_as_many_as_may_stay_whatever_the_times() -> None:
    numbers = random.Random(7)
    for _ in range(300):
        ctimes = array("q", (numbers.randrange(-5, 30) for _ in range(numbers.randrange(1, 60))))
        count = numbers.randrange(1, 60)

        cut = expiry.cut_off_among(ctimes, Limits(None, count), now_ns=0)

        older = sum(c < cut.before_ns for c in ctimes) + cut.as_old
        assert len(ctimes) - older == min(count, len(ctimes))
        assert cut.as_old <= ctimes.count(cut.before_ns)


# What goes, on real files


def test_files_beyond_the_count_go_the_oldest_first_with_their_reasons(tmp_path: Path) -> None:
    names = put(tmp_path, *(f"scenario-{n}.json" for n in (3, 9, 1, 2)))
    times = [ctime_ns(tmp_path / name) for name in names]

    removed = tidy(tmp_path, Limits(None, 2))

    assert listed(tmp_path) == with_reasons(*names[2:])
    assert removed == Removed(2, 2, times[0], times[1])


def test_files_older_than_the_age_go_and_one_of_just_that_age_stays(tmp_path: Path) -> None:
    names = put(tmp_path, "scenario-1.json", "scenario-2.json")
    now_ns = ctime_ns(tmp_path / names[1]) + 90 * DAY_NS

    tidy(tmp_path, Limits(90 * DAY_NS, None), now_ns=now_ns)

    assert listed(tmp_path) == with_reasons(names[1])


def test_files_from_the_future_stay(tmp_path: Path) -> None:
    names = put(tmp_path, "scenario-1.json")

    tidy(tmp_path, Limits(DAY_NS, None), now_ns=time.time_ns() - 365 * DAY_NS)

    assert listed(tmp_path) == with_reasons(*names)


def test_several_hundred_files_of_one_moment_are_cut_to_the_count(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"scenario-{number}.json").touch()

    removed = tidy(tmp_path, Limits(None, 7))

    assert removed.files == 293
    assert len(listed(tmp_path)) == 7


def test_only_names_of_scenarios_go_and_never_a_folder(tmp_path: Path) -> None:
    (tmp_path / "scenario-folder.json").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".scenario-1.json.7.part").touch()
    outside = tmp_path.with_name("outside")
    outside.mkdir()
    (tmp_path / "scenario-link.json").symlink_to(outside)
    os.mkfifo(tmp_path / "scenario-pipe.json")
    before = listed(tmp_path)

    removed = tidy(tmp_path, Limits(DAY_NS, None), now_ns=time.time_ns() + 9 * DAY_NS)

    assert removed.files == 2
    assert set(before) - set(listed(tmp_path)) == {"scenario-link.json", "scenario-pipe.json"}
    assert outside.is_dir()


@pytest.mark.parametrize(
    "name",
    ["scenario-new\nline.json", os.fsdecode(b"scenario-\xff.json"), "scenario- '\".json", LONGEST],
)
def test_a_file_of_any_name_goes_with_its_reason(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, "scenario-1.json")

    tidy(tmp_path, Limits(None, 1))

    assert listed(tmp_path) == with_reasons("scenario-1.json")


def test_a_file_that_has_changed_since_it_was_found_stays(tmp_path: Path) -> None:
    put(tmp_path, "scenario-1.json", "scenario-2.json")
    cut = expiry.cut_off(tmp_path, Limits(None, 1), now_ns=time.time_ns())
    (found,) = expiry.old_files(tmp_path, cut)
    put(tmp_path, "scenario-1.json")

    removed = expiry.remove(tmp_path, found)

    assert removed == Removed()
    assert listed(tmp_path) == with_reasons("scenario-1.json", "scenario-2.json")


def test_a_file_that_is_gone_by_then_keeps_its_reason_for_who_took_it(tmp_path: Path) -> None:
    put(tmp_path, "scenario-1.json")
    old = Old("scenario-1.json", ctime_ns(tmp_path / "scenario-1.json"))
    (tmp_path / "scenario-1.json").unlink()

    removed = expiry.remove(tmp_path, [old])

    assert removed == Removed()
    assert listed(tmp_path) == ["scenario-1.json.reason.json"]


# Reasons whose file is gone


@pytest.mark.parametrize("name", ["scenario-0.json", LONGEST])
def test_an_old_reason_without_its_file_goes_too(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, "scenario-1.json", "scenario-2.json")
    (tmp_path / name).unlink()

    tidy(tmp_path, Limits(None, 1))

    assert listed(tmp_path) == with_reasons("scenario-2.json")


@pytest.mark.parametrize("count", [1, 2])
def test_a_reason_that_was_left_goes_though_no_file_is_old(tmp_path: Path, count: int) -> None:
    put(tmp_path, "scenario-0.json", "scenario-1.json")
    (tmp_path / "scenario-0.json").unlink()

    tidy(tmp_path, Limits(None, count))

    assert listed(tmp_path) == with_reasons("scenario-1.json")


def test_a_reason_whose_file_has_come_meanwhile_stays(tmp_path: Path) -> None:
    put(tmp_path, "scenario-0.json")
    (tmp_path / "scenario-0.json").rename(tmp_path / "aside")
    alone = expiry.reasons_without_file(tmp_path, CutOff(time.time_ns()))
    (tmp_path / "aside").rename(tmp_path / "scenario-0.json")

    expiry.remove_reasons(tmp_path, alone)

    assert [old.name for old in alone] == ["scenario-0.json.reason.json"]
    assert listed(tmp_path) == with_reasons("scenario-0.json")


@pytest.mark.parametrize("name", ["scenario-0.json", LONGEST])
def test_an_old_reason_stays_as_long_as_its_file_does(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    old = tmp_path / name
    cut = CutOff(ctime_ns(old))

    assert ctime_ns(tmp_path / with_suffix(name, REASON_SUFFIX)) <= cut.before_ns
    assert expiry.reasons_without_file(tmp_path, CutOff(cut.before_ns + DAY_NS)) == []


def test_a_new_reason_without_its_file_stays_for_it_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "scenario-1.json", "scenario-2.json")
    (tmp_path / "scenario-3.json.reason.json").touch()

    tidy(tmp_path, Limits(None, 1))

    assert listed(tmp_path) == sorted(
        [*with_reasons("scenario-2.json"), "scenario-3.json.reason.json"]
    )


# What is in the way


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_file_that_cannot_be_removed_holds_up_no_other(tmp_path: Path) -> None:
    names = put(tmp_path, *(f"scenario-{n}.json" for n in range(4)))
    stuck = tmp_path / names[1]

    with mounted("--bind", str(stuck), at=stuck):
        removed = tidy(tmp_path, Limits(None, 1))

    assert removed.files == 2
    assert removed.stuck is not None
    assert removed.stuck.errno == errno.EBUSY
    assert listed(tmp_path) == with_reasons(names[1], names[3])


def test_what_is_removed_adds_up() -> None:
    stuck = OSError(errno.EPERM, "no")

    assert Removed() + Removed(2, 10, 5, 7) == Removed(2, 10, 5, 7)
    assert Removed(1, 3, 6, 9) + Removed(2, 10, 5, 7) == Removed(3, 13, 5, 9)
    assert Removed(1, 3, 6, 9) + Removed(stuck=stuck) == Removed(1, 3, 6, 9, stuck)
    assert Removed(stuck=stuck) + Removed(1, 3, 6, 9) == Removed(1, 3, 6, 9, stuck)


# Any number


@pytest.mark.soak
@pytest.mark.slow
def test_any_number_of_files_takes_few_bytes_each(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    for number in range(FILES):
        (tmp_path / f"scenario-{number}.json").touch()

    tracemalloc.start()
    removed = tidy(tmp_path, Limits(None, 10))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert removed.files == FILES - 10
    assert len(listed(tmp_path)) == 10
    assert peak_bytes < 24 * FILES
    record_property("old files removed at once", removed.files)
    record_property("bytes of memory taken by it", peak_bytes)
