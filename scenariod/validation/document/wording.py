"""How a problem is worded, and where it stands: fields, places, and text shown from a file.

Pure. Never lets through what a terminal must not see, nor more than a message may hold.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from scenariod.base.names import printable
from scenariod.base.value import Value
from scenariod.validation.problems import Problem, Reason

_SHOWN = 40
_SHOWN_FIELD = 200  # 100 problems of 8 files must fit in MAX_VERDICT_BYTES, even as \u escapes
WHITE = " \t\n\r"
"""What JSON takes for white space."""
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")

Steps = tuple[str | int, ...]
"""The keys and indexes that lead from the top object to a field."""


class FieldProblem(Value):
    """A problem of one field whose place in the text is not known yet."""

    code: Reason
    message: str
    steps: Steps
    at: Steps = ()
    """Where it is, if not at the field itself: at a key that was meant to be the one missing."""


def field_name(steps: Steps) -> str:
    """Return `steps` as people write them: `answerWeights.logic`, `hints[2]["a key"]`."""
    return cut("".join(_step_name(step) for step in steps).removeprefix("."), _SHOWN_FIELD)


def shown(text: str) -> str:
    """Return `text` in quotes, cut, and safe for a terminal; name what cannot be seen in it."""
    name = unusual(cut(text))
    return _quoted(text) if name is None else f"{_quoted(text)} (with {name})"


def unusual(text: str) -> str | None:
    """Return the name of the first character in `text` that nobody sees, but for plain spaces."""
    if text.isascii() and text.isprintable():
        return None
    return next((named(each) for each in text if _is_invisible(each)), None)


def named(character: str) -> str:
    """Return a character's code point and name: `U+00A0 NO-BREAK SPACE`."""
    name = "BYTE ORDER MARK" if character == "\ufeff" else unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()


def kind(value: Any) -> str:
    """Say what a JSON value is: `an object`, `a number`, `true`."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a string"}
    return names.get(type(value), "a number")


def cut(text: str, longest: int = _SHOWN) -> str:
    """Return `text`, at most `longest` characters of it."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1 and in characters; CRLF and LF end a line alike."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def placed(code: Reason, message: str, *, text: str, offset: int) -> Problem:
    """Return the problem that stands at `offset` of `text`."""
    line, column = place(text, offset)
    return Problem(code, message, line=line, column=column)


def _step_name(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{_quoted(step)}]"


def _quoted(text: str) -> str:
    visible = (f"\\u{ord(c):04x}" if _is_invisible(c) else c for c in printable(cut(text)))
    return f'"{"".join(visible)}"'


def _is_invisible(character: str) -> bool:
    return character != " " and unicodedata.category(character) in _INVISIBLE
