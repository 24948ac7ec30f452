"""The drop folder: list what is in it, in processing order, and claim it.

Owns everything that is moved out of `inbox/`. Never reads a file's content, never follows a link.
"""

from __future__ import annotations

import errno
import heapq
import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scenariod.base.config import LONGEST_RETRY_S
from scenariod.base.faults import DAMAGED, unusable_inbox
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.mounts import same_mount
from scenariod.base.names import is_scenario_name
from scenariod.base.value import Value, replace
from scenariod.intake import misnamed
from scenariod.intake.order import SortKey, sort_key
from scenariod.intake.pairing import Ready
from scenariod.intake.readiness import GONE, Hold, Rules, Seen, is_somebodys_mount, observe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from scenariod.intake.misnamed import Misnamed

WINDOW = 1000
"""Maximum files examined at once, so that memory stays flat with any number in the inbox."""
MOST_HELD = 10_000
"""Maximum files remembered as held; more than that take up places in the window."""
DAMAGED_RETRY_S = 60.0
LONGEST_DAMAGED_RETRY_S = 3600.0
"""First and longest delay before a file that the disk could not read is tried again."""
SOONEST_AGAIN_S = 0.05
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OF_ONE_FILE = frozenset({errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV})
"""Errors of renaming that concern one file only: its owner, or a mount on it."""


class Waiting(Value):
    """A file that is in the inbox but not ready, and why."""

    name: str
    hold: Hold


class _PutOff(Value):
    """A file that could not be claimed: why, until when it is skipped, and for how long.

    Another file of the same name, with another `inode`, is not skipped. None matches any inode.
    """

    hold: Hold
    until: float
    delay_s: float
    inode: int | None = None


class Look(Value):
    """The result of one look at the inbox.

    `ready` and `waiting` are in processing order and cover the first `WINDOW` files; `total` counts
    all. A waiting file may be ready in `look_again_s` seconds. `ends_round` means that this look
    and those before it, which found nothing ready either, have covered all files.
    `left_alone` is what has another name than a scenario's; neither of them includes it.
    """

    ready: list[Ready]
    waiting: list[Waiting]
    total: int
    look_again_s: float | None
    ends_round: bool = False
    left_alone: Sequence[Misnamed] = ()


class Inbox:
    """The drop folder. The directory is the truth; events only say when to look."""

    def __init__(
        self,
        path: Path,
        *,
        settle_s: float,
        largest_bytes: int = sys.maxsize,
        unmovable_retry_s: float = LONGEST_RETRY_S,
    ) -> None:
        self._path = path
        self._unmovable_retry_s = unmovable_retry_s
        self._rules = Rules(settle_s, largest_bytes)
        self._seen: dict[str, Seen] = {}
        self._put_off: dict[str, _PutOff] = {}
        self._held: frozenset[str] = frozenset()
        self._window: list[SortKey] = []
        self._passed: SortKey | None = None
        self._renamed_in: set[str] = set()
        self._oldest_ns: int | None = None

    def note_renamed_in(self, name: str) -> None:
        """Record that a file arrived by a rename; may be called from any thread."""
        if len(self._renamed_in) >= MOST_HELD:
            self._renamed_in.clear()  # they settle like any other
        self._renamed_in.add(name)

    def set_aside(self, name: str, *, now: float) -> None:
        """Skip a file for a while that was claimed, could not be read and was moved back.

        The delay grows each time. `now` is monotonic seconds.
        """
        before = self._put_off.get(name)
        delay_s = DAMAGED_RETRY_S
        if before is not None and before.hold is Hold.DAMAGED:
            delay_s = min(before.delay_s * 2, LONGEST_DAMAGED_RETRY_S)
        inode = None
        with suppress(OSError):  # so damaged that not even this can be told
            inode = (self._path / name).lstat().st_ino
        self._put_off[name] = _PutOff(Hold.DAMAGED, now + delay_s, delay_s, inode)

    def look(self, *, now: float) -> Look:
        """List what is in the folder; `now` is monotonic seconds. Raises OSError if it cannot.

        Not thread-safe.
        """
        folder = self._open()
        try:
            names, total = self._first_names(folder)
            seen, found = self._seen, {}
            for name in names:
                observed = self._observe(folder, name, before=seen.get(name), now=now)
                if observed is not None:
                    found[name] = observed
            left_alone = misnamed.find(folder, now_s=time.time())
        finally:
            os.close(folder)
        self._seen = found
        # One that is gone is remembered a while: it may be claimed, and come back.
        self._put_off = {
            n: p for n, p in self._put_off.items() if n in found or now < p.until + p.delay_s
        }
        return replace(self._sorted_out(found, total=total, now=now), left_alone=left_alone)

    def _open(self) -> int:
        try:
            return os.open(self._path, _FOLDER_FLAGS)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise type(error)(unusable_inbox(self._path, error)) from error

    def _first_names(self, folder: int) -> tuple[list[str], int]:
        """Return the names to examine, in processing order, and the number of all names.

        Files held at the last look do not count towards the window, so they block no others. If
        there are too many of them, the window moves past those that wait for a person.
        """
        now_ns = time.time_ns()
        if self._oldest_ns is None:
            self._oldest_ns = min((t for t, _ in _drops(folder) if t <= now_ns), default=now_ns)
        oldest_ns, next_oldest_ns, total = self._oldest_ns, now_ns, 0
        held: list[SortKey] = []

        def turns() -> Iterator[SortKey]:
            nonlocal next_oldest_ns, total
            for dropped_ns, name in _drops(folder):
                total += 1
                next_oldest_ns = min(next_oldest_ns, dropped_ns)
                its = sort_key(name, dropped_ns=dropped_ns, oldest_ns=oldest_ns, now_ns=now_ns)
                if name in self._held:
                    held.append(its)
                elif self._passed is None or its > self._passed:
                    yield its

        self._window = heapq.nsmallest(WINDOW, turns())
        self._oldest_ns = next_oldest_ns if total else None
        return [name for _, (_, name) in sorted([*self._window, *held])], total

    def _observe(self, folder: int, name: str, *, before: Seen | None, now: float) -> Seen | None:
        seen = observe(
            folder,
            name,
            before=before,
            renamed_in=name in self._renamed_in,
            rules=self._rules,
            now=now,
        )
        put_off = self._put_off.get(name)
        if seen is None or seen.hold is not None or put_off is None or now >= put_off.until:
            return seen
        if put_off.inode not in {None, seen.identity[1]}:
            return seen
        return replace(seen, hold=put_off.hold)

    def _sorted_out(self, found: dict[str, Seen], *, total: int, now: float) -> Look:
        held = [(name, seen) for name, seen in found.items() if seen.hold is not None]
        self._held = frozenset(name for name, _ in held[:MOST_HELD])
        ready = [
            Ready(name, now if seen.ready_since is None else seen.ready_since)
            for name, seen in found.items()
            if seen.hold is None
        ]
        waiting = [Waiting(name, seen.hold) for name, seen in held if seen.hold is not None]
        due = [seen.again_s for _, seen in held if seen.again_s is not None]
        is_stuck = not ready and len(held) > MOST_HELD
        if self._move_on(found, is_stuck=is_stuck):
            due.append(SOONEST_AGAIN_S)
        again_s = max(min(due), SOONEST_AGAIN_S) if due else None
        return Look(ready, waiting, total, again_s, is_stuck and len(self._window) < WINDOW)

    def _move_on(self, found: dict[str, Seen], *, is_stuck: bool) -> bool:
        """Start the next look after this window if every file in it waits for a person.

        Return whether it does. After the last file it starts again at the first.
        """
        soon = any(
            found[name].again_s is not None and found[name].hold is not Hold.WRITING
            for _, (_, name) in self._window
            if name in found
        )
        moves = is_stuck and not soon and len(self._window) == WINDOW
        self._passed = self._window[-1] if moves else None
        return moves

    def dropped_at(self, names: Iterable[str]) -> dict[str, str]:
        """Return when each of these files last changed, as ISO 8601 in UTC.

        A change is a write, or the rename by which a file arrived. Missing files are left out.
        """
        found = {}
        for name in names:
            with suppress(OSError):  # gone, or damaged: the claim tells
                changed = datetime.fromtimestamp((self._path / name).lstat().st_ctime, tz=UTC)
                found[name] = changed.isoformat(timespec="seconds")
        return found

    def claim(self, names: Iterable[str], *, into: Path, now: float) -> list[str]:
        """Rename those files that are still ready into the folder `into`; return their names.

        On return their old names are gone. Raises OSError if no file can be renamed, as on a
        read-only disk. `now` is monotonic seconds.
        """
        source = self._open()
        try:
            target = os.open(into, _FOLDER_FLAGS)
            try:
                return [
                    name
                    for name in names
                    if self._still_ready(source, name, now=now)
                    and self._move(name, source=source, target=target, now=now)
                ]
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _still_ready(self, folder: int, name: str, *, now: float) -> bool:
        """Look once more: a writer may have come back since the last look."""
        observed = self._observe(folder, name, before=self._seen.pop(name, None), now=now)
        if observed is None:
            return False
        self._seen[name] = observed
        return observed.hold is None

    def _move(self, name: str, *, source: int, target: int, now: float) -> bool:
        try:
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
        except FileNotFoundError:
            return False
        except OSError as error:
            error.filename = str(self._path / name)  # a bare name would be looked for in work/
            _raise_if_of_all(error, source=source, target=target)
            until = now + self._unmovable_retry_s
            self._put_off[name] = _PutOff(Hold.UNMOVABLE, until, self._unmovable_retry_s)
            return False
        finally:
            self._seen.pop(name, None)
            self._renamed_in.discard(name)
        reached(KillPoint.FILE_CLAIMED)
        return True


def count(path: Path) -> int:
    """Return the number of scenario files in a folder; raises OSError if it cannot be read."""
    with os.scandir(path) as entries:
        return sum(is_scenario_name(entry.name) for entry in entries)


def _drops(folder: int) -> Iterator[tuple[int, str]]:
    """Yield drop time (ctime, nanoseconds since 1970) and name of each scenario file."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_scenario_name(entry.name):
                try:
                    yield entry.stat(follow_symlinks=False).st_ctime_ns, entry.name
                except OSError as error:
                    if error.errno in DAMAGED or is_somebodys_mount(error, folder):
                        yield 0, entry.name
                    elif error.errno not in GONE:
                        raise


def _raise_if_of_all(error: OSError, *, source: int, target: int) -> None:
    """Raise where nothing can be moved out of the inbox: the environment's fault."""
    if error.errno not in _OF_ONE_FILE:
        raise error
    if not os.access(".", os.W_OK, dir_fd=source, effective_ids=True):
        raise error
    if error.errno == errno.EXDEV and not same_mount(source, target):
        words = "inbox/ and work/ are not on one mount any more, so no file can be moved"
        raise OSError(f"{words}; see `findmnt`") from error
