"""A library that lost its content, or some of its batches: found by what the other stores hold."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.home import Home, copy_of
from support.makers import sql
from support.scenarios import scenario

from scenariod import backups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


def run_over(home: Home, *names: str) -> str:
    """Drop a scenario of each name, have them processed one after the other; return the journal."""
    said = ""
    for name in names:
        home.drop(f"scenario-{name}.json", scenario(name))
        ended = home.once()
        assert ended.code == 0, ended.err
        said += ended.err
    return said


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root folder that had four batches; `first.db` is its library after the first."""
    home = Home(tmp_path_factory.mktemp("used") / "root")
    run_over(home, "a")
    shutil.copy(home.database, home.path / "first.db")
    run_over(home, "b", "c", "d")
    return home.path


@pytest.fixture
def home(used: Path, tmp_path: Path) -> Iterator[Home]:
    with closing(copy_of(used, tmp_path)) as home:
        yield home


def put_library(home: Home, content: Path | None) -> None:
    """Put another file in the library's place; None: none."""
    for path in home.library.glob("scenarios.db*"):
        path.unlink()
    if content is not None:
        shutil.copy(content, home.database)


def without_tables(home: Home) -> None:
    """Leave what is there if the main file is copied without its -wal, soon after the start."""
    put_library(home, None)
    with closing(sqlite3.connect(home.database)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("VACUUM")


def without_rows(home: Home) -> None:
    """Leave a library as it is made at a first start."""
    fresh = Home(home.path / "fresh")
    assert fresh.once().code == 0
    put_library(home, fresh.database)


def without_one_table(home: Home) -> None:
    sql(home.database, "DROP TABLE mark")


def with_fewer_scenarios(home: Home) -> None:
    sql(home.database, "DELETE FROM scenario WHERE id = 'b'")


def older(home: Home) -> None:
    put_library(home, home.path / "first.db")


LOSSES: dict[Callable[[Home], None], str] = {
    without_tables: "it is empty",
    without_rows: "is new and empty, but ",
    without_one_table: "it has no table mark",
    with_fewer_scenarios: "the last batch counted 4 scenarios, but there are 3",
    older: "is older than its own backups: its last batch is 1, but scenarios-backup-",
}


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_a_library_that_lost_content_is_rebuilt_and_never_published(
    home: Home, lose: Callable[[Home], None]
) -> None:
    lose(home)
    status = home.ctl("status", "--json").json()

    ended = home.once()
    again = home.once()

    assert ended.code == again.code == 0, ended.err
    assert LOSSES[lose] in ended.err
    assert "it is rebuilt from " in ended.err
    assert "rebuilt" not in again.err
    assert sorted(home.ids()) == ["a", "b", "c", "d"]
    assert min(b["id"] for b in home.ctl("history", "--json").json()) > 4
    read_through = {without_one_table, with_fewer_scenarios}
    assert lose in read_through or LOSSES[lose] in status["library_doubt"]


def test_without_auto_restore_it_is_refused_and_the_command_that_is_named_cures_it(
    home: Home,
) -> None:
    home.configure(library={"auto_restore": False})
    older(home)
    before, published = home.database.read_bytes(), home.published.read_bytes()

    refused = home.once()
    commands = [home.ctl("undo", "1"), home.ctl("import", str(home.done))]
    untouched = home.database.read_bytes(), home.published.read_bytes()
    command = refused.err.split("`scenariodctl ")[1].split("`")[0]
    cured = home.ctl(*command.split())

    assert refused.code == 12
    assert [ended.code for ended in commands] == [12, 12]
    assert untouched == (before, published)
    assert cured.code == 0, cured.err
    assert home.once().code == 0
    assert sorted(home.ids()) == ["a", "b", "c", "d"]


def test_a_rebuild_that_leaves_nothing_is_not_published_over_scenarios(home: Home) -> None:
    older(home)
    oldest = backups.list_backups(home.backups)[-1]
    shutil.rmtree(home.done)

    restored = home.ctl("restore", oldest.path.name)
    ended = home.once()

    assert (restored.code, ended.code) == (0, 12), ended.err
    assert "holds scenarios, and nothing was ever added to the library" in ended.err
    assert sorted(home.ids()) == ["a", "b", "c", "d"]


def test_where_only_the_published_file_is_left_nothing_is_published_over_it(home: Home) -> None:
    put_library(home, None)
    shutil.rmtree(home.backups)
    shutil.rmtree(home.done)
    before = home.published.read_bytes()

    refused = [home.once(), home.ctl("import", str(home.published))]
    untouched = home.published.read_bytes()
    saved = home.published.rename(home.path / "saved.json")
    imported = home.ctl("import", str(saved))

    assert [ended.code for ended in refused] == [12, 12]
    assert "there is no intact backup in" in refused[0].err
    assert f"`scenariodctl import` that {home.published.name}" in refused[0].err
    assert untouched == before
    assert imported.code == 0, imported.err
    assert home.once().code == 0
    assert sorted(home.ids()) == ["a", "b", "c", "d"]


# What is no loss


def is_sound(home: Home) -> bool:
    """Return whether a start finds nothing wrong, twice."""
    ended = [home.once(), home.once()]
    assert [each.code for each in ended] == [0, 0], ended[0].err + ended[1].err
    return "rebuilt" not in ended[0].err + ended[1].err


def test_a_fresh_root_with_a_predecessors_file_among_its_backups_starts_as_any(home: Home) -> None:
    fresh = Home(home.path / "fresh")
    fresh.backups.mkdir()
    theirs = fresh.backups / "scenarios-backup-1700000000000.json"
    theirs.write_bytes(b'{\n  "scenarios": [\n    {"id": "theirs"}\n  ]\n}\n')

    assert is_sound(fresh)
    assert theirs.exists()


def test_a_fresh_root_with_the_backups_of_another_machine_takes_over_its_library(
    home: Home,
) -> None:
    fresh = Home(home.path / "fresh")
    shutil.copytree(home.backups, fresh.backups, ignore=shutil.ignore_patterns(".*"))

    ended = fresh.once()

    assert ended.code == 0
    assert "is missing; it is rebuilt from" in ended.err
    assert {"a", "b", "c"} <= set(fresh.ids())


@pytest.mark.parametrize("hidden", [True, False], ids=["with the ledger", "the files"])
def test_backups_that_are_copied_from_another_machine_say_nothing_of_this_library(
    home: Home, *, hidden: bool
) -> None:
    other = Home(home.path / "other")
    run_over(other, "own")
    ignored = None if hidden else shutil.ignore_patterns(".*")

    shutil.copytree(home.backups, other.backups, dirs_exist_ok=True, ignore=ignored)
    assert other.ctl("backups", "verify", "--all").code == 0

    assert is_sound(other)
    assert other.ids() == ["own"]


def test_an_old_state_that_was_restored_or_reached_by_undos_is_published_empty_or_not(
    home: Home,
) -> None:
    oldest = backups.list_backups(home.backups)[-1]

    assert home.ctl("restore", oldest.path.name).code == 0

    assert is_sound(home)
    assert home.ids() == []


def test_what_a_rebuild_from_an_older_backup_gives_is_not_older_than_the_others(home: Home) -> None:
    newest, *_ = backups.list_backups(home.backups)
    content = newest.path.read_bytes()
    newest.path.write_bytes(content[:-9])
    home.database.write_bytes(b"not a database")
    assert home.once().code == 0

    newest.path.write_bytes(content)

    assert is_sound(home)


def test_a_root_that_is_moved_file_by_file_is_as_it_was(home: Home, tmp_path: Path) -> None:
    moved = copy_of(home.path, tmp_path / "elsewhere")

    assert is_sound(moved)
    assert sorted(moved.ids()) == ["a", "b", "c", "d"]
