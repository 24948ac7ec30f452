from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.home import AS_ROOT, POWERLESS, mounted, run

from scenariod.intake import inbox as inbox_module
from scenariod.intake import order
from scenariod.intake.inbox import MOST_HELD, WINDOW, Inbox, Look
from scenariod.intake.readiness import Hold

SETTLE_S = 2.0
HOSTILE = [
    b"scenario-a b.json",
    b"scenario-new\nline.json",
    b"scenario-'\"`$(x).json",
    b"scenario-\x1b[31mred.json",
    b"scenario-\xff\xfe.json",
    b"scenario-" + b"x" * (255 - 14) + b".json",
    "scenario-ä🤖.json".encode(),
    b"scenario-.json",
    b"scenario---help.json",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = tmp_path / "batch"
    made.mkdir()
    return made


@pytest.fixture
def inbox(folder: Path) -> Inbox:
    return Inbox(folder, settle_s=SETTLE_S)


def put(folder: Path, name: str, content: bytes = b"{}") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def ready(look: Look) -> list[str]:
    return [file.name for file in look.ready]


def held(look: Look) -> dict[str, Hold]:
    return {waiting.name: waiting.hold for waiting in look.waiting}


def test_a_file_that_the_disk_could_not_read_is_left_alone_for_longer_each_time(
    tmp_path: Path,
) -> None:
    inbox = Inbox(tmp_path, settle_s=0.1)
    bad, good = tmp_path / "scenario-1.json", tmp_path / "scenario-2.json"
    bad.write_text("{}")
    good.write_text("{}")
    held_s = []
    now = 0.0

    for _ in range(8):
        inbox.set_aside("scenario-1.json", now=now)
        aside = now
        assert [w.hold for w in inbox.look(now=now + 1).waiting] == [Hold.DAMAGED]
        bad.rename(tmp_path / "away")  # it is claimed, and comes back
        inbox.look(now=now + 2)
        (tmp_path / "away").rename(bad)
        while "scenario-1.json" not in [file.name for file in inbox.look(now=now).ready]:
            now += 30
        held_s.append(now - aside)

    assert held_s == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert [file.name for file in inbox.look(now=now).ready][-1] == "scenario-2.json"


def test_another_file_in_the_place_of_a_damaged_one_is_taken_at_once(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, settle_s=0.1)
    (tmp_path / "scenario-1.json").write_text("{}")
    inbox.set_aside("scenario-1.json", now=0)
    (tmp_path / "other").write_text("{}")
    (tmp_path / "other").rename(tmp_path / "scenario-1.json")

    inbox.look(now=1)
    look = inbox.look(now=2)

    assert [file.name for file in look.ready] == ["scenario-1.json"]


def test_it_is_known_when_a_file_was_dropped_whatever_its_mtime(tmp_path: Path) -> None:
    (tmp_path / "scenario-1.json").write_text("{}")
    os.utime(tmp_path / "scenario-1.json", (0, 0))
    before = datetime.now(UTC)

    found = Inbox(tmp_path, settle_s=1).dropped_at(["scenario-1.json", "scenario-2.json"])

    assert list(found) == ["scenario-1.json"]
    told = datetime.fromisoformat(found["scenario-1.json"])
    assert abs((told - before).total_seconds()) < 5


def test_a_written_and_closed_file_is_ready_at_once(folder: Path, inbox: Inbox) -> None:
    put(folder, "scenario-1.json")

    look = inbox.look(now=100.0)

    assert ready(look) == ["scenario-1.json"]
    assert (look.waiting, look.total, look.look_again_s) == ([], 1, None)


def test_files_come_in_natural_order(folder: Path, inbox: Inbox) -> None:
    for number in (11, 2, 100, 1):
        put(folder, f"scenario-{number}.json")

    look = inbox.look(now=100.0)

    assert ready(look) == [f"scenario-{number}.json" for number in (1, 2, 11, 100)]


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "scenario-1.json.part",
        ".scenario-1.json",
        "scenario-1.json~",
        "scenario-1.json.swp",
        "._scenario-1.json",
        "scenario-1.JSON",
        "my-scenario-1.json",
    ],
)
def test_what_is_not_named_like_a_scenario_is_left_alone(
    folder: Path, inbox: Inbox, name: str
) -> None:
    put(folder, name)

    look = inbox.look(now=100.0)

    assert (look.ready, look.waiting, look.total) == ([], [], 0)


def test_a_file_is_held_while_its_writer_has_it_open_and_ready_once_it_is_closed(
    folder: Path, inbox: Inbox
) -> None:
    with (folder / "scenario-1.json").open("wb") as writer:
        writer.write(b"{}")
        writer.flush()
        soon = inbox.look(now=100.0)
        late = inbox.look(now=100.0 + 10 * SETTLE_S)
    closed = inbox.look(now=100.1 + 10 * SETTLE_S)

    assert held(soon) == held(late) == {"scenario-1.json": Hold.WRITING}
    assert soon.look_again_s is not None
    assert ready(closed) == ["scenario-1.json"]


def test_an_empty_file_is_held_until_it_has_settled(folder: Path, inbox: Inbox) -> None:
    put(folder, "scenario-1.json", b"")

    soon = inbox.look(now=100.0)
    settled = inbox.look(now=100.0 + SETTLE_S)

    assert held(soon) == {"scenario-1.json": Hold.SETTLING}
    assert soon.look_again_s == SETTLE_S
    assert ready(settled) == ["scenario-1.json"]


def test_a_file_that_changes_settles_anew(folder: Path, inbox: Inbox) -> None:
    path = put(folder, "scenario-1.json", b"")

    inbox.look(now=100.0)
    os.utime(path, ns=(1, 1))
    again = inbox.look(now=100.0 + SETTLE_S)

    assert held(again) == {"scenario-1.json": Hold.SETTLING}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_file_of_somebody_else_is_ready_once_it_has_settled(folder: Path) -> None:
    path = put(folder, "scenario-1.json")
    path.chmod(0o644)
    os.chown(path, 65534, 65534)

    looks = powerless(
        "from pathlib import Path; from scenariod.intake.inbox import Inbox\n"
        f"inbox = Inbox(Path({str(folder)!r}), settle_s=2.0)\n"
        "soon, settled = inbox.look(now=100.0), inbox.look(now=102.0)\n"
        "print(soon.waiting[0].hold.name, soon.look_again_s, settled.ready[0].name)"
    )

    assert looks == "SETTLING 2.0 scenario-1.json"


def test_a_file_that_may_not_be_read_is_held_with_what_to_do(folder: Path, target: Path) -> None:
    put(folder, "scenario-1.json").chmod(0)

    looks = powerless(
        "from pathlib import Path; from scenariod.intake.inbox import Inbox\n"
        f"inbox = Inbox(Path({str(folder)!r}), settle_s=2.0)\n"
        "looks = [inbox.look(now=now) for now in (100.0, 1000.0)]\n"
        "print(*(look.waiting[0].hold for look in looks), looks[0].look_again_s, sep='|')"
    )

    assert looks == f"{Hold.UNREADABLE}|{Hold.UNREADABLE}|None"
    assert "chmod" in Hold.UNREADABLE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_file_that_may_not_be_moved_is_held_and_the_others_are_claimed(
    folder: Path, target: Path
) -> None:
    put(folder, "scenario-1.json")
    os.chown(folder / "scenario-1.json", 65534, 65534)
    put(folder, "scenario-2.json")
    folder.chmod(0o1777)
    os.chown(folder, 65534, 65534)

    told = powerless(
        "from pathlib import Path; from scenariod.intake.inbox import Inbox\n"
        f"inbox = Inbox(Path({str(folder)!r}), settle_s=2.0)\n"
        "inbox.look(now=100.0); names = [f.name for f in inbox.look(now=102.0).ready]\n"
        f"print(inbox.claim(names, into=Path({str(target)!r}), now=102.0))\n"
        "inbox.look(now=103.0)\n"
        "print([(w.name, w.hold.name) for w in inbox.look(now=106.0).waiting])\n"
        "print([f.name for f in inbox.look(now=200.0).ready])"
    )

    assert told.splitlines() == [
        "['scenario-2.json']",
        "[('scenario-1.json', 'UNMOVABLE')]",
        "['scenario-1.json']",
    ]


def test_a_file_behind_any_number_that_may_not_be_read_is_found(folder: Path) -> None:
    many = MOST_HELD + 3 * WINDOW // 2
    for number in range(many):
        put(folder, f"scenario-{number}.json").chmod(0)
    put(folder, f"scenario-{many}.json")

    told = powerless(
        "from pathlib import Path; from scenariod.intake.inbox import Inbox\n"
        f"inbox, now, ready = Inbox(Path({str(folder)!r}), settle_s=2.0), 100.0, []\n"
        "while not ready and now < 200.0:\n"
        "    look = inbox.look(now=now)\n"
        "    ready, now = look.ready, now + 1.0\n"
        "print([file.name for file in ready])"
    )

    assert told == f"['scenario-{many}.json']"


def powerless(code: str) -> str:
    """Run `code` in a process without root's power over the files of others."""
    return run([*POWERLESS, sys.executable, "-c", code]).out.strip()


@pytest.mark.parametrize("kind", ["folder", "link", "dead link", "fifo", "socket"])
def test_what_is_no_regular_file_is_ready_once_it_has_settled_and_never_opened(
    folder: Path, target: Path, inbox: Inbox, kind: str
) -> None:
    path = folder / "scenario-1.json"
    make_special(path, kind)

    soon = inbox.look(now=100.0)
    settled = inbox.look(now=100.0 + SETTLE_S)
    claimed = inbox.claim(["scenario-1.json"], into=target, now=100.0 + SETTLE_S)

    assert held(soon) == {"scenario-1.json": Hold.SETTLING}
    assert ready(settled) == claimed == ["scenario-1.json"]
    assert os.path.lexists(target / "scenario-1.json")


def make_special(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
        (path / "within.txt").write_text("kept")
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "dead link":
        path.symlink_to("/nowhere/at/all")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as made:
            here = os.open(path.parent, os.O_PATH)
            made.bind(f"/proc/self/fd/{here}/{path.name}")
            os.close(here)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_any_name_that_the_file_system_takes_can_be_claimed(
    folder: Path, target: Path, inbox: Inbox, name: bytes
) -> None:
    put(folder, os.fsdecode(name), b'{"a": 1}')

    look = inbox.look(now=100.0)
    claimed = inbox.claim(ready(look), into=target, now=100.0)

    assert [os.fsencode(n) for n in claimed] == [name]
    assert os.listdir(os.fsencode(target)) == [name]
    assert os.listdir(folder) == []


def test_a_claimed_file_is_the_same_file_at_another_place(
    folder: Path, target: Path, inbox: Inbox
) -> None:
    before = put(folder, "scenario-1.json", b'{"a": "content"}').stat()

    inbox.look(now=100.0)
    inbox.claim(["scenario-1.json"], into=target, now=100.0)

    after = (target / "scenario-1.json").stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (
        *(before.st_ino, before.st_size, before.st_mtime_ns),
    )


def test_a_file_that_vanished_is_not_claimed_and_its_partner_is(
    folder: Path, target: Path, inbox: Inbox
) -> None:
    gone = put(folder, "scenario-1.json")
    put(folder, "scenario-2.json")
    look = inbox.look(now=100.0)
    gone.unlink()

    claimed = inbox.claim(ready(look), into=target, now=100.0)

    assert claimed == ["scenario-2.json"]


def test_a_file_whose_writer_came_back_is_not_claimed(
    folder: Path, target: Path, inbox: Inbox
) -> None:
    path = put(folder, "scenario-1.json")
    look = inbox.look(now=100.0)

    with path.open("ab"):
        claimed = inbox.claim(ready(look), into=target, now=100.0)

    assert ready(look) == ["scenario-1.json"]
    assert claimed == []
    assert path.exists()


def test_a_file_keeps_its_place_from_when_it_became_ready(folder: Path, inbox: Inbox) -> None:
    put(folder, "scenario-1.json")

    inbox.look(now=100.0)
    later = inbox.look(now=103.0)

    assert [file.since for file in later.ready] == [100.0]


def test_of_very_many_files_the_first_are_looked_at_and_all_are_counted(
    folder: Path, inbox: Inbox
) -> None:
    for number in range(WINDOW + 50):
        (folder / f"scenario-{number}.json").touch()

    look = inbox.look(now=100.0)

    assert look.total == WINDOW + 50
    assert len(look.waiting) == WINDOW
    assert held(look).keys() == {f"scenario-{number}.json" for number in range(WINDOW)}


@pytest.fixture
def dropped_ns(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return a table of when each file was dropped, which counts in place of its ctime."""
    drops, table = inbox_module._drops, dict[str, int]()

    def by_table(folder: int) -> Iterator[tuple[int, str]]:
        return ((table[name], name) for _, name in drops(folder))

    monkeypatch.setattr(inbox_module, "_drops", by_table)
    return table


def test_the_oldest_drop_goes_first_and_in_each_the_order_is_natural(
    folder: Path, inbox: Inbox, dropped_ns: dict[str, int]
) -> None:
    first_ns = time.time_ns() - 2 * order.DROP_NS
    after_ns = {9: 0, 10: 1, 11: order.DROP_NS, 2: order.DROP_NS + 1, 1: 2 * order.DROP_NS - 1}
    for number, its_ns in after_ns.items():
        put(folder, f"scenario-{number}.json")
        dropped_ns[f"scenario-{number}.json"] = first_ns + its_ns

    look = inbox.look(now=100.0)

    assert ready(look) == [f"scenario-{number}.json" for number in (9, 10, 1, 2, 11)]


def test_no_file_waits_for_ever_behind_new_ones(
    folder: Path,
    target: Path,
    inbox: Inbox,
    dropped_ns: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_ns = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now_ns)
    put(folder, "scenario-9999.json")
    dropped_ns["scenario-9999.json"] = now_ns
    claimed = []

    for number in range(1, 5):
        put(folder, f"scenario-{number}.json")
        dropped_ns[f"scenario-{number}.json"] = now_ns
        first = ready(inbox.look(now=100.0))[:1]
        claimed += inbox.claim(first, into=target, now=100.0)
        now_ns += order.DROP_NS // 2

    assert claimed == [f"scenario-{number}.json" for number in (1, 2, 9999, 3)]


def test_what_is_older_than_the_clock_says_goes_first(
    folder: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "scenario-9.json")
    year_ns = 365 * 24 * 3600 * 10**9
    now_ns = time.time_ns() - year_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns)

    assert ready(inbox.look(now=100.0)) == ["scenario-9.json"]


@AS_ROOT
def test_an_inbox_on_another_mount_is_the_environments_fault(
    folder: Path, target: Path, inbox: Inbox
) -> None:
    with mounted("-t", "tmpfs", "scenariod-test", at=folder):
        put(folder, "scenario-1.json")
        look = inbox.look(now=100.0)

        with pytest.raises(OSError, match="not on one mount any more"):
            inbox.claim(ready(look), into=target, now=100.0)

        assert os.listdir(folder) == ["scenario-1.json"]


def test_an_inbox_that_is_gone_is_an_error_and_not_an_empty_one(folder: Path, inbox: Inbox) -> None:
    folder.rmdir()

    with pytest.raises(FileNotFoundError):
        inbox.look(now=100.0)
