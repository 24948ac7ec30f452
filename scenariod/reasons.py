"""Why a file is refused or left: one table of stable codes, and the problem that carries one.

Codes are part of the interface (reason.json, journal, --json): add, never rename. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Stable codes of every reason why a file is refused, or waits in the inbox."""

    EMPTY = "empty"
    TOO_LARGE = "too-large"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_AN_OBJECT = "not-an-object"
    DUPLICATE_KEY = "duplicate-key"
    NOT_A_NUMBER = "not-a-number"
    TOO_DEEP = "too-deep"
    MISSING_FIELD = "missing-field"
    WRONG_TYPE = "wrong-type"
    WRONG_VALUE = "wrong-value"
    CONFLICT = "conflict"
    NOT_A_REGULAR_FILE = "not-a-regular-file"
    HARD_LINKED = "hard-linked"
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    OUT_OF_MEMORY = "out-of-memory"
    SOFT_LIMIT = "soft-limit"
    TIMEOUT = "timeout"
    CRASH = "crash"
    KILLED = "killed-from-outside"
    NO_VERDICT = "no-verdict"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file.

    `field` is a path such as `answerWeights.logic`; `line` and `column` count from 1, in
    characters. Either may be unknown.
    """

    code: Reason
    message: str
    field: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = f" (line {self.line}, column {self.column})" if self.line is not None else ""
        return f"{self.message}{where}"
