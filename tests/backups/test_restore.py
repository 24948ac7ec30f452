from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.makers import NOON, add, clock, document, held, kill, open_library, sql

from scenariod import backups as backup
from scenariod.backups.moments import InBackup
from scenariod.backups.restore import Summary, back_up, restore
from scenariod.base.errors import BackupUnusableError, LibraryLockedError
from scenariod.library.publish import is_current, publish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenariod.library import Library


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path


@pytest.fixture
def library(root: Path) -> Iterator[Library]:
    with open_library(root) as opened:
        yield opened


def restored(library: Library, source: Path, root: Path) -> Summary:
    return restore(
        library,
        InBackup(source),
        backups=root / "backups",
        published=root / "scenarios.json",
        clock=clock,
    )


def published(root: Path) -> list[str]:
    return [s["id"] for s in json.loads((root / "scenarios.json").read_bytes())["scenarios"]]


def changed_library(library: Library, root: Path) -> tuple[Path, dict[str, bytes]]:
    """Make a library that differs from its backup in every way; return backup and its content."""
    add(library, document("kept"), document("lost"), b"\n" + document("rewritten"))
    wanted = held(library)
    source = back_up(library, root / "backups", now=NOON).path
    gone = back_up_of(root, [document("kept"), document("rewritten", text="other")])
    restored(library, gone, root)
    add(library, document("new"))
    return source, wanted


def back_up_of(root: Path, documents: list[bytes]) -> Path:
    chunked = ([content] for content in documents)
    return backup.write(root / "backups", chunked, batch=1, now=NOON).path


def test_a_restore_makes_the_library_what_the_backup_holds(library: Library, root: Path) -> None:
    source, wanted = changed_library(library, root)
    before = held(library)

    summary = restored(library, source, root)

    assert held(library) == wanted
    counts = (summary.added, summary.removed, summary.replaced, summary.unchanged)
    assert counts == (1, 1, 1, 1)
    assert library.latest_change() == summary.batch
    assert sorted(published(root)) == sorted(wanted)
    assert is_current(library, root / "scenarios.json")
    with summary.safety_backup.open("rb") as file:
        assert list(backup.documents(file)) == list(before.values())


def test_a_restore_can_be_restored_away(library: Library, root: Path) -> None:
    source, _ = changed_library(library, root)
    before = held(library)
    summary = restored(library, source, root)

    restored(library, summary.safety_backup, root)

    assert held(library) == before


def test_a_restore_of_what_is_there_changes_nothing(library: Library, root: Path) -> None:
    batch = add(library, document("one"))
    source = back_up(library, root / "backups", now=NOON).path

    summary = restored(library, source, root)

    assert (summary.added, summary.removed, summary.replaced, summary.unchanged) == (0, 0, 0, 1)
    assert library.latest_change() == batch


def test_an_empty_library_is_filled_from_a_backup(library: Library, root: Path) -> None:
    source = back_up_of(root, [document("one"), document("two")])

    restored(library, source, root)

    assert held(library) == {"one": document("one"), "two": document("two")}


def test_an_empty_backup_empties_the_library(library: Library, root: Path) -> None:
    add(library, document("one"))

    restored(library, back_up_of(root, []), root)

    assert held(library) == {}
    assert published(root) == []


@pytest.mark.parametrize("keep_bytes", [0, 10, 100, -1])
def test_a_torn_backup_is_refused_and_the_good_library_stays(
    library: Library, root: Path, keep_bytes: int
) -> None:
    source, _ = changed_library(library, root)
    before = held(library)
    source.write_bytes(source.read_bytes()[:keep_bytes])
    backups = backup.list_backups(root / "backups")

    with pytest.raises(BackupUnusableError, match="cut off") as caught:
        restored(library, source, root)

    assert "scenariodctl backups" in caught.value.hint
    assert held(library) == before
    assert len(backup.list_backups(root / "backups")) == len(backups)


@pytest.mark.parametrize(
    "documents",
    [
        pytest.param([document("one"), b"[]"], id="no object"),
        pytest.param([document("one"), b'{"id": "two"}'], id="no title"),
        pytest.param([document("one"), b'{"id": 3}'], id="no id"),
        pytest.param([document("one"), b"{"], id="no JSON"),
        pytest.param([document("one"), document("one", text="b")], id="one id twice"),
        pytest.param([document("old"), document("old")], id="a known id twice"),
    ],
)
def test_a_whole_backup_of_something_else_is_refused(
    library: Library, root: Path, documents: list[bytes]
) -> None:
    add(library, document("old"))

    with pytest.raises(BackupUnusableError):
        restored(library, back_up_of(root, documents), root)

    assert held(library) == {"old": document("old")}


@pytest.mark.parametrize("name", [".", "missing.json"])
def test_what_cannot_be_read_is_refused(library: Library, root: Path, name: str) -> None:
    with pytest.raises(BackupUnusableError, match="cannot be read"):
        restored(library, root / name, root)


def test_a_batch_that_comes_in_between_is_in_the_safety_backup(
    library: Library, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = back_up_of(root, [document("one")])
    late = iter([document("late")])

    def back_up_then_add(*args: object, **named: object) -> backup.Verified:
        checked = back_up(*args, **named)  # type: ignore[arg-type]  # handed through
        for content in late:
            add(library, content)
        return checked

    monkeypatch.setattr("scenariod.backups.restore.back_up", back_up_then_add)

    summary = restored(library, source, root)

    with summary.safety_backup.open("rb") as file:
        assert list(backup.documents(file)) == [document("late")]
    assert list(held(library)) == ["one"]


def test_a_restore_gives_up_where_batches_never_cease(
    library: Library, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = back_up_of(root, [document("one")])
    numbers = iter(range(100))

    def back_up_then_add(*args: object, **named: object) -> backup.Verified:
        checked = back_up(*args, **named)  # type: ignore[arg-type]  # handed through
        add(library, document(f"s{next(numbers)}"))
        return checked

    monkeypatch.setattr("scenariod.backups.restore.back_up", back_up_then_add)

    with pytest.raises(LibraryLockedError, match="keep changing"):
        restored(library, source, root)

    assert list(held(library)) == ["s0", "s1", "s2"]


@pytest.mark.parametrize(
    ("module", "attribute", "call", "is_new"),
    [
        pytest.param(*point, id=f"{point[1]}-{point[2]}")
        for point in [
            ("scenariod.backups.reader", "verify_file", 1, ""),
            ("os", "fsync", 1, ""),
            ("pathlib", "Path.rename", 1, ""),
            ("pathlib", "Path.rename", 2, ""),
            ("scenariod.library", "Library.restore", 1, ""),
            ("scenariod.validation.document.reader", "read", 2, ""),
            ("scenariod.library.scenarios", "remove", 1, ""),
            ("scenariod.library.blob", "store", 2, ""),
            ("scenariod.library.restoration", "_remove_unseen", 1, ""),
            ("scenariod.library.history", "record", 1, ""),
            ("scenariod.backups.restore", "publish", 1, "new"),
            ("pathlib", "Path.rename", 3, "new"),
            ("scenariod.library", "Library.mark_published", 1, "new"),
            ("scenariod.backups.restore", "Summary", 1, "new"),
        ]
    ],
)
def test_killed_at_any_point_the_library_is_the_old_or_the_new(
    root: Path, module: str, attribute: str, call: int, is_new: str
) -> None:
    with open_library(root) as library:
        source, wanted = changed_library(library, root)
        publish(library, root / "scenarios.json")
        before = held(library)
        latest = root / "backups" / "scenarios-backup-9999999999999.json"
        source.rename(latest)

    kill(root, "restore", module, attribute, call)

    with open_library(root) as library:
        assert held(library) == (wanted if is_new else before)
        assert library.count() == len(held(library))
        restored(library, latest, root)
        assert held(library) == wanted
    assert sql(root / "scenarios.db", "PRAGMA integrity_check") == [("ok",)]
    for found in backup.list_backups(root / "backups"):
        assert isinstance(backup.verify(found.path), backup.Verified)


def test_a_restore_of_many_scenarios_takes_little_memory(root: Path) -> None:
    program = f"""
from pathlib import Path
from support.makers import NOON, clock, document, open_library
from scenariod import backups as backup
from scenariod.backups.moments import InBackup
from scenariod.backups.restore import restore
root = Path({str(root)!r})
documents = ([document(f"s{{n}}", text="x" * 20_000)] for n in range(3000))
source = backup.write(root / "backups", documents, batch=1, now=NOON).path
library = open_library(root)
Path("/proc/self/clear_refs").write_text("5")
def peak(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
source = InBackup(source)
summary = restore(
    library, source, backups=root / "backups", published=root / "p.json", clock=clock
)
print(summary.added, peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    added, grown_kib = map(int, done.stdout.split())

    assert added == 3000
    assert grown_kib < 12_000
