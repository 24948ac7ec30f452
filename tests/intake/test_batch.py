from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from functools import partial
from pathlib import Path

import pytest

from scenariod.base.durable import rename_without_replacing
from scenariod.base.names import REASON_SUFFIX, with_suffix
from scenariod.base.value import replace
from scenariod.intake.batch import NOTE_FILE, Batch, Work
from scenariod.intake.delivery import Delivery

LONGEST = "scenario-" + "x" * 241 + ".json"
HOSTILE = [
    "scenario-a b.json",
    "scenario-new\nline.json",
    "scenario-'\"`$(x).json",
    "scenario-\x1b[31m.json",
    os.fsdecode(b"scenario-\xff\xfe.json"),
    LONGEST,
]


@pytest.fixture
def work(tmp_path: Path) -> Work:
    for name in ("work", "done", "failed"):
        (tmp_path / name).mkdir()
    return Work(tmp_path / "work")


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return where what is synced is noted, in its order."""
    seen: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        seen.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return seen


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    return Delivery(inbox=tmp_path / "inbox", done=tmp_path / "done", failed=tmp_path / "failed")


def claimed(work: Work, batch_id: int, *names: str, content: str = "x") -> Batch:
    batch = work.create(batch_id)
    for name in names:
        (batch.folder / name).write_text(content)
    return batch


def told_of(batch_id: int, stored_as: Path) -> dict[str, object]:
    return {"batch": batch_id, "file": stored_as.name}


def listed(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_batchs_folder_is_nobody_elses(work: Work) -> None:
    batch = work.create(7)

    assert batch.folder.name == "000007"
    assert stat.S_IMODE(batch.folder.stat().st_mode) == 0o700


def test_two_batches_never_share_a_folder(work: Work) -> None:
    work.create(7)

    with pytest.raises(FileExistsError):
        work.create(7)


def test_what_was_cut_off_is_found_oldest_first(work: Work, tmp_path: Path) -> None:
    for batch_id in (11, 2, 1000000):
        claimed(work, batch_id, "scenario-1.json")
    (tmp_path / "work" / "lost+found").mkdir()

    assert [batch.id for batch in work.batches()] == [2, 11, 1000000]


def test_the_files_of_a_batch_come_in_natural_order_without_its_notes(work: Work) -> None:
    batch = claimed(work, 1, "scenario-11.json", "scenario-2.json", "verdict.json")

    work.count_attempt(batch)

    assert batch.names() == ["scenario-2.json", "scenario-11.json"]


def test_attempts_are_counted_durably(work: Work) -> None:
    batch = work.create(1)

    once = work.count_attempt(batch)
    twice = work.count_attempt(once)
    back = work.count_attempt(twice, by=-1)

    assert (once.attempts, twice.attempts, back.attempts) == (1, 2, 1)
    assert work.batches() == [back]


def test_what_cost_no_attempt_and_a_larger_limit_are_noted_durably(work: Work) -> None:
    batch = work.count_attempt(work.create(1))

    spared = work.spare(batch)
    larger = work.allow_more(spared)

    assert (spared.attempts, spared.spared, spared.larger) == (0, 1, False)
    assert (larger.spared, larger.larger) == (1, True)
    assert work.batches() == [larger]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"attempts": null}', b'{"other": 1}'])
def test_a_note_that_was_cut_off_counts_as_one_attempt(work: Work, note: bytes) -> None:
    batch = work.create(1)
    (batch.folder / NOTE_FILE).write_bytes(note)

    assert [batch.attempts for batch in work.batches()] == [1]


def test_a_batch_without_a_note_may_have_been_launched_once(work: Work) -> None:
    """A power cut takes the first one, which is not synced."""
    claimed(work, 1, "scenario-1.json")

    assert [batch.attempts for batch in work.batches()] == [1]


def test_each_launch_but_the_first_is_on_the_disk_before_it(work: Work, synced: list[str]) -> None:
    first = work.count_attempt(work.create(1))
    before_second = list(synced)
    work.count_attempt(first)

    assert before_second == []
    assert [Path(path).name for path in synced] == [f".{NOTE_FILE}.{os.getpid()}.part", "000001"]


def test_a_launch_after_one_that_was_taken_back_is_on_the_disk_before_it(
    work: Work, synced: list[str]
) -> None:
    """Else a power cut could leave the note that says that there was none, again and again."""
    back = work.count_attempt(work.count_attempt(work.create(1)), by=-1)
    synced.clear()

    work.count_attempt(back)

    assert [Path(path).name for path in synced] == [f".{NOTE_FILE}.{os.getpid()}.part", "000001"]


def test_files_set_apart_are_a_batch_of_their_own(work: Work) -> None:
    batch = claimed(work, 1, "scenario-1.json", "scenario-2.json")

    apart = work.set_apart(batch, ["scenario-2.json"], batch_id=2)

    assert batch.names() == ["scenario-1.json"]
    assert (apart.id, apart.names(), apart.attempts) == (2, ["scenario-2.json"], 0)


def test_a_verdict_is_read_and_forgotten(work: Work) -> None:
    batch = work.create(1)

    none = work.verdict(batch)
    (batch.folder / "verdict.json").write_bytes(b"{}")
    there = work.verdict(batch)
    work.forget_verdict(batch)
    work.forget_verdict(batch)

    assert (none, there, work.verdict(batch)) == (None, b"{}", None)


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "huge"])
def test_what_a_hijacked_worker_left_as_verdict_is_none(
    work: Work, kind: str, tmp_path: Path
) -> None:
    batch = work.create(1)
    path = batch.folder / "verdict.json"
    if kind == "link":
        (tmp_path / "secret").write_text("{}")
        path.symlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)

    assert work.verdict(batch) is None


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_any_name_gets_to_done_and_to_failed(
    work: Work, delivery: Delivery, tmp_path: Path, name: str
) -> None:
    delivery.to_done(claimed(work, 1, name), name)
    delivery.to_failed(claimed(work, 2, name), name, reason=lambda _: {"code": "not-json"})

    assert listed(tmp_path / "done") == [name]
    reasons = [n for n in listed(tmp_path / "failed") if n != name]
    assert len(reasons) == 1
    assert reasons[0].endswith(".reason.json")
    said = json.loads((tmp_path / "failed" / reasons[0]).read_bytes())
    assert said == {"code": "not-json"}


def test_done_never_overwrites(work: Work, delivery: Delivery, tmp_path: Path) -> None:
    moved = []
    for batch_id, content in enumerate(["first", "second", "third"], start=1):
        batch = claimed(work, batch_id, "scenario-1.json", content=content)
        moved.append(delivery.to_done(batch, "scenario-1.json"))

    assert [path.name for path in moved if path] == [
        "scenario-1.json",
        "scenario-1.b000002.json",
        "scenario-1.b000003.json",
    ]
    assert [path.read_text() for path in moved if path] == ["first", "second", "third"]


@pytest.mark.parametrize("name", ["scenario-1.json", LONGEST], ids=["short", "255 bytes"])
def test_failed_never_overwrites_a_file_or_a_reason(
    work: Work, delivery: Delivery, tmp_path: Path, name: str
) -> None:
    for batch_id in (1, 2, 3):
        batch = claimed(work, batch_id, name, content=f"content {batch_id}")
        delivery.to_failed(batch, name, reason=partial(told_of, batch_id))

    files = [p for p in (tmp_path / "failed").iterdir() if not p.name.endswith(".reason.json")]
    reasons = [p for p in (tmp_path / "failed").iterdir() if p.name.endswith(".reason.json")]
    assert sorted(p.read_text() for p in files) == ["content 1", "content 2", "content 3"]
    assert sorted(json.loads(p.read_bytes())["batch"] for p in reasons) == [1, 2, 3]


@pytest.mark.parametrize("name", ["scenario-1.json", LONGEST], ids=["short", "255 bytes"])
def test_a_free_name_is_found_however_many_are_taken(
    work: Work, delivery: Delivery, tmp_path: Path, name: str
) -> None:
    batches = 300

    for number in range(batches):  # as a library that begins again at batch 1 would
        shutil.rmtree(tmp_path / "work" / "000001", ignore_errors=True)
        batch = claimed(work, 1, name, content=str(number))
        to = (
            delivery.to_done,
            partial(delivery.to_failed, reason=lambda stored_as: {"is": stored_as.name}),
        )
        assert to[number % 2](batch, name) is not None

    for folder in ("done", "failed"):
        files = [p for p in (tmp_path / folder).iterdir() if not p.name.endswith(REASON_SUFFIX)]
        assert len({p.read_text() for p in files}) == batches // 2
        assert all(len(os.fsencode(p.name)) <= 255 for p in files)
    for file in files:
        beside = file.with_name(with_suffix(file.name, REASON_SUFFIX))
        assert json.loads(beside.read_bytes()) == {"is": file.name}


def test_what_is_known_of_a_claim_is_kept_with_the_attempts_and_goes_where_its_files_go(
    work: Work,
) -> None:
    dropped_at = {"scenario-1.json": "2026-03-14T11:59:00+00:00"}
    made = claimed(work, 1, "scenario-1.json")

    work.count_attempt(replace(made, claimed_at="2026-03-14T12:00:00+00:00", dropped_at=dropped_at))
    (found,) = work.batches()
    apart = work.set_apart(found, ["scenario-1.json"], batch_id=2)

    for batch in (found, apart):
        assert batch.claimed_at == "2026-03-14T12:00:00+00:00"
        assert batch.dropped_at == dropped_at


def test_a_folder_in_the_place_of_a_reason_is_left_alone(
    work: Work, delivery: Delivery, tmp_path: Path
) -> None:
    batch = claimed(work, 7, "scenario-1.json")
    (tmp_path / "failed" / "scenario-1.json.reason.json").mkdir()

    moved = delivery.to_failed(batch, "scenario-1.json", reason=partial(told_of, 7))

    assert moved == tmp_path / "failed" / "scenario-1.b000007.json"
    assert json.loads(moved.with_name(moved.name + REASON_SUFFIX).read_text())["batch"] == 7
    assert len(listed(tmp_path / "failed")) == 3


def test_a_link_or_folder_in_done_is_never_followed_or_replaced(
    work: Work, delivery: Delivery, tmp_path: Path
) -> None:
    (tmp_path / "done" / "scenario-1.json").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "done" / "scenario-1.b000001.json").mkdir()
    batch = claimed(work, 1, "scenario-1.json", content="mine")

    moved = delivery.to_done(batch, "scenario-1.json")

    assert moved is not None
    assert (moved.name, moved.read_text()) == ("scenario-1.b000001-2.json", "mine")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_the_disk_cannot_find_now_was_not_moved(
    work: Work, delivery: Delivery, tmp_path: Path
) -> None:
    batch = work.create(1)
    (batch.folder / "scenario-1.json").touch()
    batch.folder.rename(tmp_path / "aside")
    batch.folder.touch()

    with pytest.raises(NotADirectoryError):
        delivery.to_done(batch, "scenario-1.json")


def test_to_move_a_file_twice_does_nothing_the_second_time(
    work: Work, delivery: Delivery, tmp_path: Path
) -> None:
    batch = claimed(work, 1, "scenario-1.json", "scenario-2.json")

    delivery.to_done(batch, "scenario-1.json")
    delivery.to_failed(batch, "scenario-2.json", reason=lambda _: {"code": "empty"})
    before = (listed(tmp_path / "done"), listed(tmp_path / "failed"))
    again = (
        delivery.to_done(batch, "scenario-1.json"),
        delivery.to_failed(batch, "scenario-2.json", reason=lambda _: {"code": "other"}),
    )

    assert again == (None, None)
    assert (listed(tmp_path / "done"), listed(tmp_path / "failed")) == before
    assert json.loads((tmp_path / "failed" / "scenario-2.json.reason.json").read_bytes()) == {
        "code": "empty",
    }


def test_a_mended_file_takes_its_old_reason_with_it(
    work: Work, delivery: Delivery, tmp_path: Path
) -> None:
    delivery.to_failed(claimed(work, 1, "scenario-1.json"), "scenario-1.json", reason=lambda _: {})
    (tmp_path / "failed" / "scenario-1.json").unlink()

    delivery.to_done(claimed(work, 2, "scenario-1.json"), "scenario-1.json")

    assert listed(tmp_path / "failed") == []


def test_a_failed_file_keeps_its_reason_when_a_namesake_is_done(
    work: Work, delivery: Delivery, tmp_path: Path
) -> None:
    delivery.to_failed(claimed(work, 1, "scenario-1.json"), "scenario-1.json", reason=lambda _: {})

    delivery.to_done(claimed(work, 2, "scenario-1.json"), "scenario-1.json")

    assert listed(tmp_path / "failed") == ["scenario-1.json", "scenario-1.json.reason.json"]


def test_a_settled_batchs_folder_goes_with_its_notes(work: Work, tmp_path: Path) -> None:
    batch = work.count_attempt(claimed(work, 1, "verdict.json", ".verdict.json.99.part"))

    work.remove(batch)

    assert listed(tmp_path / "work") == []


def test_a_folder_that_still_holds_a_file_is_never_removed(work: Work) -> None:
    batch = claimed(work, 1, "scenario-1.json")

    with pytest.raises(OSError, match="not empty"):
        work.remove(batch)

    assert batch.names() == ["scenario-1.json"]


def test_a_rename_never_replaces(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")

    with pytest.raises(FileExistsError):
        rename_without_replacing(tmp_path / "a", tmp_path / "b")
    with pytest.raises(FileNotFoundError) as caught:
        rename_without_replacing(tmp_path / "none", tmp_path / "c")
    rename_without_replacing(tmp_path / "a", tmp_path / "c")

    assert caught.value.errno == errno.ENOENT
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"b": "b", "c": "a"}
