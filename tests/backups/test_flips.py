"""A byte flipped anywhere, in the library or in a backup: found, or nothing that counts changed."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.home import PLACES, Home
from support.makers import NOON, add, document, held, open_library
from support.scenarios import scenario

from scenariod import backups
from scenariod.backups.restore import back_up
from scenariod.base import config
from scenariod.base.errors import LibraryDamagedError
from scenariod.cli import main as ctl
from scenariod.library import Library

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SEED = 20260314


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root folder with a small library: short and long documents, some of them ended."""
    folder = tmp_path_factory.mktemp("sound") / "root"
    (folder / "library").mkdir(parents=True)
    with open_library(folder / "library") as library:
        add(library, document("one"), document("two", text="x" * 30_000))
        undone = add(library, document("three"))
        library.undo(undone, clock=lambda: NOON)
        for number in range(12):
            add(library, document(f"s-{number}", text="y" * 900))
    return folder


def flips(content: bytes, *, page_bytes: int) -> Iterator[int]:
    """Yield where to flip: the head of each page, which says its kind, and some bytes by chance."""
    chance = random.Random(SEED)
    for start in range(0, len(content), page_bytes):
        yield from range(start, start + 4)
        yield from (start + chance.randrange(page_bytes) for _ in range(PLACES))


def what_counts(path: Path) -> tuple[dict[str, bytes], list[object]]:
    """Return what people have in the library: documents by id, and their rows."""
    with Library.open_read_only(path, busy_timeout_s=1) as library:
        documents = held(library)
        return documents, [(r.id, r.title, r.correct_answer) for r in library.scenarios()]


def says_damaged(root: Path) -> bool:
    try:
        with Library.open_read_only(root / "library" / "scenarios.db", busy_timeout_s=1) as library:
            library.check()
    except LibraryDamagedError:
        return True
    return ctl.main(["--root", str(root), "library", "verify"]) == 12


@pytest.mark.soak
def test_a_byte_flipped_in_any_page_is_found_or_changes_nothing_that_counts(
    sound: Path, record_property: Callable[[str, object], None]
) -> None:
    path = sound / "library" / "scenarios.db"
    content = path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    intact = what_counts(path)
    found = unnoticed = 0

    for place in flips(content, page_bytes=page_bytes):
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        if says_damaged(sound):
            found += 1
        else:
            unnoticed += 1
            assert what_counts(path) == intact, f"byte {place} of page {place // page_bytes + 1}"
    path.write_bytes(content)

    assert not says_damaged(sound)
    assert found > unnoticed
    record_property("flips in a library that were found", found)
    record_property("flips in a library that changed nothing that counts", unnoticed)


@pytest.mark.parametrize("name", [b"position", b"TABLE batch"])
def test_a_byte_flipped_in_a_name_of_the_schema_is_found(sound: Path, name: bytes) -> None:
    path = sound / "library" / "scenarios.db"
    content = path.read_bytes()
    place = content.index(name) + len(name) - 1
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])

    found = says_damaged(sound)
    path.write_bytes(content)

    assert found


def test_a_byte_flipped_anywhere_in_a_backup_is_found(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with open_library(tmp_path) as library:
        add(library, document("one"), document("two"))
        path = back_up(library, tmp_path, now=NOON).path
    content = path.read_bytes()

    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        assert isinstance(backups.verify(path), backups.Defect), f"byte {place}"

    path.write_bytes(content)
    assert isinstance(backups.verify(path), backups.Verified)
    record_property("flips in a backup that were found", len(content))


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root folder in which three scenarios were added, two of them since the backup."""
    home = Home(tmp_path_factory.mktemp("used") / "root")
    for number in range(1, 4):
        home.drop(f"scenario-{number}.json", scenario(f"s-{number}", text="z" * 9000))
        if number != 2:
            assert home.once().code == 0
    return home.path


@pytest.mark.soak
@pytest.mark.parametrize("place", range(PLACES))
def test_a_page_of_a_library_that_is_overwritten_is_recovered_from(
    used: Path, tmp_path: Path, place: int
) -> None:
    shutil.copytree(used, tmp_path / "root")
    home = Home(tmp_path / "root")
    with home.database.open("r+b") as file:
        file.seek(home.database.stat().st_size // 4096 * place // PLACES * 4096)
        file.write(b"\xa5" * 4096)

    daemon = home.start()
    daemon.wait_for("the library was rebuilt from")
    daemon.wait_for_status(lambda s: s["state"] == "idle" and s["scenarios"] == 3)
    assert daemon.terminate() == 0

    settings = config.load(config=None, root=home.path, cwd=home.path)
    assert home.ctl("library", "verify").code == 0
    assert sorted(what_counts(settings.database)[0]) == ["s-1", "s-2", "s-3"]
    assert home.everywhere() == [f"scenario-{n}.json" for n in range(1, 4)]
