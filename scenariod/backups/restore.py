"""Restore an earlier state: verify it, back up what is there, change all in one step, publish.

Owns the order of these steps, and of those of an undo. Never removes anything: both can be undone.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING

from scenariod.backups import folder as backup_folder
from scenariod.backups.moments import InBackup, opened_backup, saved_packs, saved_scenarios
from scenariod.base import faults
from scenariod.base.errors import (
    CommandInterruptedError,
    ExitCode,
    LibraryLockedError,
    ScenariodError,
)
from scenariod.base.faults import Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.value import Value
from scenariod.library import Kind
from scenariod.library.publish import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from scenariod.backups.moments import Earlier
    from scenariod.backups.reader import Verified
    from scenariod.library import Library, Restored, Undone

    Change = Callable[[int], Restored | None]

_ATTEMPTS = 3


class Summary(Value):
    """What a restore did. `safety_backup` is the library as it was before."""

    batch: int
    added: int
    removed: int
    replaced: int
    unchanged: int
    safety_backup: Path


def restore(
    library: Library,
    moment: Earlier,
    *,
    backups: Path,
    published: Path,
    clock: Callable[[], datetime],
) -> Summary:
    """Make `library` what it was at `moment`, and publish it.

    Killed at any point, the library is as before or as at `moment`, never between. `clock` tells
    aware UTC. Raises BackupUnusableError, NotFoundError, LibraryLockedError, LibraryDamagedError,
    CommandInterruptedError at Ctrl-C, and OSError where the disk fails.
    """
    with _telling_if_interrupted(library, Kind.RESTORE):
        restored, safety = _restored(library, moment, backups=backups, clock=clock)
        reached(KillPoint.RESTORED)
        _publish(library, published, after=restored.batch)
    return Summary(
        batch=restored.batch,
        added=restored.added,
        removed=restored.removed,
        replaced=restored.replaced,
        unchanged=restored.unchanged,
        safety_backup=safety,
    )


def undo(
    library: Library, batches: Sequence[int], *, published: Path, clock: Callable[[], datetime]
) -> Undone:
    """Take back what these batches did, in one transaction, and publish.

    Writes no backup: nothing is lost that the undo of this undo would not bring back. Raises what
    `Library.undo` does, CommandInterruptedError at Ctrl-C, and OSError where the disk fails.
    """
    with _telling_if_interrupted(library, Kind.UNDO):
        undone = library.undo(*batches, clock=clock)
        reached(KillPoint.UNDONE)
        _publish(library, published, after=undone.batch)
    return undone


def back_up(library: Library, folder: Path, *, now: datetime) -> Verified:
    """Write a verified backup of `library` as it is now into `folder`."""
    with during(Step.BACKING_UP, folder), library.snapshot() as snapshot:
        return backup_folder.write(
            folder,
            snapshot.documents(),
            batch=snapshot.batch,
            now=now,
            packs=snapshot.held_packs(),
            origin=snapshot.origin,
        )


def _restored(
    library: Library, moment: Earlier, *, backups: Path, clock: Callable[[], datetime]
) -> tuple[Restored, Path]:
    note = f"restore {moment}"
    if isinstance(moment, InBackup):
        with opened_backup(moment.path) as (file, _):
            reached(KillPoint.RESTORE_VERIFIED)

            def from_backup(state: int) -> Restored | None:
                documents = saved_scenarios(file, moment.path)
                return library.restore(
                    documents,
                    packs=saved_packs(file, moment.path),
                    unless_changed_since=state,
                    clock=clock,
                    note=note,
                )

            return _replace(library, from_backup, str(moment), backups=backups, clock=clock)

    def from_history(state: int) -> Restored | None:
        return library.restore_before(
            moment.batch, unless_changed_since=state, clock=clock, note=note
        )

    return _replace(library, from_history, str(moment), backups=backups, clock=clock)


def _replace(
    library: Library,
    change: Change,
    name: str,
    *,
    backups: Path,
    clock: Callable[[], datetime],
) -> tuple[Restored, Path]:
    # The daemon may add a batch between the backup and the change. Then that backup does not
    # show what the restore would replace, and another one is due.
    for _ in range(_ATTEMPTS):
        safety = back_up(library, backups, now=clock())
        reached(KillPoint.SAFETY_BACKED_UP)
        try:
            restored = change(safety.batch)
        except BaseException:
            # Ctrl-C may come when all is committed: then this backup is the way back.
            if library.latest_change() == safety.batch:
                safety.path.unlink()
            raise
        if restored is not None:
            return restored, safety.path
        safety.path.unlink()  # nothing was changed: as the newest it would hide the one before
    raise LibraryLockedError(
        f"cannot restore {name}: batches keep changing the library",
        hint="wait until the inbox is empty (`scenariodctl status`), and restore again",
    )


def _publish(library: Library, path: Path, *, after: int) -> None:
    """Publish; where that fails, say that the change, batch `after`, was made all the same.

    Who repeats an undo of the last change takes back that undo.
    """
    try:
        publish(library, path)
    except (OSError, ScenariodError) as error:
        fault = faults.of(error)
        failed = ScenariodError(
            f"the library was changed (batch {after}), but not published: {fault.words}",
            hint=f"do not repeat the command; {fault.cure or 'fix the cause'}, and scenariod"
            f" publishes it; to go back: scenariodctl undo {after}",
        )
        failed.exit_code = getattr(error, "exit_code", ExitCode.PAUSED)
        raise failed from error


@contextmanager
def _telling_if_interrupted(library: Library, kind: Kind) -> Iterator[None]:
    """Have a Ctrl-C in the body say whether its batch, of this kind, was committed."""
    last = _last_position(library)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        with library.snapshot() as snapshot:
            since = takewhile(lambda batch: batch.position > last, snapshot.batches())
            done = next((batch.id for batch in since if batch.kind is kind), None)
        if done is None:
            raise CommandInterruptedError(
                "interrupted: nothing was changed", hint="run it again to complete it"
            ) from interrupt
        raise CommandInterruptedError(
            f"interrupted after the change, batch {done}: only publishing is missing",
            hint="scenariod publishes it when the inbox is empty;"
            f" to go back: scenariodctl undo {done}",
        ) from interrupt


def _last_position(library: Library) -> int:
    with library.snapshot() as snapshot:
        return next((batch.position for batch in snapshot.batches(most=1)), 0)
