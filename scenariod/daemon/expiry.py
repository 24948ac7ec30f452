"""The old files of a folder: which are too old or one too many, and removing them.

Owns the order of the steps. Never follows a link, never removes a folder or what has changed since.
"""

from __future__ import annotations

import errno
import os
import stat
from array import array
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import REASON_SUFFIX, is_scenario_name, with_suffix
from scenariod.base.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

MOST_AT_ONCE = 50
"""Most files removed in one turn, so that nobody waits long for his."""
MOST_REASONS = 1000
"""Most reasons without a file that are removed in one run: only a crash leaves any."""
DAY_NS = 86_400 * 10**9
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OF_ONE_FILE = frozenset({errno.EACCES, errno.EPERM, errno.EBUSY})


class Limits(Value):
    """How old a file may get, and how many there may be. None: without a limit."""

    age_ns: int | None
    count: int | None


class CutOff(Value):
    """What goes: all that changed before `before_ns`, and `as_old` of those that changed just then.

    Nothing may have changed before: then only reasons go that a crash has left.
    Times are ctimes: when a file came into the folder, in nanoseconds since 1970.
    """

    before_ns: int
    as_old: int = 0


class Old(Value):
    """A file that is to go, as long as its ctime is this one."""

    name: str
    ctime_ns: int


class Removed(Value):
    """What was removed: how many files of how many bytes, from when to when they came.

    `stuck` is the first error on a file that cannot be removed while others can.
    """

    files: int = 0
    size_bytes: int = 0
    oldest_ns: int = 0
    newest_ns: int = 0
    stuck: OSError | None = None

    def __add__(self, other: Removed) -> Removed:
        if not self.files or not other.files:
            more = other if other.files else self
            return replace(more, stuck=self.stuck or other.stuck)
        return Removed(
            self.files + other.files,
            self.size_bytes + other.size_bytes,
            min(self.oldest_ns, other.oldest_ns),
            max(self.newest_ns, other.newest_ns),
            self.stuck or other.stuck,
        )


# Which


def cut_off(folder: Path, limits: Limits, *, now_ns: int) -> CutOff:
    """Return what is to go of the files in `folder`.

    Takes 8 bytes of memory a file, and as much again for a moment.
    """
    with _opened(folder) as descriptor:
        ctimes = array("q", (status.st_ctime_ns for _, status in _files(descriptor)))
    return cut_off_among(ctimes, limits, now_ns=now_ns)


def cut_off_among(ctimes: array[int], limits: Limits, *, now_ns: int) -> CutOff:
    """Return what is to go of files with these ctimes."""
    found = CutOff(min(ctimes, default=now_ns))
    if limits.age_ns is not None:
        found = CutOff(max(now_ns - limits.age_ns, found.before_ns))
    if limits.count is not None and len(ctimes) > limits.count:
        last_ns, as_old = _nth_smallest(ctimes, len(ctimes) - limits.count)
        if last_ns >= found.before_ns:
            found = CutOff(last_ns, as_old)
    return found


def _nth_smallest(values: array[int], n: int) -> tuple[int, int]:
    """Return the n-th smallest value, and the how-manieth of its equals that is.

    Narrows down by a pivot: a sorted list would take five times the memory.
    """
    while True:
        pivot = sorted((values[0], values[len(values) // 2], values[-1]))[1]
        smaller = array("q", (value for value in values if value < pivot))
        if n <= len(smaller):
            values = smaller
            continue
        n -= len(smaller)
        equal = values.count(pivot)
        if n <= equal:
            return pivot, n
        n -= equal
        values = array("q", (value for value in values if value > pivot))


def old_files(folder: Path, cut: CutOff) -> Generator[list[Old]]:
    """Yield the files that are to go, a few at a time."""
    left = cut.as_old
    several: list[Old] = []
    with _opened(folder) as descriptor:
        for name, status in _files(descriptor):
            if status.st_ctime_ns == cut.before_ns and left > 0:
                left -= 1
            elif status.st_ctime_ns >= cut.before_ns:
                continue
            several.append(Old(name, status.st_ctime_ns))
            if len(several) >= MOST_AT_ONCE:
                yield several
                several = []
    if several:
        yield several


def reasons_without_file(folder: Path, cut: CutOff) -> list[Old]:
    """Return reasons older than what stays whose files are not there: a crash left them."""
    with _opened(folder) as descriptor:
        return _without_file(descriptor, list(_old_reasons(descriptor, cut)))


def _old_reasons(descriptor: int, cut: CutOff) -> Iterator[Old]:
    left = MOST_REASONS
    for name in _names(descriptor, lambda name: name.endswith(REASON_SUFFIX)):
        with suppress(FileNotFoundError):
            ctime_ns = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_ctime_ns
            if ctime_ns < cut.before_ns:
                yield Old(name, ctime_ns)
                left -= 1
        if not left:
            return


def _without_file(descriptor: int, reasons: Iterable[Old]) -> list[Old]:
    alone = {reason.name: reason for reason in reasons}
    if alone:
        for name in _names(descriptor, is_scenario_name):
            alone.pop(with_suffix(name, REASON_SUFFIX), None)
    return list(alone.values())


# Removing


def remove(folder: Path, several: Iterable[Old]) -> Removed:
    """Remove files, and then their reasons: so that no file is ever there without its own.

    A file that has changed, or is gone, is left alone with its reason. Raises OSError where
    nothing can be removed; what one file is in the way of is told in `stuck`. The caller keeps
    others from refusing a file of the same name meanwhile.
    """
    with _opened(folder) as descriptor:
        total, gone = Removed(), []
        for old in several:
            removed = _remove_one(descriptor, old)
            total += removed
            if removed.files:
                gone.append(old.name)
        reasons = [with_suffix(name, REASON_SUFFIX) for name in gone]
        _remove_reasons(descriptor, [name for name in reasons if _there(descriptor, name)])
    return total


def remove_reasons(folder: Path, several: Iterable[Old]) -> None:
    """Remove reasons that are as they were found, and still have no file.

    A reason is written before its file comes, so the caller keeps others from refusing one. Raises
    OSError where one cannot be removed.
    """
    with _opened(folder) as descriptor:
        same = [old for old in several if _status(descriptor, old) is not None]
        _remove_reasons(descriptor, [old.name for old in _without_file(descriptor, same)])


def _remove_one(descriptor: int, old: Old) -> Removed:
    try:
        status = _status(descriptor, old)
        if status is None:
            return Removed()
        os.unlink(old.name, dir_fd=descriptor)
    except FileNotFoundError:
        return Removed()
    except OSError as error:
        if error.errno not in _OF_ONE_FILE or not _writable(descriptor):
            raise
        return Removed(stuck=error)
    reached(KillPoint.OLD_FILE_REMOVED)
    return Removed(1, status.st_size, old.ctime_ns, old.ctime_ns)


def _remove_reasons(descriptor: int, names: list[str]) -> None:
    if names:
        # Or a power cut could keep the files and lose their reasons.
        os.fsync(descriptor)
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=descriptor)
        reached(KillPoint.OLD_REASON_REMOVED)


def _status(descriptor: int, old: Old) -> os.stat_result | None:
    """Return the status of what is to go, or None where it is not that any more."""
    try:
        status = os.stat(old.name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None
    same = status.st_ctime_ns == old.ctime_ns and not stat.S_ISDIR(status.st_mode)
    return status if same else None


def _there(descriptor: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _writable(descriptor: int) -> bool:
    return os.access(".", os.W_OK, dir_fd=descriptor, effective_ids=True)


# Listing


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, _FOLDER_FLAGS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _files(descriptor: int) -> Iterator[tuple[str, os.stat_result]]:
    """Yield name and status of each dropped file in an open folder, without folders."""
    for name in _names(descriptor, is_scenario_name):
        with suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                yield name, status


def _names(descriptor: int, wanted: Callable[[str], bool]) -> Iterator[str]:
    with os.scandir(descriptor) as entries:
        yield from (entry.name for entry in entries if wanted(entry.name))
