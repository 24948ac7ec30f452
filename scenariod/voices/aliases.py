"""Decide which names are one person's: `Marty` and `Meteorologist Marty`.

Pure. Two names are one person's only if no third person could be meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.voices import people
from scenariod.voices.people import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_JOINING = frozenset(("and", "&", "of", "or"))
_GENDERED_TITLES = frozenset(("mr", "mrs", "ms", "miss", "mister", "madam", "sir", "lady", "lord"))


def fullest_names(names: Iterable[str], *, groups: Iterable[str] = ()) -> dict[str, str]:
    """Return the key of every name with the fullest form of it, the first of equals.

    `groups` are names of several at once: each is its own.
    """
    forms: dict[str, str] = {}
    for name in names:
        forms.setdefault(key_of(name), name)
    own = {key_of(name) for name in groups} | people.PRONOUNS
    words = {key: _words(form) for key, form in forms.items()}
    fuller = {
        key: _only(
            [other for other in forms if other not in own and _is_short(words[key], words[other])],
            words,
        )
        for key in forms
        if key not in own
    }
    return {key: forms[_end_of(key, fuller)] for key in forms}


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.rstrip(".,") for word in key_of(name).replace("_", " ").split())


def _end_of(key: str, fuller: dict[str, str | None]) -> str:
    while (longer := fuller.get(key)) is not None:
        key = longer
    return key


def _only(longer: Sequence[str], words: dict[str, tuple[str, ...]]) -> str | None:
    """Return the one of `longer` that all others are short for, or None."""
    for key in longer:
        if all(other == key or _is_short(words[other], words[key]) for other in longer):
            return key
    return None


def _is_short(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Return whether `short` is `full`'s end, its beginning, or its title and end."""
    if not short or len(short) >= len(full) or _JOINING & set(full) or short[-1].isdigit():
        return False
    rest_is_owned = any(word.endswith(("'s", "’s", "s'")) for word in full[: -len(short)])
    if full[-len(short) :] == short:
        return not rest_is_owned and not (full[0] in _GENDERED_TITLES and short[0] in people.TITLES)
    if full[: len(short)] == short:
        return _is_beginning(short, full)
    return (
        len(short) > 1
        and (short[0], short[-1]) == (full[0], full[-1])
        and short[0] in people.TITLES
    )


def _is_beginning(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Return whether `short` begins a person's name, and is not the kind of what `full` is."""
    if full[-1].isdigit():
        return False
    return people.is_first_name(short[0]) or full[-1] not in people.ROLES
