"""What the report wants to know of one scenario, out of its document.

Pure. Takes what any version of scenariod has ever accepted: what has another shape is not there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scenariod.base.value import Value
from scenariod.library.publish import readable_document
from scenariod.reports.words import is_placeholder, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ANSWERS = ("logic", "emotion", "balanced", "agenda")
WANTED = (
    ("hints", "hints"),
    ("reviewKeywords", "review keywords"),
    ("difficulty", "difficulty"),
    ("topic", "topic"),
    ("audioScript", "text for the voice"),
    ("logicalFallacies", "fallacies"),
)
"""What a complete scenario has beside what it must have: its field, and words for it."""
MOST_CHARACTERS = 1_000_000
"""So much of a story is looked at; the largest real ones have 5,000 characters."""
MOST_KEYWORDS = 500
_TEXTS = ("audioScript", "text", "content")
"""Where a text may stand, the one that a voice prefers first."""
_LONGEST_NAME = 120


class NotReadableError(Exception):
    """A document of the library cannot be taken in; the message says why."""


class Keyword(Value):
    """A review keyword, and the answer that it belongs to."""

    answer: str
    phrase: str


class Facts(Value):
    """A scenario as the report sees it; texts are as written, and cut at `MOST_CHARACTERS`.

    `spoken` is what a voice reads. `lacking` are fields of `WANTED`, `placeholders` those whose
    text is still to come. `difficulty` is "" for none.
    """

    id: str
    title: str
    claim: str
    answer: str
    weights: dict[str, float]
    story: str
    spoken: str
    explanation: str
    keywords: tuple[Keyword, ...]
    fallacies: tuple[str, ...]
    difficulty: str
    characters: tuple[str, ...]
    lacking: tuple[str, ...]
    placeholders: tuple[str, ...]

    def absent_keywords(self) -> list[str]:
        """Return the keywords that stand neither in the story nor in what is spoken.

        Punctuation aside: "too good" stands in "too-good".
        """
        if not self.keywords:
            return []
        texts = [key_of(text) for text in {self.story, self.spoken}]
        keys = [(key_of(each.phrase), each.phrase) for each in self.keywords]
        return [phrase for key, phrase in keys if not any(key in text for text in texts)]


def read(chunks: Iterable[bytes]) -> Facts:
    """Return the facts of a document; raise NotReadableError, or MemoryError where it is large."""
    try:
        members = json.loads(b"".join(readable_document(chunks)))
    except (ValueError, RecursionError) as error:
        raise NotReadableError(str(error)) from error
    if not isinstance(members, dict):
        raise NotReadableError("it is not an object")
    return facts_of(members)


def facts_of(members: dict[str, Any]) -> Facts:
    """Return the facts of a scenario's members."""
    texts = {name: _text(members.get(name)) for name in _TEXTS}
    placeholders = tuple(name for name, text in texts.items() if text and is_placeholder(text))
    story = texts["text"] or texts["content"]
    spoken = (text for name, text in texts.items() if text and name not in placeholders)
    weights = members.get("answerWeights")
    weights = weights if isinstance(weights, dict) else {}
    return Facts(
        id=_text(members.get("id")),
        title=_text(members.get("title")),
        claim=_text(members.get("claim")),
        answer=_text(members.get("correctAnswer")),
        weights={name: _number(weights.get(name)) for name in ANSWERS},
        story=story,
        spoken=next(spoken, ""),
        explanation=_text(members.get("wisdom")),
        keywords=tuple(_keywords(members.get("reviewKeywords")))[:MOST_KEYWORDS],
        fallacies=tuple(_fallacies(members.get("logicalFallacies"))),
        difficulty=_difficulty(members.get("difficulty")),
        characters=tuple(_characters(members.get("audioHints"))),
        lacking=tuple(name for name, _ in WANTED if not _is_there(members.get(name))),
        placeholders=placeholders,
    )


def _text(value: object) -> str:
    return value[:MOST_CHARACTERS] if isinstance(value, str) and value.strip() else ""


def _is_there(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value not in ([], {})


def _number(value: object) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 100 else 0.0  # type: ignore[operator, arg-type]


def _keywords(value: object) -> Iterator[Keyword]:
    for answer, entry in _items(value):
        listed = entry.get("keywords") if isinstance(entry, dict) else entry
        for each in listed if isinstance(listed, list) else ():
            phrase = each.get("phrase") if isinstance(each, dict) else each
            if isinstance(phrase, str) and phrase.strip():
                yield Keyword(answer[:_LONGEST_NAME], phrase.strip()[:_LONGEST_NAME])


def _fallacies(value: object) -> Iterator[str]:
    for each in value if isinstance(value, list) else ():
        name = (each.get("fallacyId") or each.get("name")) if isinstance(each, dict) else None
        if isinstance(name, str) and (key := key_of(name[:_LONGEST_NAME])):
            yield key


def _difficulty(value: object) -> str:
    if isinstance(value, str):
        return value.strip()[:_LONGEST_NAME]
    return f"{value} (a number)" if isinstance(value, int) and not isinstance(value, bool) else ""


def _characters(value: object) -> Iterator[str]:
    voices = value.get("characterVoices") if isinstance(value, dict) else None
    for name, _ in _items(voices):
        if name.strip():
            yield name.strip()[:_LONGEST_NAME]


def _items(value: object) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()
