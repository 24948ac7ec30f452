"""Take back exactly these batches: end what they added, bring back what they removed.

Never commits: the caller's transaction does. Never touches what another batch did.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scenariod.base.errors import NotUndoableError
from scenariod.library import blob
from scenariod.library.past import position_of
from scenariod.library.records import Obstacle, Stored, Undone, batches_named

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

_THESE = "(SELECT value FROM json_each(:batches))"
"""Bound as JSON, so that a drain of any number of batches is one statement."""

# What they both added and ended themselves is not there, and was not there before: no matter.
_THEIR_OWN = f"added_batch IN {_THESE} AND (removed_batch IS NULL OR removed_batch NOT IN {_THESE})"

# A scenario that was ended since, and brought back byte for byte by an undo or a restore, is again
# the one that was added: else the undo of an undo could never be followed by another.
_ENDED_SINCE = f"""
    SELECT lost.id, lost.batch, b.id, b.kind
      FROM (SELECT its.id AS id, its.added_batch AS batch, coalesce(
                     now.added_batch,
                     (SELECT ended.removed_batch FROM scenario AS ended
                        JOIN batch ON batch.id = ended.removed_batch
                       WHERE ended.id = its.id AND ended.removed_batch IS NOT NULL
                       ORDER BY batch.position DESC LIMIT 1)) AS by
              FROM (SELECT row, id, sha256, added_batch FROM scenario WHERE {_THEIR_OWN}) AS its
                   LEFT JOIN scenario AS now ON now.id = its.id AND now.removed_batch IS NULL
                   LEFT JOIN batch AS a ON a.id = now.added_batch
             WHERE NOT coalesce(now.row = its.row OR (now.sha256 = its.sha256
                                AND a.kind IN ('undo', 'restore')), 0)) AS lost
           JOIN batch AS b ON b.id = lost.by
     ORDER BY b.position DESC LIMIT 1
"""  # noqa: S608  constants of this module
_TAKEN_AGAIN = f"""
    SELECT gone.id, gone.removed_batch, b.id, b.kind
      FROM scenario AS gone
           JOIN scenario AS now ON now.id = gone.id AND now.removed_batch IS NULL
           JOIN batch AS b ON b.id = now.added_batch
     WHERE gone.removed_batch IN {_THESE} AND gone.added_batch NOT IN {_THESE}
       AND gone.id NOT IN (SELECT id FROM scenario WHERE {_THEIR_OWN})
     ORDER BY b.position DESC LIMIT 1
"""  # noqa: S608  the same
_END_THEIR_OWN = f"""
    UPDATE scenario SET removed_batch = :by
     WHERE removed_batch IS NULL AND id IN (SELECT id FROM scenario WHERE {_THEIR_OWN})
"""  # noqa: S608  the same
_TO_BRING_BACK = f"""
    FROM scenario WHERE removed_batch IN {_THESE} AND added_batch NOT IN {_THESE} ORDER BY row
"""
_LEFT = f"""
    SELECT id, sha256 FROM scenario
     WHERE removed_batch IS NULL AND id NOT IN (SELECT id FROM scenario WHERE {_THEIR_OWN})
"""  # noqa: S608  the same


def obstacle(db: sqlite3.Connection, batches: Sequence[int]) -> Obstacle | None:
    """Return why these batches cannot be undone together, or None where they can.

    Of several batches that depend on them, the last one is named: that is the one to undo first.
    """
    these = {"batches": json.dumps(batches)}
    (changes,) = db.execute(
        f"SELECT count(*) FROM batch WHERE id IN {_THESE} AND (added OR removed)",  # noqa: S608
        these,
    ).fetchone()
    if not changes:
        return Obstacle("it changed no scenario", batch=None, scenario_id=None)
    for query, words in (
        (_ENDED_SINCE, "batch {batch} ({kind}) has removed or replaced scenario {id}{of} since"),
        (_TAKEN_AGAIN, "batch {batch} ({kind}) has added a scenario {id}{of} since"),
    ):
        found = db.execute(query, these).fetchone()
        if found is not None:
            scenario_id, which, batch, kind = found
            of = "" if len(batches) == 1 else f" of batch {which}"
            why = words.format(batch=batch, kind=kind, id=scenario_id, of=of)
            return Obstacle(why, batch=batch, scenario_id=scenario_id)
    return None


def undo(db: sqlite3.Connection, batches: Sequence[int], *, by: int) -> Undone:
    """Take back what these batches did, all of it or nothing, as the work of the batch `by`.

    Raises NotFoundError, NotUndoableError, and DocumentDamagedError where what is to be brought
    back differs from what was stored.
    """
    _refuse_unless_undoable(db, batches)
    these = {"by": by, "batches": json.dumps(batches)}
    _check_documents(db, batches)
    ended = db.execute(_END_THEIR_OWN, these)
    # Both share one document: bringing it back copies nothing.
    brought_back = db.execute(
        "INSERT INTO scenario (id, title, correct_answer, content_sha256, sha256, size_bytes,"
        " document, added_batch) SELECT id, title, correct_answer, content_sha256, sha256,"
        f" size_bytes, document, :by {_TO_BRING_BACK}",
        these,
    )
    return Undone(batch=by, removed=ended.rowcount, brought_back=brought_back.rowcount)


def versions_without(db: sqlite3.Connection, batches: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Return what `undo` would leave: ids, each with the SHA-256 of its document.

    Raises NotFoundError and NotUndoableError as `undo` does.
    """
    _refuse_unless_undoable(db, batches)
    these = {"batches": json.dumps(batches)}
    yield from db.execute(_LEFT, these)
    yield from db.execute(f"SELECT id, sha256 {_TO_BRING_BACK}", these)


def _refuse_unless_undoable(db: sqlite3.Connection, batches: Sequence[int]) -> None:
    for batch_id in batches:
        position_of(db, batch_id)
    found = obstacle(db, batches)
    if found is not None:
        raise _refusal(batches, found)


def _check_documents(db: sqlite3.Connection, batches: Sequence[int]) -> None:
    for values in db.execute(
        f"SELECT document, sha256, size_bytes {_TO_BRING_BACK}",
        {"batches": json.dumps(batches)},
    ):
        for _ in blob.load(db, Stored(*values)):
            pass


def _refusal(batches: Sequence[int], found: Obstacle) -> NotUndoableError:
    hint = "`scenariodctl history` shows which batches can be undone"
    if found.batch is not None:
        hint = (
            f"undo batch {found.batch} first (`scenariodctl undo {found.batch}`), or go back to"
            f" the state before batch {batches[0]}: `scenariodctl restore batch:{batches[0]}`"
        )
    return NotUndoableError(f"{batches_named(batches)} cannot be undone: {found.why}", hint=hint)
