"""The current scenarios in the orders in which people look for them.

Only reads. SQLite sorts them, with a temporary file where they are many.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.library.records import Listed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


class Order(StrEnum):
    """By what the scenarios are grouped; within a group they are in the order of their ids."""

    ID = "id"
    ANSWER = "answer"
    PACK = "pack"


_GROUPS = {Order.ID: "''", Order.ANSWER: "s.correct_answer", Order.PACK: "p.name"}
_LISTED = """
    SELECT s.row, s.id, s.title, s.correct_answer, {group} AS grouped FROM scenario AS s
           {joined}
     WHERE s.removed_batch IS NULL ORDER BY grouped, s.id
"""
_PACKED = """
           JOIN packed ON packed.scenario_id = s.id
           JOIN pack AS p ON p.row = packed.pack
"""


def listed(db: sqlite3.Connection, order: Order) -> Iterator[Listed]:
    """Yield the current scenarios, sorted; by pack only those that came in one."""
    joined = _PACKED if order is Order.PACK else ""
    query = _LISTED.format(group=_GROUPS[order], joined=joined)
    return (Listed(*values) for values in db.execute(query))
