"""What is known of each backup: when all of it was read, and whether it was whole then.

Owns backups/.verified.json. What it says of a file that was changed since does not count; where
it is lost or garbled, nothing was verified.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scenariod.backups.reader import Defect, DefectKind
from scenariod.base import durable
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from scenariod.backups.reader import Verified

LEDGER_FILE = ".verified.json"
_FORMAT = 1
_NOT_SURELY_DAMAGED = {DefectKind.UNREADABLE, DefectKind.LATER_VERSION}
_MOST_BYTES = 16 << 20


class Check(Value):
    """What the last reading of a backup has found; `defect` is None where it was whole.

    `origin` is that of the library that it was written of; None if that is not known, as of a copy.
    """

    checked_at: datetime
    size_bytes: int
    mtime_ns: int
    defect: DefectKind | None
    origin: str | None = None


def load(folder: Path) -> dict[str, Check]:
    """Return what is known of the backups in `folder`, by name."""
    try:
        with (folder / LEDGER_FILE).open("rb") as file:
            entries = json.loads(file.read(_MOST_BYTES))["backups"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    known = {}
    for name, entry in entries:
        with suppress(ValueError, KeyError, TypeError):  # a defect that a later version found
            known[name] = _check(entry)
    return known


def note(
    folder: Path, checked: Iterable[Verified | Defect], *, now: datetime, origin: str | None = None
) -> None:
    """Remember, durably, what reading these backups of `folder` has found.

    The caller holds the folder's lock. What is known of files that are gone is forgotten. One that
    cannot be read now, by its mode, by a fault of the disk or because a later version wrote it, may
    be whole: nothing is known of it.
    The `origin` of one is remembered as long as its file does not change.
    """
    known = {name: check for name, check in load(folder).items() if (folder / name).exists()}
    for found in checked:
        if isinstance(found, Defect) and found.kind in _NOT_SURELY_DAMAGED:
            known.pop(found.path.name, None)
            continue
        with suppress(FileNotFoundError):  # removed since: there is nothing to know of it
            status = found.path.stat()
            before = still_holds(known.get(found.path.name), found.path)
            known[found.path.name] = Check(
                now,
                status.st_size,
                status.st_mtime_ns,
                defect=found.kind if isinstance(found, Defect) else None,
                origin=before.origin if before is not None else origin,
            )
    durable.write(folder / LEDGER_FILE, _written(known))


def still_holds(check: Check | None, path: Path) -> Check | None:
    """Return `check`, if the file at `path` is still the one that it is about, else None."""
    if check is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    same = (status.st_size, status.st_mtime_ns) == (check.size_bytes, check.mtime_ns)
    return check if same else None


def _written(known: Mapping[str, Check]) -> bytes:
    entries = {
        name: {
            "checked_at": check.checked_at.astimezone(UTC).isoformat(timespec="seconds"),
            "size_bytes": check.size_bytes,
            "mtime_ns": check.mtime_ns,
            "defect": check.defect,
            "origin": check.origin,
        }
        for name, check in sorted(known.items())
    }
    return json.dumps({"format": _FORMAT, "backups": entries}, indent=1).encode() + b"\n"


def _check(entry: Mapping[str, object]) -> Check:
    checked_at = datetime.fromisoformat(str(entry["checked_at"]))
    if checked_at.tzinfo is None:
        raise ValueError("a time without a time zone")
    defect = entry["defect"]
    return Check(
        checked_at=checked_at,
        size_bytes=int(str(entry["size_bytes"])),
        mtime_ns=int(str(entry["mtime_ns"])),
        defect=None if defect is None else DefectKind(str(defect)),
        origin=None if (origin := entry.get("origin")) is None else str(origin),
    )
