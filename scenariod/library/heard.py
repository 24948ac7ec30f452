"""What has come of speaking the scenarios, summed up: for the report.

Only reads. Counts what is of the scenarios as they are now.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.library.records import Speaker
from scenariod.library.scenarios import text

if TYPE_CHECKING:
    import sqlite3

MOST_LISTED = 50
_MOST_EXAMPLES = 8
_CURRENT = "JOIN scenario AS s ON s.id = scenario_id AND s.removed_batch IS NULL"
_OF_THIS_TEXT = f"voicing AS v {_CURRENT} AND s.content_sha256 = v.content_sha256"
_TOTALS = f"""
    SELECT total(words), total((SELECT total(json_extract(value, '$[2]')) FROM json_each(files)))
      FROM {_OF_THIS_TEXT} WHERE v.state = 'spoken'
"""  # noqa: S608  constants of ours
_CHARACTERS = f"""
    SELECT name, count(DISTINCT scenario_id), min(voice), max(voice), total(1 - certain)
      FROM character {_CURRENT}
     GROUP BY name ORDER BY 2 DESC, name
"""  # noqa: S608  the same
_WHERE_FROM = f"SELECT s.row, s.id FROM character {_CURRENT} WHERE name = ? ORDER BY s.row LIMIT ?"  # noqa: S608
_UNCERTAIN = f"""
    SELECT s.row, s.id, name, voice, why FROM character {_CURRENT}
     WHERE NOT certain ORDER BY s.row, number LIMIT {MOST_LISTED}
"""  # noqa: S608  the same
_CHARGES = """
    SELECT substr(at, 1, 7), engine, model, count(*), total(iif(settled, credits, 0)),
           total(iif(settled, 0, credits))
      FROM charge GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3 LIMIT ?
"""


class Speaks(Value):
    """A character by name: in how many scenarios, with which voice ("" for several), where."""

    name: str
    scenarios: int
    voice: str
    uncertain: int
    examples: list[tuple[int, str]]


class Charged(Value):
    """What a model of a paid engine took in a month, in credits: settled, and still reserved."""

    month: str
    engine: str
    model: str
    requests: int
    settled: int
    reserved: int


class Heard(Value):
    """What has come of speaking. Failures are row, id, reason; uncertain voices row, id, words."""

    states: dict[str, int]
    words: int
    seconds: float
    failed: list[tuple[int, str, str]]
    names: int
    characters: list[Speaks]
    uncertain: int
    uncertain_voices: list[tuple[int, str, str]]
    charges: list[Charged]


def heard(db: sqlite3.Connection) -> Heard:
    """Return what has come of speaking the scenarios."""
    words, seconds = db.execute(_TOTALS).fetchone()
    names, characters = _characters(db)
    (uncertain,) = db.execute(
        f"SELECT count(*) FROM character {_CURRENT} WHERE NOT certain"  # noqa: S608
    ).fetchone()
    return Heard(
        states=dict(
            db.execute(f"SELECT v.state, count(*) FROM {_OF_THIS_TEXT} GROUP BY 1").fetchall()  # noqa: S608
        ),
        words=int(words),
        seconds=round(seconds, 1),
        failed=db.execute(
            f"SELECT s.row, s.id, v.reason FROM {_OF_THIS_TEXT}"  # noqa: S608
            " WHERE v.state = 'failed' ORDER BY s.row LIMIT ?",
            (MOST_LISTED,),
        ).fetchall(),
        names=names,
        characters=characters,
        uncertain=uncertain,
        uncertain_voices=[
            (row, scenario_id, f"{name}: {voice} ({why})")
            for row, scenario_id, name, voice, why in db.execute(_UNCERTAIN)
        ],
        charges=[Charged(*row) for row in db.execute(_CHARGES, (MOST_LISTED,))],
    )


def _characters(db: sqlite3.Connection) -> tuple[int, list[Speaks]]:
    names, found = 0, []
    for name, scenarios, first, last, uncertain in db.execute(_CHARACTERS):
        names += 1
        if names <= MOST_LISTED:
            found.append((name, scenarios, first if first == last else "", int(uncertain)))
    return names, [Speaks(*each, examples=_where_from(db, each[0])) for each in found]


def _where_from(db: sqlite3.Connection, name: str) -> list[tuple[int, str]]:
    return db.execute(_WHERE_FROM, (name, _MOST_EXAMPLES)).fetchall()


def speakers(db: sqlite3.Connection, scenario_id: str) -> tuple[Speaker, ...]:
    """Return who speaks in a scenario, the first one first; nobody where it was never spoken."""
    rows = db.execute(
        "SELECT name, aliases, voice FROM character WHERE scenario_id = ? ORDER BY number",
        (text(scenario_id),),
    )
    return tuple(Speaker(name, tuple(json.loads(aliases)), voice) for name, aliases, voice in rows)
