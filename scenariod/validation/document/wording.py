"""How a problem is worded, and where it stands: fields, places, and text shown from a file.

Pure. Never lets through what a terminal must not see, nor more than a message may hold.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from scenariod.base.names import printable
from scenariod.validation.problems import Problem, Reason

_SHOWN = 40
_SHOWN_FIELD = 200  # 100 problems of 8 files must fit in MAX_VERDICT_BYTES, even as \u escapes
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")

Steps = tuple[str | int, ...]
"""The keys and indexes that lead from the top object to a field."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A problem of one field whose place in the text is not known yet."""

    code: Reason
    message: str
    steps: Steps


def field_name(steps: Steps) -> str:
    """Return `steps` as people write them: `answerWeights.logic`, `hints[2]["a key"]`."""
    return cut("".join(_step_name(step) for step in steps).removeprefix("."), _SHOWN_FIELD)


def shown(text: str) -> str:
    """Return `text` in quotes, cut, and safe for a terminal."""
    return f'"{printable(cut(text))}"'


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
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{shown(step)}]"
