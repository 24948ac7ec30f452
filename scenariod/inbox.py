"""The drop folder: watching it, telling which files are ready, and claiming them.

Owns everything that happens in `inbox/`. Never reads what a file says, never follows a link.
"""

from __future__ import annotations

import errno
import fcntl
import heapq
import logging
import os
import signal
import stat
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from scenariod.batch import Ready
from scenariod.killpoint import KillPoint, reached
from scenariod.names import is_scenario_name, natural_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from watchdog.observers.api import BaseObserver

WINDOW = 1000
"""Most files looked at closely at once, so that memory stays flat with any number in the inbox."""
MOST_HELD = 10_000
"""Most files that are known to be held at a time; beyond, they take places of the window."""
UNMOVABLE_RETRY_S = 60.0
"""How long a file that may not be moved is left alone before it is tried again."""
_EVENTS = [FileClosedEvent, FileCreatedEvent, FileMovedEvent]
"""With just these asked of inotify, none of 60,000 arrivals was lost (docs/INTAKE.md)."""
_OF_ONE_FILE = frozenset({errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV})
"""Why one name cannot be renamed while others can: its owner, or something is mounted on it."""
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Hold(StrEnum):
    """Why a file in the inbox is not ready."""

    WRITING = "its writer still has it open"
    SETTLING = "it may still be changing"
    UNREADABLE = "scenariod may not read it; `chmod g+r` it"
    UNMOVABLE = "scenariod may not move it: it is somebody else's, or a mount"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is in the inbox but not ready, and why."""

    name: str
    hold: Hold


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the inbox found.

    `ready` and `waiting` are in natural order and cover the first `WINDOW` files; `total`
    counts all. `look_again_s` says in how many seconds a waiting file may be ready.
    """

    ready: list[Ready]
    waiting: list[Waiting]
    total: int
    look_again_s: float | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was last seen, and since when it has been so (monotonic seconds)."""

    identity: tuple[int, int, int, int, int]
    since: float
    ready_since: float | None = None


class Inbox:
    """The drop folder. The directory is the truth; events only say when to look."""

    def __init__(self, path: Path, *, settle_s: float) -> None:
        self._path = path
        self._settle_s = settle_s
        self._seen: dict[str, _Seen] = {}
        self._unmovable: dict[str, float] = {}
        self._held: frozenset[str] = frozenset()

    def look(self, *, now: float) -> Look:
        """List what is in the folder; `now` is monotonic seconds. Raise OSError where it can't be.

        Called from one thread at a time.
        """
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            names, total = self._first_names(folder)
            seen, found = self._seen, {}
            holds: list[tuple[str, Hold | None]] = []
            for name in names:
                observed = self._observe(folder, name, before=seen.get(name), now=now)
                if observed is not None:
                    found[name], hold = observed
                    holds.append((name, hold))
            self._seen = found
            self._unmovable = {n: t for n, t in self._unmovable.items() if n in found}
        finally:
            os.close(folder)
        return self._sorted_out(holds, total=total, now=now)

    def _first_names(self, folder: int) -> tuple[list[str], int]:
        """Return the names to look at, in natural order, and how many there are in all.

        Files that were held at the last look come on top of the window: they hold up nobody.
        """
        total = 0
        held: list[str] = []

        def scenario_names() -> Iterator[str]:
            nonlocal total
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not is_scenario_name(entry.name):
                        continue
                    total += 1
                    if entry.name in self._held:
                        held.append(entry.name)
                    else:
                        yield entry.name

        first = heapq.nsmallest(WINDOW, scenario_names(), key=natural_key)
        return sorted([*first, *held], key=natural_key), total

    def _observe(
        self, folder: int, name: str, *, before: _Seen | None, now: float
    ) -> tuple[_Seen, Hold | None] | None:
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        identity = _identity(status)
        since = before.since if before is not None and before.identity == identity else now
        hold = _hold(folder, name, status=status, calm_s=now - since, settle_s=self._settle_s)
        if hold is None and now < self._unmovable.get(name, now):
            hold = Hold.UNMOVABLE
        if hold is not None:
            return _Seen(identity, now if hold is Hold.WRITING else since), hold
        was_ready = before is not None and before.identity == identity and before.ready_since
        return _Seen(identity, since, ready_since=was_ready or now), None

    def _sorted_out(self, holds: list[tuple[str, Hold | None]], *, total: int, now: float) -> Look:
        self._held = frozenset([name for name, hold in holds if hold is not None][:MOST_HELD])
        ready = [
            Ready(name, self._seen[name].ready_since or now) for name, hold in holds if hold is None
        ]
        waiting = [Waiting(name, hold) for name, hold in holds if hold is not None]
        due = [
            self._seen[w.name].since + self._settle_s - now
            for w in waiting
            if w.hold not in {Hold.UNREADABLE, Hold.UNMOVABLE}
        ]
        return Look(ready, waiting, total, max(min(due), 0.05) if due else None)

    def claim(self, names: Iterable[str], *, into: Path, now: float) -> list[str]:
        """Rename files that are still ready into the folder `into`; return their names.

        True on return: nobody else finds them by their old names. Raise OSError where renaming
        fails for all, as on a read-only disk; `now` is monotonic seconds.
        """
        source = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        target = os.open(into, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return [
                name
                for name in names
                if self._still_ready(source, name, now=now)
                and self._move(name, source=source, target=target, now=now)
            ]
        finally:
            os.close(source)
            os.close(target)

    def _still_ready(self, folder: int, name: str, *, now: float) -> bool:
        """Look once more: a writer may have come back since the last look."""
        observed = self._observe(folder, name, before=self._seen.pop(name, None), now=now)
        if observed is None:
            return False
        self._seen[name], hold = observed
        return hold is None

    def _move(self, name: str, *, source: int, target: int, now: float) -> bool:
        try:
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno not in _OF_ONE_FILE or not os.access(
                ".", os.W_OK, dir_fd=source, effective_ids=True
            ):
                raise  # nothing can be moved out of here: the environment's fault
            self._unmovable[name] = now + UNMOVABLE_RETRY_S
            return False
        finally:
            self._seen.pop(name, None)
        reached(KillPoint.FILE_CLAIMED)
        return True


def _identity(status: os.stat_result) -> tuple[int, int, int, int, int]:
    """What changes when a file is written, replaced, or its mode is mended."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _hold(
    folder: int, name: str, *, status: os.stat_result, calm_s: float, settle_s: float
) -> Hold | None:
    """Return why the file is not ready, or None if it is."""
    calm = calm_s >= settle_s
    if not stat.S_ISREG(status.st_mode):
        return None if calm else Hold.SETTLING  # claimed, then refused by its kind: never opened
    try:
        file = os.open(name, _OPEN_FLAGS, dir_fd=folder)
    except PermissionError:
        return Hold.UNREADABLE
    except OSError:
        return Hold.SETTLING  # exchanged for something else just now: the next look tells
    try:
        writer = _has_writer(file)
    finally:
        os.close(file)
    if writer:
        return Hold.WRITING
    written_and_closed = writer is False and status.st_size > 0
    return None if written_and_closed or calm else Hold.SETTLING


def _has_writer(file: int) -> bool | None:
    """Say whether anyone has the file open for writing; None where the kernel won't tell us.

    A read lease is granted only where nobody writes (fcntl(2), F_SETLEASE). It needs the file
    to be ours and the file system to support leases.
    """
    try:
        # A lease that is broken sends SIGIO, which kills; SIGURG is ignored unless asked for.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


class Watch:
    """Calls back when something may have arrived. Events are hints; nothing depends on them."""

    def __init__(self, path: Path, *, on_change: Callable[[], None]) -> None:
        self._path = path
        self._on_change = on_change
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self._warnings = _Warnings(on_change)

    def start(self) -> None:
        """Begin to watch; raise OSError where the folder can't be watched."""
        observer = Observer()
        observer.schedule(_Hint(self._on_change), str(self._path), event_filter=list(_EVENTS))
        status = self._path.stat()
        logging.getLogger("watchdog").addHandler(self._warnings)
        logging.getLogger("watchdog").propagate = False
        observer.start()
        self._observer = observer
        self._watched = (status.st_dev, status.st_ino)

    def stop(self) -> None:
        """End watching; return when its threads have ended."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None
            logging.getLogger("watchdog").removeHandler(self._warnings)

    def trouble(self) -> str | None:
        """Return why events can't be relied on now, or None."""
        if self._observer is None:
            return "the inbox is not watched"
        if not self._observer.is_alive() or not all(e.is_alive() for e in self._observer.emitters):
            return "the watcher's thread has died"
        try:
            status = self._path.stat()
        except OSError as error:
            return f"the inbox cannot be seen: {error.strerror}"
        if (status.st_dev, status.st_ino) != self._watched:
            return "the inbox was replaced by another folder"
        return None


class _Warnings(logging.Handler):
    """Takes watchdog's warnings, an overflow of events among them, as hints: look."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_change = on_change

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002  whatever it says: look
        self._on_change()


class _Hint(FileSystemEventHandler):
    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002  what it was is no matter
        self._on_change()
