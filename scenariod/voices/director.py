"""The supervisor's half of a speaker's run: scenarios out, voices out, results into the library.

Owns what each event of the speaker leads to (`speaker.py` has the other half). Never parses a
scenario, never looks at a sound file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scenariod.base.value import Value, replace
from scenariod.library import voicing
from scenariod.library.voicing import Cast, Sound, State, Voicing
from scenariod.voices import casting, rules
from scenariod.voices.engines.engine import Gender, Voice
from scenariod.voices.reading import Character, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from scenariod.base.config import Voices
    from scenariod.library import Library
    from scenariod.library.voicing import Due


_MOST_NAMED = 30


class Unavailable(Value):
    """Why nothing can be spoken now; `retry_after_s` is None where the engine did not say.

    `is_obscure`: it did not say why either, and may be able to speak another text.
    """

    reason: str
    cure: str
    retry_after_s: float | None = None
    is_obscure: bool = False


class Director:
    """One run of a speaker over these scenarios; `answer` each of its events, then `conclude`.

    Calls the library: all is for the thread that settles.
    """

    def __init__(
        self,
        library: Library,
        settings: Voices,
        scenarios: Sequence[Due],
        *,
        batch: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._library = library
        self._rules = settings
        self._waiting = list(scenarios)
        self._batch = batch
        self._clock = clock
        self._digest = rules.digest(settings)
        self._at: Voicing | None = None
        self.done: list[Voicing] = []
        self.unavailable: Unavailable | None = None

    @property
    def at(self) -> str | None:
        """The scenario at hand, if there is one."""
        return None if self._at is None else self._at.scenario_id

    def budget(self) -> int | None:
        """Return how many credits may still be spent this month; None for any number."""
        if self._rules.credits_per_month == "off":
            return None
        spent = voicing.spent(self._library, since=voicing.month_of(self._clock()))
        return max(self._rules.credits_per_month - sum(s.settled + s.reserved for s in spent), 0)

    def answer(self, event: Mapping[str, Any]) -> bytes:
        """Do what an event asks for, and return what is to be said to the speaker."""
        match event.get("event"):
            case "next":
                return self._next()
            case "characters":
                return self._cast(event)
            case "spoken" | "silent" | "failed":
                self._record(event)
            case "charge":
                self._charge(event)
            case "unavailable":
                self.unavailable = Unavailable(
                    str(event["reason"]),
                    str(event["cure"]),
                    event.get("retry_after_s"),
                    is_obscure=bool(event.get("is_obscure")),
                )
        return b""

    def conclude(self, problem: str) -> None:
        """Record that the scenario at hand failed with the process that spoke it."""
        if self._at is not None:
            self._end(replace(self._at, state=State.FAILED, reason=problem))

    def give_up(self, problem: str, cure: str) -> None:
        """Record that nothing can be spoken now, by no fault of a scenario."""
        self.unavailable = Unavailable(problem, cure)

    def _next(self) -> bytes:
        """Hand out the next scenario: a line about it, then its document."""
        while self._waiting:
            due = self._waiting.pop(0)
            found = self._library.scenario(due.scenario_id)
            if found is None or found[0].content_sha256 != due.content_sha256:
                continue  # it was changed or removed meanwhile
            self._at = Voicing(
                due.scenario_id,
                due.content_sha256,
                self._digest,
                State.REDO if due.again else State.BEGUN,
                batch=self._batch,
            )
            if due.scenario_id == rules.MANIFEST:
                self.conclude(f"its id is the name of a file: {rules.MANIFEST}")
                continue
            voicing.record(self._library, self._at, now=self._clock())
            about = {"id": due.scenario_id, "bytes": len(found[1]), "again": due.again}
            return json.dumps(about).encode() + b"\n" + found[1]
        return b"{}\n"

    def _cast(self, event: Mapping[str, Any]) -> bytes:
        engine = self._rules.engine
        voices = [Voice(name, Gender(g) if g else None) for name, g in event["voices"]]
        characters = [_character(each) for each in event["characters"]]
        keys = {c.name: key for c in characters if (key := casting.library_key(c.name))}
        aliases = {casting.library_key(name) for c in characters for name in c.aliases}
        names = {name for name in (*keys.values(), *aliases) if name is not None}
        kept = voicing.kept_voices(self._library, engine, names)
        narrator = casting.narrator_of(voices, self._rules.narrator)
        asked_for = {self._rules.narrator or narrator.name, *dict(self._rules.cast).values()}
        if unknown := asked_for - {voice.name for voice in voices}:
            self._refuse(min(unknown), voices)
            return b"{}\n"
        cast = casting.cast(
            characters,
            voices=voices,
            narrator=narrator,
            kept=kept,
            by_hand=dict(self._rules.cast),
            use=voicing.use_of_voices(self._library, engine),
        )
        voicing.record_cast(
            self._library,
            str(event["id"]),
            [
                _recorded(str(event["id"]), c, given, engine)
                for c, given in zip(characters, cast, strict=True)
            ],
            kept=self._to_keep(cast, keys, kept, known=[voice.name for voice in voices]),
        )
        answer = {
            "narrator": narrator.name,
            "voices": {each.name: each.voice.name for each in cast},
        }
        return json.dumps(answer).encode() + b"\n"

    def _to_keep(
        self,
        cast: Sequence[casting.Casting],
        keys: Mapping[str, str],
        kept: Mapping[str, str],
        *,
        known: Sequence[str],
    ) -> dict[str, str]:
        """Return the voices that names keep from now on: new names, and those set by hand.

        Whoever is otherwise another gender in one scenario keeps the voice of the others.
        """
        by_hand = {name.casefold() for name, _ in self._rules.cast}
        return {
            keys[each.name]: each.voice.name
            for each in cast
            if each.name in keys
            and (kept.get(keys[each.name]) not in known or each.name.casefold() in by_hand)
        }

    def _refuse(self, name: str, voices: Sequence[Voice]) -> None:
        has = ", ".join(voice.name for voice in voices[:_MOST_NAMED])
        more = ", ..." if len(voices) > _MOST_NAMED else ""
        self.unavailable = Unavailable(
            f"{self._rules.engine} has no voice {name!r}; it has {has}{more}",
            "correct voices.narrator or [voices.cast], then `systemctl reload scenariod`",
        )

    def _record(self, event: Mapping[str, Any]) -> None:
        if self._at is None:
            return
        ended = replace(
            self._at,
            state=State(str(event["event"])),
            reason=str(event.get("reason", "")),
            text_sha256=str(event.get("text_sha256", "")),
            words=int(event.get("words", 0)),
            files=tuple(Sound(n, size, seconds) for n, size, seconds in event.get("files", [])),
        )
        self._end(ended)

    def _end(self, ended: Voicing) -> None:
        self._at = None
        voicing.record(self._library, ended, now=self._clock())
        self.done.append(ended)

    def _charge(self, event: Mapping[str, Any]) -> None:
        voicing.charge(
            self._library,
            str(event["key"]),
            engine=self._rules.engine,
            model=str(event["model"]),
            credits_=int(event["credits"]),
            is_settled=bool(event["is_settled"]),
            now=self._clock(),
        )


def _character(told: Mapping[str, Any]) -> Character:
    return Character(
        name=str(told["name"]),
        aliases=tuple(told["aliases"]),
        gender=Gender(told["gender"]) if told["gender"] else None,
        evidence=str(told["evidence"]),
        kind=Kind(told["kind"]),
        hint=told["hint"],
    )


def _recorded(scenario_id: str, character: Character, given: casting.Casting, engine: str) -> Cast:
    return Cast(
        scenario_id=scenario_id,
        name=character.name,
        aliases=character.aliases,
        kind=character.kind.value,
        gender=character.gender,
        evidence=character.evidence,
        engine=engine,
        voice=given.voice.name,
        why=given.why,
        is_certain=given.is_certain,
    )
