from __future__ import annotations

import io
import json
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.makers import (
    NOON,
    accepted,
    add,
    batch,
    clock,
    document,
    entry,
    held,
    open_library,
    restored_documents,
    results_of,
    sql,
)

from scenariod.base.value import replace
from scenariod.library import (
    AlreadySettledError,
    Entry,
    Library,
    OnConflict,
    Result,
    SettledBatch,
    SettledFile,
)
from scenariod.library.publish import is_current, publish
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

BOM = b"\xef\xbb\xbf"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as opened:
        yield opened


# Settling a batch


def test_an_accepted_file_is_added_byte_for_byte(library: Library) -> None:
    content = b" \n" + document("one")

    (file,) = library.settle(batch(1), [entry(content)])

    assert (file.result, file.scenario_id) == (Result.ADDED, "one")
    assert held(library) == {"one": content}
    assert library.count() == 1


def test_a_byte_order_mark_is_all_that_is_taken_away(library: Library) -> None:
    library.settle(batch(1), [entry(BOM + document("one"))])

    assert held(library) == {"one": document("one")}


def test_a_large_document_is_stored_whole(library: Library) -> None:
    content = document("large", text="0123456789abcdef" * 500_000)

    library.settle(batch(1), [entry(content)])

    assert held(library)["large"] == content


def test_the_same_content_again_is_already_added_whatever_its_layout(library: Library) -> None:
    add(library, document("one"))
    compact = json.dumps(json.loads(document("one"))).encode()

    results = library.settle(batch(7), [entry(document("one")), entry(compact)])

    assert results_of(results) == [Result.ALREADY_ADDED] * 2
    assert held(library) == {"one": document("one")}


def test_other_content_under_a_known_id_is_a_conflict_that_names_id_and_batch(
    library: Library,
) -> None:
    first = add(library, document("one"))

    (file,) = library.settle(batch(7), [entry(document("one", text="another story"))])

    assert file.result is Result.REFUSED
    assert [problem.code for problem in file.problems] == [Reason.CONFLICT]
    assert '"one"' in file.problems[0].message
    assert f"batch {first}" in file.problems[0].message
    assert held(library) == {"one": document("one")}


def test_of_two_files_with_one_id_in_a_batch_the_first_wins(library: Library) -> None:
    same, other = document("one"), document("one", text="another story")

    results = library.settle(batch(1), [entry(same), entry(other), entry(same)])

    assert results_of(results) == [
        Result.ADDED,
        Result.REFUSED,
        Result.ALREADY_ADDED,
    ]


def replacing(library: Library, *contents: bytes) -> list[SettledFile]:
    """Settle a batch of these documents where new versions replace."""
    return library.settle(
        batch(library.reserve_batch()), map(entry, contents), on_conflict=OnConflict.REPLACE
    )


def versions(folder: Path) -> list[tuple[object, ...]]:
    return sql(folder / "scenarios.db", "SELECT id, added_batch, removed_batch FROM scenario")


def test_where_conflicts_replace_a_new_version_ends_the_one_before(
    library: Library, tmp_path: Path
) -> None:
    first = add(library, document("one"), document("two"))
    newer = document("one", text="another story")

    (file,) = replacing(library, newer)

    assert file.result is Result.REPLACED
    assert list(held(library).items()) == [("two", document("two")), ("one", newer)]
    assert versions(tmp_path) == [("one", 1, 2), ("two", 1, None), ("one", 2, None)]
    totals = sql(tmp_path / "scenarios.db", "SELECT added, removed, scenarios FROM batch")
    assert (first, totals) == (1, [(2, 0, 2), (1, 1, 2)])
    assert library.settled(2) == [file]
    assert library.latest_change() == 2


def test_where_conflicts_replace_the_same_content_is_still_already_added(library: Library) -> None:
    first = add(library, document("one"))

    (file,) = replacing(library, document("one"))

    assert file.result is Result.ALREADY_ADDED
    assert library.latest_change() == first


def test_where_conflicts_replace_the_second_of_two_files_with_one_id_is_the_new_version(
    library: Library, tmp_path: Path
) -> None:
    add(library, document("old"))
    texts = ("b", "c", "c")

    results = replacing(
        library,
        *(document("new", text=text) for text in texts),
        *(document("old", text=text) for text in texts),
    )

    told = [Result.REPLACED, Result.ALREADY_ADDED]
    assert results_of(results) == [Result.ADDED, *told, Result.REPLACED, *told]
    assert held(library) == {name: document(name, text="c") for name in ("new", "old")}
    assert versions(tmp_path) == [
        ("old", 1, 2),
        ("new", 2, 2),
        ("new", 2, None),
        ("old", 2, 2),
        ("old", 2, None),
    ]
    totals = sql(tmp_path / "scenarios.db", "SELECT added, removed, scenarios FROM batch")
    assert totals == [(1, 0, 1), (4, 3, 2)]


def test_a_new_version_that_is_not_the_file_that_was_checked_replaces_nothing(
    library: Library, tmp_path: Path
) -> None:
    add(library, document("one"))
    checked = entry(document("one", text="a new story"))
    swapped = Entry(checked.verdict, io.BytesIO(document("one", text="a bad story")))

    (file,) = library.settle(batch(2), [swapped], on_conflict=OnConflict.REPLACE)

    assert file.result is Result.CHANGED
    assert held(library) == {"one": document("one")}
    assert versions(tmp_path) == [("one", 1, None)]


def test_a_rejected_file_is_recorded_with_every_reason_and_its_partner_is_added(
    library: Library,
) -> None:
    problems = (
        Problem(Reason.MISSING_FIELD, "title is missing", field="title"),
        Problem(Reason.WRONG_VALUE, "no such answer", field="correctAnswer", line=3, column=7),
    )
    bad = Rejected("scenario-\udcff.json", 12, None, problems, scenario_id="\ud800")

    results = library.settle(batch(1), [Entry(bad), entry(document("good"))])

    assert results_of(results) == [Result.REFUSED, Result.ADDED]
    recorded = library.settled(1)
    assert recorded is not None
    assert (recorded[0].name, recorded[0].problems) == ("scenario-\udcff.json", problems)
    assert recorded[1] == results[1]


def test_a_title_that_utf8_cannot_hold_is_listed_escaped_and_kept_as_dropped(
    library: Library,
) -> None:
    content = document("one").replace(b"title of one", rb"\ud800!")

    verdict = replace(accepted(content), title="\ud800!")

    library.settle(batch(1), [Entry(verdict, io.BytesIO(content))])

    assert [record.title for record in library.scenarios()] == [r"\ud800!"]
    assert held(library)["one"] == content


@pytest.mark.parametrize(
    "now_there",
    [
        pytest.param(document("one", text="b story"), id="same size, other bytes"),
        pytest.param(document("one") + b" ", id="longer"),
        pytest.param(document("one") * 3, id="much longer"),
        pytest.param(document("one")[:-1], id="shorter"),
        pytest.param(BOM + document("one"), id="a BOM more"),
        pytest.param(b"", id="empty"),
        pytest.param(None, id="gone"),
    ],
)
@pytest.mark.parametrize("before", [{}, {"one": document("one")}], ids=["unknown", "known"])
def test_a_file_that_is_not_the_one_checked_adds_nothing(
    library: Library, now_there: bytes | None, before: dict[str, bytes]
) -> None:
    library.settle(batch(1), map(entry, before.values()))
    file = None if now_there is None else io.BytesIO(now_there)
    changed = Entry(accepted(document("one")), file)

    results = library.settle(batch(9), [changed, entry(document("two"))])

    assert results_of(results) == [Result.CHANGED, Result.ADDED]
    assert held(library) == before | {"two": document("two")}
    assert results_of(library.settled(9) or []) == [Result.CHANGED, Result.ADDED]


def test_a_file_changed_in_the_middle_leaves_no_part_of_it_behind(
    library: Library, tmp_path: Path
) -> None:
    content = document("one", text="x" * 1_000_000)
    cut_off = Entry(accepted(content), io.BytesIO(content[:700_000]))

    library.settle(batch(1), [cut_off])

    assert sql(tmp_path / "scenarios.db", "SELECT count(*) FROM document") == [(0,)]


def test_a_batch_is_settled_only_once(library: Library) -> None:
    results = library.settle(batch(5), [entry(document("one"))])

    with pytest.raises(AlreadySettledError, match="batch 5 is settled already"):
        library.settle(batch(5), [entry(document("two"))])

    assert list(held(library)) == ["one"]
    assert library.settled(5) == results


def test_what_was_settled_is_known_after_a_restart(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        results = library.settle(batch(5), [entry(document("one"))])

    with open_library(tmp_path) as library:
        assert library.settled(5) == results
        assert library.settled(6) is None


def test_an_error_while_a_file_is_read_settles_nothing_of_the_batch(library: Library) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    failing = Entry(accepted(document("two")), Failing())

    with pytest.raises(OSError, match="Input/output error"):
        library.settle(batch(1), [entry(document("one")), failing])

    assert held(library) == {}
    assert library.settled(1) is None
    assert add(library, document("one")) > 0


def test_times_are_recorded_in_utc_and_naive_ones_are_a_defect(
    library: Library, tmp_path: Path
) -> None:
    library.settle(batch(1), [])
    naive = datetime(2026, 3, 14, 12, 0)  # noqa: DTZ001  what must not be
    wrong = SettledBatch(2, naive, NOON, "ok", 1, "systemd")

    with pytest.raises(ValueError, match="without a time zone"):
        library.settle(wrong, [])

    recorded = sql(tmp_path / "scenarios.db", "SELECT id, settled_at FROM batch")
    assert recorded == [(1, "2026-03-14T12:00:00.000+00:00")]


# Numbers, and what changed last


def test_a_batch_id_is_given_out_once(tmp_path: Path) -> None:
    with open_library(tmp_path) as one, open_library(tmp_path) as other:
        ids = [one.reserve_batch(), other.reserve_batch(), one.reserve_batch(above=40)]
        one.settle(batch(50), [])
        ids.append(other.reserve_batch())

    assert ids == [1, 2, 41, 51]


def test_only_a_batch_that_changed_scenarios_is_the_latest_change(library: Library) -> None:
    assert (library.latest_change(), library.published()) == (0, None)

    library.settle(batch(2), [entry(document("one"))])
    library.settle(batch(3), [entry(document("one"))])

    assert library.latest_change() == 2


def test_a_batch_with_a_lower_id_that_settles_later_is_the_latest_change(
    library: Library, tmp_path: Path
) -> None:
    library.settle(batch(4), [entry(document("four"))])
    publish(library, tmp_path / "scenarios.json")

    library.settle(batch(3), [entry(document("three"))])

    assert library.latest_change() == 3
    assert not is_current(library, tmp_path / "scenarios.json")


# Looking


def test_scenarios_are_listed_in_the_order_in_which_they_were_added(library: Library) -> None:
    first = add(library, document("b"), document("a"))
    second = add(library, document("c"))

    listed = [(record.id, record.added_batch) for record in library.scenarios()]

    assert listed == [("b", first), ("a", first), ("c", second)]


def test_one_scenario_is_found_by_its_id(library: Library) -> None:
    add(library, document("one"))

    found = library.scenario("one")

    assert found is not None
    record, content = found
    assert (record.title, record.correct_answer) == ("title of one", "logic")
    assert (record.stored.size_bytes, content) == (len(document("one")), document("one"))
    assert library.scenario("two") is None


def test_a_reader_sees_one_instant_while_batches_are_added(library: Library) -> None:
    add(library, *[document(f"before-{n}") for n in range(5)])

    with library.snapshot() as snapshot:
        documents = snapshot.documents()
        first = b"".join(next(documents))
        writer = threading.Thread(target=add, args=(library, document("after")))
        writer.start()
        writer.join()
        rest = [b"".join(chunks) for chunks in documents]

    assert [first, *rest] == [document(f"before-{n}") for n in range(5)]
    assert library.count() == 6


def test_threads_may_settle_and_look_at_once(library: Library) -> None:
    def settle_some(start: int) -> None:
        for number in range(start, start + 10):
            library.settle(batch(number), [entry(document(f"s{number}"))])

    threads = [threading.Thread(target=settle_some, args=(n * 10 + 1,)) for n in range(4)]
    for thread in threads:
        thread.start()
    counts = [len(held(library)) for _ in range(10)]
    for thread in threads:
        thread.join()

    assert counts == sorted(counts)
    assert library.count() == len(held(library)) == 40


# Against a model


NAMES = st.sampled_from("abcdef")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("settle"), st.lists(st.tuples(NAMES, st.sampled_from("xyz")))),
        st.tuples(st.just("replace"), st.lists(st.tuples(NAMES, st.sampled_from("xyz")))),
        st.tuples(st.just("restore"), st.dictionaries(NAMES, st.sampled_from("xyz"))),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=12,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_sequence_of_batches_and_restores_does_what_a_dictionary_does(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, list[tuple[str, str]] | dict[str, str] | None]],
) -> None:
    folder = tmp_path_factory.mktemp("model")
    model: dict[str, bytes] = {}
    library = open_library(folder)
    for step, given_files in steps:
        if given_files is None:
            library.close()
            library = open_library(folder)
        elif isinstance(given_files, list):
            contents = [document(name, text=text) for name, text in given_files]
            on_conflict = OnConflict.REPLACE if step == "replace" else OnConflict.REFUSE
            results = library.settle(
                batch(library.reserve_batch()), map(entry, contents), on_conflict=on_conflict
            )
            for (name, _), content, file in zip(given_files, contents, results, strict=True):
                expected = Result.ADDED if name not in model else Result.ALREADY_ADDED
                if model.setdefault(name, content) != content and step == "replace":
                    expected = Result.REPLACED
                    del model[name]  # the new version comes last
                    model[name] = content
                elif model[name] != content:
                    expected = Result.REFUSED
                assert file.result is expected
        else:
            wanted = {name: document(name, text=text) for name, text in given_files.items()}
            restored = library.restore(
                restored_documents(wanted),
                unless_changed_since=library.latest_change(),
                clock=clock,
                note="model",
            )
            assert restored is not None
            assert restored.removed == len(model.keys() - wanted.keys())
            assert restored.added == len(wanted.keys() - model.keys())
            model = wanted
        assert held(library) == model
        assert library.count() == len(model)
    library.close()
    assert sql(folder / "scenarios.db", "PRAGMA integrity_check") == [("ok",)]
    assert sql(folder / "scenarios.db", "PRAGMA foreign_key_check") == []


def test_every_batch_can_be_told_apart_in_the_rows_it_added_and_removed(
    library: Library, tmp_path: Path
) -> None:
    first = add(library, document("kept"), document("replaced"), document("removed"))
    wanted = {
        "kept": document("kept"),
        "replaced": document("replaced", text="other"),
        "added": document("added"),
    }

    restored = library.restore(
        restored_documents(wanted), unless_changed_since=first, clock=clock, note=""
    )

    assert restored is not None
    rows = sql(tmp_path / "scenarios.db", "SELECT id, added_batch, removed_batch FROM scenario")
    assert rows == [
        ("kept", first, None),
        ("replaced", first, restored.batch),
        ("removed", first, restored.batch),
        ("replaced", restored.batch, None),
        ("added", restored.batch, None),
    ]
    totals = sql(tmp_path / "scenarios.db", "SELECT added, removed, scenarios FROM batch")
    assert totals == [(3, 0, 3), (2, 2, 3)]


def test_a_restore_is_not_done_where_the_library_has_changed_since(library: Library) -> None:
    first = add(library, document("one"))
    add(library, document("two"))

    restored = library.restore([], unless_changed_since=first, clock=clock, note="")

    assert restored is None
    assert list(held(library)) == ["one", "two"]


def test_a_list_that_is_not_read_to_its_end_leaves_no_open_file(library: Library) -> None:
    add(library, document("one"))
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(50):
        next(library.scenarios())
        library.scenario("one")

    assert len(os.listdir("/proc/self/fd")) <= before + 1
