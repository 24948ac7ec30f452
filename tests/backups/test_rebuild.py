"""A damaged library is set aside and rebuilt from the newest good backup; nothing is lost."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.counters import KILL
from support.holder import holding
from support.home import AS_ROOT, POWERLESS, SCENARIODCTL, Home, copy_of, run, wait_until
from support.kill_points import IS_ALL
from support.scenarios import scenario
from support.standstill import Standstill

from scenariod import backups
from scenariod.backups.damage import MARKER_FILE
from scenariod.backups.rebuild import NEW_FILE
from scenariod.base import config
from scenariod.base.faults import EnvironmentFault
from scenariod.base.killpoint import VARIABLE, KillPoint
from scenariod.daemon.settle import Settler
from scenariod.intake.batch import Work
from scenariod.monitoring.journal import TextJournal

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root folder: `old` is in a backup, `removed` was undone, the others came after.

    So it is after a kill at the end of the drain, before its backup.
    """
    home = Home(tmp_path_factory.mktemp("used") / "root")
    for number, name in enumerate(("old", "removed"), 1):
        home.drop(f"scenario-{number}.json", scenario(name))
        assert home.once().code == 0
    assert home.ctl("undo", "2").code == 0
    home.drop("scenario-3.json", scenario("new-1"))
    home.drop("scenario-4.json", b"\xef\xbb\xbf" + scenario("new-2"))
    assert home.once().code == 0
    assert home.ids() == ["old", "new-1", "new-2"]
    newest(home).path.unlink()
    return home.path


@pytest.fixture
def home(used: Path, tmp_path: Path) -> Iterator[Home]:
    with closing(copy_of(used, tmp_path)) as home:
        yield home


def newest(home: Home) -> backups.BackupFile:
    found = backups.newest(home.backups)
    assert found is not None
    return found


def aside(home: Home) -> list[Path]:
    return sorted(home.library.glob("damaged-*"))


def integrity(home: Home) -> object:
    with closing(sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)) as db:
        return db.execute("PRAGMA integrity_check").fetchone()[0]


# Damage


def break_header(home: Home) -> None:
    with home.database.open("r+b") as file:
        file.write(b"not SQLite at all")


def page_of_files(home: Home) -> tuple[int, int]:
    """Return the place and size of the root page of a table that nothing reads at a start."""
    with closing(sqlite3.connect(home.database)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'file'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    return (page - 1) * size, size


def overwrite(home: Home, place: tuple[int, int]) -> None:
    with home.database.open("r+b") as file:
        file.seek(place[0])
        file.write(b"\xff" * place[1])


def break_page(home: Home) -> None:
    overwrite(home, page_of_files(home))


def remove(home: Home) -> None:
    home.database.unlink()


def empty(home: Home) -> None:
    home.database.write_bytes(b"")


def cut_in_half(home: Home) -> None:
    os.truncate(home.database, home.database.stat().st_size // 2)


def put_another(home: Home) -> None:
    home.database.unlink()
    with closing(sqlite3.connect(home.database)) as db:
        db.execute("CREATE TABLE theirs (a)")
        db.commit()


DAMAGES: dict[Callable[[Home], None], str] = {
    break_header: "file is not a database",
    break_page: "is damaged: ",
    remove: "is missing",
    empty: "it is empty",
    cut_in_half: "is damaged: ",
    put_another: "not one of scenariod",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_at_a_start_is_named_and_mended_and_nothing_is_lost(
    home: Home, damage: Callable[[Home], None]
) -> None:
    damage(home)
    broken = home.database.read_bytes() if home.database.exists() else None
    source = newest(home)

    ended = home.once()

    assert ended.code == 0, ended.err
    assert DAMAGES[damage] in ended.err
    assert f"it is rebuilt from {source.path.name}" in ended.err
    assert {"old", "new-1", "new-2"} <= set(home.ids())
    assert len(home.ids()) == len(set(home.ids()))
    assert len(home.names("done")) == 4
    assert os.listdir(home.inbox) == os.listdir(home.work) == []
    assert integrity(home) == "ok"
    assert [path.read_bytes() for folder in aside(home) for path in folder.glob("*.db")] == (
        [] if broken is None else [broken]
    )
    assert not list(home.library.glob(".*d*"))
    assert home.once().code == 0


def test_what_a_large_library_has_in_no_backup_comes_back_from_done(tmp_path: Path) -> None:
    with closing(Home(tmp_path / "large")) as home:
        home.configure(backups={"small_mb": 0})  # any library is large
        for number in range(3):
            home.drop(f"scenario-{number}.json", scenario(f"s-{number}"))
            assert home.once().code == 0
        held, content = newest(home).count, home.published.read_bytes()
        break_header(home)

        assert home.once().code == 0

        assert held == 1
        assert home.published.read_bytes() == content
        assert home.names("done") == [f"scenario-{number}.json" for number in range(3)]


def test_what_was_taken_away_on_purpose_stays_away_where_the_damaged_library_still_tells(
    home: Home,
) -> None:
    break_page(home)

    home.once()

    assert home.ids() == ["old", "new-1", "new-2"]


def test_batch_numbers_are_not_given_a_second_time(home: Home) -> None:
    remove(home)

    home.once()

    numbers = [b["id"] for b in home.ctl("history", "--json").json()]
    assert min(numbers) > 4
    assert len(numbers) == len(set(numbers))


def test_a_damaged_newest_backup_is_passed_over(home: Home) -> None:
    bad = newest(home).path
    bad.write_bytes(bad.read_bytes()[:-100])
    break_header(home)

    ended = home.once()

    assert ended.code == 0
    assert bad.name not in ended.err.split("it is rebuilt from ")[1].splitlines()[0]
    assert {"old", "new-1", "new-2"} <= set(home.ids())


def test_a_backup_of_which_no_library_can_be_made_is_named_and_passed_over(home: Home) -> None:
    good = newest(home).path
    now = datetime.now(UTC) + timedelta(days=1)
    later = backups.write(home.backups, [[b'{"id": "no scenario"}']], batch=9, now=now).path
    break_header(home)

    ended = home.once()

    assert ended.code == 0, ended.err
    assert f"{later.name} is intact, but no library can be built from it: " in ended.err
    assert f"the library was rebuilt from {good.name}" in ended.err


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def test_the_newest_backup_is_taken_though_the_clock_was_set_back(home: Home) -> None:
    documents = [[scenario(name)] for name in ("old", "imported")]
    last = backups.write(home.backups, documents, batch=4, now=LONG_AGO).path
    break_header(home)

    ended = home.once()

    assert ended.code == 0, ended.err
    assert f"it is rebuilt from {last.name}" in ended.err
    assert {"old", "imported", "new-1", "new-2"} <= set(home.ids())


def test_where_a_later_version_wrote_the_newest_backup_a_person_decides(home: Home) -> None:
    good = newest(home).path
    later = good.with_name("scenarios-backup-1899999999999.json")
    later.write_bytes(good.read_bytes().replace(b'"format":1', b'"format":9'))
    break_header(home)
    before = home.database.read_bytes()

    refused = home.once()
    untouched = home.database.read_bytes(), aside(home)
    taken = home.ctl("restore", good.name)

    assert refused.code == 12
    assert f"a later version of scenariod wrote the newest backup, {later.name}" in refused.err
    assert untouched == (before, [])
    assert taken.code == 0, taken.err
    assert home.once().code == 0
    assert later.exists()


def test_without_a_good_backup_nothing_is_touched(home: Home) -> None:
    for path in home.backups.glob("*.json"):
        path.write_bytes(b"{}")
    break_header(home)
    before = home.database.read_bytes()

    ended = home.once()

    assert ended.code == 12
    assert "there is no intact backup in" in ended.err
    assert home.database.read_bytes() == before
    assert aside(home) == []


def test_damage_met_later_without_a_good_backup_ends_the_daemon_with_the_reason(home: Home) -> None:
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["state"] == "idle")
    for path in home.backups.glob("*.json"):
        path.write_bytes(b"{}")
    break_document(home)
    home.drop("scenario-9.json")

    code = daemon.wait()

    assert code == 12
    assert "there is no intact backup in" in daemon.journal()
    assert aside(home) == []
    assert home.names("failed") == []


def test_a_rebuild_that_has_to_wait_is_told_once_however_often_it_is_tried(home: Home) -> None:
    break_page(home)
    in_the_way = home.library / NEW_FILE
    in_the_way.mkdir()
    settings = config.load(config=None, root=home.path, cwd=home.path)
    work = Work(home.work)
    said = io.StringIO()

    async def try_until_it_goes() -> None:
        settler = Settler(settings, work=work, journal=TextJournal(said))
        for _ in range(3):
            with pytest.raises(EnvironmentFault, match="Is a directory"):
                await settler.open()
        in_the_way.rmdir()
        await settler.open()
        await settler.close()

    asyncio.run(try_until_it_goes())

    assert said.getvalue().count("; it is rebuilt from ") == 1
    assert said.getvalue().count("the library was rebuilt from ") == 1


@AS_ROOT
def test_what_cannot_be_read_in_done_costs_no_library_and_is_counted(home: Home) -> None:
    (home.done / "scenario-3.json").chmod(0)
    (home.done / "scenario-7.json").symlink_to("/nowhere")
    shutil.rmtree(home.library)

    ended = home.once(before=POWERLESS)

    assert ended.code == 0, ended.err
    assert "; 1 files in done/ cannot be read and stay there" in ended.err
    assert {"old", "new-2"} <= set(home.ids())
    assert {"scenario-3.json", "scenario-7.json"} <= set(home.names("done"))


def test_a_folder_in_done_that_is_named_like_a_scenario_costs_no_library(home: Home) -> None:
    (home.done / "scenario-5.json").mkdir()
    remove(home)

    ended = home.once()

    assert ended.code == 0, ended.err
    assert {"old", "new-1", "new-2"} <= set(home.ids())
    assert (home.done / "scenario-5.json").is_dir()


def test_what_lies_in_the_current_folder_of_the_admin_is_not_run(
    home: Home, tmp_path: Path
) -> None:
    break_header(home)
    ran = tmp_path / "ran"
    for name in ("json.py", "scenariod/__init__.py"):
        theirs = home.inbox / name
        theirs.parent.mkdir(exist_ok=True)
        theirs.write_text(f"open({str(ran)!r}, 'w')\n")
    command = (sys.executable, "-I", *SCENARIODCTL[1:], "--root", str(home.path))

    cured = run([*command, "restore", "latest"], cwd=home.inbox)

    assert not ran.exists()
    assert cured.code == 0, cured.err


def test_where_it_is_off_damage_is_told_with_the_command_that_cures_and_that_does(
    home: Home,
) -> None:
    home.configure(library={"auto_restore": False})
    break_header(home)
    before = home.database.read_bytes()

    ended = home.once()

    name = newest(home).path.name
    assert ended.code == 12
    assert f"the newest intact backup is {name}" in ended.err
    assert f"`scenariodctl restore {name}`" in ended.err
    assert home.database.read_bytes() == before
    cured = home.ctl("restore", name)
    assert cured.code == 0, cured.err
    assert " files in done/ that it lacks are in inbox/ again" in cured.out
    assert home.once().code == 0
    assert {"old", "new-1", "new-2"} <= set(home.ids())


def break_document(home: Home) -> None:
    with closing(sqlite3.connect(home.database)) as db:
        db.execute("UPDATE document SET content = zeroblob(length(content)) WHERE row = 3")
        db.commit()


def test_a_document_that_is_not_what_was_stored_is_met_later_and_mended(home: Home) -> None:
    break_document(home)

    daemon = home.start()
    daemon.wait_for("the library was rebuilt from")
    daemon.wait_for_status(lambda s: s["state"] == "idle" and s["scenarios"] == 3)

    assert "document 3 differs from what was stored" in daemon.journal()
    wait_until(lambda: sorted(home.ids()) == ["new-1", "new-2", "old"], "it is published")
    assert daemon.process.poll() is None
    assert daemon.terminate() == 0
    assert len(aside(home)) == 1


@pytest.mark.parametrize("damage", [remove, empty], ids=lambda damage: damage.__name__)
def test_the_command_that_cures_takes_up_what_done_holds_of_a_library_that_is_gone(
    home: Home, damage: Callable[[Home], None]
) -> None:
    home.configure(library={"auto_restore": False})
    damage(home)
    assert home.once().code == 12

    cured = home.ctl("restore", newest(home).path.name)

    assert cured.code == 0, cured.err
    assert " files in done/ that it lacks are in inbox/ again" in cured.out
    assert home.once().code == 0
    assert {"old", "new-1", "new-2"} <= set(home.ids())


def test_a_restore_that_fails_leaves_an_empty_library_as_it_is(home: Home, tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes(newest(home).path.read_bytes()[:-100])
    empty(home)

    failed = home.ctl("restore", str(cut))

    assert failed.code == 16
    assert f"cannot restore {cut}: " in failed.err
    assert f"`scenariodctl restore {newest(home).path.name}`" in failed.err
    assert home.database.read_bytes() == b""
    assert home.once().code == 0
    assert {"old", "new-1", "new-2"} <= set(home.ids())


@pytest.mark.parametrize("damage", [remove, empty], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize(
    "command", [("import",), ("import", "--dry-run"), ("undo", "1"), ("restore", "batch:1")]
)
def test_nothing_is_written_in_the_place_of_a_library_that_is_gone(
    home: Home, tmp_path: Path, command: tuple[str, ...], damage: Callable[[Home], None]
) -> None:
    damage(home)
    file = tmp_path / "one.json"
    file.write_bytes(scenario("imported"))

    refused = home.ctl(*command, *([str(file)] if command[0] == "import" else []))

    assert refused.code == 12, refused.err
    assert str(home.database) in refused.err
    assert "start scenariod" in refused.err
    assert not home.database.exists() or home.database.stat().st_size == 0
    assert home.once().code == 0
    assert {"old", "new-1", "new-2"} <= set(home.ids())


def test_a_bad_backup_that_is_named_for_a_damaged_library_is_not_taken_for_all_of_them(
    home: Home,
) -> None:
    good = newest(home).path
    bad = home.backups / "scenarios-backup-9999999999999.json"
    bad.write_bytes(good.read_bytes()[:-100])
    break_header(home)
    before = home.database.read_bytes()

    failed = home.ctl("restore", "latest")

    assert failed.code == 16, failed.err
    assert f"cannot restore {bad}: " in failed.err
    assert f"the newest intact one: `scenariodctl restore {good.name}`" in failed.err
    assert home.database.read_bytes() == before
    assert home.ctl("restore", good.name).code == 0


def test_nothing_is_imported_while_a_rebuild_is_due(home: Home, tmp_path: Path) -> None:
    break_page(home)
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / KillPoint.DAMAGE_MARKED).write_text("")
    home.once(environment={VARIABLE: str(orders)})
    file = tmp_path / "one.json"
    file.write_bytes(scenario("imported"))

    refused = home.ctl("import", str(file))

    assert refused.code == 12, refused.err
    assert "start scenariod" in refused.err
    assert (home.library / MARKER_FILE).exists()


def test_the_status_of_a_stopped_daemon_says_that_the_library_is_gone(home: Home) -> None:
    remove(home)

    text, document = home.ctl("status"), home.ctl("status", "--json")

    assert text.code == 19
    assert f"! the library {home.database} is missing" in text.out
    assert document.json()["library_doubt"] == f"the library {home.database} is missing"
    assert not home.database.exists()


def test_the_command_that_cures_a_document_that_is_not_what_was_stored_does_so(home: Home) -> None:
    break_document(home)
    found = home.ctl("library", "verify")
    assert found.code == 12
    assert "`scenariodctl restore latest`" in found.out

    cured = home.ctl("restore", "latest")

    assert cured.code == 0, cured.err
    assert "differs from what was stored" in cured.out
    assert len(aside(home)) == 1
    assert home.once().code == 0
    assert home.ids() == ["old", "new-1", "new-2"]
    assert home.ctl("library", "verify").code == 0


# What comes back


def reformatted(content: bytes) -> bytes:
    """Return a file that says the same in other bytes."""
    return json.dumps(json.loads(content)).encode()


def take_in(home: Home, name: str, content: bytes) -> None:
    home.drop(name, content)
    ended = home.once()
    assert ended.code == 0, ended.err
    assert name in home.names("done")


def rebuild_by_command(home: Home) -> None:
    """Have a library rebuilt that still tells all, and what goes back into the inbox taken in."""
    break_document(home)
    cured = home.ctl("restore", "latest")
    assert cured.code == 0, cured.err
    assert "differs from what was stored" in cured.out
    ended = home.once()
    assert ended.code == 0, ended.err


def texts(home: Home) -> dict[str, str]:
    return {found["id"]: found["text"] for found in home.scenarios()}


def test_an_older_version_that_was_dropped_in_other_bytes_does_not_come_back(home: Home) -> None:
    home.configure(library={"on_conflict": "replace"})
    take_in(home, "scenario-7.json", scenario("one", text="former"))
    take_in(home, "scenario-9.json", b"\xef\xbb\xbf" + reformatted(scenario("one", text="former")))
    take_in(home, "scenario-8.json", scenario("one", text="latter"))

    rebuild_by_command(home)

    assert texts(home)["one"] == "latter"
    assert set(home.ids()) == {"old", "new-1", "new-2", "one"}


def test_what_was_undone_does_not_come_back_in_other_bytes(home: Home) -> None:
    take_in(home, "scenario-7.json", scenario("one"))
    take_in(home, "scenario-9.json", reformatted(scenario("one")))
    added = next(b["id"] for b in home.ctl("history", "--json").json() if b["added"])
    assert home.ctl("undo", str(added)).code == 0
    assert home.once().code == 0  # a start backs up what the undo left

    rebuild_by_command(home)

    assert set(home.ids()) == {"old", "new-1", "new-2"}


def test_an_older_version_that_an_earlier_rebuild_has_left_in_done_stays_there(home: Home) -> None:
    home.configure(library={"on_conflict": "replace"})
    take_in(home, "scenario-9.json", scenario("one", text="former"))
    take_in(home, "scenario-8.json", scenario("one", text="latter"))
    rebuild_by_command(home)
    take_in(home, "scenario-10.json", scenario("two"))

    rebuild_by_command(home)

    assert texts(home)["one"] == "latter"
    assert set(home.ids()) == {"old", "new-1", "new-2", "one", "two"}


def test_what_was_undone_before_an_earlier_rebuild_stays_away(home: Home) -> None:
    rebuild_by_command(home)
    take_in(home, "scenario-10.json", scenario("two"))

    rebuild_by_command(home)

    assert set(home.ids()) == {"old", "new-1", "new-2", "two"}


@pytest.mark.parametrize("damage", [break_page, break_document], ids=lambda damage: damage.__name__)
def test_what_the_damaged_library_still_tells_comes_back_whatever_the_clock_said(
    home: Home, damage: Callable[[Home], None]
) -> None:
    home.configure(library={"on_conflict": "replace"})
    backups.write(home.backups, [[scenario("old")]], batch=3, now=LATER)
    damage(home)

    assert home.ctl("restore", "latest").code == 0
    assert home.once().code == 0

    assert home.ids() == ["old", "new-1", "new-2"]


# Killed anywhere


POINTS = (
    KillPoint.DAMAGE_MARKED,
    KillPoint.DAMAGED_SET_ASIDE,
    KillPoint.WAL_SET_ASIDE,
    KillPoint.REBUILT_IN_PLACE,
    KillPoint.DAMAGE_UNMARKED,
)
IN_BUILDER = (
    KillPoint.RESTORE_RECORDED,
    KillPoint.LIBRARY_REBUILT,
    KillPoint.FILE_TAKEN_BACK,
)
ONCE = [(point,) for point in (*POINTS, *IN_BUILDER)]
TWICE = [(first, second) for first in POINTS[:3] for second in POINTS]


@pytest.mark.soak
@pytest.mark.parametrize("points", [*ONCE, *TWICE] if IS_ALL else ONCE, ids=",".join)
@pytest.mark.parametrize(
    "damage", [break_page, remove] if IS_ALL else [break_page], ids=lambda damage: damage.__name__
)
def test_killed_at_any_point_of_a_rebuild_the_next_start_completes_it(
    home: Home,
    tmp_path: Path,
    damage: Callable[[Home], None],
    points: tuple[KillPoint, ...],
    record_property: Callable[[str, object], None],
) -> None:
    orders = tmp_path / "orders"
    orders.mkdir()
    damage(home)
    old = home.database.stat().st_ino if home.database.exists() else 0

    for point in points:
        (orders / point).write_text("")
        ended = home.once(environment={VARIABLE: str(orders)})
        assert os.listdir(orders) == [], f"{point} was never reached:\n{ended.err}"
        assert ended.code == (17 if point in IN_BUILDER else -signal.SIGKILL), ended.err
        there = home.database.stat().st_ino if home.database.exists() else 0
        assert there == old or integrity(home) == "ok"
        assert sorted({n.split(".")[0] for n in home.everywhere()}) == [
            f"scenario-{n}" for n in range(1, 5)
        ]
        record_property(KILL, f"{point}/supervisor")
    ended = home.once()

    assert ended.code == 0, ended.err
    assert {"old", "new-1", "new-2"} <= set(home.ids())
    assert len(home.ids()) == len(set(home.ids()))
    assert integrity(home) == "ok"
    assert home.names("inbox") == home.names("work") == home.names("failed") == []
    assert not (home.library / MARKER_FILE).exists()
    assert not (home.library / NEW_FILE).exists()
    assert len(aside(home)) == 1
    if old:
        assert (aside(home)[0] / home.database.name).stat().st_ino == old


READER = (
    "import sqlite3, sys\n"
    "db = sqlite3.connect(sys.argv[1])\n"
    "db.execute('SELECT * FROM mark').fetchall(); print('held', flush=True); sys.stdin.readline()\n"
)
"""A program that has the library open: then nobody who closes it folds the WAL into it."""


@pytest.mark.parametrize("point", POINTS[:3], ids=str)
def test_what_only_the_wal_tells_is_known_to_the_start_that_completes_a_rebuild(
    home: Home, tmp_path: Path, point: KillPoint
) -> None:
    orders = tmp_path / "orders"
    orders.mkdir()
    place = page_of_files(home)
    with holding(home.database, by=READER):
        assert home.ctl("undo", "4").code == 0
        overwrite(home, place)
        (orders / point).write_text("")
        assert home.once(environment={VARIABLE: str(orders)}).code == -signal.SIGKILL

    ended = home.once()

    assert ended.code == 0, ended.err
    assert home.ids() == ["old"]


def test_the_status_answers_during_a_rebuild_and_says_what_is_going_on(
    home: Home, still: Standstill
) -> None:
    break_header(home)
    still.order(KillPoint.LIBRARY_REBUILT)
    daemon = home.launch(environment=still.environment)

    builder = still.wait_for(daemon.pid, "scenariod.backups.builder")
    found = daemon.wait_for_status(lambda s: s["state"] == "rebuilding")
    text = home.ctl("status").out
    builder.resume()
    daemon.wait_for_status(lambda s: s["state"] == "idle" and s["scenarios"] >= 3)

    # The step may be another by the time of the second question; the backup is the same.
    assert named_backup(found["detail"]) == named_backup(text.partition("is rebuilding: ")[2])


def named_backup(detail: str) -> str:
    return next(word for word in detail.split() if word.startswith("scenarios-backup-"))
