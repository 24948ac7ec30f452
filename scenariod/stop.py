"""The end that a signal asks for: the first waits for the batches at hand, a second does not.

Owns the handlers of SIGTERM, SIGINT and SIGHUP while the loop runs. Never ends anything itself.
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

    def __init__(
        self, *, grace_s: float, is_service: bool, journal: Journal, wake: Callable[[], object]
    ) -> None:
        self._grace_s = grace_s
        self._is_service = is_service
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
        """Take the signals, from now on, in the loop that runs; `wake` is called at each.

        A terminal that is closed asks to end. From a service, SIGHUP asks for a reload, which there
        is not: were it the end, the service would stay down. nohup(1) has it ignored.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._take, number)
        if self._is_service:
            loop.add_signal_handler(signal.SIGHUP, self._tell_no_reload)
        elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._take, signal.SIGHUP)

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

    def _tell_no_reload(self) -> None:
        words = "the configuration is read at the start only: `systemctl restart scenariod`"
        self._journal.tell(Event.NOT_RELOADED, f"SIGHUP received, and nothing was changed: {words}")

    def _take(self, number: signal.Signals) -> None:
        self._signals.append(number)
        self._wake()
