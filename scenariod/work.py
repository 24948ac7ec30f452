"""The batch folders `work/<batch>/`, and where their files go from there.

Owns what is in work/, done/ and failed/. Never decides what becomes of a file, never overwrites.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from scenariod import durable, regular
from scenariod.durable import rename_without_replacing
from scenariod.killpoint import KillPoint, reached
from scenariod.names import (
    REASON_SUFFIX,
    is_scenario_name,
    natural_key,
    numbered,
    with_suffix,
)
from scenariod.verdict import MAX_VERDICT_BYTES, VERDICT_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

NOTE_FILE = "batch.json"
_MAX_NOTE_BYTES = 1 << 16
_COUNTED_NAMES = 20
"""How many numbered names are tried in done/ or failed/ before random ones are."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One folder in work/. `attempts` counts the launches so far that may be a file's fault.

    `spared` counts those that ended by no fault of its files; `larger` says that it is to have
    the larger limit, once.
    `claimed_at`, and by name `dropped_at`, are ISO 8601 in UTC; what a crash has lost is missing.
    """

    id: int
    folder: Path
    attempts: int = 0
    spared: int = 0
    larger: bool = False
    claimed_at: str | None = None
    dropped_at: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the names of the files that are in the folder now, in natural order."""
        with os.scandir(self.folder) as entries:
            return sorted((e.name for e in entries if is_scenario_name(e.name)), key=natural_key)


class Work:
    """The folders work/, done/ and failed/ of one root, and the way back into its inbox/."""

    def __init__(self, *, inbox: Path, work: Path, done: Path, failed: Path) -> None:
        self._inbox = inbox
        self._work = work
        self._done = done
        self._failed = failed

    def batches(self) -> list[Batch]:
        """Return the batches in work/, oldest first: running, or cut off by a crash."""
        ids = sorted(int(p.name) for p in self._work.iterdir() if p.name.isdecimal() and p.is_dir())
        return [self._load(batch_id) for batch_id in ids]

    def remove_leftovers(self) -> None:
        """Remove reasons that a crash left half-written in failed/; a batch's go with its folder.

        The caller is the one supervisor of the root: whoever wrote them is dead.
        """
        durable.remove_leftovers(self._failed, "scenario-*")

    def highest_id(self) -> int:
        """Return the highest number of a batch in work/; 0 if there is none."""
        return highest_batch(self._work)

    def create(self, batch_id: int) -> Batch:
        """Make the folder of a new batch; raise FileExistsError where there is one already."""
        folder = self._folder(batch_id)
        folder.mkdir(mode=0o700)
        return Batch(batch_id, folder)

    def count_attempt(self, batch: Batch, *, by: int = 1) -> Batch:
        """Add `by` to the batch's attempts, durably: written before a launch, no crash loops."""
        return self._note(replace(batch, attempts=max(batch.attempts + by, 0)))

    def spare(self, batch: Batch) -> Batch:
        """Take back an attempt that ended by no fault of the files, durably, but count that too."""
        attempts = max(batch.attempts - 1, 0)
        return self._note(replace(batch, attempts=attempts, spared=batch.spared + 1))

    def allow_more(self, batch: Batch) -> Batch:
        """Have the batch run under the larger limit from now on, durably."""
        return self._note(replace(batch, larger=True))

    def _note(self, batch: Batch) -> Batch:
        note = {
            "attempts": batch.attempts,
            "spared": batch.spared,
            "larger": batch.larger,
            "claimed_at": batch.claimed_at,
            "dropped_at": dict(batch.dropped_at),
        }
        durable.write(batch.folder / NOTE_FILE, json.dumps(note).encode())
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
        """Return the bytes of the batch's verdict.json, or None if there is none of a sane size."""
        return _read_small(batch.folder / VERDICT_FILE, most_bytes=MAX_VERDICT_BYTES)

    def forget_verdict(self, batch: Batch) -> None:
        """Remove the verdict of an earlier run: one is never trusted across a crash."""
        try:
            (batch.folder / VERDICT_FILE).unlink(missing_ok=True)
        except IsADirectoryError:
            _set_foreign_aside(batch.folder / VERDICT_FILE)

    def to_done(self, batch: Batch, name: str) -> Path | None:
        """Move a file to done/; return where it is now, or None if it was moved already."""
        moved = self._deliver(batch, name, self._done)
        if moved is not None:
            self._drop_stale_reason(name)
        return moved

    def to_failed(
        self, batch: Batch, name: str, *, reason: Callable[[str], Mapping[str, object]]
    ) -> Path | None:
        """Move a file to failed/, with its reason beside it; return where, None if moved already.

        `reason` is told the name that the file gets there. What it returns is written first, so
        that no file in failed/ is ever without.
        """

        def write_reason(target: Path) -> None:
            text = json.dumps(reason(target.name), indent=2, ensure_ascii=True).encode()
            beside = target.with_name(with_suffix(target.name, REASON_SUFFIX))
            try:
                with durable.replacing(beside) as f:
                    f.write(text + b"\n")
                    reached(KillPoint.REASON_BEING_WRITTEN)
            except IsADirectoryError as error:  # somebody's: another name, then
                raise FileExistsError(errno.EEXIST, error.strerror, str(beside)) from error
            reached(KillPoint.REASON_WRITTEN)

        return self._deliver(batch, name, self._failed, before=write_reason)

    def to_inbox(self, batch: Batch, name: str) -> bool:
        """Move a file back into the inbox; return False where its name is taken there."""
        try:
            rename_without_replacing(batch.folder / name, self._inbox / name)
        except FileExistsError:
            return False
        reached(KillPoint.FILE_GIVEN_BACK)
        return True

    def back_to_inbox(self, batch: Batch, name: str) -> Path | None:
        """Move a file back into the inbox, under another name where its own is taken there.

        Return where it is now, or None if it was gone.
        """
        return self._deliver(batch, name, self._inbox)

    def remove(self, batch: Batch) -> None:
        """Remove the folder of a settled batch; raise OSError where a dropped file is still in it.

        Where something else is in it that is not ours, it is kept as `work/NNNNNN.foreign`, or
        `.foreign-2` and so on: whatever that is, it holds up nobody.
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
            _set_foreign_aside(batch.folder)

    def _folder(self, batch_id: int) -> Path:
        return self._work / f"{batch_id:06d}"

    def _load(self, batch_id: int) -> Batch:
        folder = self._folder(batch_id)
        note = _read_small(folder / NOTE_FILE, most_bytes=_MAX_NOTE_BYTES)
        if note is None:
            return Batch(batch_id, folder)
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
            # Cut off by a power cut between rename and data: count it as one launch.
            return Batch(batch_id, folder, attempts=1)

    def _deliver(
        self,
        batch: Batch,
        name: str,
        folder: Path,
        *,
        before: Callable[[Path], None] = lambda _: None,
    ) -> Path | None:
        """Move a file into `folder` under the first free name; None if it was moved already.

        `before` is called with its new path right before; it raises FileExistsError where that
        cannot be the one.
        """
        folder.mkdir(exist_ok=True)  # somebody may have tidied up and taken the folder too
        names = _names_to_try(name, batch=batch)
        while _is_there(batch.folder / name):
            target = folder / next(names)
            if os.path.lexists(target):
                continue
            with suppress(FileExistsError):  # somebody was quicker: the next name, then
                before(target)
                return _move(batch.folder / name, target)
        return None

    def _drop_stale_reason(self, name: str) -> None:
        """Remove the reason of an earlier failure whose file was mended and dropped again."""
        if not os.path.lexists(self._failed / name):
            (self._failed / with_suffix(name, REASON_SUFFIX)).unlink(missing_ok=True)


def _move(path: Path, target: Path) -> Path:
    """Move a file; return where it is now.

    Who owns a folder may forbid that it leaves its parent: it stays there, aside.
    """
    try:
        rename_without_replacing(path, target)
    except PermissionError:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise
        return _set_foreign_aside(path)
    return target


def _is_there(path: Path) -> bool:
    """Say whether there is something of that name; raise OSError where the disk cannot tell."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _read_small(path: Path, *, most_bytes: int) -> bytes | None:
    """Return a file's bytes; None where it is missing, larger, or no regular file at all.

    A worker that was taken over may leave anything there.
    """
    if (file := regular.found(path)) is None:
        return None
    with file:
        content = file.read(most_bytes + 1)
    return content if len(content) <= most_bytes else None


def _set_foreign_aside(path: Path) -> Path:
    """Rename what is not ours to NAME.foreign, or where that is taken to NAME.foreign-2, ..."""
    for count in itertools.count(1):
        target = path.with_name(f"{path.name}.foreign{'' if count == 1 else f'-{count}'}")
        with suppress(FileExistsError):
            rename_without_replacing(path, target)
            break
    return target


def _names_to_try(name: str, *, batch: Batch) -> Iterator[str]:
    """Yield `name`, then ones marked with the batch's number; the later ones no one has guessed."""
    mark = f"b{batch.id:06d}"
    yield name
    yield numbered(name, mark)
    yield from (numbered(name, f"{mark}-{count}") for count in range(2, _COUNTED_NAMES))
    while True:
        yield numbered(name, f"{mark}-{os.urandom(8).hex()}")


def highest_batch(folder: Path) -> int:
    """Return the highest number of a batch in work/, `folder`; 0 if there is none."""
    return max((int(p.name) for p in folder.iterdir() if p.name.isdecimal()), default=0)
