"""Decide who speaks in a scenario: its text in parts, and its characters.

Pure. Knows no voice and no engine. Its time and memory are bounded: speakers are looked for in as
much of a text as is spoken, and what follows is the narrator's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.voices import people
from scenariod.voices.aliases import fullest_names
from scenariod.voices.authors import author_of
from scenariod.voices.genders import gender_of, pronouns_near
from scenariod.voices.labels import MOST_NAMES
from scenariod.voices.people import key_of
from scenariod.voices.reading import Character, Kind, Part, Reading
from scenariod.voices.speakers import is_medium, speakers_among
from scenariod.voices.story import SPEAKABLE_MAX
from scenariod.voices.turns import said, turns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scenariod.voices.authors import Author


def parts_of(text: str, hints: Mapping[str, object] | None = None) -> Reading:
    """Return `text` in parts by speaker; `hints` is the scenario's `audioHints`."""
    text = text.encode("utf-8", "replace").decode()  # half an emoji is legal in JSON
    read, rest = text[:SPEAKABLE_MAX], text[SPEAKABLE_MAX:]
    told = _voice_hints(hints)
    lines = read.splitlines()
    cast = _Cast(lines, told)
    parts: list[Part] = []
    for turn in turns_of(lines, speakers=cast.speakers, author=cast.author):
        words, direction = said(turn)
        if words:
            parts.append(Part(cast.names.get(turn.key or ""), words, direction))
    if rest.strip():
        parts.append(Part(None, rest.strip()))
    return Reading(tuple(parts), tuple(cast.characters_in(parts, read)))


class _Cast:
    """The speakers of a text: their labels, and the fullest name of each."""

    def __init__(self, lines: Sequence[str], told: Mapping[str, str]) -> None:
        self._told = told
        found = speakers_among(lines, told=_told_forms(told))
        self.speakers = dict(list(found.items())[:MOST_NAMES])
        self.author = _author(lines, self.speakers)
        self._forms = self._all_forms()
        media = {key for key, form in self._forms.items() if is_medium(form)}
        people_only = [form for key, form in self._forms.items() if key not in media]
        groups = [form for form in people_only if _is_group(form)]
        self._groups = {key_of(form) for form in groups}
        self.names = fullest_names(people_only, groups=groups)
        if self.author:
            full = self.names.get(key_of(self.author.name))
            itself = {me for me in (*people.SELF, "op") if me in self.names}
            signed = {key_of(alias) for alias in self.author.aliases}
            self.names |= dict.fromkeys(itself | signed, full) if full else {}

    def _all_forms(self) -> dict[str, str]:
        """Return keys and names of all who may speak: the hints' first, as they win."""
        forms = {key_of(name): name for name in self._told if key_of(name) in self.speakers}
        forms |= {key: name for key, name in self.speakers.items() if key not in forms}
        for name in (self.author.name, *self.author.aliases) if self.author else ():
            forms.setdefault(key_of(name), name)
        return forms

    def characters_in(self, parts: Sequence[Part], text: str) -> Iterable[Character]:
        """Yield those who speak in `parts`, in order; `text` is for the pronouns near them."""
        order = dict.fromkeys(part.speaker for part in parts if part.speaker is not None)
        forms = {name: self._forms_of(name) for name in order}
        in_unison = {part.speaker for part in parts if "unison" in (part.direction or "")}
        near = pronouns_near(text, forms)
        for name in order:
            hint = next((self._told[form] for form in forms[name] if form in self._told), None)
            aliases = tuple(form for form in forms[name] if form != name)
            if key_of(name) in self._groups or name in in_unison:
                yield Character(name, aliases, evidence="a group", kind=Kind.GROUP, hint=hint)
                continue
            gender, evidence = gender_of(forms[name], hint=hint, near=near[name])
            yield Character(name, aliases, gender, evidence, hint=hint)

    def _forms_of(self, name: str) -> list[str]:
        forms = [self._forms.get(key, key) for key, full in self.names.items() if full == name]
        return [name, *(form for form in forms if form != name)]


def _author(lines: Sequence[str], speakers: Mapping[str, str]) -> Author | None:
    keys = {key for key in speakers if key not in people.SELF}
    return author_of(lines, speakers=keys, has_me=not people.SELF.isdisjoint(speakers))


def _voice_hints(hints: Mapping[str, object] | None) -> dict[str, str]:
    """Return the names in `hints` with the voice that each describes."""
    voices = (hints or {}).get("characterVoices")
    if not isinstance(voices, dict):
        return {}
    pairs = ((str(name).strip(), voice) for name, voice in voices.items())
    return {
        name: voice if isinstance(voice, str) else "" for name, voice in pairs if 0 < len(name) < 80
    }


def _told_forms(told: Mapping[str, str]) -> Iterable[str]:
    """Yield the names of the hints, and the last word of each."""
    for name in told:
        yield name
        yield name.split()[-1]


def _is_group(name: str) -> bool:
    words = people.words_of(name)
    return bool(words) and (
        words[0] in ("all", "both", "everyone", "everybody", "several", "many", "most", "various")
        or words[-1] in people.GROUP_WORDS
        or (words[0] in ("two", "three", "four", "five") and words[-1].endswith("s"))
        or "and" in words
        or "&" in name
    )
