"""One writer, any number of readers: none of them in the other's way."""

from __future__ import annotations

import subprocess
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from support.home import DEADLINE_S, SCENARIOD, Home, wait_until
from support.makers import add, document, open_library, sql
from support.scenarios import scenario

from scenariod.library import Library
from scenariod.library.connection import WAL_BYTES_KEPT, WAL_MOST_BYTES, WAL_PATIENCE_S

pytestmark = pytest.mark.slow

CUT_BACK = "PRAGMA wal_checkpoint(TRUNCATE)"


def wal_bytes(folder: Path) -> int:
    return (folder / "scenarios.db-wal").stat().st_size


def test_a_second_daemon_on_one_root_is_refused_with_the_pid_of_the_first(home: Home) -> None:
    daemon = home.start()

    for how in ([], ["--once"]):
        second = subprocess.run(
            [*SCENARIOD, "--root", str(home.path), *how],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert second.returncode == 13
        assert f"another scenariod (PID {daemon.pid}) works on" in second.stderr

    home.drop("scenario-1.json", scenario("one"))
    daemon.wait_for("added one")
    daemon.kill()
    assert home.once().code == 0


def test_a_reader_never_holds_up_the_writer_and_sees_its_instant_to_the_end(
    tmp_path: Path,
) -> None:
    with open_library(tmp_path) as library:
        add(library, document("before"))
        with library.snapshot() as snapshot:
            for number in range(40):
                add(library, document(f"s-{number}"))  # would raise, were the library locked
            assert [record.id for record in snapshot.scenarios()] == ["before"]
        assert library.count() == 41


def test_a_writer_at_work_never_holds_up_a_reader(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        add(library, document("before"))
        seen: list[int] = []

        def read() -> None:
            with library.snapshot() as snapshot:
                seen.append(snapshot.count)

        with library.writing() as db:
            db.execute("UPDATE scenario SET title = 'half done'")
            reader = threading.Thread(target=read)
            reader.start()
            reader.join(timeout=DEADLINE_S)

            assert seen == [1]


def test_the_wal_that_a_long_reader_held_is_small_again_after_it(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        add(library, document("before"))
        with library.snapshot() as snapshot:
            for number in range(40):
                add(library, document(f"held-{number}", text="x" * 500_000))
            held = wal_bytes(tmp_path)
            assert snapshot.count == 1
        for number in range(3):
            add(library, document(f"after-{number}"))

        # It grows by what is added meanwhile, not by more; and is cut back by the next commits.
        assert 40 * 500_000 < held < 40 * 500_000 * 1.2
        assert wal_bytes(tmp_path) <= WAL_BYTES_KEPT
        assert sql(library.path, "PRAGMA integrity_check") == [("ok",)]


def has_more_than(instants: list[int], count: int) -> bool:
    return len(instants) > count


def test_the_wal_stays_small_while_readers_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    with Library.open(tmp_path / "scenarios.db", busy_timeout_s=30) as library:
        add(library, document("before"))
        enough = threading.Event()
        instants: list[int] = []

        def read_on() -> None:
            older = ExitStack()
            while not enough.is_set():
                newer = ExitStack()
                instants.append(newer.enter_context(library.snapshot()).count)
                older.close()
                older = newer
            older.close()

        reader = threading.Thread(target=read_on)
        reader.start()
        largest = 0
        try:
            for number in range(300):
                add(library, document(f"s-{number}", text="x" * 200_000))
                largest = max(largest, wal_bytes(tmp_path))
                if number % 5 == 0:
                    wait_until(partial(has_more_than, instants, len(instants) + 1), "it has read")
        finally:
            enough.set()
            reader.join()

        assert largest < WAL_MOST_BYTES + 1_000_000
        assert len(set(instants)) > 50
        assert library.count() == 301


def test_one_who_reads_for_long_holds_up_the_writer_a_moment_each_16_mib(tmp_path: Path) -> None:
    with Library.open(tmp_path / "scenarios.db", busy_timeout_s=30) as library:
        add(library, document("before"))
        executed: list[str] = []
        library._db.set_trace_callback(executed.append)
        with library.snapshot() as snapshot:
            for number in range(80):
                add(library, document(f"held-{number}", text="x" * 700_000))
            held = wal_bytes(tmp_path)
            assert snapshot.count == 1
        library._db.set_trace_callback(None)
        add(library, document("after"))
        add(library, document("after that"))

        tries = [n for n, statement in enumerate(executed) if statement == CUT_BACK]
        assert len(tries) == (held - WAL_MOST_BYTES) // WAL_BYTES_KEPT + 1
        assert {executed[n - 1] for n in tries} == {
            f"PRAGMA busy_timeout = {WAL_PATIENCE_S * 1000:g}"
        }
        assert wal_bytes(tmp_path) <= WAL_BYTES_KEPT
