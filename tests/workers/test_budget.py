from __future__ import annotations

from pathlib import Path

import pytest

from scenariod.base import config
from scenariod.base.config import Config
from scenariod.base.units import MIB
from scenariod.intake.batch import Batch
from scenariod.workers import host
from scenariod.workers.admission import Waits
from scenariod.workers.budget import Budget
from scenariod.workers.host import Host
from scenariod.workers.job import Reading
from scenariod.workers.queue import Queue, Worker


@pytest.fixture
def loaded(tmp_path: Path) -> Config:
    """Return settings for a machine of 8 GB: 3072 MB a worker, 2048 MB kept free."""
    (tmp_path / "c.toml").write_text(
        "[memory]\nlimit_mb = 3072\nlimit_max_mb = 4096\nreserve_mb = 2048\n"
    )
    return config.load(config=tmp_path / "c.toml", root=None, cwd=tmp_path)


@pytest.fixture
def queue() -> Queue:
    return Queue()


def has(
    monkeypatch: pytest.MonkeyPatch, *, total_mb: int, available_mb: int, stalled: float = 0.0
) -> None:
    """Have the machine be of this size."""
    seen = Host(
        total_bytes=total_mb * MIB, available_bytes=available_mb * MIB, stalled_percent=stalled
    )
    monkeypatch.setattr(host, "look", lambda: seen)


def batch(number: int, *, larger: bool = False) -> Batch:
    return Batch(number, Path(f"work/{number:06d}"), larger=larger)


def test_a_batch_that_is_to_have_more_gets_the_larger_limit(loaded: Config, queue: Queue) -> None:
    budget = Budget(loaded, queue=queue)

    limits = [budget.limit_of(batch(1)) // MIB, budget.limit_of(batch(2, larger=True)) // MIB]

    assert limits == [3072, 4096]


@pytest.mark.parametrize(
    ("total_mb", "available_mb", "room"),
    [
        pytest.param(8192, 6500, True, id="idle"),
        pytest.param(8192, 5000, False, id="others use too much"),
        pytest.param(6100, 6100, False, id="a machine that never has it"),
    ],
)
def test_there_is_room_for_more_where_the_machine_has_it_beside_its_reserve(
    monkeypatch: pytest.MonkeyPatch,
    loaded: Config,
    queue: Queue,
    *,
    total_mb: int,
    available_mb: int,
    room: bool,
) -> None:
    has(monkeypatch, total_mb=total_mb, available_mb=available_mb)

    assert Budget(loaded, queue=queue).has_room_for_more() is room


def test_our_own_workers_do_not_count_against_the_room_for_more(
    monkeypatch: pytest.MonkeyPatch, loaded: Config, queue: Queue
) -> None:
    has(monkeypatch, total_mb=8192, available_mb=4500)
    queue.start(batch(1), limit_bytes=3072 * MIB)
    reading = Reading(used_bytes=2500 * MIB, limit_bytes=3072 * MIB)
    queue.show(1, Worker(1, ("a",), reading))

    assert Budget(loaded, queue=queue).has_room_for_more()


def test_the_stall_of_the_worker_that_just_died_is_no_want_of_room(
    monkeypatch: pytest.MonkeyPatch, loaded: Config, queue: Queue
) -> None:
    has(monkeypatch, total_mb=8192, available_mb=6500, stalled=60.0)

    assert Budget(loaded, queue=queue).has_room_for_more()


def test_without_a_larger_limit_there_is_no_room_for_it(tmp_path: Path, queue: Queue) -> None:
    (tmp_path / "c.toml").write_text("[memory]\nlimit_mb = 64\nlimit_max_mb = 64\n")
    loaded = config.load(config=tmp_path / "c.toml", root=None, cwd=tmp_path)

    assert not Budget(loaded, queue=queue).has_room_for_more()


def test_a_batch_that_waits_for_the_larger_limit_is_overtaken_while_others_use_the_memory(
    monkeypatch: pytest.MonkeyPatch, loaded: Config, queue: Queue
) -> None:
    has(monkeypatch, total_mb=8192, available_mb=5500)
    queue.put_last([batch(1, larger=True), batch(2)])
    budget = Budget(loaded, queue=queue)

    first = budget.next()
    queue.start(batch(2), limit_bytes=3072 * MIB)
    alone = budget.next()

    assert first == batch(2)
    assert isinstance(alone, Waits)
    assert alone.reason.startswith("needs 4096 MB")


def test_a_batch_does_not_wait_for_a_larger_limit_that_can_never_fit(
    monkeypatch: pytest.MonkeyPatch, loaded: Config, queue: Queue
) -> None:
    has(monkeypatch, total_mb=6000, available_mb=6000)
    queue.put_last([batch(1, larger=True)])
    budget = Budget(loaded, queue=queue)

    assert budget.limit_of(batch(1, larger=True)) == 3072 * MIB
    assert budget.next() == batch(1, larger=True)


def test_after_the_machine_has_run_out_of_memory_one_worker_runs_at_a_time(
    loaded: Config, queue: Queue
) -> None:
    budget = Budget(loaded, queue=queue)
    budget.most_workers = 4
    queue.start(batch(1), limit_bytes=64 * MIB)

    before = budget.has_place()
    budget.back_off()

    assert (before, budget.has_place()) == (True, False)
