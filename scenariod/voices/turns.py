"""Cut a text into turns: who has the word, line by line, once the speakers are known.

Pure. A turn ends at a blank line, at the next label and after a closing quote; what nobody says
is its author's, or the narrator's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from scenariod.base.value import Value
from scenariod.voices.labels import at_start, found_by, pattern_of
from scenariod.voices.people import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scenariod.voices.authors import Author
    from scenariod.voices.labels import Label

_ASIDE = re2.compile(r"^\s*(?:\[[^\[\]]*\]|\*[^*]+\*)\s*$")
_REPLY = "↳"
_QUOTES = {'"': '"', "“": "”", "'": "'", "‘": "’", "«": "»"}
_DIRECTION = re2.compile(r"^\s*(?:\[([^\[\]]+)\]|\*{1,2}([^*]+)\*{1,2}|\(([^()]+)\))[\s:,]*")


class Turn(Value):
    """Raw lines by one speaker, given by key; None is the narrator."""

    key: str | None
    text: str
    bracket: str | None = None


def turns_of(
    lines: Iterable[str], *, speakers: Mapping[str, str], author: Author | None
) -> Iterator[Turn]:
    """Yield `lines` in turns; `speakers` are the keys and names that open a turn.

    An author's header is the narrator's.
    """
    pattern = pattern_of(speakers.values())
    turn: _Turn = _Turn()
    for number, line in enumerate(lines):
        default = None
        if author is not None and number >= author.line:
            default = key_of(author.name)
        if author is not None and number == author.line and author.body:
            yield from turn.closed()
            yield Turn(None, line[: author.body])
            line = line[author.body :]  # noqa: PLW2901 -- the rest of it is the author's
        for label, text in _pieces(line, pattern, speakers):
            yield from turn.take(label, text, default=default)
    yield from turn.closed()


def said(turn: Turn) -> tuple[str, str | None]:
    """Return the words of a turn without direction and outer quotes, and the direction."""
    text, direction = turn.text.strip(), turn.bracket if _is_how(turn.bracket) else None
    found = _DIRECTION.match(text[:400]) if turn.key is not None or turn.bracket else None
    if found:
        direction = next(group for group in found.groups() if group)
        text = text[found.end() :].strip()
    return _unquoted(text), direction


def _is_how(bracket: str | None) -> bool:
    return bracket is not None and not bracket.strip().isdigit()


def _unquoted(text: str) -> str:
    closing = _QUOTES.get(text[:1])
    if closing is None or len(text) < 2 or text[-1] != closing:
        return text
    within = text[1:-1]
    is_one = closing == "'" or (text[0] not in within and closing not in within)
    return within.strip() if is_one else text


def _pieces(
    line: str, pattern: re2._Regexp | None, speakers: Mapping[str, str]
) -> Iterator[tuple[Label | None, str]]:
    """Yield `line` cut at its labels, every piece with its label; the first may have none."""
    first = at_start(line)
    if first and key_of(first.name) not in speakers:
        first = None
    label, begin = first, first.body if first else 0
    for found in found_by(pattern, line) if pattern else ():
        if found.start >= begin:
            if label or line[begin : found.start].strip():
                yield label, line[begin : found.start]
            label, begin = found, found.body
    yield label, line[begin:]


class _Turn:
    """The turn that is being read."""

    def __init__(self) -> None:
        self._key: str | None = None
        self._bracket: str | None = None
        self._lines: list[str] = []
        self._has_words = False
        self._is_open = False

    def take(self, label: Label | None, text: str, *, default: str | None) -> Iterator[Turn]:
        """Add a piece of a line; yield the turn that ends before it."""
        if label is not None:
            yield from self.closed()
            self._key, self._bracket, self._is_open = key_of(label.name), label.bracket, True
            self._add(text)
        elif not text.strip():
            if self._has_words:
                self._is_open = False
                self._lines.append(text)
        elif _ASIDE.match(text[:400]) or text.lstrip().startswith(_REPLY):
            yield from self._aside(text)
        else:
            if not self._is_open and self._key != default:
                yield from self.closed()
                self._key = default
            self._add(text)

    def _add(self, text: str) -> None:
        self._lines.append(text)
        self._has_words |= bool(text.strip())
        if _is_quoted(text):
            self._is_open = False

    def _aside(self, text: str) -> Iterator[Turn]:
        key, is_open = self._key, self._is_open
        yield from self.closed()
        yield Turn(None, text)
        self._key, self._is_open = key, is_open

    def closed(self) -> Iterator[Turn]:
        """Yield what has been read so far, if it has words, and begin anew."""
        text = "\n".join(self._lines).strip()
        if text:
            yield Turn(self._key, text, self._bracket)
        self._key, self._bracket, self._lines = None, None, []
        self._has_words = self._is_open = False


def _is_quoted(text: str) -> bool:
    """Return whether `text` is a quote that is closed: what follows is not the speaker's."""
    found = _DIRECTION.match(text[:400])
    words = (text[found.end() :] if found else text).strip()
    closing = _QUOTES.get(words[:1])
    return closing is not None and len(words) > 1 and words.endswith(closing)
