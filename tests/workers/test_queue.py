from __future__ import annotations

from pathlib import Path

from scenariod.intake.batch import Batch
from scenariod.workers.job import Reading
from scenariod.workers.queue import Queue, Worker


def batch(number: int, *, attempts: int = 0) -> Batch:
    return Batch(number, Path(f"work/{number:06d}"), attempts=attempts)


def worker(number: int, *, used: int, limit: int) -> Worker:
    return Worker(number, ("a",), Reading(used_bytes=used, limit_bytes=limit))


def waiting(queue: Queue) -> list[int]:
    return [b.id for b in queue.waiting()]


def test_batches_wait_in_the_order_in_which_they_are_put() -> None:
    queue = Queue()

    queue.put_last([batch(1), batch(2)])
    queue.put_last([batch(3)])
    queue.put_first([batch(5), batch(4)])

    assert waiting(queue) == [5, 4, 1, 2, 3]
    assert len(queue) == 5


def test_no_batch_waits_twice_and_the_newer_note_of_it_counts() -> None:
    queue = Queue()
    queue.put_last([batch(1), batch(2)])

    queue.put_first([batch(2, attempts=1)])

    assert waiting(queue) == [2, 1]
    assert next(queue.waiting()).attempts == 1


def test_a_batch_that_runs_does_not_wait_whatever_is_put() -> None:
    queue = Queue()
    queue.put_last([batch(1), batch(2)])

    queue.start(batch(1), limit_bytes=7)
    queue.replace([batch(1), batch(2), batch(3)])

    assert waiting(queue) == [2, 3]
    assert (queue.running, len(queue)) == (1, 3)


def test_a_limit_counts_from_the_start_and_its_use_once_a_worker_is_there() -> None:
    queue = Queue()
    queue.start(batch(2), limit_bytes=100)
    queue.start(batch(1), limit_bytes=50)
    before = (queue.running_bytes, queue.used_bytes, queue.workers)

    one, two = worker(1, used=60, limit=50), worker(2, used=30, limit=100)
    queue.show(2, two)
    queue.show(1, one)

    assert before == (150, 0, [])
    assert (queue.running_bytes, queue.used_bytes) == (150, 80)
    assert queue.workers == [one, two]


def test_what_has_ended_counts_no_more() -> None:
    queue = Queue()
    queue.start(batch(1), limit_bytes=50)
    queue.show(1, worker(1, used=10, limit=50))

    queue.show(1, None)
    after_the_worker = (queue.running_bytes, queue.used_bytes)
    queue.end(batch(1))

    assert after_the_worker == (50, 0)
    assert (queue.running_bytes, queue.running, len(queue)) == (0, 0, 0)
