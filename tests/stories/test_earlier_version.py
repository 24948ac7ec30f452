"""What an earlier version has left behind goes on working: library, backups, a batch cut off.

`root-of-0.1.0.tar.gz` is a root folder of commit 648572c, before the packages: every setting is
written out, two files were refused, the last batch was committed and then killed, with what it said
still in the WAL, a backup was prepared, and one file waits.

`UNREADABLE` are documents that an earlier version accepted, and not every reader of JSON takes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.home import Home, run
from support.makers import add, held, open_library
from support.scenarios import scenario

pytestmark = pytest.mark.slow

ROOT = Path(__file__).with_name("root-of-0.1.0.tar.gz")
IDS = [
    "cable-car-debate-002",
    "miracle-sock-004",
    "night-train-003",
    "office-plant-001",
    "quiet-street-005",
    "robot-butler-007",
    "smoothie-prophet-006",
]
OLDEST_BACKUP = "scenarios-backup-1795806747933.json"
NEWEST_BACKUP = "scenarios-backup-1795806760052.json"


@pytest.fixture
def earlier(tmp_path: Path) -> Iterator[Home]:
    assert run(["tar", "-xzf", str(ROOT), "-C", str(tmp_path)]).code == 0
    settings = (tmp_path / "root" / "config" / "scenariod.toml").read_text()
    with closing(Home(tmp_path / "root")) as home:
        home.configure_with(settings)
        yield home


def test_a_start_takes_up_what_was_cut_off_and_takes_what_waits(earlier: Home) -> None:
    ended = earlier.once()

    assert ended.code == 0, ended.err
    assert "batch 4" in ended.err
    assert sorted(earlier.ids()) == IDS
    assert len(earlier.names("done")) == len(IDS)
    assert earlier.names("inbox") == earlier.names("work") == []
    assert len(earlier.names("failed")) == 2


def test_its_history_reasons_and_backups_are_read(earlier: Home) -> None:
    explained = earlier.ctl("explain", "scenario-11-haunted-printer-broken.json", "--json").json()
    history = earlier.ctl("history", "--json").json()
    verified = earlier.ctl("backups", "verify", "--all")

    assert [place["code"] for place in explained["places"]] == ["not-json"]
    assert [batch["id"] for batch in history] == [4, 3, 2, 1]
    assert verified.code == 0, verified.err
    assert {OLDEST_BACKUP, NEWEST_BACKUP} <= set(verified.out.split())


def test_its_backups_are_restored_and_its_batches_undone(earlier: Home) -> None:
    assert earlier.once().code == 0

    undone = earlier.ctl("undo", "4")
    without = sorted(earlier.ids())
    restored = earlier.ctl("restore", NEWEST_BACKUP, "--yes")
    four = sorted(earlier.ids())

    assert (undone.code, restored.code) == (0, 0), undone.err + restored.err
    assert without == [each for each in IDS if each[-3:] not in {"005", "006"}]
    assert four == [each for each in IDS if each[-3:] in {"001", "002", "003", "004"}]


# What an earlier version accepted, and not every reader of JSON takes

DIGITS = "9" * 4301
UNREADABLE = {
    "half": scenario("half").replace(b"A claim.", rb"A claim\ud83d."),
    "long": scenario("long").replace(b"{", b'{"n": %b,' % DIGITS.encode(), 1),
    "far": scenario("far").replace(b"{", b'{"n": [1e400, "\\u0000"],', 1),
}


@pytest.fixture
def unreadable(home: Home) -> Home:
    """Return a root folder whose library holds `UNREADABLE`, and a good scenario."""
    home.library.mkdir()
    with open_library(home.library) as library:
        add(library, *UNREADABLE.values(), scenario("good"))
    return home


def strictly(content: bytes | str) -> Any:
    """Read JSON, and fail where that cannot be written as UTF-8 with numbers that JSON has."""
    value = json.loads(content)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def test_what_not_every_reader_takes_is_published_so_that_each_does(unreadable: Home) -> None:
    unreadable.drop("scenario-new.json", scenario("new"))

    ended = unreadable.once()

    assert ended.code == 0, ended.err
    published = {
        each["id"]: each for each in strictly(unreadable.published.read_bytes())["scenarios"]
    }
    assert list(published) == ["half", "long", "far", "good", "new"]
    assert published["half"]["claim"] == "A claim\ufffd."
    assert published["long"]["n"] == DIGITS
    assert published["far"]["n"] == ["1e400", "\ufffd"]
    with open_library(unreadable.library) as library:
        assert {key: held(library)[key] for key in UNREADABLE} == UNREADABLE


def test_what_not_every_reader_takes_is_exported_and_shown_so_that_each_does(
    unreadable: Home, tmp_path: Path
) -> None:
    exported = unreadable.ctl("export", "--output", str(tmp_path / "out"))
    shown = unreadable.ctl("show", "half", "--json")
    as_dropped = unreadable.ctl("show", "half")

    assert (exported.code, shown.code) == (0, 0), exported.err + shown.err
    (file,) = (tmp_path / "out").iterdir()
    assert strictly(file.read_bytes())["scenarios"][2]["n"] == ["1e400", "\ufffd"]
    assert strictly(shown.out)["scenario"]["claim"] == "A claim\ufffd."
    assert as_dropped.out.encode() == UNREADABLE["half"]


def test_what_not_every_reader_takes_is_named_by_verify_and_no_damage(unreadable: Home) -> None:
    words = unreadable.ctl("library", "verify")
    document = unreadable.ctl("library", "verify", "--json").json()

    assert (words.code, document["sound"], document["faults"]) == (0, True, [])
    found = [
        (each["scenario"], each["code"], each["field"], each["line"])
        for each in document["unreadable"]
    ]
    assert found == [
        ("half", "not-text", "claim", 4),
        ("long", "wrong-value", "n", 1),
        ("far", "wrong-value", "n[0]", 1),
        ("far", "not-text", "n[1]", 1),
    ]
    assert "scenario half (not-text): claim holds U+D83D, one half" in words.out
    assert "scenario far (wrong-value): the number 1e400 is too large" in words.out


def test_a_backup_of_what_not_every_reader_takes_restores_every_byte(
    unreadable: Home, tmp_path: Path
) -> None:
    unreadable.drop("scenario-new.json", scenario("new"))
    assert unreadable.once().code == 0
    before = min(unreadable.backups.glob("scenarios-backup-*.json"))
    with closing(Home(tmp_path / "other")) as other:
        assert other.once().code == 0
        shutil.copy(before, other.path)

        restored = other.ctl("restore", str(other.path / before.name), "--yes")

        assert restored.code == 0, restored.err
        with open_library(other.library) as library:
            assert held(library) == {**UNREADABLE, "good": scenario("good")}
        assert len(strictly(other.published.read_bytes())["scenarios"]) == 4
