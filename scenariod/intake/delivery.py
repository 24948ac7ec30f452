"""Where the files of a batch go: to done/, to failed/ with a reason, back into the inbox/.

Owns what is in done/ and failed/. Never decides what becomes of a file, never overwrites.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base import durable
from scenariod.base.durable import rename_without_replacing
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import REASON_SUFFIX, numbered, with_suffix
from scenariod.intake.batch import set_foreign_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.intake.batch import Batch

_COUNTED_NAMES = 20
"""How many numbered names are tried in done/ or failed/ before random ones are."""


class Delivery:
    """The folders done/ and failed/ of one root, and the way back into its inbox/."""

    def __init__(self, *, inbox: Path, done: Path, failed: Path) -> None:
        self._inbox = inbox
        self._done = done
        self._failed = failed

    @classmethod
    def of(cls, config: Config) -> Delivery:
        """Return the one for the folders of a configuration."""
        return cls(inbox=config.inbox, done=config.done, failed=config.failed)

    def remove_leftovers(self) -> None:
        """Remove reasons that a crash left half-written in failed/; a batch's go with its folder.

        The caller is the one supervisor of the root, so the process that wrote them is gone.
        """
        durable.remove_leftovers(self._failed, "scenario-*")

    def to_done(self, batch: Batch, name: str) -> Path | None:
        """Move a file to done/; return where it is now, or None if it was moved already."""
        moved = self._deliver(batch, name, self._done)
        if moved is not None:
            self._drop_stale_reason(name)
        return moved

    def to_failed(
        self, batch: Batch, name: str, *, reason: Callable[[Path], Mapping[str, object]]
    ) -> Path | None:
        """Move a file to failed/, with its reason beside it; return where, None if moved already.

        `reason` is given the path that the file gets there. What it returns is written first, so
        that no file in failed/ is ever without.
        """

        def write_reason(target: Path) -> None:
            text = json.dumps(reason(target), indent=2, ensure_ascii=True).encode()
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
        """Remove the reason of an earlier failure whose file was fixed and dropped again."""
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
        return set_foreign_aside(path)
    return target


def _is_there(path: Path) -> bool:
    """Say whether there is something of that name; raise OSError where the disk cannot tell."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _names_to_try(name: str, *, batch: Batch) -> Iterator[str]:
    """Yield `name`, then ones marked with the batch's number; the later ones no one has guessed."""
    mark = f"b{batch.id:06d}"
    yield name
    yield numbered(name, mark)
    yield from (numbered(name, f"{mark}-{count}") for count in range(2, _COUNTED_NAMES))
    while True:
        yield numbered(name, f"{mark}-{os.urandom(8).hex()}")
