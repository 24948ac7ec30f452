"""Backups that no rule keeps are removed, and killed at any point no other is."""

from __future__ import annotations

import hashlib
import json
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from support.home import Home, wait_until
from support.makers import NOON, open_library
from support.scenarios import scenario

from scenariod import backups
from scenariod.backups import file_format
from scenariod.backups.folder import LOCK_FILE
from scenariod.backups.ledger import LEDGER_FILE
from scenariod.base.killpoint import VARIABLE, KillPoint

FEW: dict[str, object] = {"keep_last": 2, "keep_hourly": 3, "keep_daily": 0, "keep_weekly": 0}
FEW |= {"keep_monthly": 0}


@pytest.fixture
def many(home: Home) -> Home:
    """Return a root folder with ten backups, one each 20 minutes."""
    home.configure(backups=FEW)
    home.backups.mkdir()
    for number in range(10):
        now = NOON + timedelta(minutes=20 * number)
        backups.write(home.backups, [[b'{"id": "one"}']], batch=7, now=now)
    return home


def there(home: Home) -> list[str]:
    return sorted(path.name for path in home.backups.glob("scenarios-backup-*.json"))


def test_a_dry_run_explains_each_and_removes_none(many: Home) -> None:
    before = there(many)

    text, document = (
        many.ctl("backups", "prune", "--dry-run"),
        many.ctl(*("backups", "prune", "--dry-run", "--json")),
    )

    lines = text.out.splitlines()
    assert text.code == 0
    assert [line.split()[0] for line in lines] == [
        *("keep", "keep", "remove", "remove", "keep", "remove", "remove", "remove", "remove"),
        *("remove", "would"),
    ]
    assert lines[0].endswith(
        "verified  one of the last 2; the newest of hour 2026-03-14 15:00; the newest verified one"
    )
    assert lines[2].endswith("no rule keeps it")
    assert lines[-1].startswith("would remove 7 of 10 backups")
    assert document.json()["dry_run"] is True
    assert [b["name"] for b in document.json()["backups"]] == before[::-1]
    assert there(many) == before


def test_prune_removes_what_the_dry_run_said_and_forgets_what_it_knew_of_it(many: Home) -> None:
    planned = many.ctl("backups", "prune", "--dry-run", "--json").json()["backups"]

    ended = many.ctl("backups", "prune")

    kept = sorted(b["name"] for b in planned if b["keep"])
    assert ended.code == 0
    assert ended.out.splitlines()[-1].startswith("removed 7 of 10 backups")
    assert there(many) == kept
    known = json.loads((many.backups / LEDGER_FILE).read_bytes())["backups"]
    assert sorted(known) == kept
    assert many.ctl("backups", "prune").out.splitlines()[-1].startswith("removed 0 of 3 backups")


def test_a_clock_that_was_ahead_once_does_not_end_the_keeping_of_days(home: Home) -> None:
    home.configure(backups={**FEW, "keep_daily": 7})
    home.backups.mkdir()
    written = [
        backups.write(home.backups, [[b'{"id": "one"}']], batch=7, now=NOON + timedelta(days=day))
        for day in (0, 1, 365, *range(2, 20))
    ]

    assert home.ctl("backups", "prune").code == 0

    assert there(home) == [each.path.name for each in written[-7:]]


def test_nothing_but_backups_is_touched(many: Home) -> None:
    others = ["scenarios-backup-17.json.copy", "notes.txt", "scenarios-backup-1.json"]
    for name in others:
        (many.backups / name).write_text("mine")

    many.ctl("backups", "prune")

    left = {path.name for path in many.backups.iterdir()}
    assert left == {*others, *there(many), LOCK_FILE, LEDGER_FILE}


def test_a_link_stays_and_counts_for_no_backup(home: Home) -> None:
    home.configure(backups=FEW | {"keep_last": 1, "keep_hourly": 0})
    home.backups.mkdir()
    old, new = (
        backups.write(home.backups, [[b'{"id": "one"}']], batch=7, now=NOON + timedelta(days=day))
        for day in (0, 1)
    )
    link = home.backups / "scenarios-backup-1899999999999.json"
    link.symlink_to(new.path)
    assert home.ctl("backups", "verify", "--all").code == 0

    home.ctl("backups", "prune")

    assert there(home) == sorted([new.path.name, link.name])
    assert not old.path.exists()


def resigned(content: bytes, old: bytes, new: bytes) -> bytes:
    body = content[: -file_format.TAIL_BYTES].replace(old, new)
    assert body != content[: -file_format.TAIL_BYTES]
    return body + hashlib.sha256(body).hexdigest().encode() + file_format.AFTER_DIGEST


def not_of_this_version(whole: bytes) -> list[bytes]:
    return [
        resigned(whole, b'"format":1', b'"format":9'),
        resigned(whole, b'"count"', b'"tool":"x","count"'),
        resigned(whole, b'],"sha256"', b'],"tool":1,"sha256"'),
        b'{"scenarios":[\n{"id":"one"}\n]}\n',
        b'{\n  "scenarios": []\n}\n',
        whole[:-40],
        b"",
    ]


def put_among(home: Home, contents: list[bytes], *, first: int) -> set[str]:
    """Put these among the backups, under names from `first` on; return the names."""
    numbered = {f"scenarios-backup-{first + n}.json": c for n, c in enumerate(contents)}
    for name, content in numbered.items():
        (home.backups / name).write_bytes(content)
    return set(numbered)


@pytest.mark.parametrize("first", [10**12, 10**15], ids=["older", "newer"])
def test_what_this_version_cannot_read_is_kept_and_not_counted_verified_or_not(
    many: Home, first: int
) -> None:
    whole = (many.backups / there(many)[0]).read_bytes()
    theirs = not_of_this_version(whole)
    kept = put_among(many, theirs, first=first)
    planned = many.ctl("backups", "prune", "--dry-run", "--json").json()["backups"]

    many.ctl("backups", "prune")
    unverified = set(there(many))
    many.ctl("backups", "verify", "--all")
    many.ctl("backups", "prune")

    assert len(unverified - kept) == 3  # as without them
    assert kept <= unverified
    assert set(there(many)) == unverified
    assert {b["standing"] for b in planned if b["name"] in kept} == {"not ours"}


@pytest.mark.slow
def test_the_daemon_removes_no_backup_that_it_cannot_read_as_after_a_downgrade(home: Home) -> None:
    home.configure(backups={**FEW, "keep_last": 1, "keep_hourly": 0})
    home.drop("scenario-1.json", scenario("one"))
    assert home.once().code == 0
    whole = (home.backups / there(home)[0]).read_bytes()
    kept = put_among(home, not_of_this_version(whole), first=10**12)
    kept |= put_among(home, not_of_this_version(whole), first=10**15)

    for number in (2, 3):
        home.drop(f"scenario-{number}.json", scenario(f"s-{number}"))
        assert home.once().code == 0

    assert kept <= set(there(home))
    assert len(set(there(home)) - kept) == 1


def test_without_backups_there_is_nothing_to_do(home: Home) -> None:
    assert home.ctl("backups", "prune").out == "removed 0 of 0 backups, 0 KB\n"


@pytest.mark.parametrize("kills", [1, 2, 4])
@pytest.mark.parametrize("point", [KillPoint.BACKUP_REMOVED, KillPoint.BACKUPS_PRUNED])
def test_killed_while_pruning_no_other_is_gone_and_the_next_one_completes_it(
    many: Home, tmp_path: Path, point: KillPoint, kills: int
) -> None:
    plan = backups.planned(many.backups, rules(many))
    keep = sorted(d.backup.name for d in plan.keep)
    gone = [d.backup.name for d in reversed(plan.remove)]
    orders = tmp_path / "orders"
    orders.mkdir()

    for number in range(1, kills + 1):
        (orders / point).write_text("")
        ended = many.ctl("backups", "prune", environment={VARIABLE: str(orders)})
        if point is KillPoint.BACKUPS_PRUNED and number > 1:
            assert ended.code == 0
            break
        assert ended.code == -signal.SIGKILL
        left = there(many)
        assert set(keep) <= set(left)
        if point is KillPoint.BACKUP_REMOVED:
            assert left == sorted([*keep, *gone[number:]])

    assert many.ctl("backups", "prune").code == 0
    assert there(many) == keep
    assert all(b.is_verified for b in backups.list_backups(many.backups))


def rules(home: Home) -> backups.Rules:
    return backups.Rules(last=2, hourly=3, daily=0, weekly=0, monthly=0, max_total_bytes=0)


@pytest.mark.slow
def test_the_daemon_prunes_once_the_inbox_is_empty(many: Home) -> None:
    many.library.mkdir()
    open_library(many.library).close()  # without one, these backups would be what it is made of
    many.drop("scenario-1.json", scenario("one"))

    ended = many.once()

    assert ended.code == 0
    assert "removed 8 backups that no rule keeps" in ended.err
    assert len(there(many)) == 4
    assert many.ids() == ["one"]


@pytest.mark.slow
def test_with_a_backup_before_each_batch_a_long_drain_keeps_no_more_than_the_rules(
    home: Home,
) -> None:
    home.configure(backups={**FEW, "keep_hourly": 0, "every": "batch"})
    home.drop_many(range(12))

    daemon = home.start()
    daemon.wait_for(": 12 scenarios, verified")

    wait_until(lambda: len(there(home)) == 2, "the last two are left")
    assert daemon.journal().count(": 0 scenarios, verified") == 1
    assert daemon.journal().count("scenarios, verified") == 7
