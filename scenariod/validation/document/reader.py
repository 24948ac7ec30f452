"""Read a file's bytes as one JSON object with exact numbers (RFC 8259).

Pure, and linear in time whatever the bytes are: they come from anyone. Where json is laxer than
the standard it only takes note; `places.py` finds the places, for the few files that need it.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from scenariod.base.names import printable
from scenariod.validation.document.wording import kind, placed
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.readable import is_readable, unreadable_escapes

MAX_DEPTH = 64
"""Deepest nesting that is read; the top object is depth 1. Real scenarios stay below 10."""

WHITE = " \t\n\r"
SHORT_NUMBER = 18  # digits that int() takes at once; its own limit is 4300, and slow below it
# Possessive (`++`): never steps back, so even 8 MiB of quotes or backslashes take linear time.
STRING = r'"(?:[^"\\]++|\\.)*+"?+'
_BRACKET = re.compile(rf"{STRING}|[\[{{]|[\]}}]", re.DOTALL)
_FOUND = re.compile(r'"[^"\\\n]{0,30}"?|[\w.+-]{1,30}|.', re.DOTALL)

_SYNTAX = (  # what json says (3.11 to 3.14), and what we say; anything else is told as json says it
    ("Expecting ',' delimiter", "expected a comma or the closing bracket before {found}"),
    ("Expecting ':' delimiter", "expected a colon after the key, but found {found}"),
    ("Expecting property name", "expected a key in double quotes, but found {found}"),
    ("Expecting value", "expected a value, but found {found}"),
    ("Extra data", "expected nothing after the closing bracket, but found {found}"),
    ("Unterminated string", "a string begins here and has no closing quote"),
    (
        "Invalid control character",
        "a line break or control character in a string: is its closing quote missing?",
    ),
    ("Invalid \\escape", "a backslash that escapes nothing; write it twice"),
    ("Invalid \\u", "\\u needs four hexadecimal digits"),
)


@dataclass(frozen=True, slots=True)
class Document:
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
    text = _decode(content)
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
        before = body[: error.start].decode("utf-8")
        message = f"the byte 0x{body[error.start]:02x} is not UTF-8; save the file as UTF-8"
        return placed(Reason.NOT_UTF8, message, text=before, offset=len(before))


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
        return _not_json(text, error)
    if not isinstance(value, dict):
        message = f"the file must hold one object, {{ … }}, not {kind(value)}"
        return placed(Reason.NOT_AN_OBJECT, message, text=text, offset=start)
    readable = hooks.readable and not any(unreadable_escapes(text))
    return Document(members=value, text=text, flawed=hooks.flawed, readable=readable)


def exact(digits: str) -> Decimal | None:
    """Return the number exactly; None where its exponent is beyond even Decimal (19 digits)."""
    try:
        return Decimal(digits)
    except InvalidOperation:
        return None


def _not_json(text: str, error: json.JSONDecodeError) -> Problem:
    head = text[: error.pos].rstrip(WHITE)
    rest = text[error.pos :].lstrip(WHITE)
    if error.msg.startswith("Illegal trailing comma") or (
        head.endswith(",") and rest.startswith(("}", "]"))
    ):
        offset = len(head) - 1 if head.endswith(",") else error.pos
        message = "the comma before a closing bracket is one too many"
        return placed(Reason.NOT_JSON, message, text=text, offset=offset)
    found = _FOUND.match(rest)
    what = printable(found.group()) if found else "the end of the file: is it whole?"
    says = (ours for theirs, ours in _SYNTAX if error.msg.startswith(theirs))
    message = next(says, error.msg[:1].lower() + error.msg[1:]).replace("{found}", what)
    return placed(Reason.NOT_JSON, message, text=text, offset=error.pos)
