"""What is said in each sound file of a scenario, and by whom.

Pure: chooses the text, finds who speaks, makes it speakable, in this order.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.voices.characters import parts_of
from scenariod.voices.speakable import speakable
from scenariod.voices.story import claim_of, is_cut, story_of, title_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenariod.voices.reading import Character


class File(StrEnum):
    """The files of a set, in the order in which they are made."""

    TITLE = "title"
    CONTENT = "content"
    CLAIM = "claim"


class Line(Value):
    """What one speaker says in one go, as it is spoken; None is the narrator."""

    speaker: str | None
    text: str


class Script(Value):
    """What is said in each file; a file without a line is not made.

    `reason` says why there is no story. `is_cut`: a text is longer than what is spoken.
    """

    files: Mapping[File, tuple[Line, ...]]
    characters: tuple[Character, ...] = ()
    reason: str = ""
    is_cut: bool = False

    @property
    def words(self) -> int:
        """How many words are spoken, numbers written out."""
        return sum(len(line.text.split()) for lines in self.files.values() for line in lines)


def script_of(scenario: Mapping[str, object]) -> Script:
    """Return what is said of a scenario: a whole document of the library."""
    story = story_of(scenario)
    if story.text is None:
        return Script({}, reason=story.reason)
    hints = scenario.get("audioHints")
    reading = parts_of(story.text, hints if isinstance(hints, dict) else None)
    content = [Line(part.speaker, speakable(part.text)) for part in reading.parts]
    files = {
        File.TITLE: _narrated(title_of(scenario)),
        File.CONTENT: tuple(line for line in content if _is_said(line.text)),
        File.CLAIM: _narrated(claim_of(scenario)),
    }
    said = {name: lines for name, lines in files.items() if lines}
    reason = "" if File.CONTENT in said else "nothing to say: no word of its text can be spoken"
    return Script(
        said if not reason else {}, reading.characters, reason, is_cut=story.cut or is_cut(scenario)
    )


def _narrated(text: str | None) -> tuple[Line, ...]:
    spoken = "" if text is None else speakable(text)
    return (Line(None, spoken),) if _is_said(spoken) else ()


def _is_said(text: str) -> bool:
    return any(letter.isalnum() for letter in text)
