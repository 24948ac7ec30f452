"""The daemon's own backups: at the end of a drain, and before a change where one is due.

Owns when a backup is due, and what is wrong with the newest one. Never changes the library.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from scenariod.backups import folder as backup_folder
from scenariod.backups import pruning, reader
from scenariod.backups.reader import Defect
from scenariod.backups.retention import Rules
from scenariod.base import clock
from scenariod.base.config import LARGEST_BATCH
from scenariod.base.units import MIB, size
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from scenariod.backups.folder import BackupFile
    from scenariod.base.config import Backups, Config
    from scenariod.library import Library, Snapshot
    from scenariod.monitoring.journal import Journal

FEWEST_SCENARIOS = 100
"""A smaller library counts as this large: else its every batch would be a tenth of it."""


def rules_of(config: Config) -> Rules:
    """Return which backups the configuration keeps."""
    kept = config.backup_rules
    return Rules(
        last=kept.keep_last,
        hourly=kept.keep_hourly,
        daily=kept.keep_daily,
        weekly=kept.keep_weekly,
        monthly=kept.keep_monthly,
        max_total_bytes=kept.max_total_mb * MIB,
    )


def has_grown(*, growth: float, scenarios: int, backed_up: int) -> bool:
    """Say whether a library has grown by `growth` since a backup of `backed_up` scenarios."""
    return scenarios - backed_up >= growth * max(backed_up, FEWEST_SCENARIOS)


def is_due(*, every: str, growth: float, scenarios: int, backed_up: int | None) -> bool:
    """Say whether the library must be backed up before it is changed.

    `backed_up` is how many scenarios the last backup of this drain holds; None if it has no backup.
    """
    if backed_up is None or every == "batch":
        return True
    return has_grown(growth=growth, scenarios=scenarios, backed_up=backed_up)


def is_needed(newest: BackupFile, snapshot: Snapshot, *, rules: Backups, now: datetime) -> bool:
    """Say whether a library as in `snapshot` needs one more backup than the newest, by the rules.

    With `every = "auto"`, only what done/ holds may be missing in the newest one, and that only in
    a large library and not for long: a rebuild takes it from there.
    """
    if not newest.is_verified or newest.batch is None or newest.count is None:
        return True
    if (newest.batch, newest.count) == (snapshot.batch, snapshot.count):
        return False
    return (
        rules.every != "auto"
        or newest.size_bytes < rules.small_mb * MIB
        or abs(now - newest.created) >= timedelta(hours=rules.max_age_h)
        or has_grown(growth=rules.growth, scenarios=snapshot.count, backed_up=newest.count)
        or newest.origin != snapshot.origin
        or not snapshot.is_only_added_to(since=newest.batch)
    )


def doubt(newest: BackupFile | None, *, scenarios: int, growth: float) -> str:
    """Return why the newest backup of a library of so many scenarios is doubtful; "" if it is not.

    Beyond `growth` it may lack one batch more: it is due before the next change only.
    """
    if newest is None:
        return "there is no backup; the next change writes one" if scenarios else ""
    name = newest.path.name
    if newest.defect is not None or newest.count is None:
        found = "not whole" if newest.defect is None else newest.defect.words
        return f"{name} is {found}: `scenariodctl backups verify --all` finds the intact ones"
    if newest.check is None:
        return f"{name} was not verified: `scenariodctl backups verify {name}`"
    if has_grown(growth=growth, scenarios=scenarios - LARGEST_BATCH, backed_up=newest.count):
        lacking = scenarios - newest.count
        return f"{name} is older than it should be: it lacks {lacking} of {scenarios} scenarios"
    return ""


def look_at_newest(config: Config, *, scenarios: int) -> tuple[str | None, str]:
    """Return the name of the newest backup, if any, and `doubt` of it."""
    if not config.backups.is_dir():
        return None, ""
    newest = backup_folder.newest(config.backups)
    found = doubt(newest, scenarios=scenarios, growth=config.backup_rules.growth)
    return None if newest is None else newest.path.name, found


def _state_of(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return what tells whether anything in the folder has changed, without a look into a file."""
    seen = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # a temporary one, by now under its own name
                status = entry.stat(follow_symlinks=False)
                seen.add((entry.name, status.st_size, status.st_mtime_ns))
    return frozenset(seen)


class Schedule:
    """The backups of one run of the daemon. `end_drain` may run beside all the others."""

    def __init__(self, config: Config, *, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        self._backed_up: int | None = None
        self._last_change: int | None = None
        self._pruned: frozenset[tuple[str, int, int]] = frozenset()
        self._writing = threading.Lock()
        self.newest: str | None = None
        self.doubt = ""

    def look(self, library: Library) -> None:
        """Learn which backup is the newest; tell where one cannot rely on it."""
        told = self.doubt
        self.newest, self.doubt = look_at_newest(self._config, scenarios=library.count())
        if self.doubt and self.doubt != told:
            words = f"the newest backup is unreliable: {self.doubt}"
            self._journal.tell(Event.BACKUP_DOUBTFUL, words, backup=self.newest)

    def back_up_if_due(self, library: Library) -> None:
        """Have a verified backup, as new as the rules want before a change.

        Raises OSError where it can't be written: then nothing may be changed.
        """
        rules = self._config.backup_rules
        scenarios = library.count()
        due = is_due(
            every=rules.every, growth=rules.growth, scenarios=scenarios, backed_up=self._backed_up
        )
        if not due:
            return
        with self._writing:  # one that is being written is nearer than one that is not begun
            self._backed_up = self._write_if_needed(library)
            if rules.every == "batch":  # a drain may be long
                self.prune()

    def end_drain(self, library: Library) -> None:
        """Have a backup as new as the rules want, unless a command is changing the library.

        That is, unless it has changed since the last time, and not by this daemon: an import of
        many batches would get a backup at each call. A library that was never changed needs none.
        """
        ours, before = self._backed_up is not None, self._last_change
        self._backed_up, self._last_change = None, library.latest_change()
        at_rest = ours or before in {None, self._last_change}
        with self._writing:
            self._check_newest(library)
            if self._last_change != 0 and at_rest:
                self._write_if_needed(library)
        self.look(library)

    def prune(self) -> None:
        """Remove the backups that no rule keeps; look at them only where something has changed."""
        there = _state_of(self._config.backups)
        if there == self._pruned:
            return
        plan = pruning.prune(self._config.backups, rules_of(self._config), now=clock.now())
        if plan.remove:
            many = len(plan.remove)
            freed = size(sum(d.backup.size_bytes for d in plan.remove))
            words = f"removed {many} backups that no rule keeps, {freed}; kept {len(plan.keep)}"
            self._journal.tell(Event.BACKUPS_PRUNED, words, backups_removed=many)
        self._pruned = there

    def _check_newest(self, library: Library) -> None:
        """Verify the newest backup if nobody has; report a damaged one before another follows."""
        newest = backup_folder.newest(self._config.backups)
        if newest is not None and newest.check is None:
            checked = reader.verify(newest.path)
            backup_folder.remember(self._config.backups, [checked], now=clock.now())
            if isinstance(checked, Defect):
                self.look(library)

    def _write_if_needed(self, library: Library) -> int:
        """Return how many scenarios the newest backup holds; it is a new one where need be."""
        newest = backup_folder.newest(self._config.backups)
        rules, now = self._config.backup_rules, clock.now()
        with library.snapshot() as snapshot:
            if newest is None or is_needed(newest, snapshot, rules=rules, now=now):
                return self._write(snapshot)
        return newest.count or 0

    def _write(self, snapshot: Snapshot) -> int:
        written = backup_folder.write(
            self._config.backups,
            snapshot.documents(),
            batch=snapshot.batch,
            now=clock.now(),
            packs=snapshot.held_packs(),
            origin=snapshot.origin,
        )
        self.newest, self.doubt = written.path.name, ""
        self._journal.tell(
            Event.BACKUP_WRITTEN,
            f"backup {written.path.name}: {written.count} scenarios, verified",
            backup=str(written.path),
            scenarios=written.count,
        )
        return written.count
