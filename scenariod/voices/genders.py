"""Decide whether a character is spoken of as a woman or as a man, and say why.

Pure. A hint or a title first, then pronouns near the name, then the first name.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import re2

from scenariod.voices import people
from scenariod.voices.engines.engine import Gender
from scenariod.voices.people import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NEAR = 80
"""Within how many characters after a name a pronoun is taken to mean it."""

_MOST_MENTIONS = 2_000
_PRONOUN = re2.compile(r"(?i)\b(she|her|hers|herself|he|him|his|himself)\b")
_WORD = re2.compile(rf"[{people.LETTERS}'’]+")
_FEMALE_HINTS = people.FEMALE_WORDS - {"miss"} | {
    "she", "her", "hers", "feminine", "womanly", "soprano", "contralto", "matronly", "women's",
}  # fmt: skip
_MALE_HINTS = people.MALE_WORDS - {"count", "pop", "pops", "bass"} | {
    "he", "his", "him", "masculine", "manly", "baritone", "tenor", "basso",
}  # fmt: skip
_NOT_A_MAN = frozenset(("human", "german", "roman", "shaman", "ottoman", "talisman", "norman"))
_FORMAL = frozenset(("mr", "mrs", "ms", "miss", "mister", "madam", "madame", "sir", "lady", "lord"))


class Pronouns(NamedTuple):
    """How many pronouns of either gender stand near a name."""

    she: int = 0
    he: int = 0


def gender_of(
    names: Sequence[str], *, hint: str | None, near: Pronouns
) -> tuple[Gender | None, str]:
    """Return the gender of who has `names`, or None, and in a few words why."""
    if hint and (said := _of_words(_WORD.findall(hint.lower()[:500]))):
        return said, "voice hint"
    for name in names:
        if titled := _of_title(name):
            return titled
    of_name = next((found for name in names if (found := _of_first_name(name))), None)
    seen = f"pronouns near the name: she {near.she}, he {near.he}"
    if min(near) == 0 and max(near) > 1:
        return (Gender.FEMALE if near.she else Gender.MALE), seen
    return (of_name, "first name") if of_name else (None, "no evidence")


def pronouns_near(text: str, names: Mapping[str, Sequence[str]]) -> dict[str, Pronouns]:
    """Return, for every key of `names`, the pronouns in `text` soon after one of its names."""
    owner = _owners(names)
    if not owner:
        return dict.fromkeys(names, Pronouns())
    either = "|".join(
        re2.escape(word) for word in sorted(owner, key=lambda word: (-len(word), word))
    )
    mention = re2.compile(rf"(?i)\b({either})\b(:?)")
    she = dict.fromkeys(names, 0)
    he = dict.fromkeys(names, 0)
    mentions = ((found, line) for line in text.splitlines() for found in mention.finditer(line))
    for found, line in islice(mentions, _MOST_MENTIONS):
        key = owner.get(found.group(1).lower())
        if key is None or found.group(2):
            continue
        after = line[found.end() : found.end() + _NEAR]
        other = mention.search(after)
        for pronoun in _PRONOUN.findall(after[: other.start()] if other else after):
            which = she if pronoun.lower() in ("she", "her", "hers", "herself") else he
            which[key] += 1
    return {key: Pronouns(she[key], he[key]) for key in names}


def _owners(names: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the words that mean one of the characters and no other, with whom they mean."""
    owner: dict[str, str] = {}
    shared: set[str] = set()
    for key, forms in names.items():
        for word in {word for form in forms for word in _telling_words(form)}:
            if owner.setdefault(word, key) != key:
                shared.add(word)
    return {word: key for word, key in owner.items() if word not in shared}


def _telling_words(name: str) -> list[str]:
    """Return the words of `name` that are its own; the whole of it where it is only a role."""
    words = [word for word in key_of(name).split() if len(word) > 2 and not word.isdigit()]
    own = [word for word in words if word not in people.ROLES and word not in people.PRONOUNS]
    return own or ([key_of(name)] if words and key_of(name) not in people.PRONOUNS else [])


def _of_title(name: str) -> tuple[Gender, str] | None:
    for word in people.words_of(name):
        if gender := _of_word(word):
            known = word.rstrip(".")
            shown = f"{known.capitalize()}{'.' if known in ('mr', 'mrs', 'ms') else ''}"
            return gender, f"title {shown}" if known in _FORMAL else f'"{word}" in the name'
    return None


def _of_word(word: str) -> Gender | None:
    if word in people.FEMALE_WORDS or (word.endswith(("woman", "girl")) and len(word) > 5):
        return Gender.FEMALE
    is_man = word.endswith(("man", "boy")) and len(word) > 5 and word not in _NOT_A_MAN
    return Gender.MALE if word in people.MALE_WORDS or is_man else None


def _of_first_name(name: str) -> Gender | None:
    for word in people.words_of(name):
        if word in people.FEMALE_NAMES:
            return Gender.FEMALE
        if word in people.MALE_NAMES:
            return Gender.MALE
    return None


def _of_words(words: Sequence[str]) -> Gender | None:
    """Return the gender that most of a hint's `words` speak of."""
    female = sum(word in _FEMALE_HINTS for word in words)
    male = sum(word in _MALE_HINTS for word in words)
    if female == male:
        return None
    return Gender.FEMALE if female > male else Gender.MALE
