"""Which backups were verified, when, and what is said of the newest one."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.home import Home
from support.makers import NOON
from support.scenarios import scenario

from scenariod import backups
from scenariod.backups import Defect, DefectKind, file_format
from scenariod.backups.ledger import LEDGER_FILE
from scenariod.backups.schedule import doubt
from scenariod.cli import main as ctl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOCUMENTS = [b'{"id": "one"}', b'{"id": "two"}\n']


def write(folder: Path, *, later_s: int = 0) -> Path:
    now = NOON + timedelta(seconds=later_s)
    return backups.write(folder, ([d] for d in DOCUMENTS), batch=7, now=now).path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of backups of a root folder that is otherwise empty."""
    made = tmp_path / "root" / "backups"
    made.mkdir(parents=True)
    return made


def ask(folder: Path, *words: str) -> int:
    return ctl.main(["--root", str(folder.parent), *words])


def checks(folder: Path) -> dict[str, backups.Check | None]:
    return {b.path.name: b.check for b in backups.list_backups(folder)}


# Damage


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def say_a_wrong_count(path: Path) -> None:
    content = path.read_bytes()[: -file_format.TAIL_BYTES].replace(b'"count":2', b'"count":3')
    digest = hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(content + digest + file_format.AFTER_DIGEST)


def make_foreign(path: Path) -> None:
    path.write_bytes(b'{"packInfo": {}, "scenarios": []}\n')


def have_a_later_version_write_it(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":3'))


def put_a_folder_there(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    DefectKind.CUT_OFF: (cut_off, "copy it again"),
    DefectKind.ALTERED: (flip_a_bit, "journalctl -k"),
    DefectKind.WRONG_COUNT: (say_a_wrong_count, "jq '.scenarios | length'"),
    DefectKind.FOREIGN: (make_foreign, "head -c 200"),
    DefectKind.LATER_VERSION: (have_a_later_version_write_it, "the version that wrote it"),
    DefectKind.UNREADABLE: (put_a_folder_there, "see its owner and mode"),
}


@pytest.mark.parametrize("kind", DAMAGES, ids=str)
def test_each_damage_is_told_apart_with_what_helps_and_the_newest_good_one(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: DefectKind
) -> None:
    good, bad = write(folder), write(folder, later_s=5)
    damage, advice = DAMAGES[kind]
    damage(bad)

    code = ask(folder, "backups", "verify", "--all")
    said = capsys.readouterr().out
    json_code = ask(folder, "--json", "backups", "verify", "--all")
    entries = json.loads(capsys.readouterr().out)

    assert set(DAMAGES) == set(DefectKind)
    assert code == json_code == 16
    assert f"{bad.name}  {kind}: " in said
    assert advice in said
    assert f"{good.name}  intact: 2 scenarios" in said
    assert f"the newest intact one: `scenariodctl restore {good.name}`" in said
    assert [(e["name"], e["whole"], e["defect"]) for e in entries] == [
        (bad.name, False, kind.value),
        (good.name, True, None),
    ]


def test_without_a_name_the_newest_is_verified_and_by_name_or_path_any(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older, newest = write(folder), write(folder, later_s=5)
    flip_a_bit(newest)

    codes = [
        ask(folder, "backups", "verify", *words)
        for words in ([], [older.stem], [older.name], [str(older)], [str(newest)])
    ]

    assert codes == [16, 0, 0, 0, 16]
    assert ask(folder, "backups", "verify", "nothing") == 18
    assert ask(folder, "backups", "verify", older.name, "--all") == 2


def test_no_backup_at_all_is_not_found_and_all_of_none_is_fine(folder: Path) -> None:
    assert ask(folder, "backups", "verify") == 18
    assert ask(folder, "backups", "verify", "--all") == 0


# What is remembered


def test_a_backup_that_was_written_is_known_as_verified(folder: Path) -> None:
    path = write(folder)

    check = checks(folder)[path.name]

    assert check is not None
    assert (check.checked_at, check.defect) == (NOON, None)


def test_of_which_library_a_backup_is_stays_known_until_the_file_changes(folder: Path) -> None:
    ours = backups.write(folder, [], batch=1, now=NOON, origin="then").path
    theirs = write(folder, later_s=5)

    ask(folder, "backups", "verify", "--all")
    verified = {b.path.name: b.origin for b in backups.list_backups(folder)}
    os.utime(ours, (1, 1))
    ask(folder, "backups", "verify", "--all")

    assert verified == {ours.name: "then", theirs.name: None}
    assert [b.origin for b in backups.list_backups(folder)] == [None, None]


def test_what_verify_finds_is_remembered_until_the_file_changes(folder: Path) -> None:
    path = write(folder)
    flip_a_bit(path)
    os.utime(path, (1, 1))
    before = checks(folder)[path.name]

    ask(folder, "backups", "verify", path.name)
    found = checks(folder)[path.name]
    flip_a_bit(path)
    os.utime(path, (2, 2))

    assert before is None
    assert found is not None
    assert found.defect is DefectKind.ALTERED
    assert checks(folder)[path.name] is None


def test_of_a_backup_that_lies_elsewhere_nothing_is_remembered_nor_said_to_be(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = write(folder)
    elsewhere = tmp_path / "disk" / "backups"
    elsewhere.mkdir(parents=True)
    copy = write(elsewhere)

    for path, remembered in ((ours, True), (copy, False)):
        assert ask(folder, "--json", "backups", "verify", str(path)) == 0
        (entry,) = json.loads(capsys.readouterr().out)
        assert entry["remembered"] is remembered
    assert list(checks(folder)) == [ours.name]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"backups": {"a": 1}}', b"\xff" * 99])
def test_a_garbled_ledger_means_that_nothing_is_verified_and_is_written_anew(
    folder: Path, content: bytes
) -> None:
    first = write(folder)
    (folder / LEDGER_FILE).write_bytes(content)

    known = checks(folder)
    second = write(folder, later_s=5)

    assert known == {first.name: None}
    assert checks(folder)[second.name] is not None


KEEP_MANY = backups.Rules(last=9, hourly=0, daily=0, weekly=0, monthly=0, max_total_bytes=0)


def test_one_that_cannot_be_read_now_may_be_whole_and_is_never_pruned_for_it(folder: Path) -> None:
    path, other = write(folder), write(folder, later_s=5)
    unreadable = Defect(path, DefectKind.UNREADABLE, "it cannot be read: Permission denied")

    backups.remember(folder, [unreadable], now=NOON)
    kept = backups.prune(folder, KEEP_MANY, now=NOON).keep

    assert checks(folder)[path.name] is None
    assert {decision.backup.name for decision in kept} == {path.name, other.name}


def test_what_a_later_version_has_remembered_of_one_backup_hides_nothing_of_the_others(
    folder: Path,
) -> None:
    first, second = write(folder), write(folder, later_s=5)
    ledger = json.loads((folder / LEDGER_FILE).read_bytes())
    ledger["backups"][first.name]["defect"] = "a defect of the future"
    (folder / LEDGER_FILE).write_text(json.dumps(ledger))

    known = checks(folder)

    assert known[first.name] is None
    assert known[second.name] is not None


def test_what_is_gone_is_forgotten(folder: Path) -> None:
    write(folder).unlink()
    path = write(folder, later_s=5)

    assert list(json.loads((folder / LEDGER_FILE).read_bytes())["backups"]) == [path.name]


def test_a_backup_that_cannot_be_remembered_does_not_count(folder: Path) -> None:
    (folder / LEDGER_FILE).mkdir()

    with pytest.raises(OSError, match="directory"):
        write(folder)

    assert backups.list_backups(folder) == []


def test_the_list_names_what_is_no_backup_of_this_version(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later, foreign, cut = (write(folder, later_s=s) for s in range(3))
    have_a_later_version_write_it(later)
    make_foreign(foreign)
    cut_off(cut)

    ask(folder, "backups")
    lines = capsys.readouterr().out.splitlines()
    ask(folder, "backups", "--json")
    entries = json.loads(capsys.readouterr().out)

    named = ["not whole", "not a backup of scenariod", "of a later version of scenariod"]
    assert [words in line for words, line in zip(named, lines, strict=True)] == [True] * 3
    assert [e["defect"] for e in entries] == ["cut-off", "foreign", "later-version"]
    assert [e["scenarios"] for e in entries] == [None] * 3


def test_the_list_says_what_was_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, unknown, good = (write(folder, later_s=s) for s in range(3))
    flip_a_bit(broken)
    ask(folder, "backups", "verify", broken.name)
    os.utime(unknown, (1, 1))
    capsys.readouterr()

    ask(folder, "backups")
    lines = capsys.readouterr().out.splitlines()
    ask(folder, "backups", "--json")
    entries = json.loads(capsys.readouterr().out)

    assert "verified 2026-03-14 12:00:02 UTC" in lines[0]
    assert "not verified" in lines[1]
    assert "found altered " in lines[2]
    assert [(e["verified"] is not None, e["defect"]) for e in entries] == [
        (True, None),
        (False, None),
        (False, "altered"),
    ]
    assert good.name in lines[0]


# Doubt


def listed(folder: Path, *, damage: Callable[[Path], None] | None = None) -> Any:
    path = write(folder)
    if damage is not None:
        damage(path)
        os.utime(path, (1, 1))
    return backups.newest(folder)


def test_the_newest_backup_is_doubted_where_it_is_none_unverified_damaged_or_too_old(
    folder: Path,
) -> None:
    def said(newest: backups.BackupFile | None, *, scenarios: int) -> str:
        return doubt(newest, scenarios=scenarios, growth=0.1)

    good = listed(folder)
    assert said(None, scenarios=0) == ""
    assert said(None, scenarios=1).startswith("there is no backup")
    assert said(good, scenarios=19) == ""
    assert said(good, scenarios=20).endswith("older than it should be: it lacks 18 of 20 scenarios")
    unverified = listed(folder, damage=flip_a_bit)
    assert "was not verified: `scenariodctl backups verify " in said(unverified, scenarios=2)
    ask(folder, "backups", "verify")
    assert " is altered: " in said(backups.newest(folder), scenarios=2)


@pytest.mark.slow
def test_the_daemon_verifies_the_newest_itself_and_replaces_one_that_is_damaged(
    home: Home,
) -> None:
    home.drop("scenario-1.json", scenario("one"))
    assert home.once().code == 0
    newest = backups.newest(home.backups)
    assert newest is not None
    flip_a_bit(newest.path)
    os.utime(newest.path, (1, 1))
    asleep = home.ctl("status", "--json").json()

    daemon = home.start()
    found = daemon.wait_for_status(  # a new one is there a moment before it is verified
        lambda s: s["newest_backup"] != newest.path.name and not s["backup_doubt"]
    )

    assert "was not verified" in asleep["backup_doubt"]
    assert f"the newest backup is unreliable: {newest.path.name} is altered" in (daemon.journal())
    assert isinstance(backups.verify(home.backups / found["newest_backup"]), backups.Verified)
