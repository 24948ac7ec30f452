"""The memory budget of the machine: which of the waiting batches may start now.

Wires admission, queue and host. Starts nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scenariod.base.config import SMALLEST_LIMIT_MB
from scenariod.base.errors import NotEnoughMemoryError
from scenariod.base.units import MIB
from scenariod.workers import admission, host, sizes

if TYPE_CHECKING:
    from scenariod.base.config import Config, Memory
    from scenariod.intake.batch import Batch
    from scenariod.workers.admission import Waits
    from scenariod.workers.queue import Queue
    from scenariod.workers.sizes import Sizes

ALONE_S = 300.0
"""How long workers run one at a time after the system ran out of memory."""


def sizes_here(memory: Memory) -> Sizes:
    """Return how much memory workers may have on this machine."""
    return sizes.of_machine(memory, total_bytes=host.look().total_bytes)


def spare_bytes(memory: Memory, *, what: str) -> int:
    """Return how much memory the machine can spare now beside the reserve.

    Raises NotEnoughMemoryError where that is less than the smallest limit; `what` needs it.
    """
    found, now = sizes_here(memory), host.look()
    spare = now.available_bytes - found.reserve_bytes
    if spare < SMALLEST_LIMIT_MB * MIB:
        raise NotEnoughMemoryError(
            f"{what} needs {SMALLEST_LIMIT_MB} MB, and {now.name} can spare"
            f" {max(spare, 0) // MIB} MB now beside memory.reserve_mb ="
            f" {found.shown('reserve_mb')}",
            hint="stop what uses the memory (`ps aux --sort=-rss | head`), or lower"
            " memory.reserve_mb in the configuration",
        )
    return spare


def aggregate_bytes(memory: Memory) -> int:
    """Return what all workers together may have: the machine's memory less the reserve."""
    found = sizes_here(memory)
    return max(host.look().total_bytes - found.reserve_bytes, found.limit_bytes)


class Budget:
    """How much of the machine's memory workers may use, and how many may run at once."""

    def __init__(self, config: Config, *, queue: Queue) -> None:
        self.sizes = sizes_here(config.memory)
        self._queue = queue
        self._alone_until = 0.0
        # Of two versions the later one must stay: a slow worker of the earlier must not end last.
        in_turn = config.library.on_conflict == "replace"
        self.most_workers = admission.most_workers(
            1 if in_turn else config.worker.workers, processors=host.processors()
        )

    def limit_of(self, batch: Batch) -> int:
        """Return the limit of the batch's worker, in bytes.

        If the larger limit can no longer fit, because the machine or the configuration changed,
        this is the usual one: a batch never waits for something that cannot happen.
        """
        fits = batch.larger and self._fits(self.sizes.limit_max_bytes)
        return self.sizes.limit_max_bytes if fits else self.sizes.limit_bytes

    def _fits(self, needed_bytes: int) -> bool:
        why_not = admission.never_fits(
            needed_bytes=needed_bytes, reserve_bytes=self.sizes.reserve_bytes, host=host.look()
        )
        return why_not is None

    def has_place(self) -> bool:
        """Return whether one more worker may run, regardless of memory."""
        alone = time.monotonic() < self._alone_until
        return self._queue.running < (1 if alone else self.most_workers)

    def back_off(self) -> None:
        """Run one worker at a time for a while: the system ran out of memory."""
        self._alone_until = time.monotonic() + ALONE_S

    def has_room_for_more(self) -> bool:
        """Return whether the larger limit fits on this machine if none of our workers runs."""
        if self.sizes.limit_max_bytes <= self.sizes.limit_bytes:
            return False
        return admission.has_room(
            needed_bytes=self.sizes.limit_max_bytes,
            used_bytes=self._queue.used_bytes,
            reserve_bytes=self.sizes.reserve_bytes,
            host=host.look(),
        )

    def another(self) -> Waits | None:
        """Return why a new batch must wait beside the running ones; None if it may start."""
        return self._ask(self.sizes.limit_bytes)

    def room_for(self, limit_bytes: int) -> Waits | None:
        """Return why a process of this limit must wait, or None."""
        return self._ask(limit_bytes)

    def next(self) -> Batch | Waits | None:
        """Return the waiting batch that may start now, why the first must wait, or None."""
        held_up: Waits | None = None
        for batch in self._queue.waiting():
            waits = self._ask(self.limit_of(batch))
            if waits is None:
                return batch
            held_up = held_up or waits
            if not (batch.larger and waits.for_host):
                break
            # Other programs may use the memory for long: the usual limit does not wait for that.
        return held_up

    def lets_others_pass(self) -> bool:
        """Return whether only batches with the larger limit wait; others need not wait for them."""
        return all(
            batch.larger and (waits := self._ask(self.limit_of(batch))) and waits.for_host
            for batch in self._queue.waiting()
        )

    def _ask(self, needed_bytes: int) -> Waits | None:
        return admission.must_wait(
            needed_bytes=needed_bytes,
            running_bytes=self._queue.running_bytes,
            used_bytes=self._queue.used_bytes,
            reserve_bytes=self.sizes.reserve_bytes,
            host=host.look(),
        )
