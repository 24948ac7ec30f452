"""An inotify watch on the inbox: calls back when something may have arrived, and can test itself.

Owns the threads of watchdog and the probe. Events are hints; nothing depends on them.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.inotify import InotifyFullEmitter, InotifyObserver

from scenariod.base.faults import unusable_inbox
from scenariod.base.mounts import same_mount

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROBE_FILE = ".scenariod-probe"
"""The name that the probe file has in the inbox for an instant, when a watch starts."""
FLOOD = 2000
"""From this many events per second on, not every event is passed on."""
MOST_EVENTS = 500
"""Maximum events queued in memory; each only says that the inbox should be scanned."""
_EVENTS = [FileClosedEvent, FileCreatedEvent, FileMovedEvent]
"""With only these events subscribed, none of 60,000 arrivals was lost (docs/INTAKE.md)."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PROBE_FLAGS = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class InotifyWatch:
    """A watch that can be started and stopped repeatedly; it calls back from its own threads.

    `on_change` gets the name of a file that was renamed into the folder, else None. `on_event` gets
    the file's name of every event, the probe's included: each proves that the watch works.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_change: Callable[[str | None], None],
        on_event: Callable[[str], None],
    ) -> None:
        self._path = path
        self._handler = _Handler(on_change, on_event)
        self._warnings = _Warnings(on_change)
        self._turn = threading.Lock()
        self._observer: InotifyObserver | None = None
        self._folder: tuple[int, int] | None = None
        self._probe_file: int | None = None

    def begin(self) -> str | None:
        """Start to watch, and create the probe file; return what prevents it, or None."""
        with self._turn:
            self._end()
            try:
                folder = os.open(self._path, _FOLDER_FLAGS)
            except OSError as error:
                return unusable_inbox(self._path, error)
            try:
                return self._begin_in(folder)
            finally:
                os.close(folder)

    def end(self) -> None:
        """Stop watching; return when its threads have ended."""
        with self._turn:
            self._end()

    def probe(self) -> str | None:
        """Cause an event: `on_event` is called soon if the watch works.

        Return what prevents it, or None. The probe file has lost its name but still counts as one
        of the folder (inotify(7), IN_EXCL_UNLINK). Opening it for writing and closing it is
        reported like the end of any arrival, changes nothing on the disk, and leaves nothing
        behind.
        """
        with self._turn:
            try:
                if self._probe_file is None:
                    self._probe_once()
                else:
                    path = f"/proc/self/fd/{self._probe_file}"
                    os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
            except OSError as error:
                return f"the watch cannot be tested: {error.strerror}"
            return None

    def _probe_once(self) -> None:
        folder = os.open(self._path, _FOLDER_FLAGS)
        try:
            os.close(_create_probe(folder))
        finally:
            os.close(folder)

    def fault(self) -> str | None:
        """Return a fault that is visible without the probe, or None."""
        with self._turn:
            if self._observer is None:
                return "the inbox is not watched"
            threads = [self._observer, *self._observer.emitters]
            if not all(thread.is_alive() for thread in threads):
                return "a thread of the watch has died"
            try:
                folder = os.open(self._path, _FOLDER_FLAGS)
            except OSError as error:
                return unusable_inbox(self._path, error)
            try:
                same = _identity(folder) == self._folder
            finally:
                os.close(folder)
            return None if same else "the inbox was replaced by another folder"

    def _begin_in(self, folder: int) -> str | None:
        self._folder = _identity(folder)
        try:
            self._observe()
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            self._end()
            return unusable_inbox(self._path, error)
        except (OSError, RuntimeError) as error:
            self._end()
            return f"the kernel refuses to watch it ({error}); see inotify(7), /proc"
        try:
            self._probe_file = _create_probe(folder)
            if _is_mount_point(folder):
                os.close(self._probe_file)  # an open file would keep it from being unmounted
                self._probe_file = None
        except OSError as error:
            self._end()
            return f"cannot create a file in {self._path} to test the watch: {error.strerror}"
        return None

    def _observe(self) -> None:
        observer = _Observer()
        self._observer = observer
        observer.schedule(self._handler, str(self._path), event_filter=list(_EVENTS))
        logging.getLogger("watchdog").addHandler(self._warnings)
        logging.getLogger("watchdog").propagate = False
        observer.start()

    def _end(self) -> None:
        if self._probe_file is not None:
            os.close(self._probe_file)
            self._probe_file = None
        if self._observer is not None:
            self._observer.stop()
            with suppress(RuntimeError):  # it never started: there is nothing to wait for
                self._observer.join()
            # Not before: a thread that ends says so, and without us that would go to stderr.
            logging.getLogger("watchdog").removeHandler(self._warnings)
            self._observer = None


def _create_probe(folder: int) -> int:
    """Return an open new file of `folder` that no longer has a name."""
    with suppress(FileNotFoundError):
        os.unlink(PROBE_FILE, dir_fd=folder)  # left by a crash in between
    probe = os.open(PROBE_FILE, _PROBE_FLAGS, 0o600, dir_fd=folder)
    try:
        os.unlink(PROBE_FILE, dir_fd=folder)
    except BaseException:
        os.close(probe)
        raise
    return probe


def _is_mount_point(folder: int) -> bool:
    above = os.open("..", _FOLDER_FLAGS, dir_fd=folder)
    try:
        return not same_mount(folder, above)
    finally:
        os.close(above)


def _identity(folder: int) -> tuple[int, int]:
    status = os.fstat(folder)
    return status.st_dev, status.st_ino


class _Observer(InotifyObserver):
    def __init__(self) -> None:
        # Full events: else a file that was renamed in cannot be told from one that was created.
        super().__init__(generate_full_events=True)
        self._emitter_class = _Emitter


class _Emitter(InotifyFullEmitter):
    """Limits how many events are passed on: one hint to scan is as good as a hundred thousand.

    The threads of watchdog pass events on in unbounded queues, which would grow to a hundred
    megabytes if files arrived faster than their events are handled.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._second = 0
        self._events = 0

    def queue_events(self, timeout: float, *, full_events: bool = False) -> None:
        super().queue_events(timeout, full_events=full_events)
        second = int(time.monotonic())
        self._events = self._events + 1 if second == self._second else 0
        self._second = second
        if self._events >= FLOOD and self._events % MOST_EVENTS == 0:
            self._forget_what_waits()

    def queue_event(self, event: FileSystemEvent) -> None:
        few = self._event_queue.qsize() < MOST_EVENTS
        if few or os.fsdecode(event.src_path).endswith(PROBE_FILE):
            super().queue_event(event)

    def _forget_what_waits(self) -> None:
        """Drop queued events as after an overflow in the kernel, and queue one hint to scan."""
        inotify = self._inotify
        if inotify is not None:
            inotify.on_queue_overflow()
            super().queue_event(FileClosedEvent(self.watch.path))


class _Handler(FileSystemEventHandler):
    def __init__(
        self, on_change: Callable[[str | None], None], on_event: Callable[[str], None]
    ) -> None:
        self._on_change = on_change
        self._on_event = on_event

    def on_any_event(self, event: FileSystemEvent) -> None:
        moved = isinstance(event, FileMovedEvent)
        name = os.path.basename(os.fsdecode(event.dest_path if moved else event.src_path))
        # A file that was moved out, as by a claim, has no name here: not an arrival.
        if name != PROBE_FILE and (name or not moved):
            self._on_change(name if moved else None)
        self._on_event(name)


class _Warnings(logging.Handler):
    """Treats watchdog's warnings, such as an overflow of events, as hints to scan."""

    def __init__(self, on_change: Callable[[str | None], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_change = on_change

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002  its text does not matter
        self._on_change(None)
