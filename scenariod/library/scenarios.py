"""The scenarios' rows: look up, add, end.

Owns the table `scenario`. Never commits: the caller's transaction does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenariod.library.blob import Stored
from scenariod.library.records import ScenarioRecord

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from scenariod.library.records import RestoredDocument, ScenarioVersion
    from scenariod.validation.verdict import Accepted


@dataclass(frozen=True, slots=True)
class Present:
    """The current scenario of an id."""

    row: int
    content_sha256: str
    sha256: str
    added_batch: int


def text(value: str) -> str:
    r"""Return `value` as SQLite can hold it: a lone surrogate of a JSON string as `\ud800`."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def current(db: sqlite3.Connection, scenario_id: str) -> Present | None:
    """Return the current scenario of this id, or None."""
    found = db.execute(
        "SELECT row, content_sha256, sha256, added_batch FROM scenario"
        " WHERE id = ? AND removed_batch IS NULL",
        (text(scenario_id),),
    ).fetchone()
    return None if found is None else Present(*found)


def add_accepted(db: sqlite3.Connection, accepted: Accepted, *, stored: Stored, batch: int) -> None:
    """Add the scenario of a dropped file, whose document is stored."""
    _insert(
        db,
        (
            text(accepted.scenario_id),
            text(accepted.title),
            text(accepted.correct_answer),
            accepted.content_sha256,
        ),
        stored=stored,
        batch=batch,
    )


def add_restored(
    db: sqlite3.Connection,
    restored: RestoredDocument | ScenarioVersion,
    *,
    stored: Stored,
    batch: int,
) -> None:
    """Add a scenario of a backup or of an earlier time, whose document is stored."""
    _insert(
        db,
        (
            text(restored.id),
            text(restored.title),
            text(restored.correct_answer),
            restored.content_sha256,
        ),
        stored=stored,
        batch=batch,
    )


def remove(db: sqlite3.Connection, rows: Iterable[int], *, batch: int) -> None:
    """End these current scenarios with `batch`; their documents stay, for an undo."""
    db.executemany(
        "UPDATE scenario SET removed_batch = ? WHERE row = ? AND removed_batch IS NULL",
        ((batch, row) for row in rows),
    )


def highest_row(db: sqlite3.Connection) -> int:
    """Return the row added last; 0 if there is none."""
    highest: int = db.execute("SELECT coalesce(max(row), 0) FROM scenario").fetchone()[0]
    return highest


def current_rows(db: sqlite3.Connection, *, after: int, up_to: int) -> list[int]:
    """Return the rows of current scenarios in (`after`, `up_to`]."""
    found = db.execute(
        "SELECT row FROM scenario WHERE row > ? AND row <= ? AND removed_batch IS NULL",
        (after, up_to),
    )
    return [row for (row,) in found]


def records(db: sqlite3.Connection) -> Iterator[ScenarioRecord]:
    """Yield the current scenarios in the order in which they were added."""
    for values in db.execute(
        "SELECT id, title, correct_answer, content_sha256, size_bytes, added_batch"
        " FROM scenario WHERE removed_batch IS NULL ORDER BY row"
    ):
        yield ScenarioRecord(*values)


def record(db: sqlite3.Connection, scenario_id: str) -> tuple[ScenarioRecord, Stored] | None:
    """Return the current scenario of this id and where its document is, or None."""
    found = db.execute(
        "SELECT id, title, correct_answer, content_sha256, size_bytes, added_batch,"
        " document, sha256, size_bytes FROM scenario WHERE id = ? AND removed_batch IS NULL",
        (text(scenario_id),),
    ).fetchone()
    return None if found is None else (ScenarioRecord(*found[:6]), Stored(*found[6:]))


def stored_documents(db: sqlite3.Connection) -> Iterator[Stored]:
    """Yield where the documents of the current scenarios are, in the order of `records`."""
    for values in db.execute(
        "SELECT document, sha256, size_bytes FROM scenario WHERE removed_batch IS NULL ORDER BY row"
    ):
        yield Stored(*values)


def _insert(
    db: sqlite3.Connection, columns: tuple[str, str, str, str], *, stored: Stored, batch: int
) -> None:
    db.execute(
        "INSERT INTO scenario (id, title, correct_answer, content_sha256,"
        " sha256, size_bytes, document, added_batch) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*columns, stored.sha256, stored.size_bytes, stored.row, batch),
    )
