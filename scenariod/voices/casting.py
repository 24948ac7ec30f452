"""Decide which voice every character of a scenario has.

Pure. The same characters, voices, kept voices and use give the same cast.

What is kept across the library is the voice of a proper name or a handle: `Hermione`, `Dr. Chen`,
`u/PhotonPurist`. A role (`Mom`, `Kid 1`, `INTERVIEWER`), a group and `Me` are somebody else in
every scenario: their voices follow from the scenario alone. A kept voice is kept even where two
characters that meet in a later scenario share it; it would change for ever to and fro otherwise.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.voices import people
from scenariod.voices.people import key_of
from scenariod.voices.reading import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scenariod.voices.engines.engine import Gender, Voice
    from scenariod.voices.reading import Character

_NARRATORS = frozenset(("narrator", "narration", *people.SELF))
"""Who speaks with the narrator's voice: the narrator, and who tells the story as `Me`."""

_NO_NAMES = people.ROLES | people.PRONOUNS | people.GROUP_WORDS | {"the", "a", "an"}


class Casting(Value):
    """A character's voice, and for people why; `is_certain` is False where it was a guess."""

    name: str
    voice: Voice
    why: str
    is_certain: bool


def cast(
    characters: Sequence[Character],
    *,
    voices: Sequence[Voice],
    narrator: Voice,
    kept: Mapping[str, str],
    by_hand: Mapping[str, str],
    use: Mapping[str, int],
) -> tuple[Casting, ...]:
    """Return the voices of `characters`, in their order, out of an engine's at least one `voices`.

    `kept` has the voices of the library by `library_key`, `by_hand` those of the configuration
    by name; a voice that the engine does not have is passed over. `use` counts the characters of
    the library that have a voice. Voices are given by their names.
    """
    known = {voice.name: voice for voice in voices}
    by_hand = {key_of(name): voice for name, voice in by_hand.items()}
    found = {
        one.name: casting
        for one in characters
        if (casting := _set_before(one, known, kept=kept, by_hand=by_hand, narrator=narrator))
    }
    taken = Counter(casting.voice.name for casting in found.values())
    open_roles = [one for one in characters if one.name not in found]
    for one in sorted(open_roles, key=lambda one: one.gender is None):
        pool = _pool(voices, one.gender)
        voice = min(pool, key=lambda voice: _rank(one, voice, taken, narrator=narrator, use=use))
        taken[voice.name] += 1
        found[one.name] = _chosen(one, voice)
    return tuple(found[one.name] for one in characters)


def narrator_of(voices: Sequence[Voice], configured: str | None) -> Voice:
    """Return the narrator's voice: the configured one, or the engine's first."""
    return next((voice for voice in voices if voice.name == configured), voices[0])


def library_key(name: str) -> str | None:
    """Return the key under which the library keeps the voice of `name`, or None for a role."""
    words = [word for word in people.words_of(name) if not word.isdigit()]
    if any(people.is_first_name(word) for word in words):
        return key_of(name)
    last = key_of(name).split()[-1:]
    is_role = all(word in _NO_NAMES for word in words) or (" " in name and last[0] in _NO_NAMES)
    is_group = bool(words) and words[0] in people.GROUP_WORDS
    return None if is_role or is_group or _ends_with_number(name) else key_of(name)


def _ends_with_number(name: str) -> bool:
    words = key_of(name).split()
    return len(words) > 1 and words[-1].isdigit()


def _set_before(
    one: Character,
    known: Mapping[str, Voice],
    *,
    kept: Mapping[str, str],
    by_hand: Mapping[str, str],
    narrator: Voice,
) -> Casting | None:
    """Return the voice that somebody or an earlier scenario has given to `one`, or None."""
    names = (one.name, *one.aliases)
    is_certain = one.gender is not None or one.kind is Kind.GROUP
    if voice := _first(known, (by_hand.get(key_of(name)) for name in names)):
        return Casting(one.name, voice, "set by hand in [voices.cast]", is_certain=True)
    if key_of(one.name) in _NARRATORS:
        return Casting(one.name, narrator, "tells the story", is_certain=True)
    keys = (library_key(name) for name in names) if one.kind is Kind.PERSON else ()
    voice = _first(known, (kept.get(key) for key in keys if key is not None))
    if voice and (one.gender in (None, voice.gender) or voice.gender is None):
        return Casting(one.name, voice, "has this voice in all scenarios", is_certain=is_certain)
    return None


def _first(known: Mapping[str, Voice], names: Iterable[str | None]) -> Voice | None:
    return next((known[name] for name in names if name is not None and name in known), None)


def _pool(voices: Sequence[Voice], gender: Gender | None) -> Sequence[Voice]:
    """Return the voices of `gender`; all of them where it is unknown or none is of it."""
    return [voice for voice in voices if gender in (None, voice.gender)] or voices


def _rank(
    one: Character,
    voice: Voice,
    taken: Mapping[str, int],
    *,
    narrator: Voice,
    use: Mapping[str, int],
) -> tuple[int, bool, int, bytes]:
    """Return how little `voice` suits: taken here, the narrator's, much used, then by chance."""
    chance = sha256(f"{key_of(one.name)}\0{voice.name}".encode()).digest()
    return taken[voice.name], voice == narrator, use.get(voice.name, 0), chance


def _chosen(one: Character, voice: Voice) -> Casting:
    if one.kind is Kind.GROUP:
        return Casting(one.name, voice, "several at once, with one voice", is_certain=True)
    if one.gender is None:
        return Casting(one.name, voice, f"any voice: {one.evidence}", is_certain=False)
    if one.gender is not voice.gender:
        why = f"any voice: none is {one.gender} ({one.evidence})"
        return Casting(one.name, voice, why, is_certain=False)
    return Casting(one.name, voice, f"{one.gender} voice: {one.evidence}", is_certain=True)
