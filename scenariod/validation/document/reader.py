"""Read a file's bytes as one JSON object with exact numbers (RFC 8259).

Pure, and linear in time whatever the bytes are: they come from anyone. Where json is laxer than
the standard it only takes note; `places.py` finds the places, for the few files that need it.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from scenariod.base.value import Value
from scenariod.validation.document import mistakes
from scenariod.validation.document.wording import WHITE, placed
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.readable import is_readable, unreadable_escapes

MAX_DEPTH = 64
"""Deepest nesting that is read; the top object is depth 1. Real scenarios stay below 10."""

SHORT_NUMBER = 18  # digits that int() takes at once; its own limit is 4300, and slow below it
# Possessive (`++`): never steps back, so even 8 MiB of quotes or backslashes take linear time.
STRING = r'"(?:[^"\\]++|\\.)*+"?+'
_BRACKET = re.compile(rf"{STRING}|[\[{{]|[\]}}]", re.DOTALL)


class Document(Value):
    """A JSON object with exact numbers (int or Decimal).

    `flawed` says that the text repeats a key or holds what is not a number. `readable` says that
    every reader takes its numbers and strings; earlier versions accepted others. `places.problems`
    says where.
    """

    members: dict[str, Any]
    text: str
    flawed: bool
    readable: bool


def read(content: bytes) -> Document | Problem:
    """Return the document that `content` holds, or the one problem that hides all others."""
    text = mistakes.opening(content) or _decode(content)
    if isinstance(text, Problem):
        return text
    start = len(text) - len(text.lstrip(WHITE))
    if start == len(text):
        return Problem(Reason.EMPTY, "the file is empty, or holds nothing but white space")
    too_deep = _first_too_deep(text)
    if too_deep is not None:
        message = f"lists and objects are nested more than {MAX_DEPTH} deep"
        return placed(Reason.TOO_DEEP, message, text=text, offset=too_deep)
    return _parse(text, start=start)


def _decode(content: bytes) -> str | Problem:
    body = content.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        return mistakes.not_utf8(body, error)


def _first_too_deep(text: str) -> int | None:
    depth = 0
    for token in _BRACKET.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif first in "]}":
            depth -= 1
            if depth <= 0:  # json reads no further
                return None
    return None


class _Hooks:
    """What json calls while it reads one text, which takes note of where json is laxer than we."""

    def __init__(self) -> None:
        self.flawed = False
        self.readable = True

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        self.flawed |= len(members) != len(pairs)
        return members

    def number(self, digits: str) -> int | Decimal | float:
        if len(digits) <= SHORT_NUMBER and digits.lstrip("-").isdecimal():
            return int(digits)
        self.readable &= is_readable(digits)
        number = exact(digits)
        return self.constant(digits) if number is None else number

    def constant(self, _name: str) -> float:
        self.flawed = True
        return math.nan


def _parse(text: str, *, start: int) -> Document | Problem:
    hooks = _Hooks()
    decoder = json.JSONDecoder(
        object_pairs_hook=hooks.members,
        parse_int=hooks.number,
        parse_float=hooks.number,
        parse_constant=hooks.constant,
    )
    try:
        value = decoder.decode(text)
    except json.JSONDecodeError as error:
        return mistakes.not_json(text, error)
    if not isinstance(value, dict):
        code, message = mistakes.not_an_object(value)
        return placed(code, message, text=text, offset=start)
    readable = hooks.readable and not any(unreadable_escapes(text))
    return Document(members=value, text=text, flawed=hooks.flawed, readable=readable)


def exact(digits: str) -> Decimal | None:
    """Return the number exactly; None where its exponent is beyond even Decimal (19 digits)."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        return None
