"""What is spoken of a scenario: its story, its title and its claim, as they are written.

Pure. Chooses the text; `speakable` turns it into words.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

SPEAKABLE_MAX = 200_000
"""Most characters of a text that are spoken: about four hours. The longest known has 4,900."""

_BRACKETED = re.compile(r"\[[^\[\]]*+\]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_SENTENCE_END = re.compile(r"""[.!?…]["'”’)\]]{0,4}\s|\n""")

_OTHERS = ("title", "claim")


class StoryField(StrEnum):
    """A field that may hold the story; the first one with something to say is spoken."""

    AUDIO_SCRIPT = "audioScript"
    TEXT = "text"
    CONTENT = "content"


class Story(Value):
    """The story as written, and its field; or no text, and why there is none.

    `cut`: the text ends at SPEAKABLE_MAX characters, and there was more.
    """

    text: str | None
    field: StoryField | None = None
    reason: str = ""
    cut: bool = False


def story_of(scenario: Mapping[str, object]) -> Story:
    """Return the text of the first field that has something to say."""
    faults = []
    for field in StoryField:
        fault = _fault(scenario.get(field))
        if not fault:
            text, cut = _cut(str(scenario[field]))
            return Story(text, field, cut=cut)
        faults.append(f"{field} {fault}")
    return Story(None, reason=f"nothing to say: {', '.join(faults)}")


def title_of(scenario: Mapping[str, object]) -> str | None:
    """Return the title as written; None where there is none, or a placeholder for it."""
    return _spoken(scenario.get("title"))


def claim_of(scenario: Mapping[str, object]) -> str | None:
    """Return the claim as it is announced; None where there is none, or a placeholder for it."""
    claim = _spoken(scenario.get("claim"))
    return claim and f"The claim is: {claim}"


def is_cut(scenario: Mapping[str, object]) -> bool:
    """Say whether title or claim are longer than what is spoken of them."""
    return any(isinstance(value := scenario.get(name), str) and _cut(value)[1] for name in _OTHERS)


def _spoken(value: object) -> str | None:
    return None if _fault(value) else _cut(str(value))[0]


def _fault(value: object) -> str:
    """Return why there is nothing to say in `value`; "" where there is something."""
    if value is None:
        return "is missing"
    if not isinstance(value, str):
        return "is not a text"
    if not _LETTER_OR_DIGIT.search(value):
        return "has no letter or digit" if value.strip() else "is empty"
    return "" if _LETTER_OR_DIGIT.search(_BRACKETED.sub("", value)) else "is only a placeholder"


def _cut(text: str) -> tuple[str, bool]:
    """Return `text` as far as it is spoken, and whether that is not all of it.

    The end is that of a sentence in the last tenth, or else of a word.
    """
    text = text.strip()
    if len(text) <= SPEAKABLE_MAX:
        return text, False
    head = text[: SPEAKABLE_MAX + 1]
    ends = [end.end() for end in _SENTENCE_END.finditer(head, SPEAKABLE_MAX * 9 // 10)]
    at = ends[-1] if ends else head.rfind(" ", SPEAKABLE_MAX * 9 // 10)
    return head[: at if at > 0 else SPEAKABLE_MAX].rstrip()[:SPEAKABLE_MAX], True
