from __future__ import annotations

import json
import os
import stat
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.makers import NOON, add, batch, document, kill, open_library, sql

from scenariod.base.errors import CommandInterruptedError, LibraryDamagedError, StoresDisagreeError
from scenariod.base.faults import EnvironmentFault
from scenariod.library import (
    Entry,
    Library,
)
from scenariod.library.publish import is_behind, is_current, publish
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as opened:
        yield opened


def test_what_is_published_is_valid_json_with_every_document_as_dropped(
    library: Library, tmp_path: Path
) -> None:
    plain, spaced = document("plain"), b"\n\t " + document("spaced") + b"\r\n \n"
    long_end = document("long", text="x" * 65_000) + b" " * 200_000 + b"\n"
    add(library, plain, BOM + spaced, long_end)

    published = publish(library, tmp_path / "scenarios.json")

    content = (tmp_path / "scenarios.json").read_bytes()
    ids = [scenario["id"] for scenario in json.loads(content)["scenarios"]]
    assert ids == ["plain", "spaced", "long"]
    trimmed = b",\n".join(part.strip() for part in (plain, spaced, long_end))
    assert content == b'{"scenarios":[\n' + trimmed + b"\n]}\n"
    assert (published.count, published.size_bytes) == (3, len(content))


def test_what_an_earlier_version_accepted_is_published_so_that_every_reader_takes_it(
    library: Library, tmp_path: Path
) -> None:
    odd = document("odd", text="9" * 70_000).replace(b'"a claim"', rb'"half \ud83d"')
    far = document("far").replace(b"1.5", b"1e400")
    add(library, document("plain"), odd, far)

    publish(library, tmp_path / "scenarios.json")

    content = (tmp_path / "scenarios.json").read_bytes()
    written = odd.replace(rb"\ud83d", rb"\ufffd"), far.replace(b"1e400", b'"1e400"')
    parts = b",\n".join(part.strip() for part in (document("plain"), *written))
    assert content == b'{"scenarios":[\n' + parts + b"\n]}\n"


def test_a_library_that_has_lost_a_scenario_is_not_published(
    library: Library, tmp_path: Path
) -> None:
    add(library, document("one"), document("other"))
    publish(library, tmp_path / "scenarios.json")
    before = (tmp_path / "scenarios.json").read_bytes()

    sql(library.path, "DELETE FROM scenario WHERE id = 'one'")
    with pytest.raises(LibraryDamagedError, match="counted 2 scenarios, but there are 1"):
        publish(library, tmp_path / "scenarios.json")

    assert (tmp_path / "scenarios.json").read_bytes() == before


def test_an_interrupted_library_is_not_published_and_the_old_file_stays(
    library: Library, tmp_path: Path
) -> None:
    add(library, document("one"))
    publish(library, tmp_path / "scenarios.json")
    before = (tmp_path / "scenarios.json").read_bytes()
    add(library, document("two"))

    library.interrupt()

    with pytest.raises(CommandInterruptedError):
        publish(library, tmp_path / "scenarios.json")
    assert (tmp_path / "scenarios.json").read_bytes() == before
    assert is_behind(library)
    assert [name for name in os.listdir(tmp_path) if name.endswith(".part")] == []


def test_an_empty_library_is_published_as_an_empty_list(library: Library, tmp_path: Path) -> None:
    publish(library, tmp_path / "scenarios.json")

    assert json.loads((tmp_path / "scenarios.json").read_bytes()) == {"scenarios": []}


def test_what_is_published_is_current_until_a_change(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "scenarios.json"
    before = is_current(library, path)
    publish(library, path)
    published = is_current(library, path)
    library.settle(batch(8), [Entry(Rejected("a", 0, None, (Problem(Reason.EMPTY, "empty"),)))])
    unchanged = is_current(library, path)
    add(library, document("one"))
    changed = is_current(library, path)
    publish(library, path)
    path.unlink()

    assert (before, published, unchanged, changed) == (False, True, True, False)
    assert not is_current(library, path)


@pytest.mark.parametrize(
    "content", [b"", b"]", b'{"scenarios":[]}\n', b'{"scenarios":[\n{"id":"one"']
)
def test_what_was_emptied_or_cut_off_since_is_not_current(
    library: Library, tmp_path: Path, content: bytes
) -> None:
    add(library, document("one"))
    publish(library, tmp_path / "scenarios.json")

    (tmp_path / "scenarios.json").write_bytes(content)

    assert not is_current(library, tmp_path / "scenarios.json")


def test_a_link_stays_and_the_file_that_it_leads_to_is_replaced_whole(
    library: Library, tmp_path: Path
) -> None:
    (web := tmp_path / "web").mkdir()
    (web / "all.json").write_text("what was there")
    (web / "latest.json").symlink_to("all.json")
    path = tmp_path / "scenarios.json"
    path.symlink_to("web/latest.json")
    add(library, document("one"))

    with (web / "all.json").open() as before:
        publish(library, path)
        read_by_who_had_opened_it = before.read()

    assert path.readlink() == Path("web/latest.json")
    assert sorted(os.listdir(web)) == ["all.json", "latest.json"]
    assert [s["id"] for s in json.loads((web / "all.json").read_bytes())["scenarios"]] == ["one"]
    assert is_current(library, path)
    assert read_by_who_had_opened_it == "what was there"


def test_a_link_to_nothing_is_an_error_that_names_it_and_makes_no_file(
    library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "scenarios.json"
    path.symlink_to("web/all.json")

    with pytest.raises(EnvironmentFault) as raised:
        publish(library, path)

    assert str(raised.value) == (
        f"No such file or directory: {path}, because it is a link to web/all.json, which does not"
        " exist (publishing the library)"
    )
    assert path.readlink() == Path("web/all.json")
    assert not (tmp_path / "web").exists()


@pytest.mark.parametrize(
    "content", [b"", b"[]\n", b'{"scenarios":[]}\n', b'{\n  "scenarios": [\n  ]\n}\n']
)
def test_an_empty_list_in_any_form_may_be_replaced(
    library: Library, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "scenarios.json"
    path.write_bytes(content)

    publish(library, path)

    assert json.loads(path.read_bytes()) == {"scenarios": []}


@pytest.mark.parametrize("content", [b'{"scenarios":[{}]}', b" " * 2000 + b"{}", b"GIF89a"])
def test_a_library_to_which_nothing_was_ever_added_is_not_published_over_anything_else(
    library: Library, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "scenarios.json"
    path.write_bytes(content)

    with pytest.raises(StoresDisagreeError, match="nothing was ever added to the library"):
        publish(library, path)

    assert path.read_bytes() == content


def test_a_library_that_was_emptied_is_published_as_its_history_says(
    library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "scenarios.json"
    added = add(library, document("one"))
    publish(library, path)

    library.undo(added, clock=lambda: NOON)
    publish(library, path)

    assert json.loads(path.read_bytes()) == {"scenarios": []}


def test_two_publishers_leave_the_newest_state(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.json"
    patient = partial(Library.open, tmp_path / "scenarios.db", busy_timeout_s=30)
    with patient() as library, patient() as other:
        for number in range(10):
            add(library, document(f"s{number}"))
            threads = [threading.Thread(target=publish, args=(it, path)) for it in (library, other)]
            for thread in threads:
                thread.start()
            add(library, document(f"t{number}"))
            publish(library, path)
            for thread in threads:
                thread.join()

            count = len(json.loads(path.read_bytes())["scenarios"])
            assert count == library.count()
            assert is_current(library, path)


@pytest.mark.parametrize(
    ("module", "attribute", "expected"),
    [
        ("scenariod.library.publish", "_trimmed", ["old"]),
        ("os", "fsync", ["old"]),
        ("pathlib", "Path.rename", ["old"]),
        ("scenariod.base.durable", "sync_folder", ["old", "new"]),
        ("scenariod.library", "Library.mark_published", ["old", "new"]),
    ],
)
def test_killed_while_publishing_the_old_or_the_new_stands_there_whole(
    tmp_path: Path, module: str, attribute: str, expected: list[str]
) -> None:
    path = tmp_path / "scenarios.json"
    with open_library(tmp_path) as library:
        add(library, document("old"))
        publish(library, path)
        add(library, document("new"))

    kill(tmp_path, "publish", module, attribute, 1)

    assert [scenario["id"] for scenario in json.loads(path.read_bytes())["scenarios"]] == expected
    with open_library(tmp_path) as library:
        assert not is_current(library, path)
        publish(library, path)
        assert is_current(library, path)
    assert not list(tmp_path.glob(".*.part"))


def test_the_published_library_is_for_all_programs_whoever_publishes_it(
    library: Library, tmp_path: Path
) -> None:
    add(library, document("plain"))
    before = os.umask(0o077)
    try:
        publish(library, tmp_path / "scenarios.json")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "scenarios.json").stat().st_mode) == 0o644
