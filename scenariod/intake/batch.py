"""The batch folders `work/<batch>/`: their files, and the state recorded for each batch.

Owns what is in work/. Never decides what happens to a file, never overwrites one.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING

from scenariod.base import durable, safe_open
from scenariod.base.durable import rename_without_replacing
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import is_scenario_name, natural_key
from scenariod.base.value import Value, replace
from scenariod.validation.verdict import MAX_VERDICT_BYTES, VERDICT_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NOTE_FILE = "batch.json"
_MAX_NOTE_BYTES = 1 << 16


class Batch(Value):
    """A folder in work/. `attempts` counts the launches whose end a file may have caused.

    `spared` counts those that ended without a file's fault; `larger` says that the next one gets
    the larger limit, once. `claimed_at`, and `dropped_at` by name, are ISO 8601 in UTC; what was
    lost in a crash is missing.
    """

    id: int
    folder: Path
    attempts: int = 0
    spared: int = 0
    larger: bool = False
    claimed_at: str | None = None
    dropped_at: Mapping[str, str] = MappingProxyType({})

    def names(self) -> list[str]:
        """Return the names of the files that are in the folder now, in natural order."""
        with os.scandir(self.folder) as entries:
            return sorted((e.name for e in entries if is_scenario_name(e.name)), key=natural_key)


class Work:
    """The folder work/ of one root."""

    def __init__(self, folder: Path) -> None:
        self._work = folder

    def batches(self) -> list[Batch]:
        """Return the batches in work/, oldest first: running ones and interrupted ones."""
        ids = sorted(int(p.name) for p in self._work.iterdir() if p.name.isdecimal() and p.is_dir())
        return [self._load(batch_id) for batch_id in ids]

    def highest_id(self) -> int:
        """Return the highest batch number in work/; 0 if it is empty."""
        return highest_batch(self._work)

    def create(self, batch_id: int) -> Batch:
        """Create the folder of a new batch; raises FileExistsError if it exists."""
        folder = self._folder(batch_id)
        folder.mkdir(mode=0o700)
        return Batch(batch_id, folder)

    def count_attempt(self, batch: Batch, *, by: int = 1) -> Batch:
        """Add `by` to the batch's attempts, before a launch, so that no crash loops.

        Durably, but for the first one: a batch whose note a crash took counts as launched once.
        Where there is a note, a crash could leave that in place of the new one.
        """
        counted = replace(batch, attempts=max(batch.attempts + by, 0))
        is_first = batch.attempts == 0 and not (batch.folder / NOTE_FILE).exists()
        return self._note(counted, durably=not is_first)

    def spare(self, batch: Batch) -> Batch:
        """Turn an attempt that ended without a file's fault into a spared one, durably."""
        attempts = max(batch.attempts - 1, 0)
        return self._note(replace(batch, attempts=attempts, spared=batch.spared + 1))

    def allow_more(self, batch: Batch) -> Batch:
        """Give the batch the larger limit from now on, durably."""
        return self._note(replace(batch, larger=True))

    def _note(self, batch: Batch, *, durably: bool = True) -> Batch:
        note = {
            "attempts": batch.attempts,
            "spared": batch.spared,
            "larger": batch.larger,
            "claimed_at": batch.claimed_at,
            "dropped_at": dict(batch.dropped_at),
        }
        path, content = batch.folder / NOTE_FILE, json.dumps(note).encode()
        if durably:
            durable.write(path, content)
        else:
            path.write_bytes(content)
        return batch

    def set_apart(self, batch: Batch, names: Iterable[str], *, batch_id: int) -> Batch:
        """Move files of `batch` into a new batch of their own; return it."""
        made = self.create(batch_id)
        apart = replace(made, claimed_at=batch.claimed_at, dropped_at=batch.dropped_at)
        reached(KillPoint.FOLDER_APART_MADE)
        for name in names:
            os.rename(batch.folder / name, apart.folder / name)
            reached(KillPoint.FILE_SET_APART)
        return apart

    def verdict(self, batch: Batch) -> bytes | None:
        """Return the bytes of the batch's verdict.json; None if it is missing or too large."""
        return _read_small(batch.folder / VERDICT_FILE, most_bytes=MAX_VERDICT_BYTES)

    def forget_verdict(self, batch: Batch) -> None:
        """Remove the verdict of an earlier run: no verdict is trusted after a crash."""
        try:
            (batch.folder / VERDICT_FILE).unlink(missing_ok=True)
        except IsADirectoryError:
            set_foreign_aside(batch.folder / VERDICT_FILE)

    def remove(self, batch: Batch) -> None:
        """Remove the folder of a settled batch; raises OSError if a dropped file is still in it.

        Anything else in it that is not ours is kept as `work/NNNNNN.foreign`, `.foreign-2` and so
        on, so that it blocks nothing.
        """
        for entry in list(batch.folder.iterdir()):
            ours = entry.name in {NOTE_FILE, VERDICT_FILE}
            if (ours or entry.name.endswith(durable.TEMPORARY_SUFFIX)) and not entry.is_dir():
                entry.unlink()
        reached(KillPoint.FOLDER_EMPTIED)
        try:
            batch.folder.rmdir()
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or batch.names():
                raise
            set_foreign_aside(batch.folder)

    def _folder(self, batch_id: int) -> Path:
        return self._work / f"{batch_id:06d}"

    def _load(self, batch_id: int) -> Batch:
        folder = self._folder(batch_id)
        note = _read_small(folder / NOTE_FILE, most_bytes=_MAX_NOTE_BYTES)
        # A power cut takes a first note, or a part of it; it may come of what has been launched.
        launched = Batch(batch_id, folder, attempts=1)
        if note is None:
            return launched
        try:
            said = json.loads(note)
            return Batch(
                batch_id,
                folder,
                attempts=int(said["attempts"]),
                spared=int(said.get("spared", 0)),
                larger=bool(said.get("larger", False)),
                claimed_at=said.get("claimed_at"),
                dropped_at=dict(said.get("dropped_at", {})),
            )
        except (ValueError, KeyError, TypeError):
            return launched


def _read_small(path: Path, *, most_bytes: int) -> bytes | None:
    """Return a file's bytes; None if it is missing, larger, or not a regular file.

    A compromised worker may leave anything there.
    """
    if (file := safe_open.open_found(path)) is None:
        return None
    with file:
        content = file.read(most_bytes + 1)
    return content if len(content) <= most_bytes else None


def set_foreign_aside(path: Path) -> Path:
    """Rename what is not ours to NAME.foreign, or NAME.foreign-2 and so on if that exists."""
    for count in itertools.count(1):
        target = path.with_name(f"{path.name}.foreign{'' if count == 1 else f'-{count}'}")
        with suppress(FileExistsError):
            rename_without_replacing(path, target)
            break
    return target


def highest_batch(folder: Path) -> int:
    """Return the highest batch number in work/, `folder`; 0 if it is empty."""
    return max((int(p.name) for p in folder.iterdir() if p.name.isdecimal()), default=0)
