"""Which scenarios are alike: a database of its own, temporary, for one pass over all of them.

Owns that file, which nobody else sees and which is gone on closing. Knows no other table.
"""

from __future__ import annotations

import sqlite3
from array import array
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST_GROUPS = 50
_MOST_OF_A_GROUP = 10
_TABLES = (
    "CREATE TABLE item (row INTEGER PRIMARY KEY, id TEXT NOT NULL, sketch BLOB NOT NULL)",
    "CREATE TABLE name (kind TEXT NOT NULL, key INTEGER NOT NULL, row INTEGER NOT NULL)",
    "CREATE TABLE hash (hash INTEGER NOT NULL, row INTEGER NOT NULL)",
)
_CACHE_KIB = 8192
_LOWEST = 8
"""Of a sketch so many hashes say with whom it is compared: of two texts that have half of their
hashes in common, one pair of 256 is not."""
# Each scenario is compared with the next three only that have such a hash in common: so the work is
# linear, even where all are made of one template.
_ALIKE = """
    WITH near AS MATERIALIZED (
           SELECT row, lead(row, 1) OVER same AS a, lead(row, 2) OVER same AS b,
                  lead(row, 3) OVER same AS c
             FROM hash WINDOW same AS (PARTITION BY hash ORDER BY row)),
         pair AS (SELECT row AS one, a AS other FROM near WHERE a IS NOT NULL
                  UNION SELECT row, b FROM near WHERE b IS NOT NULL
                  UNION SELECT row, c FROM near WHERE c IS NOT NULL),
         compared AS MATERIALIZED (
           SELECT shared(i.sketch, j.sketch) AS shared, i.row AS one, i.id AS one_id,
                  j.row AS other, j.id AS other_id
             FROM pair JOIN item AS i ON i.row = one JOIN item AS j ON j.row = other),
         alike AS MATERIALIZED (SELECT * FROM compared WHERE shared >= :least)
    SELECT *, (SELECT count(*) FROM alike) FROM alike
     ORDER BY shared DESC, one, other LIMIT :most
"""
_SAME = """
    SELECT key, count(*) FROM name WHERE kind = ? GROUP BY key HAVING count(*) > 1
     ORDER BY count(*) DESC, min(row)
"""
_WHO = """
    SELECT item.row, item.id FROM name JOIN item ON item.row = name.row
     WHERE kind = ? AND key = ? ORDER BY item.row LIMIT ?
"""


class Likenesses:
    """Scenarios by what they have in common. Use it in a `with` statement."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)  # a temporary file, see sqlite3_open
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._db.create_function("shared", 2, _shared, deterministic=True)
        for table in _TABLES:
            self._db.execute(table)
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(
        self, row: int, scenario_id: str, *, names: Mapping[str, int], sketch: Sequence[int]
    ) -> None:
        """Add a scenario: names by kind, each of which others may have too, and its sketch.

        A sketch is the lowest hashes of its text, sorted, each below 2**32.
        """
        kept = array("I", sketch).tobytes()
        self._db.execute("INSERT INTO item VALUES (?, ?, ?)", (row, scenario_id, kept))
        self._db.executemany(
            "INSERT INTO name VALUES (?, ?, ?)", [(kind, key, row) for kind, key in names.items()]
        )
        self._db.executemany(
            "INSERT INTO hash VALUES (?, ?)", [(each, row) for each in sketch[:_LOWEST]]
        )

    def indexed(self) -> Self:
        """Prepare to be asked: all scenarios have been added."""
        self._db.execute("CREATE INDEX by_name ON name (kind, key, row)")
        return self

    def same(self, kind: str) -> tuple[int, int, Iterable[tuple[int, list[tuple[int, str]]]]]:
        """Return how many names of a kind are there more than once, and in how many scenarios.

        Then the most frequent ones: how often each is there, and who has it.
        """
        found = self._db.execute(_SAME, (kind,))
        groups = scenarios = 0
        kept: list[tuple[int, int]] = []
        for key, count in found:
            groups += 1
            scenarios += count
            if len(kept) < MOST_GROUPS:
                kept.append((count, key))
        who = ((count, self._who(kind, key)) for count, key in kept)
        return groups, scenarios, who

    def alike(self, *, least: int) -> Iterator[tuple[int, tuple[int, str], tuple[int, str], int]]:
        """Yield pairs with so many hashes in common: how many, the two, and how many pairs."""
        asked = {"least": least, "most": MOST_GROUPS}
        for shared, row, scenario_id, other, other_id, total in self._db.execute(_ALIKE, asked):
            yield shared, (row, scenario_id), (other, other_id), total

    def _who(self, kind: str, key: int) -> list[tuple[int, str]]:
        return self._db.execute(_WHO, (kind, key, _MOST_OF_A_GROUP)).fetchall()


def _shared(one: bytes, other: bytes) -> int:
    """Return how many hashes two sketches have in common."""
    return len({*array("I", one)} & {*array("I", other)})
