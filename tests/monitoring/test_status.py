from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scenariod.base.errors import NotAnsweringError
from scenariod.monitoring import status
from scenariod.monitoring.counts import Counts
from scenariod.monitoring.status import Memory, Running, State, Status, ask, memory, short
from scenariod.monitoring.status_socket import serve

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20


def worker(batch: int, *files: str, used_mb: int, peak_mb: int, of_mb: int = 3072) -> Running:
    return {
        "batch": batch,
        "files": list(files),
        "used_bytes": used_mb * MIB,
        "limit_bytes": of_mb * MIB,
        "used_percent": round(100 * used_mb / of_mb, 1),
        "peak_bytes": peak_mb * MIB,
        "stalled_percent": None,
    }


MEMORY: Memory = {
    "total_bytes": 8000 * MIB,
    "available_bytes": 5000 * MIB,
    "reserve_bytes": 2048 * MIB,
    "limit_bytes": 3072 * MIB,
    "limit_max_bytes": 4096 * MIB,
    "chosen": ["limit_mb"],
    "stalled_percent": 0.0,
}


def made(**changes: Any) -> Status:
    return Status(
        **{
            "root": "/r",
            "pid": 1,
            "version": "0.1.0",
            "launcher": "rlimits",
            "started_at": "2026-03-14T12:00:00+00:00",
            "memory": MEMORY,
            **changes,
        }
    )


def test_the_line_ends_with_what_is_in_doubt() -> None:
    line = made(backup_doubt="too old", clock_doubt="the clock went ahead").line()

    assert line.endswith("; backup: too old; the clock went ahead")


def test_the_line_of_a_working_daemon() -> None:
    workers = [worker(3, "a", "b", used_mb=45, peak_mb=60)]

    counts = Counts(added=12, refused=1)
    line = made(state=State.WORKING, workers=workers, counts=counts, inbox=5).line()

    assert line == (
        "batch 3: 2 files; 12 added, 1 refused, 5 waiting; worker 45 MB of 3072 MB (1 %), "
        "peak 60 MB; 5000 MB available"
    )


def test_the_line_of_several_workers_names_the_fullest() -> None:
    workers = [
        worker(3, "a", "b", used_mb=45, peak_mb=60),
        worker(4, "c", used_mb=2048, peak_mb=2050),
    ]

    line = made(state=State.WORKING, workers=workers, counts=Counts(added=12)).line()

    assert line == (
        "batches 3, 4; 12 added, 0 refused, 0 waiting; 2 workers, "
        "the fullest, of batch 4, 2048 MB of 3072 MB (66 %), peak 2050 MB; 5000 MB available"
    )


def test_the_line_of_a_paused_daemon_says_why_though_a_worker_still_runs() -> None:
    workers = [worker(3, "a", used_mb=45, peak_mb=60)]

    line = made(state=State.PAUSED, detail="disk full", workers=workers).line()

    assert line == "paused: disk full; 0 added, 0 refused, 0 waiting; library 0"


def test_the_line_of_a_single_file() -> None:
    workers = [worker(7, "a", used_mb=0, peak_mb=0, of_mb=64)]

    line = made(state=State.WORKING, workers=workers).line()

    assert line == (
        "batch 7: 1 file; 0 added, 0 refused, 0 waiting; worker 0 MB of 64 MB (0 %), "
        "peak 0 MB; 5000 MB available"
    )


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"state": State.IDLE, "scenarios": 150, "counts": Counts(added=150, refused=11)},
            "idle; 150 added, 11 refused, 0 waiting; library 150",
        ),
        (
            {"state": State.PAUSED, "detail": "disk full", "inbox": 4},
            "paused: disk full; 0 added, 0 refused, 4 waiting; library 0",
        ),
        (
            {"state": State.IDLE, "watch": "degraded", "watch_detail": "the inbox was replaced"},
            "idle; 0 added, 0 refused, 0 waiting; library 0; degraded: the inbox was replaced",
        ),
        (
            {"state": State.IDLE, "watch": "polling", "watch_detail": "every 5 s: nfs"},
            "idle; 0 added, 0 refused, 0 waiting; library 0",
        ),
        ({}, "starting; 0 added, 0 refused, 0 waiting; library 0"),
    ],
)
def test_the_line_says_the_state_and_why(changes: dict[str, Any], line: str) -> None:
    assert made(**changes).line() == line


@pytest.mark.parametrize(
    ("used_mb", "shown"),
    [
        (0, "0 MB of 3072 MB (0 %), peak 3072 MB"),
        (45, "45 MB of 3072 MB (1 %), peak 3072 MB"),
        (3072, "3072 MB of 3072 MB (100 %), peak 3072 MB"),
    ],
)
def test_memory_is_shown_with_its_limit_and_per_cent(used_mb: int, shown: str) -> None:
    assert memory(worker(1, used_mb=used_mb, peak_mb=3072)) == shown


def while_serving(path: Path, snapshot: Callable[[], Status], act: Callable[[], Any]) -> Any:
    """Return what `act` returns in a thread while the status is served at `path`."""

    async def status() -> Status:
        return snapshot()

    async def served() -> Any:
        server = await serve(path, status)
        try:
            return await asyncio.to_thread(act)
        finally:
            server.close()
            await server.wait_closed()

    return asyncio.run(served())


def test_who_asks_gets_the_status_as_it_is_now(tmp_path: Path) -> None:
    now = made(
        waiting=[{"file": "ä🤖", "reason": "x"}], workers=[worker(3, "a", used_mb=1, peak_mb=2)]
    )

    answers = while_serving(
        tmp_path / "s.sock", lambda: now, lambda: [ask(tmp_path / "s.sock") for _ in range(3)]
    )

    assert answers == [json.loads(json.dumps(now.document()))] * 3


def test_the_socket_is_open_to_owner_and_group_only(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"

    mode = while_serving(path, made, lambda: stat.S_IMODE(path.stat().st_mode))

    assert mode == 0o660


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 8)
    deep.mkdir(parents=True)
    assert len(str(deep)) > 200

    answer = while_serving(deep / "s.sock", made, lambda: ask(deep / "s.sock"))

    assert answer["root"] == "/r"


def test_a_socket_that_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left, short(tmp_path / "s.sock") as name:
        left.bind(name)

    before = ask(tmp_path / "s.sock")
    answer = while_serving(tmp_path / "s.sock", made, lambda: ask(tmp_path / "s.sock"))

    assert before is None
    assert answer["pid"] == 1


def test_where_no_daemon_runs_there_is_no_status(tmp_path: Path) -> None:
    assert ask(tmp_path / "s.sock") is None


def test_one_who_connects_and_says_nothing_holds_up_nobody(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"

    def act() -> Any:
        idle = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        with short(path) as name:
            for connection in idle:
                connection.connect(name)
        try:
            return ask(path)
        finally:
            for connection in idle:
                connection.close()

    assert while_serving(path, made, act)["pid"] == 1


def test_one_who_leaves_before_the_answer_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s.sock"

    def snapshot() -> Status:
        left.close()  # before the answer is written
        return made()

    def act() -> Any:
        with short(path) as name:
            left.connect(name)
        return ask(path)

    with closing(socket.socket(socket.AF_UNIX)) as left:
        answer = while_serving(path, snapshot, act)

    assert answer["pid"] == 1
    assert caplog.records == []


def test_a_daemon_that_does_not_answer_is_told_from_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "ASK_TIMEOUT_S", 0.1)
    with closing(socket.socket(socket.AF_UNIX)) as silent:
        with short(tmp_path / "s.sock") as name:
            silent.bind(name)
        silent.listen()

        with pytest.raises(NotAnsweringError, match="does not answer") as silence:
            ask(tmp_path / "s.sock")

    assert silence.value.pid == os.getpid()
    assert f"`kill -9 {os.getpid()}`" in silence.value.hint


def test_a_daemon_that_too_many_have_asked_already_does_not_answer(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as silent, short(tmp_path / "s.sock") as name:
        silent.bind(name)
        silent.listen(0)
        with closing(socket.socket(socket.AF_UNIX)) as first:
            first.connect(name)

            with pytest.raises(NotAnsweringError) as silence:
                ask(tmp_path / "s.sock")

    assert silence.value.pid == 0
    assert f"fuser -v {tmp_path / 'scenariod.lock'}" in silence.value.hint


def test_asking_leaves_no_descriptor_open(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"

    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    def act() -> tuple[int, int]:
        ask(path)
        before = count()
        for _ in range(50):
            ask(path)
        return before, count()

    before, after = while_serving(path, made, act)

    assert after <= before + 2
    assert threading.active_count() < 10
