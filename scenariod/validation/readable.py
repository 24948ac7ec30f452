r"""What every reader of JSON takes, where the grammar allows more (RFC 8259, sections 6 and 8.2).

Owns these limits, and how a document that an earlier version accepted beyond them is written: half
of a surrogate pair and `\u0000` as `\ufffd`, a number that is too large or too long as a string.
Pure: bytes in, bytes out, in pieces. Never parses a document, never holds a whole one.
"""

from __future__ import annotations

import json
import math
import re
from itertools import chain, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LONGEST_NUMBER = 1000
"""In characters: the least limit of a widespread reader (Jackson); Python takes 4300 digits."""
_LONGEST_ESCAPE = 12
_QUOTE = b'"'
_REPLACEMENT = rb"\ufffd"

_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_NO_TEXT = r"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
_ESCAPE = re.compile(rf"{_PAIR}|(?P<no_text>{_NO_TEXT})|\\.", re.DOTALL)

# Possessive (`++`): never steps back. A token at the end of a piece may go on in the next one, so
# each pattern wants to see what follows it.
_ENDS = rb"(?=[ \t\r\n,\]}])"
_FINE_ESCAPE = rb"\\(?:[^u]|u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4})"
_IN_STRING = rb'[^"\\]*+(?:(?:%b|%b)[^"\\]*+)*+' % (_FINE_ESCAPE, _PAIR.encode())
_SHORT_NUMBER = rb"-?[0-9]{1,15}+(?:\.[0-9]{1,15}+)?+"
_TOKEN = rb'"%b"|(?:%b|true|false|null)%b' % (_IN_STRING, _SHORT_NUMBER, _ENDS)
_BETWEEN = rb"[ \t\r\n,:\[\]{}]*+"
_FINE = re.compile(rb"%b(?:(?:%b)%b)*+" % (_BETWEEN, _TOKEN, _BETWEEN), re.DOTALL)
_FINE_IN_STRING = re.compile(_IN_STRING, re.DOTALL)
_UNREADABLE_ESCAPE = re.compile(_NO_TEXT.encode())
_SCALAR = re.compile(rb'[^ \t\r\n,:"\[\]{}]*+')
_LITERALS = frozenset({b"true", b"false", b"null"})


def is_readable(number: str | bytes) -> bool:
    """Say whether every reader takes a number: it is short, and a 64-bit float can hold its size.

    Anything else is not readable either; a number that is too small for a float is read as 0.
    """
    try:
        return len(number) <= LONGEST_NUMBER and math.isfinite(float(number))
    except ValueError:
        return False


def unreadable_escapes(text: str) -> Iterator[re.Match[str]]:
    """Yield the escapes in JSON text that are not text: half a surrogate pair, or U+0000."""
    if "\\u" in text:
        yield from (found for found in _ESCAPE.finditer(text) if found["no_text"])


def made_readable(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a document that was accepted once as every reader takes it, changed where it must be.

    What this version accepts goes through unchanged: each token is looked at, so that is proven.
    """
    pieces = iter(chunks)
    begun = list(islice(pieces, 2))
    if len(begun) == 1 and _is_plain(begun[0]):
        yield begun[0]
        return
    passing = _Pass()
    for chunk in chain(begun, pieces, (b"",)):
        yield from passing.take(chunk)


def _is_plain(document: bytes) -> bool:
    r"""Say whether a whole document has no `\u`, and no number but such as every reader takes.

    Python's own reader sees that twice as quickly as a pass does. What it does not take is for
    the pass.
    """
    if b"\\u" in document:
        return False
    try:
        _NUMBERS.decode(document.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _check_number(number: str) -> None:
    if not is_readable(number):
        raise ValueError(number)


_NUMBERS = json.JSONDecoder(
    parse_int=_check_number, parse_float=_check_number, parse_constant=_check_number
)


class _Pass:
    """One pass over a document: the bytes at hand, and what goes on in the next piece."""

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._out: list[bytes] = []
        self._is_last = False
        self._step: Callable[[], bool] = self._between

    def take(self, chunk: bytes) -> list[bytes]:
        """Return what can be written once `chunk` is there, too; an empty one comes last."""
        self._data = self._data[self._at :] + chunk
        self._at = 0
        self._is_last = not chunk
        self._out = []
        while self._at < len(self._data) and self._step():
            pass
        return self._out

    def _between(self) -> bool:
        """Pass by what is fine; say whether all that is at hand was."""
        self._copy(_FINE)
        if self._data.startswith(_QUOTE, self._at):
            self._write(_QUOTE, past=1)
            self._step = self._string
            return True
        found = _SCALAR.match(self._data, self._at)
        scalar = b"" if found is None else found.group()
        is_whole = self._is_last or self._at + len(scalar) < len(self._data)
        if not is_whole and len(scalar) <= LONGEST_NUMBER:
            return False
        if scalar in _LITERALS or is_readable(scalar):
            self._write(scalar, past=len(scalar))
        elif scalar:
            self._write(_QUOTE, past=0)
            self._step = self._unreadable
        return True

    def _string(self) -> bool:
        self._copy(_FINE_IN_STRING)
        rest = self._data[self._at : self._at + _LONGEST_ESCAPE]
        if rest.startswith(_QUOTE):
            self._write(_QUOTE, past=1)
            self._step = self._between
        elif len(rest) < _LONGEST_ESCAPE and not self._is_last:
            return False
        elif found := _UNREADABLE_ESCAPE.match(rest):
            self._write(_REPLACEMENT, past=found.end())
        else:
            self._write(rest[:1], past=1)
        return True

    def _unreadable(self) -> bool:
        """Pass by a number that no reader need take, as a string whose quote is written."""
        self._copy(_SCALAR)
        if self._at == len(self._data):
            return False
        self._write(_QUOTE, past=0)
        self._step = self._between
        return True

    def _copy(self, pattern: re.Pattern[bytes]) -> None:
        found = pattern.match(self._data, self._at)
        end = self._at if found is None else found.end()
        self._write(self._data[self._at : end], past=end - self._at)

    def _write(self, piece: bytes, *, past: int) -> None:
        self._out.append(piece)
        self._at += past
