"""The queue: which batches wait for a worker, in order, and which have one.

Keeps count only: starts nothing, never touches a folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scenariod.intake.batch import Batch
    from scenariod.workers.job import Reading


class Worker(Value):
    """A running worker: its batch, the files that it was given, and its latest reading."""

    batch_id: int
    names: tuple[str, ...]
    reading: Reading


class Queue:
    """Batches by number: no batch is in it twice, or waits while it runs."""

    def __init__(self) -> None:
        self._waiting: dict[int, Batch] = {}
        self._limits: dict[int, int] = {}
        self._workers: dict[int, Worker] = {}
        self._speaker: Worker | None = None

    @property
    def running(self) -> int:
        """The number of batches that run."""
        return len(self._limits)

    @property
    def running_bytes(self) -> int:
        """The sum of the limits of what runs, including batches whose worker just starts."""
        speaker = self._speaker.reading.limit_bytes if self._speaker else 0
        return sum(self._limits.values()) + speaker

    @property
    def used_bytes(self) -> int:
        """How much of it is in use now."""
        speaker = [self._speaker] if self._speaker else []
        readings = [worker.reading for worker in [*self._workers.values(), *speaker]]
        return sum(min(reading.used_bytes, reading.limit_bytes) for reading in readings)

    @property
    def workers(self) -> list[Worker]:
        """The running workers, in the order of their batches' numbers."""
        return [self._workers[batch_id] for batch_id in sorted(self._workers)]

    @property
    def speaker(self) -> Worker | None:
        """What speaks scenarios: no batch waits for its place, only for its memory."""
        return self._speaker

    def show_speaker(self, speaker: Worker | None) -> None:
        """Record what speaks scenarios; None once it has ended."""
        self._speaker = speaker

    def waiting(self) -> Iterator[Batch]:
        """Return the waiting batches, the next one first."""
        return iter(list(self._waiting.values()))

    def put_first(self, batches: Iterable[Batch]) -> None:
        """Put `batches` before all others, in this order."""
        self._place([*batches, *self._waiting.values()])

    def put_last(self, batches: Iterable[Batch]) -> None:
        """Put `batches` after all others."""
        self._place([*self._waiting.values(), *batches])

    def replace(self, batches: Iterable[Batch]) -> None:
        """Replace the waiting batches by these, except those that run."""
        self._place(batches)

    def start(self, batch: Batch, *, limit_bytes: int) -> None:
        """Record that a batch was started with this limit."""
        self._waiting.pop(batch.id, None)
        self._limits[batch.id] = limit_bytes

    def show(self, batch_id: int, worker: Worker | None) -> None:
        """Record the worker of a batch; None once it has ended."""
        if worker is None:
            self._workers.pop(batch_id, None)
        else:
            self._workers[batch_id] = worker

    def end(self, batch: Batch) -> None:
        """Record that a batch has ended, or that it will run again."""
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
