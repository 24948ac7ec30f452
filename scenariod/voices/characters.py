"""Decide who speaks in a scenario: its text in parts, and its characters.

Pure. Knows no voice and no engine, and looks at each line once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from scenariod.voices.reading import Character, Part, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABEL = re2.compile(
    r"^\s*((?:u/|@)?\p{Lu}[\p{L}\p{N}.'’_-]*(?: [\p{L}\p{N}.'’_-]+){0,3})(?: ?\([^()]{0,60}\))?:\s+"
)
_DIRECTION = re2.compile(r"^\s*(?:\[([^\[\]]{1,200})\]|\*([^*]{1,200})\*)\s*")
_MOST_LABEL = 160


def parts_of(text: str, hints: Mapping[str, object] | None = None) -> Reading:
    """Return `text` in parts by speaker; `hints` is the scenario's `audioHints`."""
    parts = tuple(part for line in text.splitlines() for part in _parts_of_line(line))
    names = dict.fromkeys(part.speaker for part in parts if part.speaker is not None)
    voices = (hints or {}).get("characterVoices")
    told = voices if isinstance(voices, dict) else {}
    return Reading(parts, tuple(Character(name, hint=_words(told.get(name))) for name in names))


def _words(hint: object) -> str | None:
    return hint if isinstance(hint, str) else None


def _parts_of_line(line: str) -> tuple[Part, ...]:
    label = _LABEL.match(line[:_MOST_LABEL] + " ")
    speaker = label.group(1) if label else None
    body = line[label.end() :] if label else line
    said = _DIRECTION.match(body[:400]) if label else None
    words = (body[said.end() :] if said else body).strip()
    if not words:
        return ()
    return (Part(speaker, words.strip('"'), (said.group(1) or said.group(2)) if said else None),)
