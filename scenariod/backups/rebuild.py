"""A damaged library: set it aside, and put one in its place from the newest good backup.

Owns the order of these steps; each can be cut off and done again. Never deletes what is damaged.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.backups import folder as backup_folder
from scenariod.backups import reader
from scenariod.backups.damage import Damage, damage_of, find_damage, mark, opened, unmark
from scenariod.backups.reader import Defect, DefectKind, Verified
from scenariod.base import clock, durable, process
from scenariod.base.errors import (
    BackupUnusableError,
    ExitCode,
    LibraryDamagedError,
    LibraryLockedError,
)
from scenariod.base.faults import Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.owner import start_as_owner
from scenariod.base.value import Value
from scenariod.intake.batch import highest_batch
from scenariod.library.extent import extent
from scenariod.monitoring.journal import Event
from scenariod.workers.budget import sizes_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.library import Library
    from scenariod.monitoring.journal import Journal

    Show = Callable[[str], None]

NEW_FILE = ".rebuilt.db"
_BESIDE = ("-wal", "-shm")


class Rebuilt(Value):
    """What a rebuild did: `taken_back` files of done/ are in the inbox again.

    `unreadable` ones are still in done/: whether the library has them is not known.
    """

    source: Path
    aside: Path
    scenarios: int
    taken_back: int
    unreadable: int


def open_sound(config: Config, *, journal: Journal, show: Show) -> Library:
    """Open the library, once all of its structure was read; rebuild it first where it is damaged.

    Raises LibraryDamagedError where it is damaged and `auto_restore` is off or no backup is good;
    OSError where the environment is at fault: then the next call goes on.
    """
    damage = find_damage(config)
    if damage is None:
        unmark(config)  # left by a rebuild that was killed once its library was in place
        try:
            return opened(config, show=show)
        except LibraryDamagedError as error:
            damage = damage_of(config, str(error))
    if not config.library.auto_restore:
        raise _left_alone(config, damage)
    with during(Step.REBUILDING, config.database):
        try:
            rebuild(config, damage, journal=journal, show=show)
        finally:
            show("")  # cut off by a fault, it is no longer being done
    return opened(config, show=show)


def rebuild(
    config: Config, damage: Damage, *, journal: Journal, show: Show, source: Path | None = None
) -> Rebuilt:
    """Put a library made of `source`, or of the newest good backup, in the place of this one.

    Killed at any point, the database is the old file or the new one, and a second call completes
    it. Raises BackupUnusableError where `source` is not good, LibraryDamagedError where no backup
    is, or a later version wrote the newest one, LibraryTooNewError, and OSError.
    """
    _refuse_library_of_a_later_version(config)
    if source is None:
        _refuse_older_than_a_later_version(config, damage)
    why = ""
    for good in _good_backups(config, source=source, show=show):
        journal.tell(
            Event.LIBRARY_DAMAGED,
            f"{damage.why}; it is rebuilt from {_described(good)}",
            path=str(config.database),
            backup=good.path.name,
        )
        mark(config, damage)
        try:
            built = _built(config, good, damage, show=show)
        except BackupUnusableError as error:
            why = f"it is intact, but no library can be built from it: {error}"
            journal.tell(
                Event.LIBRARY_DAMAGED,
                f"{good.path.name} is intact, but no library can be built from it: {error}",
                path=str(config.database),
                backup=good.path.name,
            )
            continue
        _set_aside(config, damage)
        _put_in_place(config)
        done = Rebuilt(good.path, damage.aside, **built)
        journal.tell(
            Event.LIBRARY_REBUILT,
            f"the library was rebuilt from {good.path.name}: {done.scenarios} scenarios; "
            f"{done.taken_back} files in done/ that it lacks are in inbox/ again"
            f"{''.join(f'; {words}' for words in unread(done))}; the damaged one is in "
            f"{damage.aside}",
            backup=good.path.name,
            scenarios=done.scenarios,
            destination=str(damage.aside),
        )
        return done
    if source is not None:
        raise _unusable(config, source, why=why)
    raise _hopeless(config, damage)


def unread(done: Rebuilt) -> list[str]:
    """Return in words how many files were left; nothing where none was."""
    if not done.unreadable:
        return []
    many = f"{done.unreadable} files in done/ cannot be read and stay there"
    return [f"{many}; once they can be read, drop them again"]


# Finding a backup


def _good_backups(config: Config, *, source: Path | None, show: Show) -> Iterator[Verified]:
    """Yield the backups that are whole, the newest first; remember which are not."""
    listed = (each.path for each in backup_folder.list_backups(config.backups))
    paths = [source] if source is not None else listed  # by names, which rise whatever the clock
    for path in paths:
        show(f"reading {path.name}")
        found = reader.verify(path)
        if path.parent == config.backups:
            with suppress(PermissionError):  # only who may write there remembers
                backup_folder.remember(config.backups, [found], now=clock.now())
        if isinstance(found, Verified):
            yield found


def _refuse_library_of_a_later_version(config: Config) -> None:
    """Raise LibraryTooNewError if a later version wrote the library: that one marked it, too."""
    with suppress(LibraryDamagedError, LibraryLockedError, OSError):  # as it may well be
        extent(config.database, busy_timeout_s=config.library.busy_timeout_s)


def _refuse_older_than_a_later_version(config: Config, damage: Damage) -> None:
    """Raise LibraryDamagedError if a later version wrote the newest backup.

    What that holds, an older one would lose: a person has to decide.
    """
    for listed in backup_folder.list_backups(config.backups):
        if listed.batch is not None:
            return
        found = reader.verify(listed.path)
        if isinstance(found, Defect) and found.kind is DefectKind.LATER_VERSION:
            raise LibraryDamagedError(
                f"{damage.why}; a later version of scenariod wrote the newest backup, "
                f"{listed.path.name}, and this one cannot read it",
                hint="install that version; to go back to an older backup instead, "
                "`scenariodctl backups` lists them, and `scenariodctl restore NAME` restores one",
            )


def _described(good: Verified) -> str:
    return f"{good.path.name} of {good.created:%Y-%m-%d %H:%M:%S} UTC, {good.count} scenarios"


def _left_alone(config: Config, damage: Damage) -> LibraryDamagedError:
    good = next(_good_backups(config, source=None, show=lambda _: None), None)
    if good is None:
        return _hopeless(config, damage)
    return LibraryDamagedError(
        f"{damage.why}; library.auto_restore is off, nothing was changed; the newest intact backup "
        f"is {_described(good)}",
        hint=f"`scenariodctl restore {good.path.name}` sets the damaged file aside, "
        "restores that backup, and adds again what done/ holds beyond it",
    )


def _unusable(config: Config, source: Path, *, why: str) -> BackupUnusableError:
    """Return the error that says so of the backup that was named, and names a good one."""
    found = reader.verify(source)
    others = _good_backups(config, source=None, show=lambda _: None)
    good = next((each for each in others if not each.path.samefile(source)), None)
    return BackupUnusableError(
        f"cannot restore {source}: {found.message if isinstance(found, Defect) else why}",
        hint="`scenariodctl backups` lists the backups; none of them is intact"
        if good is None
        else f"the newest intact one: `scenariodctl restore {good.path.name}`",
    )


def _hopeless(config: Config, damage: Damage) -> LibraryDamagedError:
    return LibraryDamagedError(
        f"{damage.why}; there is no intact backup in {config.backups}",
        hint=f"put one there; or, to start over, move {config.database.name}* and "
        f"{config.published.name} out of {config.database.parent}, drop the files in done/ again, "
        f"and `scenariodctl import` that {config.published.name}",
    )


# Building


def _built(config: Config, good: Verified, damage: Damage, *, show: Show) -> dict[str, int]:
    """Have a new database built beside the old one; return what `Rebuilt` counts."""
    child = start_as_owner(_command(config, good, damage), config.root)
    told: dict[str, int | str] = {}
    if child.stdout is None:
        raise RuntimeError("the builder has no pipe")
    with child.stdout:
        for line in child.stdout:
            told = json.loads(line)
            if "done" in told:
                show(
                    f"rebuilding the library from {good.path.name}: {told['done']} of {told['of']}"
                )
    code = child.wait()
    if code == ExitCode.BACKUP_UNUSABLE:
        raise BackupUnusableError(str(told.get("words")), hint="`scenariodctl backups`")
    if code != ExitCode.OK:
        number = int(told.get("errno", errno.ECHILD))
        what = os.strerror(number) if code == ExitCode.PAUSED else f"the builder ended with {code}"
        raise OSError(number, what, str(told.get("path", _new(config))))
    return {name: int(told[name]) for name in ("scenarios", "taken_back", "unreadable")}


def _command(config: Config, good: Verified, damage: Damage) -> list[str]:
    kept = damage.aside / config.database.name  # of a rebuild that was cut off: it has the WAL
    command = [sys.executable, "-I", "-m", "scenariod.backups.builder"]
    command += ["--parent", str(os.getpid())]
    limit_bytes = min(sizes_here(config.memory).limit_bytes, process.most_allowed_bytes())
    command += ["--limit-bytes", str(limit_bytes)]
    command += ["--above", str(max(highest_batch(config.work), _highest_backed_up(config)))]
    command += ["--backup", str(good.path), "--target", str(_new(config))]
    command += ["--damaged", str(kept if kept.exists() else config.database)]
    command += ["--done", str(config.done), "--inbox", str(config.inbox)]
    return [*command, "--replaces"] if config.library.on_conflict == "replace" else command


def _highest_backed_up(config: Config) -> int:
    """Return the highest batch that a whole backup shows: none of those is given out again."""
    listed = backup_folder.list_backups(config.backups)
    return max((each.batch or 0 for each in listed if each.is_verified), default=0)


def _set_aside(config: Config, damage: Damage) -> None:
    """Keep the damaged file, and what belongs to it, in a folder of its own."""
    database = config.database
    damage.aside.mkdir(exist_ok=True)
    beside = [database.with_name(database.name + ending) for ending in _BESIDE]
    for path in (*beside, database):  # so that the database is never there without its WAL
        _keep(path, damage.aside / path.name)
    durable.sync_folder(damage.aside)
    reached(KillPoint.DAMAGED_SET_ASIDE)
    for path in beside:  # beside the new database they would be taken for its own
        path.unlink(missing_ok=True)
    durable.sync_folder(database.parent)
    reached(KillPoint.WAL_SET_ASIDE)


def _keep(path: Path, target: Path) -> None:
    """Give the file a second name, so that it is under the first one until another takes that."""
    try:
        os.link(path, target)
    except (FileNotFoundError, FileExistsError):  # there is none, or a rebuild was cut off
        return
    except PermissionError:  # a file system without links
        path.rename(target)


def _put_in_place(config: Config) -> None:
    with _new(config).open("rb") as file:
        os.fsync(file.fileno())
    _new(config).rename(config.database)
    durable.sync_folder(config.database.parent)
    reached(KillPoint.REBUILT_IN_PLACE)
    unmark(config)


def _new(config: Config) -> Path:
    return config.database.with_name(NEW_FILE)
