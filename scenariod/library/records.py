"""What goes into the library and comes out of it: plain frozen records.

Never touches the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from scenariod.validation.problems import Problem
    from scenariod.validation.verdict import Accepted, Verdict


class Kind(StrEnum):
    """What kind of change a batch is."""

    INTAKE = "intake"
    RESTORE = "restore"
    UNDO = "undo"
    IMPORT = "import"
    VOICES = "voices"


class OnConflict(StrEnum):
    """What becomes of a file whose id the library has, with other content."""

    REFUSE = "refuse"
    REPLACE = "replace"


class Result(StrEnum):
    """What became of one file of a batch.

    `REPLACED`: it is the new version of a scenario; the one before ended with this batch.
    `CHANGED`: the file is not the one that the worker checked; nothing of it was added.
    """

    ADDED = "added"
    REPLACED = "replaced"
    ALREADY_ADDED = "already-added"
    REFUSED = "refused"
    CHANGED = "changed"

    @property
    def changes(self) -> bool:
        """Whether the library is another one for it."""
        return self in {Result.ADDED, Result.REPLACED}


def decide(accepted: Accepted, *, present_sha256: str | None, on_conflict: OnConflict) -> Result:
    """Return what becomes of a file that the worker accepted, and that is as it was checked.

    `present_sha256` is the hash of the current scenario with its id, None if there is no such one.
    """
    if present_sha256 is None:
        return Result.ADDED
    if present_sha256 == accepted.content_sha256:
        return Result.ALREADY_ADDED
    return Result.REPLACED if on_conflict is OnConflict.REPLACE else Result.REFUSED


class SettledBatch(Value):
    """A batch as the library records it. Both times are aware.

    `first_batch` is the first one of its drain or import, None if that is itself. `started_by`,
    `waited_ms` and `ready_ms` are of its process, as `Measure` has them.
    """

    id: int
    started_at: datetime
    settled_at: datetime
    outcome: str
    duration_ms: int
    launcher: str
    memory_peak_bytes: int | None = None
    memory_limit_bytes: int | None = None
    kind: Kind = Kind.INTAKE
    note: str = ""
    first_batch: int | None = None
    started_by: str | None = None
    waited_ms: int | None = None
    ready_ms: int | None = None


class Paused(Value):
    """A pause of intake that has ended; both times are ISO 8601 in UTC. `step` is "" for none."""

    step: str
    reason: str
    begun_at: str
    ended_at: str


class Entry(Value):
    """One file to settle: the worker's verdict, and the file itself, opened at its start.

    `file` is needed for an accepted verdict only; None says that it is not there any more.
    """

    verdict: Verdict
    file: BinaryIO | None = None


class Pack(Value):
    """What a pack says beside its scenarios: `about` is a JSON object, `name` that of its file."""

    name: str
    about: str


HeldPack = tuple[Pack, Iterable[str]]
"""A pack, and the ids of its scenarios."""


class SettledFile(Value):
    """What was recorded of one file."""

    name: str
    result: Result
    size_bytes: int
    sha256: str | None
    scenario_id: str | None
    problems: tuple[Problem, ...] = ()


class FileRecord(Value):
    """What became of a file of some name, in one batch; `settled_at` is ISO 8601 in UTC."""

    name: str
    batch: int
    settled_at: str
    verdict: Result
    code: str | None
    scenario_id: str | None
    problems: tuple[Problem, ...]


class ScenarioChange(StrEnum):
    """What a batch did to one scenario."""

    ADDED = "added"
    REPLACED = "replaced"
    REMOVED = "removed"


class ScenarioEvent(Value):
    """What one batch did to a scenario, from `file` if it came from one; `note` is the batch's."""

    batch: int
    settled_at: str
    kind: Kind
    note: str
    change: ScenarioChange
    file: str | None


class Speaker(Value):
    """Who speaks in a scenario: the names that the text has for them, and their voice."""

    name: str
    aliases: tuple[str, ...]
    voice: str


class Stored(Value):
    """A document in the library: its row, and what it is."""

    row: int
    sha256: str
    size_bytes: int


class Scenario(Value):
    """What the library knows of a scenario beside its document."""

    id: str
    title: str
    correct_answer: str
    content_sha256: str


class Version(Scenario):
    """A scenario as one batch added it: a row of the library."""

    row: int
    added_batch: int
    stored: Stored


class NewScenario(Scenario):
    """A scenario that a restore is to put in place, with its document."""

    document: bytes


class Obstacle(Value):
    """Why a batch cannot be undone: `why` is a clause; `batch` the one that depends on it."""

    why: str
    batch: int | None
    scenario_id: str | None


class Refusal(Value):
    """A file that a batch refused: its name, or its place in an import, and every problem."""

    name: str
    problems: tuple[Problem, ...]


class BatchRecord(Value):
    """A batch as history shows it; times are ISO 8601, `obstacle` None where it can be undone.

    `first_batch` is the first one of its drain or import; `in_last_change` says whether it is part
    of what `LastChange` is.
    """

    id: int
    position: int
    kind: Kind
    started_at: str
    settled_at: str
    outcome: str
    note: str
    added: int
    removed: int
    scenarios: int
    obstacle: Obstacle | None
    refusals: tuple[Refusal, ...]
    first_batch: int
    in_last_change: bool


class LastChange(Value):
    """What changed the library last: a drain, an import, a restore or an undo.

    `batches` are those of it that changed anything, in settling order; the rest is of the last one.
    """

    batches: tuple[int, ...]
    kind: Kind
    settled_at: str
    note: str


_MOST_NAMED = 5


def batches_named(batches: Sequence[int]) -> str:
    """Return batches in words."""
    if len(batches) == 1:
        return f"batch {batches[0]}"
    if len(batches) > _MOST_NAMED:
        return f"{len(batches)} batches, {batches[0]} to {batches[-1]}"
    return f"batches {', '.join(map(str, batches))}"


class Undone(Value):
    """What an undo, the batch `batch`, changed."""

    batch: int
    removed: int
    brought_back: int


class Restored(Value):
    """What a restore changed. A replaced scenario counts in neither `added` nor `removed`."""

    batch: int
    added: int
    removed: int
    replaced: int
    unchanged: int


class Peak(Value):
    """The most memory of one batch's worker, and the size of its files together; bytes."""

    input_bytes: int
    peak_bytes: int


class Measure(Value):
    """What was measured of a batch; None where it was not. `settled_at` is ISO 8601 in UTC.

    `waited_ms` is from its claim until its process was started by `started_by`, `ready_ms` from
    there until that was ready, `duration_ms` until it ended, and `settling_ms` from its end until
    it was recorded: with a backup that was due.
    """

    batch: int
    settled_at: str
    kind: Kind
    outcome: str
    launcher: str
    started_by: str | None
    waited_ms: int | None
    ready_ms: int | None
    duration_ms: int
    settling_ms: int
    memory_peak_bytes: int | None
    memory_limit_bytes: int | None
    added: int
    removed: int
    refused: int


class Listed(Value):
    """A current scenario in a list; `group` is what it is listed under."""

    row: int
    id: str
    title: str
    correct_answer: str
    group: str


def own_batch(
    batch_id: int, kind: Kind, started_at: datetime, settled_at: datetime, *, note: str
) -> SettledBatch:
    """Return the record of a batch that no worker ran."""
    return SettledBatch(
        id=batch_id,
        started_at=started_at,
        settled_at=settled_at,
        outcome="ok",
        duration_ms=round((settled_at - started_at).total_seconds() * 1000),
        launcher="none",
        kind=kind,
        note=note,
    )
