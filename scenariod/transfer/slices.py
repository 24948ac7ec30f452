"""Cut a file's list of scenarios into its elements, byte for byte, without parsing any of them.

Linear in time and flat in memory whatever the bytes are. What is wrong within one element is its
own matter: the next one is found by brackets and quotes alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 64 << 10
_LONGEST_KEY = 64
_START_BYTES = 1 << 10
_FOLLOWING_BYTES = 64
_WHITE = b" \t\r\n"
# Possessive (`++`): never steps back, so every byte is looked at once.
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_TO_COMMA = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_TO_KEY = re.compile(rb'[^"\[\]{}]*+')
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_WHITE_RUN = re.compile(rb"[ \t\r\n]*+")
_CONTINUATION = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that begin no character: columns count characters."""
_QUOTE, _COMMA = b'"', b","
_OPENING, _CLOSING = (b"[", b"{"), (b"]", b"}")


class Slice(Value):
    """The element `number`, from 1, which begins at `line` and `column`.

    An empty one is at the comma that follows it, or, as the last one, at the comma before it.
    Of one that is too large `content` is None, and `start` has its first bytes.
    """

    number: int
    line: int
    size_bytes: int
    content: bytes | None
    start: bytes = b""
    column: int = 1


class Slicer:
    """The list of scenarios of one file: itself a list, or the object's member `member`.

    With `opening` a brace an object is cut into its members likewise. Once it was iterated to its
    end, `closing` is the bracket that has ended the list, empty where the file ends before.
    """

    def __init__(
        self, file: BinaryIO, *, member: str | None, most_bytes: int, opening: bytes = b"["
    ) -> None:
        self._file = file
        self._member = None if member is None else member.encode()
        self._opening = opening
        self._most_bytes = most_bytes
        self._data = b""
        self._at = 0
        self._noted = 0  # up to where in `_data` lines are counted and the element is kept
        self._element: bytearray | None = None
        self._size = 0
        self.line = 1
        self.column = 1
        self.closing = b""

    @property
    def whole(self) -> bool:
        """Whether the list has ended."""
        return bool(self.closing)

    def __iter__(self) -> Iterator[Slice]:
        """Yield the elements in their order."""
        if not self._find_list():
            return
        number, comma = 0, (1, 1)
        while not self.whole:
            number += 1
            self._skip_white()
            self._note()
            at = self.line, self.column
            ended = self._read_element()
            content = self._taken()
            if ended is None and not content and not self._size:
                return
            if ended != _COMMA:
                self.closing = ended or b""
                at = at if self._size else comma
            comma = self.line, self.column - 1
            if ended == _COMMA or content or self._size or number > 1:
                yield self._slice(number, *at, content)
            if ended is None:
                return

    def following(self) -> bytes:
        """Return how what follows the list begins, at `line` and `column`, past white space."""
        self._skip_white()
        self._note()
        while len(self._data) - self._at < _FOLLOWING_BYTES and self._fill():
            pass
        return self._data[self._at : self._at + _FOLLOWING_BYTES]

    def _slice(self, number: int, line: int, column: int, content: bytes) -> Slice:
        if self._size > self._most_bytes:
            return Slice(number, line, self._size, None, start=content, column=column)
        return Slice(number, line, len(content), content, column=column)

    def _find_list(self) -> bool:
        """Stop right after the bracket that opens the list; say whether there is one."""
        depth = 0
        key = b""
        while (token := self._token(_TO_KEY)) is not None:
            if token == _QUOTE:
                key = self._string()
            elif token == self._opening and (
                (depth == 0 and self._member is None) or (depth == 1 and key == self._member)
            ):
                return True
            else:
                depth += 1 if token in _OPENING else -1
        return False

    def _read_element(self) -> bytes | None:
        """Read up to what ends the element; return that: a comma, a bracket, None at the end."""
        self._element, self._size = bytearray(), 0
        depth = 0
        while True:
            token = self._token(_TO_BRACKET if depth else _TO_COMMA)
            if token == _QUOTE:
                self._string()
                continue
            if token is None or (depth == 0 and token not in _OPENING):
                self._note(before=len(token or b""))
                return token
            depth += 1 if token in _OPENING else -1

    def _taken(self) -> bytes:
        content = bytes(self._element or b"").strip(_WHITE)
        self._element = None
        return content

    def _skip_white(self) -> None:
        while True:
            match = _WHITE_RUN.match(self._data, self._at)
            self._at = self._at if match is None else match.end()
            if self._at < len(self._data) or not self._fill():
                return

    def _string(self) -> bytes:
        """Read to the end of a string whose quote was read; return the start of what it says."""
        start = b""
        while True:
            match = _IN_STRING.match(self._data, self._at)
            piece = b"" if match is None else match.group()
            start += piece[: _LONGEST_KEY - len(start)]
            self._at += len(piece)
            if self._data[self._at : self._at + 1] == _QUOTE:
                self._at += 1
                return start
            if not self._fill():
                self._at = len(self._data)
                return start

    def _token(self, up_to: re.Pattern[bytes]) -> bytes | None:
        """Pass by what `up_to` matches and the byte after it; return that, None at the end.

        A string that the data so far does not hold
        whole is left to `_string`.
        """
        while True:
            match = up_to.match(self._data, self._at)
            self._at = self._at if match is None else match.end()
            if self._at < len(self._data):
                token = self._data[self._at : self._at + 1]
                self._at += 1
                return token
            if not self._fill():
                return None

    def _note(self, *, before: int = 0) -> None:
        """Count the lines up to here, and keep what is of the element, if one is being read.

        The last `before` bytes are no part of it.
        """
        line_break = self._data.rfind(b"\n", self._noted, self._at)
        if line_break >= 0:
            self.line += self._data.count(b"\n", self._noted, self._at)
            self.column = 1
        since = self._data[max(line_break + 1, self._noted) : self._at]
        self.column += len(since.translate(None, _CONTINUATION))
        if self._element is not None:
            piece = self._data[self._noted : self._at - before]
            self._size += len(piece)
            self._element += piece
            if self._size > self._most_bytes:
                del self._element[_START_BYTES:]
        self._noted = self._at

    def _fill(self) -> bool:
        """Read on; say whether there was more."""
        self._note()
        more = self._file.read(_CHUNK_BYTES)
        self._data = self._data[self._at :] + more
        self._at = self._noted = 0
        return bool(more)
