"""Take files of done/ that a rebuilt library does not hold back into inbox/, to be added again.

Owns which files these are. Never reads what a file says: its hash tells whether it is there.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
from typing import TYPE_CHECKING

from scenariod.base import durable, safe_open
from scenariod.base.durable import rename_without_replacing
from scenariod.base.faults import DAMAGED
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import is_scenario_name, natural_key, numbered, without_batch
from scenariod.base.value import Value

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.library import Digests, Traces

_BOM = b"\xef\xbb\xbf"
_CHUNK_BYTES = 64 << 10
_UNREADABLE = DAMAGED | {errno.EACCES, errno.EPERM}
"""What it means that one file of done/ cannot be read: no reason to have no library at all."""


class Requeued(Value):
    """How many files are in the inbox again, and how many stay in done/ as they cannot be read."""

    moved: int
    unreadable: int


class _Dropped(Value):
    """A file of done/: its SHA-256 with and without a byte order mark, and when it came there."""

    digests: frozenset[str]
    since: float


def requeue(
    *, done: Path, inbox: Path, there: Digests, told: Traces, unknown_since: float
) -> Requeued:
    """Move what is not `there` from `done` into `inbox`. Raises OSError.

    What has ended, as is `told`, stays; so does what nothing is told of, and came into `done`
    before `unknown_since` (seconds since 1970). No file takes another's place. Killed in between,
    a second call moves the rest.
    """
    moved = unreadable = 0
    for name in _names(done):
        try:
            dropped = _read(done / name)
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            unreadable += 1
            continue
        if dropped is None or any(each in there for each in dropped.digests):
            continue
        if not _is_wanted(dropped, told, unknown_since=unknown_since):
            continue
        _move(done / name, inbox)
        reached(KillPoint.FILE_TAKEN_BACK)
        moved += 1
    if moved:
        durable.sync_folder(inbox)
        durable.sync_folder(done)
    return Requeued(moved, unreadable)


def _is_wanted(dropped: _Dropped, told: Traces, *, unknown_since: float) -> bool:
    if any(each in told.ended for each in dropped.digests):
        return False
    is_current = any(each in told.current for each in dropped.digests)
    return is_current or dropped.since >= unknown_since


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if is_scenario_name(entry.name)]
    return sorted(found, key=natural_key)


def _read(path: Path) -> _Dropped | None:
    """Read a file; None if it is a folder, a pipe or the like."""
    if (file := safe_open.open_found(path)) is None:
        return None
    with file:
        start = file.read(len(_BOM))
        since = os.fstat(file.fileno()).st_ctime
        digests = [hashlib.sha256(start)]
        if start == _BOM:
            digests.append(hashlib.sha256())
        while piece := file.read(_CHUNK_BYTES):
            for digest in digests:
                digest.update(piece)
    return _Dropped(frozenset(digest.hexdigest() for digest in digests), since)


def _move(path: Path, inbox: Path) -> None:
    name = without_batch(path.name)
    for number in itertools.count(1):
        try:
            rename_without_replacing(path, inbox / name)
            break
        except FileExistsError:
            name = numbered(path.name, f"again{number}")
