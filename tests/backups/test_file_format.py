"""What a backup keeps of packs: all that they say of themselves, and which scenarios are theirs."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.home import Home
from support.makers import NOON, add, clock, document, held, kill, open_library, sql
from support.scenarios import scenario

from scenariod import backups
from scenariod.backups import Defect, DefectKind, Verified, file_format
from scenariod.backups.moments import InBackup
from scenariod.backups.restore import back_up, restore
from scenariod.library import Library, Pack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = Pack("first.json", '{"version": 1.50, "packInfo": {"title": "Ä \\u2028 \\\\n ]}"}}')
SECOND = Pack("second.json", '{"packInfo": {}}')


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Return a library of four scenarios, three of them in two packs, and an empty third pack."""
    (tmp_path / "backups").mkdir()
    with open_library(tmp_path) as opened:
        add(opened, document("a"), document("b"), document('c "quoted" ü'), document("d"))
        opened.keep_pack(FIRST, ['c "quoted" ü', "a"])
        opened.keep_pack(SECOND, ["d"])
        opened.keep_pack(Pack("empty.json", '{"packInfo": {"empty": true}}'), [])
        yield opened


def backed_up(library: Library) -> Path:
    return back_up(library, library.path.parent / "backups", now=NOON).path


def restored(library: Library, source: Path) -> None:
    folder = library.path.parent
    restore(
        library,
        InBackup(source),
        backups=folder / "backups",
        published=folder / "scenarios.json",
        clock=clock,
    )


def packs(path: Path) -> list[tuple[object, ...]]:
    """Return each pack and each of its scenarios as the tables have them, but for row numbers."""
    return sql(
        path,
        "SELECT name, about, sha256, scenario_id FROM pack"
        " LEFT JOIN packed ON pack = row ORDER BY row, scenario_id",
    )


def another(folder: Path) -> Library:
    (folder / "other" / "backups").mkdir(parents=True)
    return open_library(folder / "other")


def resigned(path: Path, old: bytes, new: bytes) -> None:
    """Change a backup, and have its digest be right."""
    content = path.read_bytes()[: -file_format.TAIL_BYTES]
    assert content.count(old) == 1
    content = content.replace(old, new)
    digest = hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(content + digest + file_format.AFTER_DIGEST)


def kind_of(path: Path) -> DefectKind | None:
    found = backups.verify(path)
    return found.kind if isinstance(found, Defect) else None


def test_a_backup_tells_of_packs_in_json_that_any_tool_reads(library: Library) -> None:
    path = backed_up(library)
    told = json.loads(path.read_bytes())

    assert isinstance(backups.verify(path), Verified)
    assert [s["id"] for s in told["scenarios"]] == ["a", "b", 'c "quoted" ü', "d"]
    assert [(p["name"], p["about"], p["scenarios"]) for p in told["packs"]] == [
        ("first.json", json.loads(FIRST.about), ["a", 'c "quoted" ü']),
        ("second.json", {"packInfo": {}}, ["d"]),
        ("empty.json", {"packInfo": {"empty": True}}, []),
    ]
    assert (told["backup"]["format"], told["backup"]["packs"]) == (2, 3)


def test_a_backup_of_a_library_without_packs_is_of_the_first_format(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    with open_library(tmp_path) as library:
        add(library, document("a"))
        path = backed_up(library)

    told = json.loads(path.read_bytes())
    assert sorted(told) == ["backup", "scenarios"]
    assert sorted(told["backup"]) == ["batch", "count", "created", "format", "lengths", "sha256"]
    assert told["backup"]["format"] == 1
    with path.open("rb") as file:
        assert list(backups.packs(file)) == []


def test_restored_into_an_empty_library_packs_are_what_they_were(
    library: Library, tmp_path: Path
) -> None:
    path = backed_up(library)
    with another(tmp_path) as other:
        restored(other, path)

        assert packs(other.path) == packs(library.path)
        assert held(other) == held(library)
        assert (
            json.loads(backed_up(other).read_bytes())["packs"]
            == (json.loads(path.read_bytes())["packs"])
        )


def test_a_restore_leaves_each_scenario_in_the_pack_it_has_and_adds_what_is_missing(
    library: Library, tmp_path: Path
) -> None:
    path = backed_up(library)
    with another(tmp_path) as other:
        add(other, document("a", text="another version"), document("d"), document("e"))
        other.keep_pack(Pack("own.json", '{"packInfo": {"own": 1}}'), ["a", "e"])
        restored(other, path)

        assert [(name, scenario_id) for name, _, _, scenario_id in packs(other.path)] == [
            ("own.json", "a"),  # was replaced by the backup's version, and stays in its pack
            ("own.json", "e"),  # was removed: where it comes back, it is in its pack again
            ("first.json", 'c "quoted" ü'),
            ("second.json", "d"),
            ("empty.json", None),
        ]


def test_a_backup_of_before_packs_were_kept_is_verified_restored_and_takes_no_pack_away(
    library: Library, tmp_path: Path
) -> None:
    before = packs(library.path)
    with library.snapshot() as snapshot:
        path = backups.write(tmp_path, snapshot.documents(), batch=snapshot.batch, now=NOON).path
    add(library, document("later"))

    restored(library, path)

    assert json.loads(path.read_bytes())["backup"]["format"] == 1
    assert sorted(held(library)) == ["a", "b", 'c "quoted" ü', "d"]
    assert packs(library.path) == before


def test_a_flipped_bit_anywhere_in_a_backup_with_packs_is_found(library: Library) -> None:
    path = backed_up(library)
    content = path.read_bytes()

    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        assert kind_of(path) not in {None, DefectKind.CUT_OFF}, f"byte {place}"


def test_a_cut_anywhere_in_the_packs_is_told_as_such(library: Library) -> None:
    path = backed_up(library)
    content = path.read_bytes()

    for length in range(content.index(b'"packs":['), len(content)):
        path.write_bytes(content[:length])
        assert kind_of(path) is DefectKind.CUT_OFF, f"cut to {length} bytes"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"packs":3,', b'"packs":2,', id="another number of packs"),
        pytest.param(b'"packs":3,', b"", id="no number of packs"),
        pytest.param(b'{"name":"second.json"', b'{"name":2', id="a name that is none"),
        pytest.param(b'"about":{"packInfo": {}}', b'"about":[]', id="an about that is no object"),
        pytest.param(b'"d"\n', b"4\n", id="an id that is none"),
        pytest.param(b'"d"\n', b'"d"', id="ids that do not end"),
        pytest.param(b'"packs":[\n', b'"packs":[', id="no line of its own"),
    ],
)
def test_packs_that_are_not_as_the_trailer_says_are_noticed_even_where_the_digest_is_right(
    library: Library, old: bytes, new: bytes
) -> None:
    path = backed_up(library)

    resigned(path, old, new)

    assert kind_of(path) is DefectKind.WRONG_COUNT


@pytest.mark.parametrize("call", [1, 2, 3])
def test_killed_while_packs_are_written_no_backup_is_left(
    library: Library, tmp_path: Path, call: int
) -> None:
    library.close()

    kill(tmp_path, "backup", "scenariod.backups.file_format", "written_pack", call)

    assert backups.list_backups(tmp_path / "backups") == []


@pytest.mark.parametrize("call", [1, 2, 3])
def test_killed_while_packs_are_restored_the_library_is_as_it_was(
    library: Library, tmp_path: Path, call: int
) -> None:
    path = backed_up(library)
    with another(tmp_path) as other:
        add(other, document("only"))
        path.rename(tmp_path / "other" / "backups" / "scenarios-backup-9999999999999.json")

    kill(tmp_path / "other", "restore", "scenariod.library.packs", "keep", call)

    with open_library(tmp_path / "other") as other:
        assert list(held(other)) == ["only"]
        assert packs(other.path) == []


def test_a_large_pack_is_written_verified_and_read_with_little_memory(tmp_path: Path) -> None:
    many = 100_000
    tracemalloc.start()

    pack = (Pack("large.json", FIRST.about), (f"scenario-{n}" for n in range(many)))
    path = backups.write(tmp_path, [], batch=1, now=NOON, packs=[pack]).path
    with closing(path.open("rb")) as file:
        found = [(name, about, sum(1 for _ in ids)) for name, about, ids in backups.packs(file)]

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [("large.json", FIRST.about, many)]
    assert peak_bytes < 2_000_000


def test_a_damaged_library_that_is_rebuilt_has_its_packs_again(home: Home, tmp_path: Path) -> None:
    pack = {"version": "2.0", "packInfo": {"title": "T"}, "scenarios": []}
    pack["scenarios"] = [json.loads(scenario(f"p-{n}")) for n in range(3)]
    (tmp_path / "pack.json").write_text(json.dumps(pack))
    assert home.ctl("import", str(tmp_path / "pack.json")).code == 0
    before = packs(home.database)
    home.database.write_bytes(b"not SQLite at all")

    assert home.once().code == 0

    assert len(before) == 3
    assert packs(home.database) == before
