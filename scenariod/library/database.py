"""The library as the rest of scenariod sees it: settle, look, restore, undo, reserve.

Owns library/scenarios.db. Never parses a scenario, never holds more than a piece of one.
"""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Self

from scenariod.base.errors import LibraryLockedError, NotFoundError
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import shell_word
from scenariod.library import history, integrity, past, restoration, schema, settlement, undo
from scenariod.library import packs as packing
from scenariod.library.blob import DocumentDamagedError
from scenariod.library.connection import (
    OpenedFile,
    Wal,
    is_missing_or_empty,
    keep_open_for_ever,
    open_readable,
    open_writable,
    transaction,
    use_wal,
)
from scenariod.library.records import Kind, OnConflict, batches_named, own_batch
from scenariod.library.scenarios import current
from scenariod.library.snapshot import Snapshot
from scenariod.library.sqlite_errors import damaged, translating

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from scenariod.library.records import (
        Entry,
        HeldPack,
        NewScenario,
        Pack,
        Peak,
        Restored,
        SettledBatch,
        SettledFile,
        Undone,
        Version,
    )
    from scenariod.validation.verdict import Verdict


class Library:
    """An open library. Any thread may call it; calls wait for each other, snapshots do not.

    Every method raises LibraryLockedError, LibraryDamagedError, or OSError where the disk is at
    fault (full, read-only, failing). One that writes has then changed nothing.
    """

    def __init__(self, db: sqlite3.Connection, *, path: Path, busy_timeout_s: float) -> None:
        self.path = path
        self._db = db
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.RLock()
        self._wal = Wal(path)
        self._file = OpenedFile(path)
        self._interrupted = threading.Event()

    @classmethod
    def open(cls, path: Path, *, busy_timeout_s: float) -> Self:
        """Open the library at `path` and bring its tables up to date; create it if it is missing.

        An empty file counts as none. Raises LibraryTooNewError for that of a newer scenariod.
        """
        with translating(path):
            db = open_writable(path, busy_timeout_s=busy_timeout_s)
            try:
                schema.check(db, path)
                use_wal(db, path)
                schema.migrate(db)
            except BaseException:
                db.close()
                raise
        return cls(db, path=path, busy_timeout_s=busy_timeout_s)

    @classmethod
    def open_read_only(cls, path: Path, *, busy_timeout_s: float) -> Self:
        """Open the library at `path` for one who may read it, and need not be able to write.

        Raises NotFoundError if it does not exist yet.
        """
        with translating(path):
            if is_missing_or_empty(path):
                raise _nothing_there(path)
            db = open_readable(path, busy_timeout_s=busy_timeout_s)
            try:
                schema.check(db, path)
                if schema.version_of(db) < schema.READABLE:
                    raise _nothing_there(path)
                schema.read_as_present(db)
            except BaseException:
                db.close()
                raise
        return cls(db, path=path, busy_timeout_s=busy_timeout_s)

    def interrupt(self) -> None:
        """Have every snapshot raise CommandInterruptedError at its next document."""
        self._interrupted.set()

    def check(self) -> None:
        """Raise LibraryDamagedError where the structure of the database is not sound.

        Reads all of it, on a connection of its own: nobody waits for it.
        """
        with self._apart() as db:
            found = integrity.quick_check(db)
        if found is not None:
            raise damaged(self.path, found)

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with the library, each document's hash included; reads all of it."""
        with self._apart() as db:
            yield from integrity.problems(db)

    def fold(self) -> None:
        """Bring all of the library into its one file, durably; raise where that cannot be done.

        Closing does the same, but says nothing where the disk is full.
        """
        with self.reading() as db:
            busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise LibraryLockedError(
                f"the library {self.path} is being read",
                hint=f"`fuser -v {shell_word(self.path)}` shows by whom",
            )

    def close(self) -> None:
        """Close the library; the last to close it folds the WAL into the database.

        Where another library has its path by now, it stays open until the process ends: SQLite
        removes a WAL by its name, and that would be the other one's.
        """
        with self._lock, translating(self.path):
            if self._file.is_replaced():
                keep_open_for_ever(self._db)
            else:
                self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reserve_batch(self, *, above: int = 0) -> int:
        """Return the id of a new batch, given to nobody else ever, and larger than `above`.

        `above` is the highest id that is in work/: a reservation may be lost in a power cut.
        """
        with self.writing(durable=False) as db:
            return history.reserve(db, above=above)

    def memory_peaks(self, *, most: int) -> list[Peak]:
        """Return what memory the last batches took, `most` of them."""
        with self.reading() as db:
            return history.peaks(db, most=most)

    def settle(
        self,
        batch: SettledBatch,
        entries: Iterable[Entry],
        *,
        on_conflict: OnConflict = OnConflict.REFUSE,
        pack: Pack | None = None,
    ) -> list[SettledFile]:
        """Record a batch and add what it accepted, in one transaction, durable on return.

        What it accepted then belongs to `pack`, unless it belongs to another one already.
        Files are settled in their order. Raises AlreadySettledError, and OSError also where a
        file cannot be read: DroppedFileError where the disk has lost that one.
        """
        with self.writing() as db:
            return settlement.settle(db, batch, entries, on_conflict=on_conflict, pack=pack)

    def keep_pack(self, pack: Pack, ids: Iterable[str]) -> bool:
        """Record that these scenarios came in `pack`, too: no batch, for no scenario changes.

        Return whether that was news.
        """
        with self.writing() as db:
            return packing.keep(db, pack, ids)

    def settled(self, batch_id: int) -> list[SettledFile] | None:
        """Return what was recorded of a batch's files; None if the batch is not settled."""
        with self.reading() as db:
            return settlement.settled(db, batch_id)

    def settled_by(self, names: Iterable[str], *, batch: int) -> dict[str, bool]:
        """Say of each name that files were settled under, whether all were by that batch.

        Unknown names are left out; if the batch does not exist, all of them.
        """
        with self.reading() as db:
            return settlement.settled_by(db, names, batch=batch)

    def restore(
        self,
        documents: Iterable[NewScenario],
        *,
        packs: Iterable[HeldPack] = (),
        unless_changed_since: int,
        clock: Callable[[], datetime],
        note: str,
    ) -> Restored | None:
        """Make the current scenarios exactly `documents`, as a batch of its own, durable on return.

        Those of `packs` that belong to none join these. Return None, with nothing changed, if
        `unless_changed_since` is not the latest change.
        `clock` tells aware UTC. Raises BackupUnusableError if two documents have one id.
        """
        return self._replace(
            lambda _: documents,
            packs=packs,
            unless_changed_since=unless_changed_since,
            clock=clock,
            note=note,
        )

    def restore_before(
        self,
        batch_id: int,
        *,
        unless_changed_since: int,
        clock: Callable[[], datetime],
        note: str,
    ) -> Restored | None:
        """Make the current scenarios those from just before a batch; otherwise as `restore`.

        Raises NotFoundError if the batch does not exist, LibraryDamagedError if a document
        that is to be brought back differs from what was stored.
        """

        def wanted(db: sqlite3.Connection) -> Iterable[Version]:
            return past.versions(db, before_position=past.position_of(db, batch_id))

        return self._replace(
            wanted, unless_changed_since=unless_changed_since, clock=clock, note=note
        )

    def undo(self, *batches: int, clock: Callable[[], datetime]) -> Undone:
        """Take back what these batches did, as one batch of its own, durable on return.

        `clock` tells aware UTC. Raises NotFoundError, and NotUndoableError where a later batch
        depends on one of them or they changed nothing.
        """
        started_at = clock()
        with self.writing() as db, self._telling_damage():
            by = history.reserve(db, above=0)
            undone = undo.undo(db, batches, by=by)
            note = f"undo {batches_named(batches).removeprefix('batch ')}"
            batch = own_batch(by, Kind.UNDO, started_at, clock(), note=note)
            history.record(db, batch, added=undone.brought_back, removed=undone.removed)
            reached(KillPoint.UNDO_RECORDED)
        return undone

    def count(self) -> int:
        """Return how many scenarios there are."""
        with self.reading() as db:
            return history.state(db).scenarios

    def latest_change(self) -> int:
        """Return the batch that changed scenarios last; 0 if none did.

        Batches settle in another order than their ids: compare for equality only.
        """
        with self.reading() as db:
            return history.state(db).last_change

    def published(self) -> int | None:
        """Return the latest change that was published; None if nothing ever was."""
        with self.reading() as db:
            return history.marked(db, history.PUBLISHED)

    def mark_published(self, batch_id: int) -> None:
        """Record that what is published shows the library as it was after this batch."""
        with self.writing() as db:
            history.mark(db, history.PUBLISHED, batch_id)

    def scenarios(self) -> Iterator[Version]:
        """Yield the current scenarios in the order in which they were added."""
        with self.snapshot() as snapshot:
            yield from snapshot.scenarios()

    def scenario(self, scenario_id: str) -> tuple[Version, bytes] | None:
        """Return one scenario and its document; None if it does not exist."""
        with self.snapshot() as snapshot:
            return snapshot.scenario(scenario_id)

    def content_sha256(self, scenario_id: str) -> str | None:
        """Return the hash of the scenario with this id; None if it does not exist."""
        with self.reading() as db:
            present = current(db, scenario_id)
        return None if present is None else present.content_sha256

    def forecast(self, verdict: Verdict, *, on_conflict: OnConflict) -> SettledFile:
        """Return what would be recorded of a file of this verdict, if it is still as checked."""
        with self.reading() as db:
            return settlement.forecast(db, verdict, on_conflict=on_conflict)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Yield the library as it is at this instant, on a connection of its own."""
        is_interrupted = self._interrupted.is_set
        with (
            self._apart() as db,
            closing(Snapshot(db, path=self.path, is_interrupted=is_interrupted)) as snapshot,
        ):
            yield snapshot

    def _replace(
        self,
        wanted: Callable[[sqlite3.Connection], Iterable[NewScenario | Version]],
        *,
        packs: Iterable[HeldPack] = (),
        unless_changed_since: int,
        clock: Callable[[], datetime],
        note: str,
    ) -> Restored | None:
        started_at = clock()
        with self.writing() as db, self._telling_damage():
            if history.state(db).last_change != unless_changed_since:
                return None
            batch_id = history.reserve(db, above=0)
            restored = restoration.replace_all(db, wanted(db), batch=batch_id)
            for pack, ids in packs:
                packing.keep(db, pack, ids)
            batch = own_batch(batch_id, Kind.RESTORE, started_at, clock(), note=note)
            added, removed = restored.added, restored.removed
            replaced = restored.replaced
            history.record(db, batch, added=added + replaced, removed=removed + replaced)
            reached(KillPoint.RESTORE_RECORDED)
        return restored

    @contextmanager
    def _telling_damage(self) -> Iterator[None]:
        try:
            yield
        except DocumentDamagedError as error:
            raise damaged(self.path, str(error)) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection, for a module of this package, while no other thread uses it."""
        with self._lock, translating(self.path):
            yield self._db

    @contextmanager
    def _apart(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for reading, of its own."""
        with (
            translating(self.path),
            closing(open_readable(self.path, busy_timeout_s=self._busy_timeout_s)) as db,
        ):
            schema.read_as_present(db)
            yield db

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Yield the connection, for a module of this package, in a transaction, durable on exit.

        Not `durable`: a power cut may take it back, until the next one that is.
        """
        with self._lock, translating(self.path):
            # Before the change: where the disk is full, it is then not made.
            self._wal.cut_back(self._db, busy_timeout_s=self._busy_timeout_s)
            with transaction(self._db, durable=durable):
                self._file.raise_if_replaced()
                yield self._db
                self._file.raise_if_replaced()


def _nothing_there(path: Path) -> NotFoundError:
    return NotFoundError(
        f"there is no library of this version at {path} yet",
        hint="start scenariod once: it creates the library",
    )
