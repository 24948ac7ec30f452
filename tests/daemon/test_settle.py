from __future__ import annotations

import asyncio
import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from support.home import Home
from support.makers import NOON, accepted, document, open_library
from support.makers import batch as record

from scenariod import backups as backup
from scenariod.backups.ledger import LEDGER_FILE
from scenariod.backups.moments import InBackup
from scenariod.backups.restore import restore
from scenariod.base import config
from scenariod.base.errors import LibraryDamagedError
from scenariod.base.root import prepare
from scenariod.daemon.drain import Drain
from scenariod.daemon.settle import Settler
from scenariod.intake.batch import Batch, Work
from scenariod.library import Library
from scenariod.monitoring.counts import Counts
from scenariod.monitoring.journal import TextJournal
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import Rejected, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from scenariod.base.config import Config


class Bench:
    """A root folder with a settler on it, and the files of a batch."""

    def __init__(self, settings: Config) -> None:
        prepare(settings)
        self.work = Work(settings.work)
        self.said = io.StringIO()
        self._settings = settings

    def with_settler(self, act: Callable[[Settler], Awaitable[Any]]) -> Any:
        """Return what `act` returns, with a settler that is opened for it and closed after."""

        async def acting() -> Any:
            settler = Settler(self._settings, work=self.work, journal=TextJournal(self.said))
            try:
                await settler.open()
                return await act(settler)
            finally:
                await settler.close()

        return asyncio.run(acting())

    def settle(self, batch: Batch, verdicts: list[Verdict]) -> Any:
        """Return what was settled, by a settler of its own."""
        return self.with_settler(lambda settler: settle(settler, batch, verdicts))

    def finish(self, batch: Batch) -> Any:
        """Return what was settled before, None where nothing was, by a settler of its own."""
        return self.with_settler(lambda settler: settler.in_thread(settler.finish, batch))

    async def end_drain(self, settler: Settler) -> None:
        """Do what follows a drain."""
        await Drain(self._settings, settler=settler, journal=TextJournal(self.said)).close()

    def claim(self, batch_id: int, files: dict[str, bytes]) -> Batch:
        batch = self.work.create(batch_id)
        for name, content in files.items():
            (batch.folder / name).write_bytes(content)
        return batch


async def settle(settler: Settler, batch: Batch, verdicts: list[Verdict]) -> Counts:
    """Settle a batch as an attempt does, in the settler's thread."""
    return await settler.in_thread(settler.settle, batch, verdicts, record(batch.id))


@pytest.fixture
def bench(home: Home) -> Bench:
    return Bench(config.load(config=None, root=home.path, cwd=home.path))


def rejected(name: str) -> Rejected:
    problem = Problem(Reason.NOT_JSON, "expected a comma", line=3, column=4)
    return Rejected(name, size_bytes=1, sha256=None, problems=(problem,))


def good(name: str, content: bytes) -> Verdict:
    return accepted(content, name=name)


def test_a_batch_is_settled_whole_and_its_files_are_moved(home: Home, bench: Bench) -> None:
    content = document("one")
    batch = bench.claim(1, {"scenario-1.json": content, "scenario-2.json": b"{"})
    verdicts = [good("scenario-1.json", content), rejected("scenario-2.json")]

    settled = bench.settle(batch, verdicts)

    assert settled == Counts(added=1, refused=1)
    assert (home.done / "scenario-1.json").read_bytes() == content
    assert home.reason("scenario-2.json")["message"] == "expected a comma (line 3, column 4)"
    assert batch.names() == []
    assert home.reason("scenario-2.json")["memory_peak_bytes"] == 45 << 20


def test_a_backup_is_written_before_the_first_change_of_a_drain_and_not_before_each(
    home: Home, bench: Bench
) -> None:
    contents = {f"scenario-{n}.json": document(f"s-{n}") for n in range(1, 4)}
    batches = [bench.claim(n, {name: c}) for n, (name, c) in enumerate(contents.items(), 1)]

    async def two_drains(settler: Settler) -> list[str | None]:
        newest = []
        for batch, (name, content) in zip(batches, contents.items(), strict=True):
            await settle(settler, batch, [good(name, content)])
            newest.append(settler.schedule.newest)
            if batch.id == 2:
                await bench.end_drain(settler)
        return newest

    newest = bench.with_settler(two_drains)

    assert newest[0] == newest[1] != newest[2]
    kept = [json.loads((home.backups / str(name)).read_bytes()) for name in (newest[0], newest[2])]
    assert [[s["id"] for s in held["scenarios"]] for held in kept] == [[], ["s-1", "s-2"]]


@pytest.mark.parametrize(
    ("backups", "held"),
    [
        ({}, [0, 10, 20]),
        ({"growth": 0.05}, [0, 5, 10, 15, 20]),
        ({"every": "batch", "keep_last": 99}, list(range(24))),
    ],
    ids=str,
)
def test_within_one_drain_a_library_that_grows_is_backed_up_again_and_no_name_is_taken_twice(
    home: Home, backups: dict[str, object], held: list[int]
) -> None:
    home.configure(backups=backups)
    bench = Bench(config.load(config=None, root=home.path, cwd=home.path))
    contents = {f"scenario-{n}.json": document(f"s-{n}") for n in range(1, 25)}
    batches = [bench.claim(n, {name: c}) for n, (name, c) in enumerate(contents.items(), 1)]

    async def one_drain(settler: Settler) -> None:
        for batch, (name, content) in zip(batches, contents.items(), strict=True):
            await settle(settler, batch, [good(name, content)])

    bench.with_settler(one_drain)

    found = backup.list_backups(home.backups)
    assert [b.count for b in reversed(found)] == held
    assert all(isinstance(backup.verify(b.path), backup.Verified) for b in found)


def test_the_batches_of_a_drain_name_its_first_one(home: Home, bench: Bench) -> None:
    batches = [bench.claim(n, {f"scenario-{n}.json": document(f"s-{n}")}) for n in range(1, 5)]

    async def two_drains(settler: Settler) -> None:
        for batch in batches:
            await settle(
                settler, batch, [good(n, document(f"s-{batch.id}")) for n in batch.names()]
            )
            if batch.id == 3:
                settler.end_drain()

    bench.with_settler(two_drains)

    with open_library(home.library) as library, library.snapshot() as snapshot:
        assert [(b.id, b.first_batch) for b in snapshot.batches()] == [
            (4, 4),
            (3, 1),
            (2, 1),
            (1, 1),
        ]


async def two_drains_around(
    settler: Settler, bench: Bench, *, between: Callable[[], object]
) -> tuple[str | None, str | None]:
    """Return the newest backup after a drain that added `s-1`, and after the next, before its end.

    Batches have the numbers 1 and 40, so that a command may have one in between.
    """
    contents = {number: document(f"s-{n}") for n, number in enumerate((1, 40), 1)}
    batches = [bench.claim(number, {"scenario-1.json": c}) for number, c in contents.items()]
    await settle(settler, batches[0], [good("scenario-1.json", contents[1])])
    await bench.end_drain(settler)
    at_the_end = settler.schedule.newest
    between()
    await settle(settler, batches[1], [good("scenario-1.json", contents[40])])
    return at_the_end, settler.schedule.newest


def test_the_backup_at_the_end_of_a_drain_is_the_one_before_the_next_change(
    home: Home, bench: Bench
) -> None:
    first, second = bench.with_settler(
        lambda settler: two_drains_around(settler, bench, between=lambda: None)
    )

    assert first == second
    assert [b.count for b in backup.list_backups(home.backups)] == [1, 0]


@pytest.mark.parametrize("change", ["altered", "gone", "not verified"])
def test_a_backup_that_is_not_as_it_was_verified_is_written_again_before_the_next_change(
    home: Home, bench: Bench, change: str
) -> None:
    def spoil() -> None:
        newest = backup.list_backups(home.backups)[0].path
        if change == "altered":
            newest.write_bytes(newest.read_bytes().replace(b"s-1", b"s-7", 1))
        elif change == "gone":
            newest.unlink()
        else:
            (home.backups / LEDGER_FILE).unlink()

    _, newest = bench.with_settler(lambda s: two_drains_around(s, bench, between=spoil))

    found = backup.verify(home.backups / str(newest))
    assert isinstance(found, backup.Verified)
    assert (found.batch, found.count) == (1, 1)


def test_a_start_writes_no_backup_where_the_newest_shows_the_library(
    home: Home, bench: Bench
) -> None:
    content = document("one")
    bench.settle(bench.claim(1, {"scenario-1.json": content}), [good("scenario-1.json", content)])

    for _ in range(3):
        bench.with_settler(bench.end_drain)

    assert [b.count for b in backup.list_backups(home.backups)] == [1, 0]


def test_where_a_restore_came_between_the_next_change_gets_a_backup_of_its_own(
    home: Home, bench: Bench
) -> None:
    settings = config.load(config=None, root=home.path, cwd=home.path)

    def restore_the_empty_one() -> None:
        with Library.open(settings.database, busy_timeout_s=5) as library:
            restore(
                library,
                InBackup(backup.list_backups(home.backups)[-1].path),
                backups=home.backups,
                published=settings.published,
                clock=lambda: NOON,
            )

    _, newest = bench.with_settler(
        lambda settler: two_drains_around(settler, bench, between=restore_the_empty_one)
    )

    assert json.loads((home.backups / str(newest)).read_bytes())["scenarios"] == []


def test_what_changes_nothing_writes_no_backup(home: Home, bench: Bench) -> None:
    batch = bench.claim(1, {"scenario-1.json": b"{"})

    bench.settle(batch, [rejected("scenario-1.json")])

    assert list(home.backups.glob("*.json")) == []


@pytest.mark.parametrize("on_conflict", ["refuse", "replace"])
def test_a_conflict_is_refused_or_replaces_after_a_backup(home: Home, on_conflict: str) -> None:
    home.configure(library={"on_conflict": on_conflict})
    bench = Bench(config.load(config=None, root=home.path, cwd=home.path))
    old, new = document("one"), document("one", text="another story")
    batches = [bench.claim(n, {"scenario-1.json": c}) for n, c in enumerate((old, new), 1)]

    async def two_drains(settler: Settler) -> list[tuple[Counts, str | None]]:
        ended = []
        for batch, content in zip(batches, (old, new), strict=True):
            verdicts = [good("scenario-1.json", content)]
            ended.append((await settle(settler, batch, verdicts), settler.schedule.newest))
            await bench.end_drain(settler)
        return ended

    _, (settled, newest) = bench.with_settler(two_drains)

    if on_conflict == "replace":
        assert settled == Counts(replaced=1)
        backed_up = json.loads((home.backups / str(newest)).read_bytes())
        assert [s["text"] for s in backed_up["scenarios"]] == ["a story"]
        assert [s["text"] for s in home.scenarios()] == ["another story"]
        assert home.names("done") == ["scenario-1.b000002.json", "scenario-1.json"]
        assert "replaced one by a new version from scenario-1.json" in bench.said.getvalue()
    else:
        assert settled == Counts(refused=1)
        assert [b.count for b in backup.list_backups(home.backups)] == [1, 0]
        assert [s["text"] for s in home.scenarios()] == ["a story"]
        assert home.reason("scenario-1.json")["code"] == "conflict"


def test_what_was_settled_before_a_crash_is_only_moved(home: Home, bench: Bench) -> None:
    content = document("one")
    batch = bench.claim(1, {"scenario-1.json": content, "scenario-2.json": b"{"})
    verdicts = [good("scenario-1.json", content), rejected("scenario-2.json")]
    bench.settle(batch, verdicts)
    (home.done / "scenario-1.json").rename(batch.folder / "scenario-1.json")

    finished = bench.finish(batch)
    again = bench.finish(batch)

    assert finished == again == Counts(added=1, refused=1)
    assert home.names("done") == ["scenario-1.json"]
    assert home.names("failed") == ["scenario-2.json"]


def test_a_batch_that_was_not_settled_is_not_finished(bench: Bench) -> None:
    batch = bench.claim(1, {"scenario-1.json": document("one")})

    assert bench.finish(batch) is None


@pytest.mark.parametrize("change", ["changed", "gone", "a link"])
def test_a_file_that_is_not_the_one_that_was_checked_is_never_added(
    home: Home, bench: Bench, tmp_path: Path, change: str
) -> None:
    content = document("one")
    batch = bench.claim(1, {"scenario-1.json": content})
    path = batch.folder / "scenario-1.json"
    if change == "changed":
        path.write_bytes(document("two"))
    else:
        path.unlink()
    if change == "a link":
        (tmp_path / "outside").write_bytes(content)
        path.symlink_to(tmp_path / "outside")

    async def act(settler: Settler) -> tuple[object, int]:
        settled = await settle(settler, batch, [good("scenario-1.json", content)])
        return settled, settler.scenarios

    try:
        settled, scenarios = bench.with_settler(act)
    except OSError:
        scenarios, settled = 0, None

    assert scenarios == 0
    assert settled in {None, Counts()}
    assert home.names("done") == home.names("failed") == []


def test_numbers_of_batches_are_never_given_twice(bench: Bench) -> None:
    async def reserve(settler: Settler) -> list[int]:
        return [await settler.in_thread(settler.reserve_batch) for _ in range(3)]

    first = bench.with_settler(reserve)
    bench.claim(40, {})  # its reservation was lost in a power cut
    second = bench.with_settler(reserve)

    assert first + second == sorted(set(first + second))
    assert second[0] == 41


def test_publishing_twice_writes_once(home: Home, bench: Bench) -> None:
    content = document("one")
    batch = bench.claim(1, {"scenario-1.json": content})

    async def act(settler: Settler) -> tuple[int, int]:
        await settle(settler, batch, [good("scenario-1.json", content)])
        await bench.end_drain(settler)
        first = home.published.stat().st_ino
        await bench.end_drain(settler)
        return first, home.published.stat().st_ino

    first, second = bench.with_settler(act)

    assert first == second
    assert home.ids() == ["one"]
    assert bench.said.getvalue().count("published 1 scenarios") == 1


def test_a_published_library_that_was_removed_is_written_again(home: Home, bench: Bench) -> None:
    bench.with_settler(bench.end_drain)
    home.published.unlink()

    bench.with_settler(bench.end_drain)

    assert home.scenarios() == []


def test_a_library_that_cannot_be_opened_is_told_and_the_thread_ends(
    home: Home, bench: Bench
) -> None:
    home.database.write_bytes(os.urandom(10_000))

    with pytest.raises(LibraryDamagedError):
        bench.with_settler(bench.end_drain)
