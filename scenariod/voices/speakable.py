"""Turn what somebody wrote into words that can be read aloud, in American English.

Owns the order of the steps: stage directions go before markdown, addresses before numbers, numbers
before capitals. Pure; linear in the text. Knows no engine: what it returns, any of them reads well.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from scenariod.voices.words.abbreviations import calmed, expanded, unstretched
from scenariod.voices.words.addresses import spaced_camel_case, spoken_addresses
from scenariod.voices.words.amounts import spoken_amounts
from scenariod.voices.words.markup import without_directions, without_markdown
from scenariod.voices.words.moments import spoken_moments
from scenariod.voices.words.money import spoken_money
from scenariod.voices.words.symbols import plain_characters, spoken_signs

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS: tuple[Callable[[str], str], ...] = (
    plain_characters,
    without_directions,
    without_markdown,
    spoken_addresses,
    spoken_moments,
    spoken_money,
    spoken_amounts,
    expanded,
    spoken_signs,
    unstretched,
    spaced_camel_case,
    calmed,
)
_PUNCTUATION = ".,;:!?'-"
_SINGLE_LETTER_HYPHEN = re.compile(r"(?<=\b[A-Z])-(?=\w)|(?<=\w)-(?=[A-Z]\b)")
_LOOSE_MARK = re.compile(r"(?<!\w)['-]+|['-]+(?!\w)")
_SPACES = re.compile(r" +")
_LINE_END = re.compile(r" ?\n[ \n]*")
_STOPS = re.compile(r" ?[.,;:!?](?:[ .,;:!?]*[.,;:!?])?(?P<after>[ \n]?)")
_STOP_AT_START = re.compile(r"^[.,;:!?…\s]+", re.MULTILINE)


def speakable(text: str) -> str:
    """Return the words of one speaker as they are read aloud; "" where there are none.

    Only letters, spaces, line ends and the marks .,;:!?'- are left; numbers are written out.
    """
    for step in _STEPS:
        text = step(text)
    text = _SINGLE_LETTER_HYPHEN.sub(" ", text)
    text = text.translate({ord(char): " " for char in set(text) if not _is_spoken(char)})
    text = _SPACES.sub(" ", _LOOSE_MARK.sub(" ", text))
    text = _STOPS.sub(_strongest, _LINE_END.sub("\n", text))
    text = _STOP_AT_START.sub("", text).strip()
    return text if any(char.isalpha() for char in text) else ""


def _strongest(match: re.Match[str]) -> str:
    """Return one mark for a row of them, and a space; a line needs no comma at its end."""
    stops = match[0]
    at_end = match["after"] == "\n" or match.end() == len(match.string)
    if "?" in stops or "!" in stops:
        stop = "?" if "?" in stops else "!"
    elif ".." in stops:
        stop = "..."
    else:
        stop = next(mark for mark in ".:;," if mark in stops)
    if at_end:
        return f"{stop.strip(',;')}{match['after']}"
    return f"{stop} "


def _is_spoken(char: str) -> bool:
    return char in _PUNCTUATION or char in " \n" or unicodedata.category(char)[0] in "LM"
