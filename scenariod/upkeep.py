"""The daemon's own backups: before a change where one is due, and one ahead while nobody waits.

Owns when a backup is due. Never changes the library.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from scenariod import backup, clock
from scenariod.journal import Event

if TYPE_CHECKING:
    from scenariod.config import Config
    from scenariod.journal import Journal
    from scenariod.library import Library

FEWEST_SCENARIOS = 100
"""A smaller library counts as this large: else its every batch would be a tenth of it."""


def is_due(*, every: str, growth: float, scenarios: int, backed_up: int | None) -> bool:
    """Say whether the library must be backed up before it is changed.

    `backed_up` is how many scenarios the last backup of this drain holds; None: there is none.
    """
    if backed_up is None or every == "batch":
        return True
    return scenarios - backed_up >= growth * max(backed_up, FEWEST_SCENARIOS)


class Upkeep:
    """The backups of one run of the daemon. `prepare` may run beside all the others."""

    def __init__(self, config: Config, *, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        self._backed_up: int | None = None
        self._prepared: backup.Prepared | None = None
        self._preparing = threading.Lock()
        self.newest: str | None = None

    def look(self) -> None:
        """Learn which backups there are."""
        known = backup.list_backups(self._config.backups)
        self.newest = known[0].path.name if known else None

    def back_up_if_due(self, library: Library) -> None:
        """Have a verified backup of the library as it is, where one is due before a change.

        Raises OSError where it can't be written: then nothing may be changed.
        """
        rules = self._config.backup
        scenarios = library.count()
        if not is_due(
            every=rules.every,
            growth=rules.growth,
            scenarios=scenarios,
            backed_up=self._backed_up,
        ):
            return
        with library.snapshot() as snapshot:
            state, count = snapshot.batch, snapshot.count
            taken = self._take_prepared(state) or backup.write(
                self._config.backups, snapshot.documents(), batch=state, now=clock.now()
            )
        self._backed_up = count
        self.newest = taken.path.name
        self._journal.tell(
            Event.BACKUP_WRITTEN,
            f"backup {taken.path.name}: {count} scenarios, verified",
            backup=str(taken.path),
            scenarios=count,
        )

    def end_drain(self) -> None:
        """Have the next change get a backup of its own."""
        self._backed_up = None

    def prepare(self, library: Library) -> None:
        """Write the next change's backup while nobody waits."""
        with self._preparing:
            if self._prepared is not None and self._prepared.batch == library.latest_change():
                return
            with library.snapshot() as snapshot:
                self._prepared = backup.prepare(
                    self._config.backups,
                    snapshot.documents(),
                    batch=snapshot.batch,
                    now=clock.now(),
                )

    def _take_prepared(self, state: int) -> backup.BackupFile | None:
        """Return the prepared backup, if it is of this run of ours and shows the present state."""
        with self._preparing:  # one that is being written is nearer than one that is not begun
            prepared, self._prepared = self._prepared, None
        if prepared is None or prepared.batch != state:
            return None
        return backup.take(prepared, now=clock.now())
