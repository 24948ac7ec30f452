"""The end that a signal asks for: the first waits for the batches at hand, a second does not.

Owns the handlers of SIGTERM and SIGINT while the loop runs. Never ends anything itself.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from scenariod.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.journal import Journal


class Stop:
    """Whether, and how soon, one supervisor is to end."""

    def __init__(self, *, grace_s: float, journal: Journal, wake: Callable[[], object]) -> None:
        self._grace_s = grace_s
        self._journal = journal
        self._wake = wake
        self._signals: list[signal.Signals] = []
        self._told = False
        self.workers = asyncio.Event()
        """Set when the workers are to be stopped too: at a second signal, or after the grace."""

    @property
    def is_asked(self) -> bool:
        """Say whether a signal has come."""
        return bool(self._signals)

    def listen(self) -> None:
        """Take the signals, from now on, in the loop that runs; `wake` is called at each."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._take, number)

    def is_new(self, *, running: int) -> bool:
        """Say, once, that a signal has come: it is told, and the grace of the workers begins."""
        if len(self._signals) > 1:
            self.workers.set()
        if not self._signals or self._told:
            return False
        self._told = True
        name = self._signals[0].name
        many = "batch at hand" if running == 1 else "batches at hand"
        what = f"; ending after the {many}" if running else ""
        self._journal.tell(Event.STOPPING, f"{name} received{what}", signal=name)
        asyncio.get_running_loop().call_later(self._grace_s, self.workers.set)
        return True

    def _take(self, number: signal.Signals) -> None:
        self._signals.append(number)
        self._wake()
