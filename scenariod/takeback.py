"""Take files of done/ that a rebuilt library does not hold back into inbox/, to be added again.

Owns which files these are. Never reads what a file says: its hash tells whether it is there.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import stat
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenariod import durable
from scenariod.fault import DAMAGED
from scenariod.killpoint import KillPoint, reached
from scenariod.names import is_scenario_name, natural_key, numbered, without_batch
from scenariod.work import rename_without_replacing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

_BOM = b"\xef\xbb\xbf"
_CHUNK_BYTES = 64 << 10
_UNREADABLE = DAMAGED | {errno.EACCES, errno.EPERM}
"""What it means that one file of done/ cannot be read: no reason to have no library at all."""
_NO_FILE = frozenset({errno.ELOOP, errno.ENOENT})


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many files are in the inbox again, and how many stay in done/ as they cannot be read."""

    moved: int
    unreadable: int


class Digests:
    """The SHA-256 of many documents in 8 bytes each: memory stays small.

    That two documents have the same 8 bytes by chance does not happen with any number of files
    that a disk holds.
    """

    def __init__(self, digests: Iterable[str]) -> None:
        self._known = array("Q", sorted(map(_short, digests)))

    def __contains__(self, sha256: str) -> bool:
        place = bisect_left(self._known, _short(sha256))
        return place < len(self._known) and self._known[place] == _short(sha256)


def take_back(
    *, done: Path, inbox: Path, there: Digests, ended: Collection[str], not_before: float
) -> TakenBack:
    """Move what is not `there` from `done` into `inbox`. Raises OSError.

    What was `ended` on purpose stays, and so does what came into `done` before `not_before`
    (seconds since 1970). No file takes another's place. Killed in between, a second call moves
    the rest.
    """
    moved = unreadable = 0
    for name in _names(done):
        try:
            sha256 = _sha256(done / name, not_before=not_before)
        except OSError as error:
            if error.errno not in _UNREADABLE | _NO_FILE:
                raise
            unreadable += error.errno in _UNREADABLE
            continue
        if sha256 is None or sha256 in there or sha256 in ended:
            continue
        _move(done / name, inbox)
        reached(KillPoint.FILE_TAKEN_BACK)
        moved += 1
    if moved:
        durable.sync_folder(inbox)
        durable.sync_folder(done)
    return TakenBack(moved, unreadable)


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if is_scenario_name(entry.name)]
    return sorted(found, key=natural_key)


def _sha256(path: Path, *, not_before: float) -> str | None:
    """Return the hash of a file without a byte order mark; None where it is not to be taken."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_ctime < not_before:
        os.close(descriptor)  # of a folder no file can be made
        return None
    with os.fdopen(descriptor, "rb") as file:
        digest = hashlib.sha256(file.read(len(_BOM)).removeprefix(_BOM))
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _move(path: Path, inbox: Path) -> None:
    name = without_batch(path.name)
    for number in itertools.count(1):
        try:
            rename_without_replacing(path, inbox / name)
            break
        except FileExistsError:
            name = numbered(path.name, f"again{number}")


def _short(sha256: str) -> int:
    return int(sha256[:16], 16)
