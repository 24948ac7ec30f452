"""Take back exactly one batch: end what it added, bring back what it removed.

Never commits: the caller's transaction does. Never touches what another batch did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.errors import NotUndoableError
from scenariod.library import blob
from scenariod.library.past import position_of
from scenariod.library.records import Obstacle, Stored, Undone

if TYPE_CHECKING:
    import sqlite3

# What a batch both added and ended itself is not there, and was not there before: no matter.
_ITS_OWN = "added_batch = :batch AND (removed_batch IS NULL OR removed_batch <> :batch)"

# A scenario that was ended since, and brought back byte for byte by an undo or a restore, is again
# the one that the batch added: else the undo of an undo could never be followed by another.
_ENDED_SINCE = f"""
    SELECT lost.id, b.id, b.kind
      FROM (SELECT its.id AS id, coalesce(
                     now.added_batch,
                     (SELECT ended.removed_batch FROM scenario AS ended
                        JOIN batch ON batch.id = ended.removed_batch
                       WHERE ended.id = its.id AND ended.removed_batch IS NOT NULL
                       ORDER BY batch.position DESC LIMIT 1)) AS by
              FROM (SELECT row, id, sha256 FROM scenario WHERE {_ITS_OWN}) AS its
                   LEFT JOIN scenario AS now ON now.id = its.id AND now.removed_batch IS NULL
                   LEFT JOIN batch AS a ON a.id = now.added_batch
             WHERE NOT coalesce(now.row = its.row OR (now.sha256 = its.sha256
                                AND a.kind IN ('undo', 'restore')), 0)) AS lost
           JOIN batch AS b ON b.id = lost.by
     ORDER BY b.position DESC LIMIT 1
"""  # noqa: S608  constants of this module
_TAKEN_AGAIN = f"""
    SELECT gone.id, b.id, b.kind
      FROM scenario AS gone
           JOIN scenario AS now ON now.id = gone.id AND now.removed_batch IS NULL
           JOIN batch AS b ON b.id = now.added_batch
     WHERE gone.removed_batch = :batch AND gone.added_batch <> :batch
       AND gone.id NOT IN (SELECT id FROM scenario WHERE {_ITS_OWN})
     ORDER BY b.position DESC LIMIT 1
"""  # noqa: S608  the same
_END_ITS_OWN = f"""
    UPDATE scenario SET removed_batch = :by
     WHERE removed_batch IS NULL AND id IN (SELECT id FROM scenario WHERE {_ITS_OWN})
"""  # noqa: S608  the same
_TO_BRING_BACK = "FROM scenario WHERE removed_batch = :batch AND added_batch <> :batch ORDER BY row"


def obstacle(db: sqlite3.Connection, batch_id: int) -> Obstacle | None:
    """Return why the batch cannot be undone, or None where it can.

    Of several batches that depend on it, the last one is named: that is the one to undo first.
    """
    added, removed = db.execute(
        "SELECT added, removed FROM batch WHERE id = ?", (batch_id,)
    ).fetchone()
    if not added and not removed:
        return Obstacle("it changed no scenario", batch=None, scenario_id=None)
    for query, words in (
        (_ENDED_SINCE, "batch {batch} ({kind}) has removed or replaced scenario {id} since"),
        (_TAKEN_AGAIN, "batch {batch} ({kind}) has added a scenario {id} since"),
    ):
        found = db.execute(query, {"batch": batch_id}).fetchone()
        if found is not None:
            scenario_id, batch, kind = found
            why = words.format(batch=batch, kind=kind, id=scenario_id)
            return Obstacle(why, batch=batch, scenario_id=scenario_id)
    return None


def undo(db: sqlite3.Connection, batch_id: int, *, by: int) -> Undone:
    """Take back what the batch did, as the work of the batch `by`.

    Raises NotFoundError, NotUndoableError, and DocumentDamagedError where what is to be brought
    back is not what was stored.
    """
    position_of(db, batch_id)
    found = obstacle(db, batch_id)
    if found is not None:
        raise _refusal(batch_id, found)
    _check_documents(db, batch_id)
    ended = db.execute(_END_ITS_OWN, {"by": by, "batch": batch_id})
    # Both share one document: bringing it back copies nothing.
    brought_back = db.execute(
        "INSERT INTO scenario (id, title, correct_answer, content_sha256, sha256, size_bytes,"
        " document, added_batch) SELECT id, title, correct_answer, content_sha256, sha256,"
        f" size_bytes, document, :by {_TO_BRING_BACK}",
        {"by": by, "batch": batch_id},
    )
    return Undone(batch=by, removed=ended.rowcount, brought_back=brought_back.rowcount)


def _check_documents(db: sqlite3.Connection, batch_id: int) -> None:
    for values in db.execute(
        f"SELECT document, sha256, size_bytes {_TO_BRING_BACK}",
        {"batch": batch_id},
    ):
        for _ in blob.load(db, Stored(*values)):
            pass


def _refusal(batch_id: int, found: Obstacle) -> NotUndoableError:
    hint = "`scenariodctl history` shows which batches can be undone"
    if found.batch is not None:
        hint = (
            f"undo batch {found.batch} first (`scenariodctl undo {found.batch}`), or go back to"
            f" the state before batch {batch_id}: `scenariodctl restore batch:{batch_id}`"
        )
    return NotUndoableError(f"batch {batch_id} cannot be undone: {found.why}", hint=hint)
