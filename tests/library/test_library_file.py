from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.home import AS_ROOT, mounted, run
from support.makers import (
    NOON,
    add,
    batch,
    clock,
    document,
    entry,
    held,
    kill,
    open_library,
    results_of,
    sql,
)

from scenariod.base.errors import (
    LibraryDamagedError,
    LibraryLockedError,
    NotFoundError,
    RootUnusableError,
)
from scenariod.base.value import replace
from scenariod.library import (
    Library,
    LibraryTooNewError,
    Pack,
    Result,
    schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as opened:
        yield opened


# Opening


def test_an_empty_file_is_a_new_library(tmp_path: Path) -> None:
    (tmp_path / "scenarios.db").touch()

    with open_library(tmp_path) as library:
        add(library, document("one"))

    with open_library(tmp_path) as library:
        assert library.count() == 1


def test_a_new_library_has_small_pages_for_a_commit_writes_whole_ones(library: Library) -> None:
    for number in range(20):
        add(library, document(f"s-{number}"), document(f"t-{number}"))
    wal = library.path.with_name("scenarios.db-wal").stat().st_size

    assert sql(library.path, "PRAGMA page_size") == [(1024,)]
    assert wal < 20 * 24 * (1024 + 24)


def test_a_library_of_larger_pages_is_used_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "scenarios.db")) as db:
        db.executescript("PRAGMA page_size = 4096; CREATE TABLE t (c); DROP TABLE t;")

    with open_library(tmp_path) as library:
        add(library, document("one"))
        assert library._db.execute("PRAGMA wal_autocheckpoint").fetchone() == (1024,)

    with open_library(tmp_path) as library:
        assert list(held(library)) == ["one"]
        assert sql(library.path, "PRAGMA page_size") == [(4096,)]


BACK_TO = {
    5: "ALTER TABLE batch DROP COLUMN started_by; ALTER TABLE batch DROP COLUMN waited_ms;"
    " ALTER TABLE batch DROP COLUMN ready_ms; DROP TABLE pause",
    4: "DROP TABLE voicing; DROP TABLE character; DROP TABLE voice; DROP TABLE charge",
    3: "ALTER TABLE batch DROP COLUMN first_batch",
    2: "DROP TABLE packed; DROP TABLE pack",
    1: "DROP INDEX scenario_ended",
}
"""What makes each version of the tables one of the version before."""


def made_older(path: Path, version: int) -> None:
    """Make the library one that an earlier scenariod could have left."""
    with closing(sqlite3.connect(path)) as db:
        for step in range(schema.VERSION - 1, version - 1, -1):
            db.executescript(f"{BACK_TO[step]}; PRAGMA user_version = {step}")


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_library_of_an_earlier_version_is_brought_up_to_date_with_all_it_holds(
    tmp_path: Path, version: int
) -> None:
    with open_library(tmp_path) as library:
        add(library, document("one"), document("two"))
        second = add(library, document("three"))
        before = held(library)
    made_older(tmp_path / "scenarios.db", version)

    with open_library(tmp_path) as library:
        assert held(library) == before
        with library.snapshot() as snapshot:
            last = snapshot.last_change()
        assert last is not None
        assert last.batches == (second,)
        library.keep_pack(Pack("pack.json", "{}"), ["three"])
        library.undo(second, clock=clock)
        assert list(held(library)) == ["one", "two"]
    assert sql(tmp_path / "scenarios.db", "PRAGMA user_version") == [(schema.VERSION,)]
    assert sql(tmp_path / "scenarios.db", "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("version", range(schema.READABLE, schema.VERSION))
def test_what_an_earlier_version_did_not_measure_is_a_gap(tmp_path: Path, version: int) -> None:
    path = tmp_path / "scenarios.db"
    with open_library(tmp_path) as library:
        library.settle(
            replace(batch(library.reserve_batch()), ready_ms=1, waited_ms=1, started_by="exec"), []
        )
    made_older(path, version)

    for opening in (Library.open_read_only, Library.open):
        with opening(path, busy_timeout_s=1) as library, library.snapshot() as snapshot:
            (found,) = snapshot.measures()[1]
            gaps = (found.started_by, found.waited_ms, found.ready_ms)
            assert (gaps, found.duration_ms) == ((None, None, None), 1500)
            assert snapshot.pauses(since=NOON, most=9) == (0, [])
            assert snapshot.speakers("one") == ()


def test_a_library_of_the_version_before_is_read_as_it_is_where_nobody_may_write(
    tmp_path: Path,
) -> None:
    with open_library(tmp_path) as library:
        first, second = add(library, document("one")), add(library, document("two"))
    path = tmp_path / "scenarios.db"
    made_older(path, schema.READABLE)
    before = path.read_bytes()

    with Library.open_read_only(path, busy_timeout_s=1) as library:
        assert (library.count(), list(held(library))) == (2, ["one", "two"])
        assert list(library.faults()) == []
        with library.snapshot() as snapshot:
            told = [(b.id, b.first_batch, b.in_last_change) for b in snapshot.batches()]

    assert told == [(second, second, True), (first, first, False)]
    assert path.read_bytes() == before


def test_the_database_names_itself_and_its_version(tmp_path: Path) -> None:
    open_library(tmp_path).close()

    header = (tmp_path / "scenarios.db").read_bytes()
    assert header[68:72] == b"SCND"
    assert sql(tmp_path / "scenarios.db", "PRAGMA user_version") == [(schema.VERSION,)]
    assert sql(tmp_path / "scenarios.db", "PRAGMA journal_mode") == [("wal",)]


def test_a_library_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_library(tmp_path).close()
    sql(tmp_path / "scenarios.db", "PRAGMA user_version = 99")

    for opening in (Library.open, Library.open_read_only):
        with pytest.raises(LibraryTooNewError, match="version 99") as caught:
            opening(tmp_path / "scenarios.db", busy_timeout_s=0.2)
        assert "newer" in caught.value.hint

    assert sql(tmp_path / "scenarios.db", "PRAGMA user_version") == [(99,)]


def test_a_library_of_an_older_version_is_migrated_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_library(tmp_path) as library:
        add(library, document("one"))
    steps = (("CREATE TABLE later (name TEXT) STRICT",), ("INSERT INTO later VALUES ('p')",))
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS + steps)
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 2)

    with open_library(tmp_path) as library:
        assert list(held(library)) == ["one"]

    assert sql(tmp_path / "scenarios.db", "SELECT name FROM later") == [("p",)]
    assert sql(tmp_path / "scenarios.db", "PRAGMA user_version") == [(schema.VERSION,)]


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_library(tmp_path).close()
    version = schema.VERSION
    step = ("CREATE TABLE later (name TEXT) STRICT", "INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
    monkeypatch.setattr(schema, "VERSION", version + 1)

    with pytest.raises(LibraryDamagedError, match="nowhere"):
        open_library(tmp_path)

    tables = sql(tmp_path / "scenarios.db", "SELECT name FROM sqlite_schema WHERE name = 'later'")
    assert tables == []
    assert sql(tmp_path / "scenarios.db", "PRAGMA user_version") == [(version,)]


@pytest.mark.parametrize("content", [b"{}", b"\0" * 8192, b'{"scenarios":[]}' * 1000])
def test_a_file_that_is_no_database_is_damage_with_the_way_out(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "scenarios.db"
    path.write_bytes(content)

    with pytest.raises(LibraryDamagedError) as caught:
        open_library(tmp_path)

    assert str(path) in str(caught.value)
    assert "scenariodctl restore latest" in caught.value.hint
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.db"
    sql(path, "CREATE TABLE theirs (x)")
    content = path.read_bytes()

    with pytest.raises(LibraryDamagedError, match="not one of scenariod"):
        open_library(tmp_path)

    assert path.read_bytes() == content


def test_nothing_is_written_once_another_library_has_the_path(tmp_path: Path) -> None:
    """Nor by its end: SQLite removes a WAL by its name, and that is the other one's by then."""
    program = """
import os, sys
from pathlib import Path
from support.makers import add, document
from scenariod.library import Library, LibraryReplacedError
here, other = Path(sys.argv[1]), Path(sys.argv[2])
library = Library.open(here / "scenarios.db", busy_timeout_s=1)
add(library, document("old"))
here.rename(here.with_name("away"))
other.rename(here)
try:
    add(library, document("lost"))
except LibraryReplacedError as error:
    print(error)
library.close()
"""
    for name in ("here", "other"):
        (tmp_path / name).mkdir()
    with open_library(tmp_path / "other") as running:
        add(running, document("committed"))
        copied = tmp_path / "copied"  # with the WAL that one who runs has beside the database
        shutil.copytree(tmp_path / "other", copied)

    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "here"), str(copied)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "is not the file that was opened" in ended.stdout
    for name, ids in (("away", ["old"]), ("here", ["committed"])):
        with open_library(tmp_path / name) as library:
            assert list(held(library)) == ids


def test_nothing_is_written_while_the_library_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.db"
    with Library.open(path, busy_timeout_s=1) as library:
        path.rename(tmp_path / "away.db")
        with pytest.raises(FileNotFoundError):
            add(library, document("lost"))
        (tmp_path / "away.db").rename(path)
        add(library, document("kept"))
        assert library.count() == 1


def test_a_missing_folder_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_library(tmp_path / "nowhere")


def test_a_flipped_byte_in_a_stored_document_is_noticed(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        add(library, document("one", text="find me here"))
    path = tmp_path / "scenarios.db"
    path.write_bytes(path.read_bytes().replace(b"find me here", b"find mf here"))

    with (
        open_library(tmp_path) as library,
        pytest.raises(LibraryDamagedError, match="differs from what was stored"),
    ):
        held(library)


def test_a_missing_document_is_noticed(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        add(library, document("one"))
    sql(tmp_path / "scenarios.db", "DELETE FROM document")

    with (
        open_library(tmp_path) as library,
        pytest.raises(LibraryDamagedError, match="document 1 is missing"),
    ):
        library.scenario("one")


def test_a_locked_library_is_told_after_the_busy_timeout(tmp_path: Path) -> None:
    with Library.open(tmp_path / "scenarios.db", busy_timeout_s=0.2) as library:
        other = sqlite3.connect(tmp_path / "scenarios.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(LibraryLockedError, match="locked"):
            library.settle(batch(1), [])
        readable = library.count()
        other.close()

        library.settle(batch(1), [])
    assert readable == 0


# Reading only


def test_a_reader_sees_what_a_running_daemon_has_added(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        add(library, document("one"))

        with Library.open_read_only(tmp_path / "scenarios.db", busy_timeout_s=0.2) as reader:
            assert held(reader) == {"one": document("one")}
            assert (reader.count(), reader.latest_change()) == (1, 1)


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    open_library(tmp_path).close()

    with (
        Library.open_read_only(tmp_path / "scenarios.db", busy_timeout_s=0.2) as reader,
        pytest.raises(OSError, match="Read-only file system"),
    ):
        reader.reserve_batch()


def test_a_reader_is_told_where_there_is_no_library_yet(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(NotFoundError, match="no library"):
            Library.open_read_only(tmp_path / "scenarios.db", busy_timeout_s=0.2)
        (tmp_path / "scenarios.db").touch()


READ_AS_OTHER = """
import os, sys
from pathlib import Path
from scenariod.library import Library
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
path = Path(sys.argv[1])
try:
    with Library.open_read_only(path, busy_timeout_s=0.2) as library:
        print(library.count(), [record.id for record in library.scenarios()])
except OSError as error:
    print(error.errno)
"""


def read_as_one_who_may_not_write(folder: Path) -> str:
    """Read the library as nobody (or, where we are not root, without write permission)."""
    files = [folder / name for name in os.listdir(folder)]
    for path in files:
        path.chmod(0o444)
    folder.chmod(0o555)
    try:
        command = [sys.executable, "-c", READ_AS_OTHER, str(folder / "scenarios.db")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    finally:
        folder.chmod(0o755)
        for path in files:
            path.chmod(0o644)
    return done.stdout.strip()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that other users can reach, as those of pytest cannot be."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_one_who_may_only_read_reads_while_the_daemon_runs(open_folder: Path) -> None:
    with open_library(open_folder) as library:
        add(library, document("one"))

        assert read_as_one_who_may_not_write(open_folder) == "1 ['one']"


def test_one_who_may_only_read_reads_after_the_daemon_has_ended(open_folder: Path) -> None:
    with open_library(open_folder) as library:
        add(library, document("one"))
    assert os.listdir(open_folder) == ["scenarios.db"]

    assert read_as_one_who_may_not_write(open_folder) == "1 ['one']"


def test_one_who_may_only_read_never_misses_what_a_killed_daemon_had_committed(
    open_folder: Path,
) -> None:
    kill(open_folder, "settle", "scenariod.library", "Library.close", 1)

    all_there = read_as_one_who_may_not_write(open_folder)
    (open_folder / "scenarios.db-shm").unlink()
    without_shm = read_as_one_who_may_not_write(open_folder)

    assert all_there == "2 ['new-1', 'new-2']"
    assert int(without_shm) == errno.EACCES


# The disk


def test_a_full_disk_settles_nothing_and_the_next_try_succeeds(library: Library) -> None:
    add(library, document("one"))
    (pages,) = library._db.execute("PRAGMA page_count").fetchone()
    large = document("large", text="x" * 3_000_000)

    library._db.execute(f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(OSError, match="No space left on device"):
        library.settle(batch(9), [entry(document("two")), entry(large)])
    held_then, settled_then = held(library), library.settled(9)
    library._db.execute("PRAGMA max_page_count = 1000000")

    assert (list(held_then), settled_then) == (["one"], None)
    assert results_of(library.settle(batch(9), [entry(large)])) == [Result.ADDED]


@pytest.mark.parametrize("limit_kib", [40, 64, 100, 200, 400, 800, 1600])
def test_a_write_that_fails_at_any_size_settles_all_or_nothing(
    tmp_path: Path, limit_kib: int
) -> None:
    program = f"""
import resource, signal
from pathlib import Path
from support.makers import add, document, open_library
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_kib << 10}, {limit_kib << 10}))
try:
    library = open_library(Path({str(tmp_path)!r}))
    for number in range(1000):
        add(library, document(f"a{{number}}"), document(f"b{{number}}", text="x" * 100_000))
        print("added", number, flush=True)
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    *added, failure = done.stdout.splitlines()

    with open_library(tmp_path) as library:
        assert len(held(library)) == library.count() == 2 * len(added)
        assert failure in {str(errno.EFBIG), str(errno.ENOSPC)}
        assert sql(library.path, "PRAGMA integrity_check") == [("ok",)]


def test_the_wal_stays_bounded(library: Library, tmp_path: Path) -> None:
    for number in range(40):
        add(library, document(f"s{number}", text="x" * 500_000))

    assert (tmp_path / "scenarios.db-wal").stat().st_size <= 16 << 20


def test_settling_large_documents_takes_little_memory(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from support.makers import accepted, batch, document, open_library
from scenariod.library import Entry
path = Path({str(tmp_path)!r}) / "scenario-1.json"
path.write_bytes(document("large", text="x" * (8 << 20)))
told = accepted(path.read_bytes())
library = open_library(path.parent)
Path("/proc/self/clear_refs").write_text("5")
def peak(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
with path.open("rb") as file:
    library.settle(batch(1), [Entry(told, file)])
with library.snapshot() as snapshot:
    size = sum(len(chunk) for chunks in snapshot.documents() for chunk in chunks)
print(size, peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    size, grown_kib = map(int, done.stdout.split())

    assert size > 8 << 20
    assert grown_kib < 6144  # of which two caches may take 2048 each


# What SQLite keeps back


def error_of_opening(path: Path) -> Exception:
    with pytest.raises((OSError, RootUnusableError)) as caught:
        Library.open(path, busy_timeout_s=0.2)
    return caught.value


def test_a_path_that_is_too_long_for_sqlite_is_called_so(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["f" * 200] * 3)
    deep.mkdir(parents=True)
    link = tmp_path / "short"
    link.symlink_to(deep)

    errors = [error_of_opening(folder / "scenarios.db") for folder in (deep, link)]

    assert all(isinstance(error, RootUnusableError) for error in errors)
    assert all("too long; SQLite allows 504 bytes" in str(error) for error in errors)


def test_the_longest_path_that_sqlite_takes_is_taken(tmp_path: Path) -> None:
    room = 504 - len(os.fsencode(tmp_path)) - len("/scenarios.db")
    folder = tmp_path
    while room > 0:
        name = "f" * min(room - 1, 200)
        folder, room = folder / name, room - 1 - len(name)
    folder.mkdir(parents=True)

    Library.open(folder / "scenarios.db", busy_timeout_s=0.2).close()


def test_what_stands_in_the_place_of_a_file_of_the_library_is_named(tmp_path: Path) -> None:
    open_library(tmp_path).close()
    (tmp_path / "scenarios.db-wal").mkdir()

    error = error_of_opening(tmp_path / "scenarios.db")

    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (errno.EISDIR, str(tmp_path / "scenarios.db-wal"))


def test_a_folder_in_the_place_of_the_library_is_named_to_who_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.db"
    path.mkdir()

    with pytest.raises(IsADirectoryError) as error:
        Library.open_read_only(path, busy_timeout_s=0.2)

    assert error.value.filename == str(path)


@pytest.mark.parametrize("link", ["scenarios.db", "folder"])
def test_a_link_to_nothing_is_not_taken_for_a_library_yet_to_come(
    tmp_path: Path, link: str
) -> None:
    (tmp_path / link).symlink_to("/mnt/unplugged/it")
    path = tmp_path / link / "scenarios.db" if link == "folder" else tmp_path / link

    with pytest.raises(FileNotFoundError):
        Library.open_read_only(path, busy_timeout_s=0.2)
    assert getattr(error_of_opening(path), "errno", None) == errno.ENOENT


@AS_ROOT
def test_a_library_on_a_disk_that_is_read_only_is_no_question_of_permission(
    tmp_path: Path,
) -> None:
    with mounted("-t", "tmpfs", "scenariod-test", at=tmp_path):
        open_library(tmp_path).close()
        assert run(["mount", "-o", "remount,ro", str(tmp_path)]).code == 0

        error = error_of_opening(tmp_path / "scenarios.db")

    assert getattr(error, "errno", None) == errno.EROFS


def test_too_few_descriptors_are_no_question_of_permission(tmp_path: Path) -> None:
    open_library(tmp_path).close()
    code = (
        "import resource, sys, tempfile; from pathlib import Path\n"
        "from scenariod.library import Library\n"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "for left in range(1, 7):\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (3 + left, hard))\n"
        "    try: Library.open(Path(sys.argv[1]), busy_timeout_s=0.2).close()\n"
        "    except OSError as error: print(error.errno)\n"
    )

    told = run([sys.executable, "-c", code, str(tmp_path / "scenarios.db")])

    assert set(told.out.split()) == {str(errno.EMFILE)}, told
