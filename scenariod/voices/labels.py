"""Find labels such as `Dr. Chen:`, whatever they name.

Pure. Looks at the first characters of a line, and within lines after the end of a sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from scenariod.base.value import Value
from scenariod.voices import people
from scenariod.voices.people import CAPITALS, LETTERS, NAME_SIGNS, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_NAMES = 100
"""How many speakers a text can have; a longer list of labels is not a dialogue."""

MOST_LABEL = 200
"""How far into a line a label and the beginning of its words are looked for."""

_LETTER, _CAPITAL, _SIGN = f"[{LETTERS}]", f"[{CAPITALS}]", f"[{NAME_SIGNS}]"
_WORD = rf"#?[{LETTERS}0-9]{_SIGN}*"
_PICTURE = r"[\x{1f300}-\x{1faff}\x{fe0f}\x{200d}]*\s?"
_BRACKET = r"(?:\s?[(\[]([^()\[\]]{1,80})[)\]])?"
_AT_START = re2.compile(
    rf"^\s*(?:>\s?)?{_PICTURE}"
    r"(?:[\[(]?(?:[\d./-]{6,10},?\s)?\d{1,2}:\d\d(?::\d\d)?(?:\s?[AaPp][Mm])?[\])]?[\s,-]+)?"
    rf"(?:\*\*|__|<)?((?:/?[uU]/|@)?{_WORD}(?:\s(?:{_WORD}|&)){{0,5}})(?:,\s\d{{1,3}})?{_BRACKET}"
    r"(?:\*\*|__|>)?\s?(?:：|:)(?:\*\*|__)?((?:\s|[^/0-9]|$))"
)
_INSIDE = re2.compile(
    rf"[.!?…\"”'’)\]*]\s+((?:[uU]/|@)?{_CAPITAL}{_SIGN}*(?:\s[{CAPITALS}0-9]{_SIGN}*){{0,4}})"
    rf"{_BRACKET}:(\s)"
)
_SURE = rf"(?:/?[uU]/|@){_SIGN}+|{_LETTER}[{LETTERS}0-9]*_[{LETTERS}0-9_]+"
_SURE_HANDLE = re2.compile(_SURE)
_HANDLE = re2.compile(
    rf"{_SURE}|{_LETTER}{_LETTER}+\d+[{LETTERS}\d]*|{_CAPITAL}[a-z]+{_CAPITAL}[{LETTERS}\d]*"
)
_LATER = frozenset(("again", "later", "now", "today", "tonight", "yesterday", "finally"))


class Label(Value):
    """A label in a line: its `bracket` is "5" in `EMMA (5):`; `body`: where the words begin."""

    name: str
    bracket: str | None
    start: int
    body: int


def at_start(line: str) -> Label | None:
    """Return the label that `line` begins with, whatever it names."""
    start = line[:MOST_LABEL]
    found = _AT_START.match(start) if ":" in start or "：" in start else None
    return _label(found, body=found.start(3)) if found and _has_shape(found.group(1)) else None


def inside(line: str) -> Iterator[Label]:
    """Yield the labels after the end of a sentence in `line`, whatever they name."""
    if line.count(":") > 1:
        for found in _INSIDE.finditer(line):
            if _has_shape(found.group(1)):
                yield _label(found, body=found.start(3))


def pattern_of(names: Iterable[str]) -> re2._Regexp | None:
    """Return what finds `names` as labels where a line or a sentence begins; None for no names."""
    longest_first = sorted({name for name in names if name}, key=lambda name: (-len(name), name))
    either = "|".join(re2.escape(name) for name in longest_first[: 3 * MOST_NAMES])
    return (
        re2.compile(rf"(?:^\s*|[.!?…\"”'’)\]*—-]\s+)({either}){_BRACKET}:(\s)") if either else None
    )


def found_by(pattern: re2._Regexp, line: str) -> Iterator[Label]:
    """Yield the labels that `pattern`, from `pattern_of`, finds in `line`."""
    if ":" in line:
        for found in pattern.finditer(line):
            yield _label(found, body=found.start(3))


def _label(found: re2._Match, *, body: int) -> Label:
    name = found.group(1)
    if " " in name and name.rsplit(maxsplit=1)[-1].lower() in _LATER:
        name = name.rsplit(maxsplit=1)[0]
    return Label(name, found.group(2), start=found.start(1), body=body)


def is_handle(name: str) -> bool:
    """Return whether `name` looks like somebody's name on a platform, not like a platform's."""
    return bool(_HANDLE.fullmatch(name)) and key_of(name) not in _PLATFORMS


def is_named(name: str) -> bool:
    """Return whether `name` has a title, a first name or both: `Ms. Lee`, `Anna`, `u/x`."""
    words = people.words_of(name)
    if not words or any(word.endswith(("'s", "’s")) for word in words):
        return False
    titled = (
        len(words) > 1 and words[0] in people.TITLES and name.rsplit(maxsplit=1)[-1][0].isupper()
    )
    return titled or any(
        people.is_first_name(word) and (word not in people.NAMES_LIKE_WORDS or len(words) > 1)
        for word in (words[0], words[-1])
    )


def is_role(name: str) -> bool:
    """Return whether `name` says what somebody is: `Mom`, `Teen 1`, `RANDOM SHOPPER`."""
    words = people.words_of(name)
    if len(words) > 1 and (len(words[-1]) == 1 or words[-1].isdigit() or words[-1] in _NUMBERS):
        words.pop()
    last, first = words[-1:], words[:1]
    return first == ["mod"] or any(word in people.ROLES or word in people.ANIMALS for word in last)


def is_sure_handle(name: str) -> bool:
    """Return whether `name` can be nothing but somebody's name on a platform: `u/x`, `x_y`."""
    return bool(_SURE_HANDLE.fullmatch(name))


def _has_shape(name: str) -> bool:
    """Return whether `name` could name somebody at all."""
    words = name.split()
    lower = [word.casefold().replace("’", "'") for word in words]
    if len(words) > 5 or any(word in _FUNCTION_WORDS for word in lower):
        return False
    if lower[0] in ("my", "our", "his", "her") and len(words) > 1:
        return lower[-1] in people.ROLES
    if any(word[-1] in ".'’" and len(word) > 6 for word in words):
        return False
    if _HANDLE.fullmatch(name):
        return True
    first = words[0][0]
    return not first.isdigit() and (first.isupper() or not first.islower() or len(words) == 1)


_FUNCTION_WORDS = frozenset(
    """
    about after also am are asked asks at be because been before being but by claim claims could
    did do does even for from had has have here here's how i'd i'll i'm i've if in into is it's
    its just look may might must no not on only onto per posted said say says shared should
    since so still than that's their then there there's these they're think thinks this those to
    until update: via vs was we're were what what's when where which while who whose why will
    with without would writes wrote yes you you're your your's
    """.split()  # noqa: SIM905 -- a table of words reads better as words
)
_NUMBERS = frozenset(("one", "two", "three", "four", "five", "six", "seven", "eight"))
_PLATFORMS = frozenset(
    """
    airbnb airpods bitcoin chatgpt covid covid19 deepmind doordash facebook github gitlab
    instagram ios ipad iphone javascript linkedin macbook macos mcdonalds nextdoor onlyfans
    openai paypal playstation podcast snapchat spacex tiktok typescript whatsapp wifi wordpress
    xbox youtube
    """.split()  # noqa: SIM905
)
