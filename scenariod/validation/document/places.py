"""Tell the problems of a document: its own and its fields', each with line and column.

Pure, iterative, and only for faulty files: a document without faults is never walked.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scenariod.base.value import replace
from scenariod.validation.document.reader import STRING, exact
from scenariod.validation.document.wording import (
    WHITE,
    FieldProblem,
    Steps,
    cut,
    field_name,
    place,
    placed,
    shown,
)
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.readable import LONGEST_NUMBER, is_readable, unreadable_escapes
from scenariod.validation.verdict import MAX_MESSAGE, MAX_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenariod.validation.document.reader import Document

_TOKEN = re.compile(
    rf"(?P<string>{STRING})(?P<key>[{WHITE}]*+:)?+|(?P<open>[\[{{])|(?P<close>[\]}}])"
    rf'|(?P<scalar>[^{WHITE},:"\[\]{{}}]++)',
    re.DOTALL,
)
_NOT_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})
_LITERALS = frozenset({"true", "false", "null"})


def problems(document: Document, faults: Iterable[FieldProblem]) -> tuple[Problem, ...]:
    """Return all problems of `document`, its own and `faults`, each with its place, in order.

    At most `MAX_PROBLEMS`, and one that says how many more there are.
    """
    faults = list(faults)
    if not faults and not document.flawed and document.readable:
        return ()
    survey = _Survey(document.text, asked=(fault.at or fault.steps for fault in faults))
    survey.walk()
    return survey.told(faults)


@dataclass(slots=True)
class _Level:
    """An object or list that is open at the token at hand."""

    is_object: bool
    asked: bool
    """Whether a field that is asked for may lie within."""
    steps: Steps
    """Where it stands itself; only known where `asked`."""
    step: str | int = -1
    """Key or index of the value at hand."""
    keys: dict[str, int] = field(default_factory=dict)
    """Of an object: where each key stands first."""


class _Survey:
    """One walk over a document's text: finds places, repeated keys, and invalid numbers."""

    def __init__(self, text: str, *, asked: Iterable[Steps]) -> None:
        self._text = text
        prefixes = (steps[:end] for steps in asked for end in range(1, len(steps) + 1))
        self._offsets: dict[Steps, int | None] = dict.fromkeys(prefixes)
        self._levels = [_Level(is_object=True, asked=True, steps=())]
        self._found: list[tuple[FieldProblem, int]] = []
        self._unlisted = 0

    def walk(self) -> None:
        """Look at every token of the text, which json has read already."""
        for token in _TOKEN.finditer(self._text, self._text.index("{") + 1):
            if token.lastgroup == "key":
                self._key(token)
            elif token.lastgroup == "close":
                self._levels.pop()
            else:
                self._value(token)
            if token["string"]:
                self._string(token)

    def told(self, faults: list[FieldProblem]) -> tuple[Problem, ...]:
        """Return what the walk found and `faults`, placed, in the order of the text."""
        # It was reported as an invalid number: that it is not a valid weight either helps nobody.
        told = {fault.steps for fault, _ in self._found if fault.code != Reason.DUPLICATE_KEY}
        everything = [self._problem(fault, offset) for fault, offset in self._found]
        everything += [
            self._problem(f, self._offset(f.at or f.steps)) for f in faults if f.steps not in told
        ]
        everything.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
        more = len(everything) - MAX_PROBLEMS + self._unlisted
        if more <= 0:
            return tuple(everything)
        last = Problem(everything[MAX_PROBLEMS].code, f"{more} more problems are not listed")
        return (*everything[:MAX_PROBLEMS], last)

    def _key(self, token: re.Match[str]) -> None:
        level = self._levels[-1]
        level.step = key = _unquote(token.group("string"))
        first = level.keys.setdefault(key, token.start())
        if first != token.start():
            line, _ = place(self._text, first)
            message = (
                f"the key {shown(key)} occurs again in the same object; the first is on line {line}"
            )
            self._add(Reason.DUPLICATE_KEY, message, token.start())

    def _value(self, token: re.Match[str]) -> None:
        level = self._levels[-1]
        if not level.is_object:
            level.step = int(level.step) + 1
        asked = level.asked and (steps := (*level.steps, level.step)) in self._offsets
        if asked:
            self._offsets[steps] = token.start()
        if token.lastgroup == "open":
            steps = self._steps() if asked else ()
            self._levels.append(_Level(is_object=token.group() == "{", asked=asked, steps=steps))
        elif token.lastgroup == "scalar":
            self._scalar(token)

    def _scalar(self, token: re.Match[str]) -> None:
        name = token.group()
        if name in _NOT_NUMBERS:
            self._add(Reason.NOT_A_NUMBER, f"{name} is not a number in JSON", token.start())
        elif name not in _LITERALS and (message := _number_fault(name)):
            self._add(Reason.WRONG_VALUE, f"the number {cut(name)} {message}", token.start())

    def _string(self, token: re.Match[str]) -> None:
        """Take note of what is not text, once of a key and its value."""
        found = next(unreadable_escapes(token["string"]), None)
        if found is None:
            return
        before = self._found[-1][0] if self._found else None
        if before is None or (before.code, before.steps) != (Reason.NOT_TEXT, self._steps()):
            message = f"{field_name(self._steps())} {_not_text(found.group())}"
            self._add(Reason.NOT_TEXT, message, token.start() + found.start())

    def _add(self, code: Reason, message: str, offset: int) -> None:
        if self._has_room():
            self._found.append((FieldProblem(code, message, self._steps()), offset))

    def _has_room(self) -> bool:
        if len(self._found) <= MAX_PROBLEMS:
            return True
        self._unlisted += 1
        return False

    def _steps(self) -> Steps:
        return tuple(level.step for level in self._levels)

    def _offset(self, steps: Steps) -> int | None:
        """Where the field stands; of a missing one, where the object stands that lacks it."""
        offset = self._offsets[steps]
        return self._offsets.get(steps[:-1]) if offset is None else offset

    def _problem(self, fault: FieldProblem, offset: int | None) -> Problem:
        message, where = cut(fault.message, MAX_MESSAGE), field_name(fault.steps)
        if offset is None:
            return Problem(fault.code, message, where)
        return replace(placed(fault.code, message, text=self._text, offset=offset), field=where)


def _unquote(string: str) -> str:
    return str(json.loads(string)) if "\\" in string else string[1:-1]


def _number_fault(number: str) -> str | None:
    """Say what keeps a number from being taken."""
    if len(number) > LONGEST_NUMBER:
        return f"has {len(number)} characters; at most {LONGEST_NUMBER} are allowed"
    if not is_readable(number):
        return "is too large: most programs read numbers up to 1.8e308"
    return "is beyond what can be kept exactly" if exact(number) is None else None


def _not_text(escape: str) -> str:
    if escape == "\\u0000":
        return "holds U+0000, which many programs cannot read"
    return f"holds U+{escape[2:].upper()}, one half of a surrogate pair, which is not a character"
