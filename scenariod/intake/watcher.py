"""The watcher: keeps the inbox watched, and sets how often it is scanned in addition.

Owns how arrivals are noticed, and reports when that degrades or recovers. Never scans the inbox.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.faults import unusable_inbox
from scenariod.base.mounts import Mount, announces, mount_of
from scenariod.intake.inotify import InotifyWatch
from scenariod.monitoring import status
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenariod.base.config import Intake
    from scenariod.monitoring.journal import Journal

LONGEST_CHECK_S = 15.0
"""Longest time between two probes of the watch."""
LONGEST_PROBE_S = 10.0
"""How long to wait for the event of a probe, at most; any other event counts as well."""
FIRST_RETRY_S = 1.0


class Sight(StrEnum):
    """How arrivals are noticed."""

    STARTING = "starting"
    EVENTS = "events"
    POLLING = "polling"
    DEGRADED = status.DEGRADED


class Watcher:
    """Watches the inbox or has it polled; `run` it as a task.

    `on_change` is called from any thread when the inbox should be scanned, with the name of a file
    that was renamed in, if any; `on_return` on the loop when the inbox is back after a fault.
    """

    def __init__(
        self,
        path: Path,
        *,
        settings: Intake,
        journal: Journal,
        on_change: Callable[[str | None], None],
        on_return: Callable[[], None],
    ) -> None:
        self._path = path
        self._settings = settings
        self._journal = journal
        self._on_change = on_change
        self._on_return = on_return
        self._heard = asyncio.Event()
        self._mount: Mount | None = None
        self._check_s = min(settings.rescan_s / 2, LONGEST_CHECK_S)
        self._probe_timeout_s = min(settings.rescan_s / 2, LONGEST_PROBE_S)
        self._loop = asyncio.get_running_loop()
        self._listening = False
        self._watch = InotifyWatch(path, on_change=on_change, on_event=self._note_life)
        self.sight = Sight.STARTING
        self.detail = ""

    def look_every_s(self) -> float:
        """Return how often to scan the inbox without an event, in seconds."""
        if self.sight is Sight.EVENTS:
            return self._settings.rescan_s
        return min(self._settings.poll_s, self._settings.rescan_s)

    async def run(self) -> None:
        """Keep the inbox watched until cancelled: start, wait for a fault, start again.

        If starting fails, it is retried after 1, 2, 4 … seconds, up to `rescan_s`.
        """
        retry_s = FIRST_RETRY_S
        while True:
            fault = await self._begin()
            if fault is None:
                retry_s = FIRST_RETRY_S
                self._see_well()
                self._see_badly(await self._until_fault())
                continue
            self._see_badly(fault)
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, self._settings.rescan_s)

    def give_up(self, error: BaseException) -> None:
        """Report that watching has ended because of a bug of ours; scans continue."""
        self._see_badly(f"a defect in scenariod: {type(error).__name__}: {error}")

    async def close(self) -> None:
        """End the watch; return when its threads have ended."""
        await asyncio.to_thread(self._watch.end)

    async def _begin(self) -> str | None:
        """Start to watch or to poll; return what prevents it, or None."""
        try:
            self._mount = await asyncio.to_thread(self._find_mount)
            if self._why_polling() is not None:
                await asyncio.to_thread(self._watch.end)
                return None
        except OSError as error:
            return unusable_inbox(self._path, error)
        return await self._hear(self._watch.begin)

    async def _until_fault(self) -> str:
        """Check the watch repeatedly; return the first fault."""
        fault = None
        while fault is None:
            await asyncio.sleep(self._check_s)
            polls = self._why_polling() is not None
            fault = await self._check_poll() if polls else await self._check_watch()
        return fault

    async def _check_poll(self) -> str | None:
        try:
            mount = await asyncio.to_thread(self._find_mount)
        except OSError as error:
            return unusable_inbox(self._path, error)
        return None if mount == self._mount else "the inbox is on another file system now"

    async def _check_watch(self) -> str | None:
        fault = await asyncio.to_thread(self._watch.fault)
        return await self._hear(self._watch.probe) if fault is None else fault

    async def _hear(self, probe: Callable[[], str | None]) -> str | None:
        """Run `probe` and wait for its event; return what is wrong if none arrives, or None."""
        self._heard.clear()
        self._listening = True
        fault = await asyncio.to_thread(probe)
        if fault is not None:
            return fault
        try:
            async with asyncio.timeout(self._probe_timeout_s):
                await self._heard.wait()
        except TimeoutError:
            waited = f"{self._probe_timeout_s:g} s"
            return f"no inotify events: a test file was not reported within {waited}"
        return None

    def _note_life(self, _: str) -> None:
        """Count any event as the probe's; called for every event, from another thread."""
        if self._listening:
            self._listening = False
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._heard.set)

    def _find_mount(self) -> Mount | None:
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return mount_of(folder)
        finally:
            os.close(folder)

    # Reporting

    def _why_polling(self) -> str | None:
        if self._settings.watch == "poll":
            return "as configured"
        silent = self._mount is not None and not announces(self._mount.kind)
        if self._mount is None or not silent or self._settings.watch == "events":
            return None
        return f"{self._mount.kind} reports no changes by other machines"

    def _see_well(self) -> None:
        was, why = self.sight, self._why_polling()
        self.sight = Sight.EVENTS if why is None else Sight.POLLING
        self.detail = "" if why is None else f"every {self.look_every_s():g} s: {why}"
        if was is Sight.DEGRADED:
            self._journal.tell(
                Event.WATCH_RECOVERED,
                f"the inbox is watched again ({self.words()})",
                reason=self.sight,
            )
            self._on_return()
        elif why is not None:
            self._journal.tell(Event.WATCH_POLLS, f"the inbox is polled {self.detail}", reason=why)
        self._on_change(None)  # files that arrived without a watch were not reported

    def _see_badly(self, fault: str) -> None:
        """Show the fault; log it if it is the first since the watch worked."""
        was, self.sight = self.sight, Sight.DEGRADED
        self.detail = f"{fault}; scanning every {self.look_every_s():g} s"
        if was is not Sight.DEGRADED:
            self._journal.tell(
                Event.WATCH_TROUBLE, f"no events from the inbox: {self.detail}", reason=fault
            )
            self._on_change(None)

    def words(self) -> str:
        """Return how arrivals are noticed, for people."""
        return f"{self.sight} {self.detail}" if self.sight is Sight.POLLING else str(self.sight)
