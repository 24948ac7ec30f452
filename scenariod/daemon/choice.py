"""Which batch is started next: one whose turn it is, or one that is claimed now.

Wires queue, budget and claimer. Starts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.intake.batch import Batch
from scenariod.intake.claim import Nothing

if TYPE_CHECKING:
    from scenariod.daemon.setup import Setup
    from scenariod.workers.admission import Waits


async def next_batch(setup: Setup, *, now: float) -> Batch | Waits | Nothing:
    """Return the batch to start now, what the next one waits for, or when to look again.

    `now` is monotonic seconds. Raises what `Claimer.claim_next` raises.
    """
    waiting = setup.budget.next()
    if isinstance(waiting, Batch):
        return waiting
    if waiting is not None and not setup.budget.lets_others_pass():
        return waiting
    claimed = await _claim(setup, now=now)
    return waiting if waiting is not None and isinstance(claimed, Nothing) else claimed


async def _claim(setup: Setup, *, now: float) -> Batch | Waits | Nothing:
    """Claim a batch, but beside a running one none that would only wait for memory."""
    if setup.queue.running and (waits := setup.budget.another()) is not None:
        return waits
    claimed = await setup.claimer.claim_next(now=now)
    if isinstance(claimed, Nothing):
        return claimed
    setup.queue.put_last([claimed])
    return setup.budget.next() or Nothing(again_s=0.0)
