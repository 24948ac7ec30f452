"""What has come of speaking the scenarios: who speaks, with which voice, and what it has cost.

Owns the tables of voices. Says what is to be done; never looks at a sound file.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.library import history

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from scenariod.library.database import Library
    from scenariod.library.records import SettledBatch


class State(StrEnum):
    """What has come of a scenario. `BEGUN` was cut off; `REDO` is to be made anew, by command."""

    BEGUN = "begun"
    SPOKEN = "spoken"
    SILENT = "silent"
    FAILED = "failed"
    REDO = "redo"
    ASIDE = "aside"


class Sound(Value):
    """A sound file of a scenario, as it was when it was made."""

    name: str
    size_bytes: int
    duration_s: float


class Voicing(Value):
    """What has come of speaking a scenario of this content by these settings (a digest)."""

    scenario_id: str
    content_sha256: str
    settings: str
    state: State
    reason: str = ""
    at: str = ""
    batch: int = 0
    text_sha256: str = ""
    words: int = 0
    files: tuple[Sound, ...] = ()


class Cast(Value):
    """A character of a scenario and its voice; `why` and `evidence` are for people."""

    scenario_id: str
    name: str
    aliases: tuple[str, ...]
    kind: str
    gender: str | None
    evidence: str
    engine: str
    voice: str
    why: str
    is_certain: bool


class Due(Value):
    """A scenario to be spoken; `again`: though its files are as they were made."""

    scenario_id: str
    content_sha256: str
    size_bytes: int
    again: bool


class Tally(Value):
    """How many scenarios there are, and what has come of them by the settings asked for."""

    scenarios: int = 0
    by_state: Mapping[str, int] = MappingProxyType({})

    @property
    def done(self) -> int:
        """How many were spoken, or have nothing to say."""
        return self.by_state.get(State.SPOKEN, 0) + self.by_state.get(State.SILENT, 0)

    @property
    def failed(self) -> int:
        """How many could not be spoken."""
        return self.by_state.get(State.FAILED, 0)

    @property
    def is_to_do(self) -> int:
        """How many are to be spoken."""
        return self.scenarios - self.done - self.failed


class Spent(Value):
    """The credits of one model since some time: settled ones, and those still reserved."""

    engine: str
    model: str
    requests: int
    settled: int
    reserved: int


# What was made of this content by these settings, whatever came of it, is not made again.
_DUE = """
    SELECT s.id, s.content_sha256, s.size_bytes, coalesce(v.state = 'redo', 0)
      FROM scenario AS s LEFT JOIN voicing AS v
        ON v.scenario_id = s.id AND v.content_sha256 = s.content_sha256 AND v.settings = :settings
     WHERE s.removed_batch IS NULL
       AND (v.state IS NULL OR v.state NOT IN ('spoken', 'silent', 'failed'))
     ORDER BY s.id IN (SELECT value FROM json_each(:last)), s.row LIMIT :most
"""
_TALLY = """
    SELECT v.state, count(*)
      FROM scenario AS s JOIN voicing AS v
        ON v.scenario_id = s.id AND v.content_sha256 = s.content_sha256 AND v.settings = :settings
     WHERE s.removed_batch IS NULL
     GROUP BY v.state
"""


def due(library: Library, settings: str, *, most: int, last: Iterable[str] = ()) -> list[Due]:
    """Return scenarios that are to be spoken by these settings, `most` of them, oldest first.

    Those of `last` come after all others.
    """
    with library.reading() as db:
        asked = {"settings": settings, "most": most, "last": json.dumps(list(last))}
        rows = db.execute(_DUE, asked)
        return [Due(id_, sha256, size, bool(again)) for id_, sha256, size, again in rows]


def changes(library: Library) -> tuple[int, int]:
    """Return what is another value once anything in the library was changed, by whoever.

    The first counts the commits of others (PRAGMA data_version), the second this connection's rows.
    """
    with library.reading() as db:
        (of_others,) = db.execute("PRAGMA data_version").fetchone()
        return int(of_others), db.total_changes


def tally(library: Library, settings: str) -> Tally:
    """Return how far speaking by these settings has come."""
    with library.reading() as db:
        rows = db.execute(_TALLY, {"settings": settings}).fetchall()
        return Tally(history.state(db).scenarios, dict(rows))


def record(library: Library, voicing: Voicing, *, now: datetime) -> None:
    """Record what has come of a scenario, in place of what was recorded before."""
    with library.writing() as db:
        db.execute(
            "INSERT OR REPLACE INTO voicing (scenario_id, content_sha256, settings, state, reason,"
            " at, batch, text_sha256, words, files) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                voicing.scenario_id,
                voicing.content_sha256,
                voicing.settings,
                voicing.state.value,
                voicing.reason,
                now.isoformat(timespec="milliseconds"),
                voicing.batch,
                voicing.text_sha256,
                voicing.words,
                json.dumps([[s.name, s.size_bytes, s.duration_s] for s in voicing.files]),
            ),
        )


def voicings(library: Library, *, after: str = "", most: int = -1) -> list[Voicing]:
    """Return what is recorded of scenarios, removed ones too, by id after `after`."""
    with library.reading() as db:
        rows = db.execute(
            "SELECT * FROM voicing WHERE scenario_id > ? ORDER BY scenario_id LIMIT ?",
            (after, most),
        )
        return [_voicing(row) for row in rows]


def of(library: Library, scenario_id: str) -> Voicing | None:
    """Return what is recorded of a scenario."""
    with library.reading() as db:
        row = db.execute("SELECT * FROM voicing WHERE scenario_id = ?", (scenario_id,)).fetchone()
        return None if row is None else _voicing(row)


def current(library: Library, state: State) -> Iterator[Voicing]:
    """Yield what is recorded of the scenarios that are in the library and in this state."""
    with library.reading() as db:
        rows = db.execute(
            "SELECT v.* FROM voicing AS v JOIN scenario AS s ON s.id = v.scenario_id"
            " WHERE s.removed_batch IS NULL AND v.state = ? ORDER BY s.row",
            (state.value,),
        ).fetchall()
    return map(_voicing, rows)


def strays(library: Library) -> list[tuple[str, bool]]:
    """Return the scenarios whose folder is in the wrong place, each with whether it is set aside.

    The folder of one that was removed is to be set aside; that of one that is back, to come back.
    """
    with library.reading() as db:
        rows = db.execute(
            "SELECT v.scenario_id, v.state = 'aside' FROM voicing AS v"
            " WHERE (v.state = 'aside') = EXISTS (SELECT 1 FROM scenario AS s"
            " WHERE s.id = v.scenario_id AND s.removed_batch IS NULL)"
        )
        return [(scenario_id, bool(is_aside)) for scenario_id, is_aside in rows]


def set_state(library: Library, scenario_id: str, state: State) -> bool:
    """Put what is recorded of a scenario into a state; return whether anything was recorded."""
    with library.writing() as db:
        changed = db.execute(
            "UPDATE voicing SET state = ? WHERE scenario_id = ?", (state.value, scenario_id)
        )
        return changed.rowcount == 1


def redo(library: Library, ids: Iterable[str]) -> None:
    """Have these scenarios be spoken again, all of them or none."""
    with library.writing() as db:
        db.executemany(
            "UPDATE voicing SET state = ? WHERE scenario_id = ?",
            ((State.REDO.value, scenario_id) for scenario_id in ids),
        )


def record_run(library: Library, batch: SettledBatch) -> None:
    """Record the run of a limited process that spoke scenarios: a batch that changes none."""
    with library.writing() as db:
        history.record(db, batch, added=0, removed=0)


def kept_voices(library: Library, engine: str, names: Iterable[str]) -> dict[str, str]:
    """Return the voices that these names keep in all scenarios, of those that have one."""
    with library.reading() as db:
        found = (
            db.execute(
                "SELECT name, voice FROM voice WHERE engine = ? AND name = ?", (engine, name)
            ).fetchone()
            for name in names
        )
        return dict(row for row in found if row is not None)


def use_of_voices(library: Library, engine: str) -> dict[str, int]:
    """Return how many names keep each voice."""
    with library.reading() as db:
        rows = db.execute(
            "SELECT voice, count(*) FROM voice WHERE engine = ? GROUP BY voice", (engine,)
        )
        return dict(rows.fetchall())


def record_cast(
    library: Library, scenario_id: str, cast: Iterable[Cast], *, kept: Mapping[str, str]
) -> None:
    """Record who speaks in a scenario, in place of what was; `kept` names keep these voices."""
    with library.writing() as db:
        db.execute("DELETE FROM character WHERE scenario_id = ?", (scenario_id,))
        engine = ""
        for number, each in enumerate(cast):
            engine = each.engine
            db.execute(
                "INSERT INTO character (scenario_id, number, name, aliases, kind, gender, evidence,"
                " engine, voice, why, certain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    scenario_id,
                    number,
                    each.name,
                    json.dumps(each.aliases),
                    each.kind,
                    each.gender,
                    each.evidence,
                    each.engine,
                    each.voice,
                    each.why,
                    int(each.is_certain),
                ),
            )
        for name, voice in kept.items():
            db.execute(
                "INSERT OR REPLACE INTO voice (engine, name, voice) VALUES (?, ?, ?)",
                (engine, name, voice),
            )


def cast_of(library: Library, scenario_id: str) -> list[Cast]:
    """Return who speaks in a scenario, as it was last spoken."""
    with library.reading() as db:
        rows = db.execute(
            f"SELECT {_CAST} FROM character WHERE scenario_id = ? ORDER BY number",  # noqa: S608
            (scenario_id,),
        )
        return [_cast(row) for row in rows]


def characters(library: Library) -> list[Cast]:
    """Return who speaks in the scenarios that are in the library, by name."""
    with library.reading() as db:
        rows = db.execute(
            f"SELECT {_CAST} FROM character"  # noqa: S608
            " WHERE EXISTS (SELECT 1 FROM scenario AS s"
            " WHERE s.id = scenario_id AND s.removed_batch IS NULL)"
            " ORDER BY name, scenario_id"
        )
        return [_cast(row) for row in rows]


def charge(
    library: Library,
    key: str,
    *,
    engine: str,
    model: str,
    credits_: int,
    is_settled: bool,
    now: datetime,
) -> None:
    """Record what a request is expected to cost, or (`is_settled`) has cost, in credits."""
    with library.writing() as db:
        db.execute(
            "INSERT INTO charge (key, at, engine, model, credits, settled)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE"
            " SET credits = excluded.credits, settled = excluded.settled",
            (key, now.isoformat(timespec="seconds"), engine, model, credits_, int(is_settled)),
        )


def month_of(now: datetime) -> datetime:
    """Return when the month of `now` began, in UTC: a budget is for that long."""
    return datetime(now.year, now.month, 1, tzinfo=UTC)


def spent(library: Library, *, since: datetime) -> list[Spent]:
    """Return what was spent since a time, aware UTC, by engine and model."""
    with library.reading() as db:
        rows = db.execute(
            "SELECT engine, model, count(*), total(iif(settled, credits, 0)),"
            " total(iif(settled, 0, credits)) FROM charge WHERE at >= ?"
            " GROUP BY engine, model ORDER BY engine, model",
            (since.isoformat(timespec="seconds"),),
        )
        return [Spent(e, m, n, int(settled), int(held)) for e, m, n, settled, held in rows]


_CAST = "scenario_id, name, aliases, kind, gender, evidence, engine, voice, why, certain"


def _cast(row: tuple[str, str, str, str, str | None, str, str, str, str, int]) -> Cast:
    scenario_id, name, aliases, kind, gender, evidence, engine, voice, why, certain = row
    return Cast(
        scenario_id=scenario_id,
        name=name,
        aliases=tuple(json.loads(aliases)),
        kind=kind,
        gender=gender,
        evidence=evidence,
        engine=engine,
        voice=voice,
        why=why,
        is_certain=bool(certain),
    )


def _voicing(row: sqlite3.Row) -> Voicing:
    scenario_id, content_sha256, settings, state, reason, at, batch, text_sha256, words, files = row
    return Voicing(
        scenario_id=scenario_id,
        content_sha256=content_sha256,
        settings=settings,
        state=State(state),
        reason=reason,
        at=at,
        batch=batch,
        text_sha256=text_sha256,
        words=words,
        files=tuple(Sound(name, size, seconds) for name, size, seconds in json.loads(files)),
    )
