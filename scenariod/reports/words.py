"""What can be counted in a text: words, phrases, numbers, sentences, and how alike two texts are.

Pure. Time is linear in the text, whatever it holds.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_WORDS = 3000
"""So many words of a text, the first ones, count for its phrases and its sketch."""
SKETCH_SIZE = 32
WORDS_PER_MINUTE = 150
"""The usual pace of an audio book is 150 to 160 words a minute (Audio Publishers Association)."""
_LONGEST_WORD = 40
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NUMBER = re.compile(
    r"(?<![\w.,])[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]{2,12}(?:\.[0-9]{1,6})?"
)
_SENTENCE_END = re.compile(r"[.!?…。！？]+|\n\s*\n")
_VOWELS = re.compile(r"[aeiouyà-öø-ÿ]+")
_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans("’‘‛“”„‟", '\'\'\'""""')
_PLACEHOLDER = re.compile(r"\s*(?:\[[^\[\]]{0,400}\]|<[^<>]{0,400}>|\{[^{}]{0,400}\})\s*")
_DIRECTION = re.compile(r"[\[(][^\[\]()]{0,120}[\])]")
_NOT_WORDS = re.compile(r"[^\w]+")
_MIX, _MASK = 2654435761, 0xFFFFFFFF
"""Knuth's multiplier: unmixed, the lowest CRCs would not be a fair sample of all."""
_GRAMMAR = """
a about all an and any are as at be been but by can could did didn't do does doesn't don't for
from get had has have he her him his how i i'm if in into is it it's its just know like me more
my no not of on one or our out she so some than that that's the their them then there these they
this to too up us was we were what when where which who why will with would you you're your
"""
COMMON = frozenset(_GRAMMAR.split())
"""The most frequent English words: a phrase of nothing else is only grammar."""


def folded(text: str) -> str:
    """Return `text` as it is compared: case, kinds of quotes and amounts of white space aside."""
    return _SPACES.sub(" ", text.casefold().translate(_QUOTES)).strip()


def key_of(text: str) -> str:
    """Return what two names have in common that differ in case, hyphens or punctuation only."""
    return _NOT_WORDS.sub("-", folded(text)).strip("-").replace("_", "-")


def is_placeholder(text: str) -> bool:
    """Say whether a text only stands for one that is still to come: `[story goes here]`."""
    return _PLACEHOLDER.fullmatch(text) is not None


def without_directions(text: str) -> str:
    """Return a text without what stands in brackets: directions to a voice, mostly."""
    return _DIRECTION.sub(" ", text)


def count_words(folded_text: str) -> int:
    """Return how many words a folded text has."""
    return sum(1 for _ in _WORD.finditer(folded_text))


def first_words(folded_text: str) -> list[str]:
    """Return the first `MOST_WORDS` words of a folded text."""
    found = islice(_WORD.finditer(folded_text), MOST_WORDS)
    return [match.group()[:_LONGEST_WORD] for match in found]


def runs_of_three(words: list[str]) -> list[str]:
    """Return each three words in sequence, as text."""
    return [f"{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False)]


def phrases(words: list[str], threes: list[str]) -> Iterable[str]:
    """Return the different runs of three and of four words that say more than grammar."""
    says = [word not in COMMON for word in words]
    found: dict[str, None] = {}
    for at, three in enumerate(threes):
        speaks = says[at] or says[at + 1] or says[at + 2]
        if speaks:
            found[three] = None
        if at + 3 < len(words) and (speaks or says[at + 3]):
            found[f"{three} {words[at + 3]}"] = None
    return found


def numbers(folded_text: str) -> Iterable[str]:
    """Return the different numbers of two digits or more, without separators of thousands."""
    found = (match.group().replace(",", "") for match in _NUMBER.finditer(folded_text))
    return dict.fromkeys(found)


def grade(text: str, *, words: list[str], length: int) -> float | None:
    """Return the Flesch-Kincaid grade of a text (Kincaid et al. 1975), None if it has no words.

    `words` are its first words, of `length`; so much of its sentences counts, too.
    """
    if not words:
        return None
    ends = len(_SENTENCE_END.findall(text.rstrip(".!?… \n") + "."))
    sentences = max(1.0, ends * len(words) / length)
    syllables = sum(syllables_of(word) * count for word, count in Counter(words).items())
    return round(0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59, 1)


def syllables_of(word: str) -> int:
    """Return how many syllables an English word has, about: runs of vowels, less a silent e."""
    runs = len(_VOWELS.findall(word))
    is_silent = word.endswith("e") and not word.endswith(("le", "ee")) and runs > 1
    return max(1, runs - is_silent)


def sketch(threes: list[str]) -> list[int]:
    """Return the lowest `SKETCH_SIZE` hashes of a text's runs of three words, sorted.

    Of two texts, the share of hashes in common estimates the share of runs in common (Broder
    1997). Empty where there are fewer runs than that: too little to compare.
    """
    hashes = {crc32(run.encode("utf-8", "replace")) * _MIX & _MASK for run in threes}
    return sorted(hashes)[:SKETCH_SIZE] if len(hashes) >= SKETCH_SIZE else []
