"""The library at one instant, read in small pieces while others write.

Never writes. A snapshot holds back the WAL's checkpoint: use it, then leave it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.errors import CommandInterruptedError
from scenariod.library import (
    blob,
    catalogue,
    events,
    heard,
    history,
    integrity,
    measures,
    packs,
    past,
    scenarios,
    settlement,
    undo,
)
from scenariod.library.sqlite_errors import damaged

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from scenariod.library.catalogue import Order
    from scenariod.library.heard import Heard
    from scenariod.library.records import (
        BatchRecord,
        FileRecord,
        HeldPack,
        LastChange,
        Listed,
        Measure,
        Pack,
        Paused,
        ScenarioEvent,
        Speaker,
        Stored,
        Version,
    )


class Snapshot:
    """The current scenarios at the moment it was made, in the order in which they were added.

    `batch` is the last batch that had changed scenarios (0: none), `count` how many there are.
    """

    def __init__(
        self, db: sqlite3.Connection, *, path: Path, is_interrupted: Callable[[], bool]
    ) -> None:
        self._db = db
        self._path = path
        self._is_interrupted = is_interrupted
        self._reading: Generator[bytes, None, None] | None = None
        db.execute("BEGIN")
        now = history.state(db)  # the first read fixes what all the others see
        self.batch = now.last_change
        self.count = now.scenarios

    def scenarios(self) -> Iterator[Version]:
        """Yield the scenarios, without their documents."""
        return scenarios.all_current(self._db)

    def scenario(self, scenario_id: str) -> tuple[Version, bytes] | None:
        """Return one scenario and its document, as it was dropped without a BOM; None: no such."""
        found = scenarios.current(self._db, scenario_id)
        return None if found is None else (found, b"".join(self.document(found)))

    def documents(self) -> Iterator[Iterable[bytes]]:
        """Yield the chunks of each document, to be used up before the next.

        Raises LibraryDamagedError at the end of one that differs from what was stored, and after
        the last if some are missing; CommandInterruptedError where the library is interrupted.
        """
        found = scenarios.all_documents(self._db, largest_bytes=blob.CHUNK_BYTES)
        number = 0
        for stored, content in found:
            if self._is_interrupted():
                raise CommandInterruptedError(
                    "interrupted by a second signal", hint="the next start continues"
                )
            number += 1
            yield self._reading_of(stored) if content is None else self._whole(content, stored)
        if number != self.count:
            raise damaged(self._path, integrity.miscounted(counted=self.count, found=number))

    def batches(self, *, most: int = -1) -> Iterator[BatchRecord]:
        """Yield the batches, the last one first, `most` of them; -1: all."""
        return history.batches(self._db, most=most)

    def measures(self) -> tuple[int, Iterator[Measure]]:
        """Return how many batches there are, and what was measured of each, the first one first."""
        return measures.count(self._db), measures.of_batches(self._db)

    def pauses(self, *, since: datetime, most: int) -> tuple[int, list[Paused]]:
        """Return how many pauses of intake ended since then, and the last ones, the last first."""
        return measures.pauses(self._db, since=since, most=most)

    def refused(self) -> list[tuple[str, int, int]]:
        """Return for each code how many files were refused for it, and the last such batch."""
        return measures.refused(self._db)

    def heard(self) -> Heard:
        """Return what has come of speaking the scenarios, summed up."""
        return heard.heard(self._db)

    def speakers(self, scenario_id: str) -> tuple[Speaker, ...]:
        """Return who speaks in a scenario, as it was last spoken; the first one first."""
        return heard.speakers(self._db, scenario_id)

    def listed(self, order: Order) -> Iterator[Listed]:
        """Yield the current scenarios in an order to look them up; by pack those that have one."""
        return catalogue.listed(self._db, order)

    def last_settled_at(self) -> datetime | None:
        """Return when the last batch was settled; None if there was none."""
        return history.last_settled_at(self._db)

    @property
    def origin(self) -> str | None:
        """What tells this library from any other; None while there was no batch."""
        return history.origin(self._db)

    def is_only_added_to(self, *, since: int) -> bool:
        """Say whether done/ holds all that has changed after batch `since`; 0: ever."""
        return history.is_only_added_to(self._db, since=since)

    def last_change(self) -> LastChange | None:
        """Return what changed scenarios last; None if nothing ever did."""
        return history.last_change(self._db)

    def versions_without(self, batches: Sequence[int]) -> Iterator[tuple[str, str]]:
        """Yield what an undo of these batches would leave: ids, each with its document's SHA-256.

        Raises what the undo would: NotFoundError, NotUndoableError.
        """
        return undo.versions_without(self._db, batches)

    def versions(self, *, before: int | None = None) -> Iterator[Version]:
        """Yield the scenarios as they were just before a batch; None: as they are.

        Raises NotFoundError if the batch does not exist.
        """
        position = history.state(self._db).position + 1
        if before is not None:
            position = past.position_of(self._db, before)
        return past.versions(self._db, before_position=position)

    def packs(self) -> Iterator[tuple[int, Pack]]:
        """Yield the packs that were imported, each with its number, the first one first."""
        return packs.all_of(self._db)

    def pack_of(self, scenario_id: str) -> str | None:
        """Return the name of the pack that a scenario came in; None if it came in none."""
        return packs.name_of(self._db, scenario_id)

    def held_packs(self) -> Iterator[HeldPack]:
        """Yield the packs in that order, each with the ids of its scenarios, sorted."""
        return ((pack, packs.ids(self._db, row)) for row, pack in self.packs())

    def versions_of(self, pack: int | None, *, before: int | None = None) -> Iterator[Version]:
        """Yield those of `versions` that belong to a pack by its number, or (None) to none."""
        position = history.state(self._db).position + 1
        if before is not None:
            position = past.position_of(self._db, before)
        return packs.versions(self._db, pack, before_position=position)

    def document(self, version: Version) -> Iterator[bytes]:
        """Yield a version's document in chunks; raise as `documents` does."""
        return self._reading_of(version.stored)

    def files(self, name: str, *, most: int) -> list[FileRecord]:
        """Return what became of the files of this name, `most` of them, the last batch first."""
        return settlement.files(self._db, name, most=most)

    def files_of(self, scenario_id: str, *, most: int) -> list[FileRecord]:
        """Return what became of the files that held a scenario of this id, in that order.

        Reads the records of all files.
        """
        return settlement.files_of(self._db, scenario_id, most=most)

    def events(self, scenario_id: str, *, most: int) -> list[ScenarioEvent]:
        """Return what happened to the scenario of this id, `most` of it, the last batch first."""
        return events.events(self._db, scenario_id, most=most)

    def close(self) -> None:
        """Let go of a document that was not read to its end, as where the disk is full."""
        if self._reading is not None:
            self._reading.close()

    def _reading_of(self, stored: Stored) -> Iterator[bytes]:
        self._reading = self._read(stored)
        return self._reading

    def _read(self, stored: Stored) -> Generator[bytes, None, None]:
        try:
            yield from blob.load(self._db, stored)
        except blob.DocumentDamagedError as error:
            raise damaged(self._path, str(error)) from error

    def _whole(self, content: bytes, stored: Stored) -> tuple[bytes]:
        try:
            return (blob.as_stored(content, stored),)
        except blob.DocumentDamagedError as error:
            raise damaged(self._path, str(error)) from error
