from __future__ import annotations

from pathlib import Path

from scenariod.intake.batch import Batch
from scenariod.monitoring.status import Running
from scenariod.workers.queue import Roster


def batch(number: int, *, attempts: int = 0) -> Batch:
    return Batch(number, Path(f"work/{number:06d}"), attempts=attempts)


def waiting(roster: Roster) -> list[int]:
    return [b.id for b in roster.waiting()]


def test_batches_wait_in_the_order_in_which_they_are_put() -> None:
    roster = Roster()

    roster.put_last([batch(1), batch(2)])
    roster.put_last([batch(3)])
    roster.put_first([batch(5), batch(4)])

    assert waiting(roster) == [5, 4, 1, 2, 3]
    assert len(roster) == 5


def test_no_batch_waits_twice_and_the_newer_note_of_it_counts() -> None:
    roster = Roster()
    roster.put_last([batch(1), batch(2)])

    roster.put_first([batch(2, attempts=1)])

    assert waiting(roster) == [2, 1]
    assert next(roster.waiting()).attempts == 1


def test_a_batch_that_runs_does_not_wait_whatever_is_put() -> None:
    roster = Roster()
    roster.put_last([batch(1), batch(2)])

    roster.start(batch(1), limit_bytes=7)
    roster.replace([batch(1), batch(2), batch(3)])

    assert waiting(roster) == [2, 3]
    assert (roster.running, len(roster)) == (1, 3)


def test_a_limit_counts_from_the_start_and_its_use_once_a_worker_is_there() -> None:
    roster = Roster()
    roster.start(batch(2), limit_bytes=100)
    roster.start(batch(1), limit_bytes=50)
    before = (roster.running_bytes, roster.used_bytes, roster.workers)

    one, two = Running(1, ["a"], 60, 50), Running(2, ["b"], 30, 100)
    roster.show(2, two)
    roster.show(1, one)

    assert before == (150, 0, [])
    assert (roster.running_bytes, roster.used_bytes) == (150, 80)
    assert roster.workers == [one, two]


def test_what_has_ended_counts_no_more() -> None:
    roster = Roster()
    roster.start(batch(1), limit_bytes=50)
    roster.show(1, Running(1, ["a"], 10, 50))

    roster.show(1, None)
    after_the_worker = (roster.running_bytes, roster.used_bytes)
    roster.end(batch(1))

    assert after_the_worker == (50, 0)
    assert (roster.running_bytes, roster.running, len(roster)) == (0, 0, 0)
