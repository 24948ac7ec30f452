"""What an earlier version has left behind goes on working: library, backups, a batch cut off.

`root-of-0.1.0.tar.gz` is a root folder of commit 648572c, before the packages: every setting is
written out, two files were refused, the last batch was committed and then killed, with what it said
still in the WAL, a backup was prepared, and one file waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.home import Home, run

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
