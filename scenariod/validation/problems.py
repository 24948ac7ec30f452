"""Why a file is refused or left: one table of stable codes, and the problem that carries one.

Codes are part of the interface (reason.json, journal, --json): add, never rename. Pure.
"""

from __future__ import annotations

from enum import StrEnum

from scenariod.base.value import Value


class Reason(StrEnum):
    """Stable codes of every reason why a file is refused, or waits in the inbox."""

    EMPTY = "empty"
    TOO_LARGE = "too-large"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_AN_OBJECT = "not-an-object"
    MANY_SCENARIOS = "many-scenarios"
    DUPLICATE_KEY = "duplicate-key"
    NOT_A_NUMBER = "not-a-number"
    NOT_TEXT = "not-text"
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


ADVICE: dict[Reason, str] = {
    Reason.EMPTY: "drop the whole file again",
    Reason.TOO_LARGE: "make it smaller, or raise intake.max_scenario_bytes",
    Reason.NOT_UTF8: "save it as UTF-8",
    Reason.NOT_JSON: "fix it at the given line and column",
    Reason.NOT_AN_OBJECT: "make it one object: { ... }",
    Reason.MANY_SCENARIOS: "`scenariodctl import FILE` adds them",
    Reason.DUPLICATE_KEY: "keep one of the keys",
    Reason.NOT_A_NUMBER: "write a valid JSON number",
    Reason.NOT_TEXT: "write the whole character in its place, or remove it",
    Reason.TOO_DEEP: "nest its lists and objects less",
    Reason.MISSING_FIELD: "add the field",
    Reason.WRONG_TYPE: "give the field a value of the right type",
    Reason.WRONG_VALUE: "give the field a value that is allowed",
    Reason.CONFLICT: 'give it an id of its own, or set library.on_conflict = "replace"',
    Reason.NOT_A_REGULAR_FILE: "drop a copy of the file itself",
    Reason.HARD_LINKED: "remove its other names, or `cp` it and drop the copy",
    Reason.UNREADABLE: "`chmod g+r` it",
    Reason.CHANGED: "leave it alone while it is processed",
    Reason.OUT_OF_MEMORY: "split it, or raise memory.limit_max_mb",
    Reason.SOFT_LIMIT: "split it, or raise memory.limit_max_mb",
    Reason.TIMEOUT: "split it, or raise worker.timeout_s",
    Reason.CRASH: "see its entries in the journal; if the file is valid, report it",
    Reason.KILLED: "find out what killed its worker three times, then retry it",
    Reason.NO_VERDICT: "see its entries in the journal; if the file is valid, report it",
}
"""What who dropped a file can do about a reason, before it is tried again."""


class Problem(Value):
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
