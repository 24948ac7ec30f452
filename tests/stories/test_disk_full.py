"""A disk that is full at any write, its free space stepped through page by page."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest
from daemon.test_settle import Bench, good, settle
from support.home import PLACES, Finished, Home, mounted, wait_until
from support.makers import document, held, open_library

from scenariod import backups
from scenariod.base import config
from scenariod.base.faults import EnvironmentFault

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk"),
]

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from scenariod.daemon.settle import Settler

PAGE_BYTES = 4096
NEW = {"scenario-8.json": document("new-1"), "scenario-9.json": document("new-2", text="x" * 9000)}
OLD = ["old-1", "old-2"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 4 MB of its own."""
    where = tmp_path / "disk"
    where.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=4m", "scenariod-test", at=where):
        yield where


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """Return a root folder with two scenarios, published and backed up, and a claimed batch."""
    home = Home(tmp_path / "used")
    contents = {f"scenario-{n}.json": document(name) for n, name in enumerate(OLD, 1)}
    bench = bench_on(home)

    async def fill(settler: Settler) -> None:
        for number, (name, content) in enumerate(contents.items(), 1):
            await settle(settler, bench.claim(number, {name: content}), [good(name, content)])
            await bench.end_drain(settler)

    bench.with_settler(fill)
    bench.claim(7, NEW)
    return home.path


def bench_on(home: Home) -> Bench:
    return Bench(config.load(config=None, root=home.path, cwd=home.path))


def leave_free(disk: Path, *, pages: int) -> Path:
    """Fill the disk but for so many pages; return what fills it."""
    ballast = disk / "ballast"
    ballast.touch()
    free = os.statvfs(disk).f_bavail
    ballast.write_bytes(bytes(max(free - pages, 0) * PAGE_BYTES))
    return ballast


async def work_on(settler: Settler, *, bench: Bench) -> None:
    """Do all that a daemon does with the claimed batch and around it."""
    batch = next(b for b in bench.work.batches() if b.id == 7)
    if await settler.in_thread(settler.finish, batch) is None:
        await settle(settler, batch, [good(name, content) for name, content in NEW.items()])
    await bench.end_drain(settler)


async def open_only(settler: Settler) -> None:
    """Have the library opened, and so rebuilt."""


def has_room_for(bench: Bench, act: Callable[[Settler], Awaitable[None]]) -> bool:
    """Do it; return False where the disk is full, and fail at any other error."""
    try:
        bench.with_settler(act)
    except (OSError, EnvironmentFault) as error:
        cause = error.cause if isinstance(error, EnvironmentFault) else error
        if not isinstance(cause, OSError) or cause.errno != errno.ENOSPC:
            raise
        return False
    return True


def check_backups(home: Home) -> None:
    found = backups.list_backups(home.backups)
    assert found
    assert all(isinstance(backups.verify(b.path), backups.Verified) for b in found)


def check_nothing_is_half_written(home: Home) -> None:
    assert json.loads(home.published.read_bytes())["scenarios"]
    check_backups(home)
    assert sorted(home.everywhere()) == ["scenario-1.json", "scenario-2.json", *NEW]
    for name, content in NEW.items():
        (path,) = [p for p in home.path.rglob(name) if p.parent.name != "aside"]
        assert path.read_bytes() == content
    with closing(sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_disk_that_is_full_at_any_write_loses_nothing_and_work_goes_on(
    disk: Path, used: Path, record_property: Callable[[str, object], None]
) -> None:
    pages, went_through, sizes = 0, 0, 0
    while went_through < 3:
        shutil.copytree(used, disk / "root")
        home = Home(disk / "root")
        ballast = leave_free(disk, pages=pages)

        bench = bench_on(home)
        if has_room_for(bench, partial(work_on, bench=bench)):
            went_through += 1
        else:
            assert went_through == 0, f"it fails with {pages} pages, and went through with fewer"
        ballast.unlink()
        check_nothing_is_half_written(home)

        bench = bench_on(home)
        if home.names("work"):
            bench.with_settler(partial(work_on, bench=bench))
        else:
            bench.with_settler(bench.end_drain)
        assert home.ids() == [*OLD, "new-1", "new-2"]
        assert home.names("done") == ["scenario-1.json", "scenario-2.json", *NEW]
        check_nothing_is_half_written(home)
        assert list(home.path.rglob("*.part")) == []
        shutil.rmtree(disk / "root")
        sizes += 1
        pages += 1
    assert sizes > 10
    record_property("sizes of a full disk while settling, backing up and publishing", sizes)


def test_a_disk_that_is_full_at_any_write_of_a_rebuild_pauses_it_and_it_goes_on(
    disk: Path, used: Path, record_property: Callable[[str, object], None]
) -> None:
    pages, went_through, sizes = 0, 0, 0
    while went_through < 1:
        shutil.copytree(used, disk / "root")
        home = Home(disk / "root")
        with home.database.open("r+b") as file:
            file.write(b"not SQLite at all")
        ballast = leave_free(disk, pages=pages)

        if has_room_for(bench_on(home), open_only):
            went_through += 1
        else:
            assert went_through == 0, f"it fails with {pages} pages, and went through with fewer"
        ballast.unlink()
        bench = bench_on(home)
        bench.with_settler(partial(work_on, bench=bench))

        assert sorted({"old-1", *home.ids()}) == ["new-1", "new-2", "old-1", *home_taken_back(home)]
        assert len(list(home.library.glob("damaged-*/scenarios.db"))) == 1
        shutil.rmtree(disk / "root")
        sizes += 1
        pages += 4
    assert sizes > 5
    record_property("sizes of a full disk while rebuilding", sizes)


def test_a_rebuild_on_a_full_disk_pauses_the_daemon_until_there_is_room(
    home: Home, used: Path
) -> None:
    shutil.copytree(used / "library", home.path / "kept")
    shutil.copytree(used, home.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("library"))
    home.library.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=4m", "scenariod-test", at=home.library):
        shutil.copytree(home.path / "kept", home.library, dirs_exist_ok=True)
        with home.database.open("r+b") as file:
            file.write(b"not SQLite at all")
        ballast = leave_free(home.library, pages=4)

        home.configure(intake={"rescan_s": 1.0})  # what is full is looked at again soon
        daemon = home.launch()
        paused = daemon.wait_for_status(lambda s: s["state"] == "paused")
        ballast.unlink()
        daemon.wait_for_status(lambda s: s["state"] == "idle" and s["scenarios"] == 4)

        assert "No space left on device" in paused["detail"]
        assert "rebuilding the library" in paused["detail"]
        assert "intake resumes; the cause was: " in daemon.journal()
        wait_until(lambda: len(home.ids()) == 4, "it is published")
        assert sorted(home.ids()) == sorted([*OLD, "new-1", "new-2"])
        assert home.names("failed") == home.names("inbox") == []
        assert daemon.terminate() == 0


def test_once_on_a_full_disk_names_it_and_what_helps(disk: Path, used: Path) -> None:
    shutil.copytree(used, disk / "root")
    home = Home(disk / "root")
    with home.database.open("r+b") as file:
        file.write(b"not SQLite at all")
    leave_free(disk, pages=4)

    ended = home.once()

    assert ended.code == 17
    assert "No space left on device: " in ended.err
    assert f"`df -h {home.library}`" in ended.err


def home_taken_back(home: Home) -> list[str]:
    """Return the scenario that waits in the inbox, or is there: it came after the backup."""
    assert home.names("inbox") in ([], ["scenario-2.json"])
    return [] if home.names("inbox") else ["old-2"]


@pytest.mark.soak
def test_an_import_onto_a_disk_that_is_full_at_any_write_says_what_was_added_and_goes_on(
    disk: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    ids = [f"new-{number}" for number in range(1, 1201)]
    source = tmp_path / "old.json"  # on a disk with room
    source.write_bytes(b'{"scenarios": [%b]}' % b",".join(map(document, ids)))
    free, is_enough, sizes, partly = 0, False, 0, 0
    while not is_enough:
        home = Home(disk / "root")
        assert home.once().code == 0
        ballast = leave_free(disk, pages=free)

        ended = home.ctl("import", str(source), "--json")
        ballast.unlink()

        with closing(open_library(home.library)) as library:
            there = list(held(library))
        assert there == ids[: len(there)]
        is_enough = ended.code == 0
        if there:
            check_backups(home)
            answer = ended.json()
            assert answer["added"] == len(there)
            partly += len(there) < len(ids)
        if not is_enough:
            assert ended.code == 17, ended.err
            assert "No space left on device" in ended.out + ended.err
            assert str(disk) in ended.out + ended.err
            assert "`df -h" in ended.out + ended.err
            assert home.ctl("import", str(source)).code == 0
        assert home.ids() == ids
        assert list(home.path.rglob("*.part")) == []
        shutil.rmtree(disk / "root")
        sizes += 1
        free += 180 // PLACES
    assert sizes > 5
    assert partly > 0
    record_property("sizes of a full disk while importing", sizes)


def test_an_export_onto_a_disk_that_is_full_at_any_write_leaves_nothing_and_names_it(
    disk: Path, home: Home, record_property: Callable[[str, object], None]
) -> None:
    home.drop_all({f"scenario-{n}.json": document(f"s-{n}", text="x" * 9000) for n in range(30)})
    assert home.once().code == 0
    pages, sizes = 0, 0
    ended = Finished(17, "", "")
    while ended.code != 0:
        ballast = leave_free(disk, pages=pages)

        ended = home.ctl("export", "--output", str(disk / "packs"))

        if ended.code != 0:
            assert ended.code == 17
            assert str(disk) in ended.err
            assert "`df -h" in ended.err
            assert list(disk.iterdir()) == [ballast]
        ballast.unlink()
        sizes += 1
        pages += 9
    assert len(list((disk / "packs").iterdir())) == 3
    assert sizes > 5
    record_property("sizes of a full disk while exporting", sizes)
