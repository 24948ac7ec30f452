"""What a text is once its speakers are known: who says which words, and who they are.

Owns these types. Decides nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.value import Value

if TYPE_CHECKING:
    from scenariod.voices.engines.engine import Gender


class Kind(StrEnum):
    """Whether a character is one person or several that speak together."""

    PERSON = "person"
    GROUP = "group"


class Part(Value):
    """What one speaker says in one go: raw words without label, outer quotes and direction.

    `speaker` is a character's name, or None for the narrator. `text` is never blank.
    `direction` is how it is said ("whispers"), where the text says so.
    """

    speaker: str | None
    text: str
    direction: str | None = None


class Character(Value):
    """Somebody who speaks. `evidence` says in a few words why `gender` is what it is."""

    name: str
    aliases: tuple[str, ...] = ()
    gender: Gender | None = None
    evidence: str = "no evidence"
    kind: Kind = Kind.PERSON
    hint: str | None = None


class Reading(Value):
    """A text in parts, in order, and its characters in the order in which they first speak."""

    parts: tuple[Part, ...]
    characters: tuple[Character, ...]
