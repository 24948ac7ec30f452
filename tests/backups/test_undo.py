from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.makers import (
    NOON,
    add,
    batch,
    clock,
    document,
    entry,
    held,
    kill,
    open_library,
    restored_documents,
    sql,
)

from scenariod import backups
from scenariod.backups import moments
from scenariod.backups.restore import back_up, restore
from scenariod.base.errors import (
    BackupUnusableError,
    LibraryDamagedError,
    NotFoundError,
    NotUndoableError,
)
from scenariod.library import BatchRecord, Change, Kind, compared

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


def undo(library: Library, batch_id: int) -> int:
    return library.undo(batch_id, clock=clock).batch


def make(library: Library, state: dict[str, bytes]) -> int:
    """Make the library exactly `state` by a batch that may add, remove and replace."""
    done = library.restore(
        restored_documents(state),
        unless_changed_since=library.latest_change(),
        clock=clock,
        note="made",
    )
    assert done is not None
    return done.batch


def go_back(library: Library, root: Path, where: moments.Earlier) -> None:
    restore(
        library, where, backups=root / "backups", published=root / "scenarios.json", clock=clock
    )


def history(library: Library) -> list[BatchRecord]:
    with library.snapshot() as snapshot:
        return list(snapshot.batches())


# Undo


def test_an_undo_takes_back_what_a_batch_added(library: Library) -> None:
    add(library, document("kept"))
    second = add(library, document("one"), document("two"))

    done = library.undo(second, clock=clock)

    assert list(held(library)) == ["kept"]
    assert (done.removed, done.brought_back) == (2, 0)
    assert library.count() == 1
    assert library.latest_change() == done.batch


def test_an_undo_brings_back_what_a_batch_removed_and_replaced(library: Library) -> None:
    before = {name: document(name) for name in ("kept", "removed", "replaced")}
    make(library, before)
    second = make(
        library,
        {
            "kept": before["kept"],
            "replaced": document("replaced", text="anew"),
            "new": document("new"),
        },
    )

    done = library.undo(second, clock=clock)

    assert held(library) == before
    assert (done.removed, done.brought_back) == (2, 2)
    assert library.count() == 3


def test_an_undo_copies_no_document(library: Library) -> None:
    make(library, {"one": document("one")})
    second = make(library, {})
    documents = sql(library.path, "SELECT count(*) FROM document")

    undo(library, second)

    assert sql(library.path, "SELECT count(*) FROM document") == documents


def test_an_undo_can_be_undone(library: Library) -> None:
    before = {"one": document("one"), "two": document("two")}
    make(library, before)
    second = make(library, {"two": document("two", text="anew"), "three": document("three")})
    after = held(library)

    first_undo = undo(library, second)
    second_undo = undo(library, first_undo)

    assert held(library) == after
    undo(library, second_undo)
    assert held(library) == before


def test_a_middle_batch_is_undone_and_the_later_ones_stay(library: Library) -> None:
    add(library, document("one"))
    second = add(library, document("two"))
    add(library, document("three"))

    undo(library, second)

    assert list(held(library)) == ["one", "three"]


def test_an_undo_is_refused_where_a_later_batch_replaced_what_it_added(library: Library) -> None:
    first = add(library, document("one"), document("two"))
    second = make(library, {"one": document("one"), "two": document("two", text="anew")})
    before = held(library)

    with pytest.raises(NotUndoableError, match=rf"batch {second} \(restore\).* two since") as told:
        undo(library, first)

    assert f"scenariodctl undo {second}" in told.value.hint
    assert held(library) == before
    assert len(history(library)) == 2


def test_an_undo_is_refused_where_an_id_it_removed_is_taken_again(library: Library) -> None:
    add(library, document("one"))
    second = make(library, {})
    third = add(library, document("one", text="another"))

    with pytest.raises(
        NotUndoableError, match=rf"batch {third} \(intake\) has added a scenario one since"
    ):
        undo(library, second)

    undo(library, third)
    undo(library, second)
    assert held(library) == {"one": document("one")}


def test_of_many_batches_that_depend_on_it_the_last_one_is_named(library: Library) -> None:
    first = add(library, document("one"), document("two"))
    second = make(library, {"two": document("two")})
    third = make(library, {})

    with pytest.raises(NotUndoableError, match=f"batch {third} "):
        undo(library, first)

    for number in (third, second, first):
        undo(library, number)
    assert held(library) == {}


def test_what_was_dropped_again_since_is_not_taken_for_what_the_batch_added(
    library: Library,
) -> None:
    first = add(library, document("one"))
    make(library, {})
    third = add(library, document("one"))

    with pytest.raises(NotUndoableError, match=rf"batch {third} \(intake\)"):
        undo(library, first)

    assert list(held(library)) == ["one"]


def test_a_batch_is_not_undone_twice(library: Library) -> None:
    added = add(library, document("one"))
    removed = make(library, {})
    back = undo(library, removed)

    with pytest.raises(NotUndoableError, match=rf"batch {back} \(undo\) has added"):
        undo(library, removed)

    away = undo(library, added)
    with pytest.raises(NotUndoableError, match=rf"batch {away} \(undo\) has removed"):
        undo(library, added)


def test_what_a_restore_of_a_backup_brought_back_can_be_undone_too(
    library: Library, root: Path
) -> None:
    first = add(library, document("one"))
    saved = back_up(library, root / "backups", now=NOON).path
    make(library, {})
    go_back(library, root, moments.InBackup(saved))

    undo(library, first)

    assert held(library) == {}


def test_a_batch_that_changed_nothing_cannot_be_undone(library: Library) -> None:
    number = library.reserve_batch()
    library.settle(batch(number), [])

    with pytest.raises(NotUndoableError, match="changed no scenario"):
        undo(library, number)


def test_a_batch_that_is_not_there_cannot_be_undone(library: Library) -> None:
    with pytest.raises(NotFoundError, match="no batch 7"):
        undo(library, 7)


def test_what_a_batch_added_and_ended_itself_is_no_obstacle(library: Library) -> None:
    add(library, document("one"))
    second = add(library, document("two"))
    sql(
        library.path,
        "INSERT INTO scenario (id, title, correct_answer, content_sha256, sha256, size_bytes,"
        " document, added_batch, removed_batch) SELECT 'passing', title, correct_answer,"
        f" content_sha256, sha256, size_bytes, document, {second}, {second} FROM scenario"
        " WHERE id = 'two'",
    )

    undo(library, second)

    assert list(held(library)) == ["one"]


def test_a_damaged_document_is_not_brought_back(library: Library) -> None:
    make(library, {"one": document("one")})
    second = make(library, {})
    sql(library.path, "UPDATE document SET content = zeroblob(length(content))")

    with pytest.raises(LibraryDamagedError, match="differs from what was stored"):
        undo(library, second)

    assert held(library) == {}
    assert len(history(library)) == 2


@pytest.mark.parametrize(
    ("module", "attribute", "is_new"),
    [
        ("scenariod.library.undo", "position_of", False),
        ("scenariod.library.history", "record", False),
        ("scenariod.backups.restore", "publish", True),
    ],
)
def test_killed_in_an_undo_the_library_is_the_old_or_the_new(
    root: Path, module: str, attribute: str, *, is_new: bool
) -> None:
    with open_library(root) as library:
        make(library, {"one": document("one")})
        make(library, {"two": document("two")})

    kill(root, "undo", module, attribute, 1)

    with open_library(root) as library:
        assert list(held(library)) == (["one"] if is_new else ["two"])
    assert sql(root / "scenarios.db", "PRAGMA integrity_check") == [("ok",)]


# The state before a batch


def test_every_state_can_be_gone_back_to(library: Library, root: Path) -> None:
    states: dict[int, dict[str, bytes]] = {}
    for number in range(6):
        state = {f"s{n}": document(f"s{n}", text=f"v{number % 3}") for n in range(number, 6)}
        before = held(library)
        states[make(library, state)] = before
    latest = held(library)
    documents = sql(library.path, "SELECT count(*) FROM document")

    for number, wanted in states.items():
        go_back(library, root, moments.BeforeBatch(number))
        assert held(library) == wanted
        undo(library, library.latest_change())
        assert held(library) == latest
    assert sql(library.path, "SELECT count(*) FROM document") == documents


def test_batches_are_ordered_by_when_they_settled_not_by_their_numbers(
    library: Library, root: Path
) -> None:
    one, two = library.reserve_batch(), library.reserve_batch()
    library.settle(batch(two), [entry(document("second"))])
    library.settle(batch(one), [entry(document("first"))])

    go_back(library, root, moments.BeforeBatch(one))

    assert list(held(library)) == ["second"]


def test_the_state_before_a_batch_that_is_not_there(library: Library, root: Path) -> None:
    with pytest.raises(NotFoundError, match="no batch 3"):
        go_back(library, root, moments.BeforeBatch(3))

    assert backups.list_backups(root / "backups") == []


def test_what_is_damaged_is_not_restored_from_history(library: Library, root: Path) -> None:
    make(library, {"one": document("one")})
    second = make(library, {})
    sql(library.path, "UPDATE document SET content = zeroblob(length(content))")

    with pytest.raises(LibraryDamagedError):
        go_back(library, root, moments.BeforeBatch(second))

    assert held(library) == {}


# History


def test_history_tells_the_batches_the_last_one_first(library: Library) -> None:
    first = add(library, document("one"), document("two"))
    second = make(library, {"two": document("two")})
    third = undo(library, second)

    told = history(library)

    assert [(r.id, r.kind, r.added, r.removed, r.scenarios) for r in told] == [
        (third, Kind.UNDO, 1, 0, 2),
        (second, Kind.RESTORE, 0, 1, 1),
        (first, Kind.INTAKE, 2, 0, 2),
    ]
    assert told[0].note == f"undo {second}"
    assert told[0].obstacle is None
    assert [r.obstacle.batch if r.obstacle else None for r in told] == [None, third, None]


def test_history_can_be_limited(library: Library) -> None:
    for number in range(4):
        add(library, document(f"s{number}"))

    with library.snapshot() as snapshot:
        assert [record.id for record in snapshot.batches(most=2)] == [4, 3]


# What differs


def differing(
    library: Library, former: moments.Moment, latter: moments.Moment
) -> tuple[list[str], list[str], list[str]]:
    with (
        library.snapshot() as snapshot,
        moments.held(former, snapshot) as before,
        moments.held(latter, snapshot) as after,
        compared(before, after) as difference,
    ):
        added, removed, changed = (list(difference.ids(change)) for change in Change)
        counts = difference.counts()
        assert (counts.added, counts.removed, counts.changed) == (
            len(added),
            len(removed),
            len(changed),
        )
        return added, removed, changed


def test_moments_of_all_kinds_can_be_compared(library: Library, root: Path) -> None:
    make(library, {name: document(name) for name in ("same", "gone", "other")})
    saved = moments.InBackup(back_up(library, root / "backups", now=NOON).path)
    second = make(
        library,
        {
            "same": document("same"),
            "other": document("other", text="anew"),
            "new": document("new"),
        },
    )

    expected = (["new"], ["gone"], ["other"])
    assert differing(library, saved, moments.Present()) == expected
    assert differing(library, moments.BeforeBatch(second), moments.Present()) == expected
    assert differing(library, moments.Present(), saved) == (["gone"], ["new"], ["other"])
    assert differing(library, saved, moments.BeforeBatch(second)) == ([], [], [])
    assert differing(library, moments.BeforeBatch(1), saved) == (["gone", "other", "same"], [], [])


def test_a_torn_backup_is_not_compared(library: Library, root: Path) -> None:
    add(library, document("one"))
    saved = back_up(library, root / "backups", now=NOON).path
    saved.write_bytes(saved.read_bytes()[:-9])

    with pytest.raises(BackupUnusableError, match="cut off"):
        differing(library, moments.Present(), moments.InBackup(saved))


def test_a_state_with_one_id_twice_is_not_compared() -> None:
    with (
        pytest.raises(BackupUnusableError, match='two scenarios with the id "a"'),
        compared([("a", "1"), ("a", "2")], []),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("now", moments.Present()),
        ("batch:0", moments.BeforeBatch(0)),
        ("batch:12", moments.BeforeBatch(12)),
    ],
)
def test_a_moment_has_a_name(root: Path, text: str, means: moments.Moment) -> None:
    assert moments.parse(text, backups=root) == means
    assert str(means) == text


@pytest.mark.parametrize("text", ["batch:", "batch:-1", "batch:x", "batch:1 ", "later", ""])
def test_what_is_no_name_of_a_moment_is_looked_for_as_a_backup(root: Path, text: str) -> None:
    with pytest.raises(NotFoundError, match="no backup"):
        moments.parse(text, backups=root)
