"""What happened to one scenario: which batches added, replaced and removed it.

Only reads. Batches are ordered by their positions, never by their ids.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scenariod.library.records import Kind, ScenarioChange, ScenarioEvent
from scenariod.library.scenarios import text

if TYPE_CHECKING:
    import sqlite3

# `id` has two partial indexes, of what is current and of what is ended: each half uses its own.
# What a batch both added and ended itself was never seen.
_EVENTS = """
    WITH its AS (SELECT added_batch, removed_batch FROM scenario
                  WHERE id = :id AND removed_batch IS NULL
                 UNION ALL
                 SELECT added_batch, removed_batch FROM scenario
                  WHERE id = :id AND removed_batch IS NOT NULL AND removed_batch <> added_batch),
         change AS (SELECT added_batch AS batch, 1 AS adds, 0 AS removes FROM its
                    UNION ALL
                    SELECT removed_batch, 0, 1 FROM its WHERE removed_batch IS NOT NULL)
    SELECT b.id, b.settled_at, b.kind, b.note, max(adds), max(removes),
           (SELECT name FROM file WHERE file.batch = b.id AND scenario_id = :id
               AND verdict IN ('added', 'replaced') ORDER BY number DESC LIMIT 1)
      FROM change JOIN batch AS b ON b.id = change.batch
     GROUP BY b.id ORDER BY b.position DESC LIMIT :most
"""


def events(db: sqlite3.Connection, scenario_id: str, *, most: int) -> list[ScenarioEvent]:
    """Return what happened to the scenario of this id, the last first, `most` of it."""
    rows = db.execute(_EVENTS, {"id": text(scenario_id), "most": most})
    return [
        ScenarioEvent(
            batch=batch,
            settled_at=settled_at,
            kind=Kind(kind),
            note=note,
            change=_change(adds=adds, removes=removes),
            file=None if name is None else os.fsdecode(name),
        )
        for batch, settled_at, kind, note, adds, removes, name in rows
    ]


def _change(*, adds: int, removes: int) -> ScenarioChange:
    if not adds:
        return ScenarioChange.REMOVED
    return ScenarioChange.REPLACED if removes else ScenarioChange.ADDED
