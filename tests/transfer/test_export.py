"""Writing the library out: what was imported comes out again, all of it or nothing."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.counters import KILL
from support.home import PLACES, Home, copy_of
from support.makers import add, document, open_library, sql
from support.scenarios import scenario

from scenariod.base.killpoint import VARIABLE, KillPoint
from scenariod.library import Pack
from scenariod.transfer import export as exporter

pytestmark = pytest.mark.slow

KILLED = -signal.SIGKILL
INFO = '{"version": "1.0.0", "packInfo": {"packId": "007", "names": ["Ä", 1.5, null]}}'


def pack_of(*documents: bytes, about: str = INFO) -> bytes:
    head = about.removesuffix("}").encode()
    return head + b', "scenarios": [' + b",\n".join(documents) + b"]}"


def hashes(home: Home) -> dict[str, str]:
    """Return the hash of what each scenario says, by its id."""
    with open_library(home.library) as library:
        return {record.id: record.content_sha256 for record in library.scenarios()}


def packs(home: Home) -> list[tuple[str, object, list[str]]]:
    """Return the packs by name, with what they say and what is in them."""
    with open_library(home.library) as library, library.snapshot() as snapshot:
        return sorted(
            (pack.name, json.loads(pack.about), sorted(v.id for v in snapshot.versions_of(row)))
            for row, pack in snapshot.packs()
        )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def export(home: Home, folder: Path, *arguments: str) -> dict[str, bytes]:
    ended = home.ctl("export", "--output", str(folder), *arguments)
    assert ended.code == 0, ended.err
    return contents(folder)


def new_home(folder: Path) -> Home:
    return Home(folder)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root folder with a pack of two, and 25 scenarios of no pack."""
    source = tmp_path_factory.mktemp("old")
    home = new_home(tmp_path_factory.mktemp("imported") / "root")
    (source / "pack-007.json").write_bytes(pack_of(scenario("p-1"), scenario("p-2")))
    (source / "all.json").write_bytes(b"[%b]" % b",".join(scenario(f"s-{n}") for n in range(25)))
    assert home.ctl("import", str(source)).code == 0
    return home.path


@pytest.fixture
def filled(imported: Path, tmp_path: Path) -> Iterator[Home]:
    """Return a root folder of one's own that is as `imported`."""
    with closing(copy_of(imported, tmp_path)) as home:
        yield home


def test_packs_come_out_under_their_names_and_the_others_ten_in_a_file(
    filled: Home, tmp_path: Path
) -> None:
    found = export(filled, tmp_path / "out")

    held = {name: json.loads(content) for name, content in found.items()}
    assert {name: len(file["scenarios"]) for name, file in held.items()} == {
        "pack-007.json": 2,
        "scenarios-batch-001.json": 10,
        "scenarios-batch-002.json": 10,
        "scenarios-batch-003.json": 5,
    }
    pack = held["pack-007.json"]
    assert [s["id"] for s in pack.pop("scenarios")] == ["p-1", "p-2"]
    assert pack == json.loads(INFO)
    assert list(held["scenarios-batch-001.json"]) == ["scenarios"]


def test_exported_and_imported_into_an_empty_library_all_is_as_it_was(
    filled: Home, tmp_path: Path
) -> None:
    first = export(filled, tmp_path / "out", "--pack-size", "7")
    other = new_home(tmp_path / "other")

    assert other.ctl("import", str(tmp_path / "out")).code == 0

    assert hashes(other) == hashes(filled)
    assert packs(other) == packs(filled)
    assert export(other, tmp_path / "again", "--pack-size", "7") == first


def test_the_same_library_gives_the_same_bytes(filled: Home, tmp_path: Path) -> None:
    assert export(filled, tmp_path / "one") == export(filled, tmp_path / "two")


def test_an_earlier_state_can_be_written_out(filled: Home, tmp_path: Path) -> None:
    batches = [b["id"] for b in filled.ctl("history", "--json").json()]
    before = export(filled, tmp_path / "before")
    assert filled.ctl("undo", str(batches[0])).code == 0
    assert filled.ctl("restore", f"batch:{min(batches)}").code == 0

    assert export(filled, tmp_path / "now") == {}
    undone = max(batches) + 1
    assert export(filled, tmp_path / "then", "--at", f"batch:{undone}") == before


def test_what_is_there_already_is_not_touched(filled: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    export(filled, out)  # an empty folder will do
    (out / "mine").write_text("mine")
    before = contents(out)

    ended = filled.ctl("export", "--output", str(out))

    assert ended.code == 23
    assert "--output" in ended.err
    assert contents(out) == before


def test_a_folder_that_may_not_be_made_is_named_with_what_helps(
    filled: Home, tmp_path: Path
) -> None:
    ended = filled.ctl("export", "--output", str(tmp_path / "missing" / "out"))

    assert ended.code == 15
    assert "--output" in ended.err


@pytest.mark.parametrize(("at", "code"), [("batch:99", 18), ("latest", 18), ("nonsense", 18)])
def test_a_moment_that_is_none_is_said_to_be_so(
    filled: Home, tmp_path: Path, at: str, code: int
) -> None:
    ended = filled.ctl("export", "--at", at, "--output", str(tmp_path / "out"))

    assert ended.code == code
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("point", "there"),
    [
        (KillPoint.EXPORT_BEING_WRITTEN, False),
        (KillPoint.EXPORT_WRITTEN, False),
        (KillPoint.EXPORTED, True),
    ],
)
def test_killed_at_any_point_all_of_it_is_there_or_nothing(
    filled: Home,
    tmp_path: Path,
    point: KillPoint,
    *,
    there: bool,
    record_property: Callable[[str, object], None],
) -> None:
    whole = export(filled, tmp_path / "whole")
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / point).touch()
    out = tmp_path / "out"

    ended = filled.ctl(
        "export", "--output", str(out), environment={VARIABLE: str(tmp_path / "orders")}
    )

    assert ended.code == KILLED
    assert out.exists() is there
    if not there:
        export(filled, out)
    assert contents(out) == whole
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".part")] == []
    record_property(KILL, f"{point}/export")


def test_names_of_packs_lead_nowhere_and_never_meet(home: Home, tmp_path: Path) -> None:
    home.library.mkdir()
    names = ["../../x.json", ".hidden.json", "a.json", "A.json", "", "scenarios-batch-001.json"]
    with open_library(home.library) as library:
        add(library, *(document(f"s-{n}") for n in range(7)))
        for number, name in enumerate(names):
            library.keep_pack(Pack(name, json.dumps({"packInfo": {"n": number}})), [f"s-{number}"])

    found = export(home, tmp_path / "out")

    assert sorted(found) == [
        "A-2.json",
        "_.._x.json",
        "a.json",
        "hidden.json",
        "pack.json",
        "scenarios-batch-001-2.json",
        "scenarios-batch-001.json",
    ]


# Whatever they say


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
sizes = st.lists(st.integers(0, 3), max_size=3)


@pytest.mark.soak
@settings(max_examples=2 * PLACES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), sizes, st.integers(0, 3), st.sampled_from([1, 2, 10]), st.sampled_from([None, 2]))
def test_import_export_import_gives_the_same_content(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    packed: list[int],
    loose: int,
    pack_size: int,
    indent: int | None,
) -> None:
    folder = tmp_path_factory.mktemp("round")
    source = folder / "old"
    source.mkdir()

    def written(scenario_id: str) -> str:
        members = {**json.loads(scenario(scenario_id)), "more": data.draw(values)}
        return json.dumps(members, indent=indent, ensure_ascii=data.draw(st.booleans()))

    for number, size in enumerate(packed):
        about = json.dumps({"version": number, "packInfo": {"x": data.draw(values), "n": number}})
        documents = [written(f"p-{number}-{n}").encode() for n in range(size)]
        (source / f"pack-{number}.json").write_bytes(pack_of(*documents, about=about))
    for number in range(loose):
        (source / f"single-{number}.json").write_text(written(f"s-{number}"))
    first, second = new_home(folder / "first"), new_home(folder / "second")
    assert first.ctl("import", str(source)).code == 0

    out = export(first, folder / "out", "--pack-size", str(pack_size))
    assert second.ctl("import", str(folder / "out")).code == 0

    assert len(hashes(first)) == sum(packed) + loose
    assert hashes(second) == hashes(first)
    assert packs(second) == [pack for pack in packs(first) if pack[2]]
    assert export(second, folder / "again", "--pack-size", str(pack_size)) == out


def test_the_real_scenarios_come_out_as_they_went_in(home: Home, tmp_path: Path) -> None:
    given_folder = os.environ.get("SCENARIOD_REAL_DATA")
    if given_folder is None:  # no skipped test where there is no such folder
        return
    assert home.ctl("import", given_folder).code == 3
    export(home, tmp_path / "out")
    other = new_home(tmp_path / "other")

    assert other.ctl("import", str(tmp_path / "out")).code == 0

    assert hashes(other) == hashes(home)
    assert len(hashes(home)) == 150
    documents = "SELECT id, sha256 FROM scenario ORDER BY id"
    assert len(sql(other.database, documents)) == 150


def test_a_file_is_named_like_the_predecessors_whatever_its_number() -> None:
    taken: set[str] = set()

    assert [exporter._free("a.json", taken) for _ in range(3)] == ["a.json", "a-2.json", "a-3.json"]
