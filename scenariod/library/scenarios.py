"""The scenarios' rows: look up, add, end.

Owns the table `scenario`. Never commits: the caller's transaction does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenariod.library.records import Stored, Version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from scenariod.library.records import Scenario


COLUMNS = (
    "s.id, s.title, s.correct_answer, s.content_sha256, s.row, s.added_batch,"
    " s.document, s.sha256, s.size_bytes"
)
"""What `version` takes, of `scenario AS s`."""


def version(columns: Sequence[Any]) -> Version:
    """Return the version that a row of `COLUMNS` is."""
    scenario_id, title, answer, content_sha256, row, batch, *stored = columns
    return Version(scenario_id, title, answer, content_sha256, row, batch, Stored(*stored))


def text(value: str) -> str:
    r"""Return `value` as SQLite can hold it: a lone surrogate of a JSON string as `\ud800`."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def current(db: sqlite3.Connection, scenario_id: str) -> Version | None:
    """Return the current scenario of this id, or None."""
    found = db.execute(
        f"SELECT {COLUMNS} FROM scenario AS s WHERE id = ? AND removed_batch IS NULL",  # noqa: S608  a constant
        (text(scenario_id),),
    ).fetchone()
    return None if found is None else version(found)


def all_current(db: sqlite3.Connection) -> Iterator[Version]:
    """Yield the current scenarios in the order in which they were added."""
    return map(
        version,
        db.execute(f"SELECT {COLUMNS} FROM scenario AS s WHERE removed_batch IS NULL ORDER BY row"),  # noqa: S608  the same
    )


def all_documents(
    db: sqlite3.Connection, *, largest_bytes: int
) -> Iterator[tuple[Stored, bytes | None]]:
    """Yield what is stored of each current scenario, in that order, with its document.

    None stands for one that is larger than `largest_bytes`, or missing: `blob.load` reads it.
    """
    for row, sha256, size_bytes, content in db.execute(
        "SELECT s.document, s.sha256, s.size_bytes,"
        " CASE WHEN length(d.content) <= ? THEN d.content END"
        " FROM scenario AS s LEFT JOIN document AS d ON d.row = s.document"
        " WHERE removed_batch IS NULL ORDER BY s.row",
        (largest_bytes,),
    ):
        yield Stored(row, sha256, size_bytes), content


def add(db: sqlite3.Connection, scenario: Scenario, *, stored: Stored, batch: int) -> None:
    """Add a scenario whose document is stored."""
    db.execute(
        "INSERT INTO scenario (id, title, correct_answer, content_sha256,"
        " sha256, size_bytes, document, added_batch) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            text(scenario.id),
            text(scenario.title),
            text(scenario.correct_answer),
            scenario.content_sha256,
            stored.sha256,
            stored.size_bytes,
            stored.row,
            batch,
        ),
    )


def remove(db: sqlite3.Connection, rows: Iterable[int], *, batch: int) -> None:
    """End these current scenarios with `batch`; their documents stay, for an undo."""
    db.executemany(
        "UPDATE scenario SET removed_batch = ? WHERE row = ? AND removed_batch IS NULL",
        ((batch, row) for row in rows),
    )


def highest_row(db: sqlite3.Connection) -> int:
    """Return the row added last; 0 if the table is empty."""
    highest: int = db.execute("SELECT coalesce(max(row), 0) FROM scenario").fetchone()[0]
    return highest


def current_rows(db: sqlite3.Connection, *, after: int, up_to: int) -> list[int]:
    """Return the rows of current scenarios in (`after`, `up_to`]."""
    found = db.execute(
        "SELECT row FROM scenario WHERE row > ? AND row <= ? AND removed_batch IS NULL",
        (after, up_to),
    )
    return [row for (row,) in found]
