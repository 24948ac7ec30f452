"""After a downgrade: what a later version has left behind is refused or left alone, never removed.

Nobody has it yet, so it is made here: by a number or a key that this version does not know.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.home import Home, copy_of
from support.makers import sql
from support.scenarios import scenario

from scenariod import backups
from scenariod.backups import file_format
from scenariod.backups.damage import MARKER_FILE
from scenariod.backups.ledger import LEDGER_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

FEWEST: dict[str, object] = {"keep_last": 1, "keep_hourly": 0, "keep_daily": 0, "keep_weekly": 0}
FEWEST |= {"keep_monthly": 0, "max_total_mb": 0}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root folder with some backups."""
    home = Home(tmp_path_factory.mktemp("used") / "root")
    for name in ("a", "b", "c"):
        home.drop(f"scenario-{name}.json", scenario(name))
        assert home.once().code == 0
    return home.path


@pytest.fixture
def home(used: Path, tmp_path: Path) -> Iterator[Home]:
    with closing(copy_of(used, tmp_path)) as home:
        home.configure(backups=FEWEST)
        yield home


def have_a_later_version_write_the_backups(home: Home) -> None:
    """Give each a format of the future, and what the later version remembers of each."""
    for found in backups.list_backups(home.backups):
        body = found.path.read_bytes()[: -file_format.TAIL_BYTES]
        body = body.replace(b'"format":1', b'"format":7')
        digest = hashlib.sha256(body).hexdigest().encode()
        found.path.write_bytes(body + digest + file_format.AFTER_DIGEST)
    ledger = json.loads((home.backups / LEDGER_FILE).read_bytes())
    for name, entry in ledger["backups"].items():
        status = (home.backups / name).stat()
        entry |= {"size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "more": [1]}
    (home.backups / LEDGER_FILE).write_text(json.dumps({**ledger, "format": 2}))


def files(folder: Path) -> dict[str, bytes]:
    """Return what every backup, dropped file and published file holds, and the library itself."""
    found = [*folder.glob("backups/scenarios-*"), *folder.glob("done/*"), *folder.glob("library/*")]
    kept = [p for p in found if p.is_file() and not p.name.endswith((".lock", "-wal", "-shm"))]
    return {str(path): path.read_bytes() for path in kept}


def test_its_backups_stay_through_drains_prunes_and_checks_and_are_named(home: Home) -> None:
    have_a_later_version_write_the_backups(home)
    theirs = files(home.backups.parent)
    theirs = {name: content for name, content in theirs.items() if "/backups/" in name}

    for name in ("d", "e"):
        home.drop(f"scenario-{name}.json", scenario(name))
        ended = home.once()
        assert ended.code == 0, ended.err
    checked = home.ctl("backups", "verify", "--all")
    pruned = home.ctl("backups", "prune")
    daemon = home.start()
    home.drop("scenario-f.json", scenario("f"))
    daemon.wait_for("published 6 scenarios")
    assert daemon.terminate() == 0

    assert theirs.items() <= files(home.path).items()
    assert checked.out.count("later-version: a later version of scenariod wrote it") == len(theirs)
    assert pruned.code == 0
    ours = [b for b in backups.list_backups(home.backups) if b.count is not None]
    assert [b.is_verified for b in ours] == [True]
    ledger = json.loads((home.backups / LEDGER_FILE).read_bytes())["backups"]
    assert {entry["defect"] for entry in ledger.values()} == {None}  # it may read this again


@pytest.mark.parametrize("marked", [False, True], ids=["sound", "to be rebuilt"])
def test_its_library_is_refused_by_all_and_rebuilt_by_none(home: Home, *, marked: bool) -> None:
    sql(home.database, "PRAGMA user_version = 99")
    if marked:
        inode = os.stat(home.database).st_ino
        said = {"why": "it is damaged", "inode": inode, "aside": "damaged-1", "more": 1}
        (home.library / MARKER_FILE).write_text(json.dumps(said))
    home.drop("scenario-d.json", scenario("d"))
    before = files(home.path)

    ends = [
        home.once(),
        home.ctl("restore", "latest"),
        home.ctl("restore", "batch:1"),
        home.ctl("undo", "1"),
        home.ctl("import", str(home.done)),
        home.ctl("list"),
    ]

    codes = [ended.code for ended in ends]
    assert codes == ([15, 15, 12, 12, 12, 15] if marked else [15] * 6)
    assert "has version 99, this scenariod knows" in ends[0].err
    assert files(home.path) == before
    assert home.names("inbox") == ["scenario-d.json"]


def test_its_batch_that_was_cut_off_runs_and_what_is_unknown_in_it_is_kept(home: Home) -> None:
    folder = home.work / "000009"
    folder.mkdir()
    (folder / "scenario-d.json").write_bytes(scenario("d"))
    (folder / "batch.json").write_text(json.dumps({"launches": [], "format": 2}))
    (folder / "verdict.json").write_text(json.dumps({"version": 2, "results": {}}))
    (folder / "plan.json").write_text("of a later version")

    ended = home.once()

    assert ended.code == 0, ended.err
    assert sorted(home.ids()) == ["a", "b", "c", "d"]
    assert (home.work / "000009.foreign" / "plan.json").read_text() == "of a later version"


def test_its_configuration_is_refused_before_anything_is_touched(home: Home) -> None:
    home.configure(backups={"keep_yearly": 3})
    before = files(home.path)

    assert home.once().code == 10
    assert files(home.path) == before
