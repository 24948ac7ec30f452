"""Which pack a scenario came in, and what that pack says of itself.

Owns the tables `pack` and `packed`. Never commits: the caller's transaction does.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from scenariod.library.past import in_pages
from scenariod.library.records import Pack
from scenariod.library.scenarios import COLUMNS, text, version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from scenariod.library.records import Version

# Two halves, so that each has an index of scenarios by id.
_OF_PACK = f"""
    SELECT {COLUMNS} FROM packed
           CROSS JOIN scenario AS s ON s.id = packed.scenario_id AND s.removed_batch IS NULL
           CROSS JOIN batch AS a ON a.id = s.added_batch
     WHERE packed.pack = :pack AND a.position < :before
     UNION ALL
    SELECT {COLUMNS} FROM packed
           CROSS JOIN scenario AS s ON s.id = packed.scenario_id AND s.removed_batch IS NOT NULL
           CROSS JOIN batch AS a ON a.id = s.added_batch
           CROSS JOIN batch AS r ON r.id = s.removed_batch
     WHERE packed.pack = :pack AND a.position < :before AND r.position >= :before
     ORDER BY row
"""  # noqa: S608  constants of ours
_OF_NONE = "AND NOT EXISTS (SELECT 1 FROM packed WHERE packed.scenario_id = s.id)"


def keep(db: sqlite3.Connection, pack: Pack, ids: Iterable[str]) -> bool:
    """Record that these scenarios came in `pack`, but for those that came in one before.

    Return whether that was news.
    """
    before = db.total_changes
    sha256 = hashlib.sha256(text(pack.about).encode()).hexdigest()
    db.execute(
        "INSERT INTO pack (sha256, name, about) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING",
        (sha256, text(pack.name), text(pack.about)),
    )
    (row,) = db.execute("SELECT row FROM pack WHERE sha256 = ?", (sha256,)).fetchone()
    db.executemany(
        "INSERT INTO packed (scenario_id, pack) VALUES (?, ?) ON CONFLICT (scenario_id) DO NOTHING",
        ((text(scenario_id), row) for scenario_id in ids),
    )
    return db.total_changes != before


def ids(db: sqlite3.Connection, pack: int) -> Iterator[str]:
    """Yield the current scenarios of a pack by its row, sorted."""
    rows = db.execute(
        "SELECT scenario_id FROM packed WHERE pack = ? AND EXISTS ("
        "SELECT 1 FROM scenario WHERE id = scenario_id AND removed_batch IS NULL)"
        " ORDER BY scenario_id",
        (pack,),
    )
    return (scenario_id for (scenario_id,) in rows)


def all_of(db: sqlite3.Connection) -> Iterator[tuple[int, Pack]]:
    """Yield the packs, each with its row, in the order in which they were imported."""
    for row, name, about in db.execute("SELECT row, name, about FROM pack ORDER BY row"):
        yield row, Pack(name, about)


def name_of(db: sqlite3.Connection, scenario_id: str) -> str | None:
    """Return the name of the pack that a scenario came in; None if it came in none."""
    found = db.execute(
        "SELECT name FROM packed JOIN pack ON pack.row = packed.pack WHERE scenario_id = ?",
        (text(scenario_id),),
    ).fetchone()
    return None if found is None else str(found[0])


def versions(
    db: sqlite3.Connection, pack: int | None, *, before_position: int
) -> Iterator[Version]:
    """Yield what a pack, or none, had just before the batch of that position, as it was added."""
    if pack is None:
        yield from in_pages(db, before_position=before_position, also=_OF_NONE)
        return
    for values in db.execute(_OF_PACK, {"pack": pack, "before": before_position}):
        yield version(values)
