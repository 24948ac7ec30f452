"""What speaking costs, in credits of the service: reserved before a request, settled after it.

Pure but for the callback that records. Never trusts what a service says that it has charged.
"""

from __future__ import annotations

import os
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from scenariod.base.value import Value, replace
from scenariod.voices.engines.engine import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAUSIBLE = 10
"""A cost is between a tenth of the reserve and ten times as much. Seen: 0.55 of it (a discount)."""


class Charge(Value):
    """The credits of one request, whose `key` is unique: reserved first, then settled.

    One that is never settled was cut off: it counts as it was reserved. `note` says what was odd.
    """

    key: str
    model: str
    credits: int
    is_settled: bool = False
    note: str = ""


def reserve(characters: int, *, multiplier: Decimal) -> int:
    """Return what so many characters cost by the price list, in whole credits, rounded up."""
    return int((characters * multiplier).to_integral_value(ROUND_CEILING))


def settled(charge: Charge, *, told: str | None) -> Charge:
    """Return `charge` settled by what the service has told, its header `character-cost`."""
    least, most = -(-charge.credits // _PLAUSIBLE), charge.credits * _PLAUSIBLE
    told = told.strip() if told is not None else None
    if told is None:
        cost, note = charge.credits, ""
    elif not (told.isascii() and told.isdigit() and len(told) <= 9):
        cost, note = charge.credits, "the service reported a cost that is not a whole number"
    else:
        cost = min(max(int(told), least), most)
        note = "" if cost == int(told) else f"the service reported a cost of {told} credits"
    return replace(charge, credits=cost, is_settled=True, note=note)


class Purse:
    """The credits that may still be spent; `left` is None where nothing limits them."""

    def __init__(self, left: int | None, *, charge: Callable[[Charge], None]) -> None:
        self._left = left
        self._charge = charge

    def reserve(self, *, model: str, credits: int) -> Charge:  # noqa: A002  its word everywhere
        """Reserve credits for one request, and record that.

        Raises EngineUnavailableError where too few are left.
        """
        if self._left is not None and credits > self._left:
            raise EngineUnavailableError(
                f"the budget for voices has {max(self._left, 0)} credits left, and the next "
                f"request needs {credits}: it was not sent",
                hint="raise voices.credits_per_month, or wait until next month",
            )
        charge = Charge(os.urandom(16).hex(), model, credits)
        self._charge(charge)
        self._take(credits)
        return charge

    def settle(self, reserved: Charge, *, told: str | None) -> None:
        """Record what a request has cost."""
        self._record(reserved, settled(reserved, told=told))

    def give_back(self, reserved: Charge) -> None:
        """Record that a request has cost nothing: it was refused, or never arrived."""
        self._record(reserved, replace(reserved, credits=0, is_settled=True))

    def _record(self, reserved: Charge, final: Charge) -> None:
        self._take(final.credits - reserved.credits)
        self._charge(final)

    def _take(self, credits: int) -> None:  # noqa: A002
        if self._left is not None:
            self._left -= credits
