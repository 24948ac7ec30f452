"""What signals ask for: to end, the second time at once, or to go on by the configuration as it is.

Owns the handlers of SIGTERM, SIGINT and SIGHUP while the loop runs. Never ends anything itself.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from scenariod.base import faults
from scenariod.base.errors import ScenariodError
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.base.config import Config
    from scenariod.monitoring.journal import Journal


class SignalRequests:
    """Whether, and how soon, a supervisor is to end, and whether another one follows it.

    `reread` reads the configuration again for the next supervisor; it raises OSError or
    `ScenariodError` where that cannot be used. None has SIGHUP ask for the end, as a terminal does
    that is closed.
    """

    def __init__(self, *, journal: Journal, reread: Callable[[], Config] | None) -> None:
        self._journal = journal
        self._reread = reread
        self._wake: Callable[[], object] = lambda: None
        self._grace_s = 0.0
        self._signals: list[signal.Signals] = []
        self._told = False
        self._next: Config | None = None
        self.workers = asyncio.Event()
        """Set when the workers are to be stopped too: at a second signal, or after the grace."""

    @property
    def is_asked(self) -> bool:
        """Say whether the supervisor at work is to end, for good or for the next one."""
        return bool(self._signals) or self.is_reload

    @property
    def is_urgent(self) -> bool:
        """Say whether it was asked for a second time: it is to end at once."""
        return len(self._signals) > 1

    @property
    def is_reload(self) -> bool:
        """Say whether another supervisor, by another configuration, is to follow."""
        return self._next is not None and not self._signals

    def take_next(self) -> Config | None:
        """Return the configuration of the supervisor that is to follow, once; None for the end."""
        following, self._next = self._next, None
        return None if self._signals else following

    def listen(self, *, wake: Callable[[], object], grace_s: float) -> None:
        """Take the signals, from now on, in the loop that runs; `wake` is called at each.

        nohup(1) has the end of its terminal ignored.
        """
        self._wake = wake
        self._grace_s = grace_s
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._take, number)
        if self._reread is not None:
            loop.add_signal_handler(signal.SIGHUP, self._reload, self._reread)
        elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._take, signal.SIGHUP)

    def is_new(self, *, running: int) -> bool:
        """Say, once, that the end is asked for: it is told, and the grace of the workers begins."""
        if self.is_urgent:
            self.workers.set()
        if not self._signals or self._told:
            return False
        self._told = True
        name = self._signals[0].name
        many = "current batch" if running == 1 else "current batches"
        what = f"; ending after the {many}" if running else ""
        self._journal.tell(Event.STOPPING, f"{name} received{what}", signal=name)
        asyncio.get_running_loop().call_later(self._grace_s, self.workers.set)
        return True

    def _reload(self, reread: Callable[[], Config]) -> None:
        try:
            self._next = reread()
        except (OSError, ScenariodError) as error:
            told = faults.of(error)
            hint = told.cure or "fix the cause, then `systemctl reload scenariod`"
            words = f"SIGHUP received, and nothing was changed: {told.words}; {hint}"
            self._journal.tell(Event.NOT_RELOADED, words, hint=hint)
            return
        words = "SIGHUP received; continuing with the configuration as it is now"
        self._journal.tell(Event.RELOADING, words)
        self._wake()

    def _take(self, number: signal.Signals) -> None:
        self._signals.append(number)
        self._wake()
