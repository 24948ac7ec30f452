"""A process that waits at a point where it could be killed, until the test has it go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from conftest import wait_until

from scenariod.killpoint import VARIABLE, KillPoint, Order


class Halt:
    """Has the process that is started with `environment` wait where it comes to `point` first.

    It waits to read its order, which is a pipe, and which is gone before it can be carried out.
    """

    def __init__(self, orders: Path, point: KillPoint) -> None:
        orders.mkdir()
        self._order = orders / point
        os.mkfifo(self._order)
        self.environment = {VARIABLE: str(orders)}

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Run the body while the process waits there; it goes on after it, if it still lives."""
        ends: list[int] = []

        def somebody_reads() -> bool:
            with suppress(OSError):  # ENXIO: nobody does yet
                ends.append(os.open(self._order, os.O_WRONLY | os.O_NONBLOCK))
            return bool(ends)

        wait_until(somebody_reads, f"{self._order.name} is reached")
        try:
            yield
        finally:
            self._order.unlink()
            with suppress(BrokenPipeError):
                os.write(ends[0], Order.HERE.encode())
            os.close(ends[0])
