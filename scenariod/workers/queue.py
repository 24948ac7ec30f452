"""Which batches wait for a worker, in their order, and which ones have one.

Keeps count only: starts nothing, and never touches a folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scenariod.intake.batch import Batch
    from scenariod.workers.job import Reading


@dataclass(frozen=True, slots=True)
class Worker:
    """A running worker: its batch, the files that it was given, and its latest reading."""

    batch_id: int
    names: tuple[str, ...]
    reading: Reading


class Queue:
    """Batches by their number: no batch is ever in here twice, nor waits while it runs."""

    def __init__(self) -> None:
        self._waiting: dict[int, Batch] = {}
        self._limits: dict[int, int] = {}
        self._workers: dict[int, Worker] = {}

    @property
    def running(self) -> int:
        """How many batches have been started and have not ended."""
        return len(self._limits)

    @property
    def running_bytes(self) -> int:
        """The sum of the limits of running batches, also of one whose worker starts only now."""
        return sum(self._limits.values())

    @property
    def used_bytes(self) -> int:
        """What their workers use of it now."""
        readings = [worker.reading for worker in self._workers.values()]
        return sum(min(reading.used_bytes, reading.limit_bytes) for reading in readings)

    @property
    def workers(self) -> list[Worker]:
        """The workers that run now, by the number of their batch."""
        return [self._workers[batch_id] for batch_id in sorted(self._workers)]

    def waiting(self) -> Iterator[Batch]:
        """Return the batches that wait, first the one whose turn it is."""
        return iter(list(self._waiting.values()))

    def put_first(self, batches: Iterable[Batch]) -> None:
        """Have `batches` wait before all others, in this order."""
        self._place([*batches, *self._waiting.values()])

    def put_last(self, batches: Iterable[Batch]) -> None:
        """Have `batches` wait after all others."""
        self._place([*self._waiting.values(), *batches])

    def replace(self, batches: Iterable[Batch]) -> None:
        """Have these batches wait and no others, but for those that run."""
        self._place(batches)

    def start(self, batch: Batch, *, limit_bytes: int) -> None:
        """Note that a batch is started with this limit."""
        self._waiting.pop(batch.id, None)
        self._limits[batch.id] = limit_bytes

    def show(self, batch_id: int, worker: Worker | None) -> None:
        """Note the worker of a batch, or None once that has ended."""
        if worker is None:
            self._workers.pop(batch_id, None)
        else:
            self._workers[batch_id] = worker

    def end(self, batch: Batch) -> None:
        """Note that a batch has come to its end, or that it is to run again."""
        self._limits.pop(batch.id, None)
        self._workers.pop(batch.id, None)

    def _place(self, batches: Iterable[Batch]) -> None:
        placed: dict[int, Batch] = {}
        for batch in batches:
            if batch.id not in self._limits:
                placed.setdefault(batch.id, batch)
        self._waiting = placed

    def __len__(self) -> int:
        return len(self._waiting) + len(self._limits)
