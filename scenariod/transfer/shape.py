"""Tell what kind of file one is by what is in it, streaming: how many scenarios, of which pack.

Tells too whether a file ends after its list of scenarios as it should: nothing is passed over.

Pure but for the file that it reads. Never keeps a scenario.
"""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import ijson

from scenariod.transfer.pack_info import About
from scenariod.transfer.slices import Slicer
from scenariod.validation.problems import Problem, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Event = tuple[str, Any]
    from scenariod.transfer.slices import Rest

SCENARIOS = "scenarios"
_ID = "id"
_OURS = "backup"
"""The trailer of a backup of scenariod: it is about that file, not about its scenarios."""
_OPENING = {"start_map", "start_array"}
_CLOSING = {"end_map", "end_array"}
_STAND_IN = 4
"""How many events what stands for a member's list gives: an object, a key, a list and its end."""


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size_bytes: int, /) -> bytes:
        """Return at most so many of the next bytes; none at the end."""


class Shape(StrEnum):
    """Where a file's scenarios are."""

    SINGLE = "single"
    LIST = "list"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file is: `count` scenarios, and `about` its pack as JSON text, None if it is none.

    `left_out` are the keys of what the pack says that is more than is kept. `lists` is how many
    lists of scenarios there are: more than one is one too many. `is_misshapen`: it should have one,
    but what stands there is none. A file that is no whole JSON is told as far as it is; `is_json`
    says so, but for elements of its list.
    """

    shape: Shape
    count: int = 1
    about: str | None = None
    left_out: tuple[str, ...] = ()
    lists: int = 1
    is_misshapen: bool = False
    is_json: bool = True


def survey(file: BinaryIO) -> Survey:
    """Read all of `file`, and say what it is. Memory stays flat but for its longest string."""
    _begin(file)
    found = _Found()
    # In linear time, whatever the numbers are; one that is beyond float ends it.
    found.read(ijson.basic_parse(file, use_float=True))
    told = found.survey()
    if found.is_json and not (told.about and found.about.has_floats):
        return told
    member = None if found.shape is Shape.LIST else SCENARIOS
    file.seek(0)
    has_none = next(iter(Slicer(file, member=member, most_bytes=0)), None) is None
    return told if has_none else _around_list(file)


def survey_text(file: Readable) -> Survey:
    """Do the same with what can only be read on, and begins with no byte order mark."""
    found = _Found()
    with _all_digits():
        found.read(ijson.basic_parse(file))
    return found.survey()


def _around_list(file: BinaryIO) -> Survey:
    """Read digit by digit what stands beside the list, and by brackets alone what is in it.

    A second list is not told here: `fault_after_list` does.
    """
    _begin(file)
    found = _Found()
    with _all_digits():
        found.read(_up_to_list(found, ijson.basic_parse(file)))
    if not found.lists:
        return found.survey()
    file.seek(0)
    slicer = Slicer(file, member=_member(found.shape), most_bytes=0)
    count = sum(1 for _ in slicer)
    if slicer.whole and found.shape is Shape.MEMBER:
        found.depth = 1
        with _all_digits():
            found.read(islice(ijson.basic_parse(slicer.rest()), _STAND_IN, None))
    return replace(found.survey(), count=count, lists=1)


@contextmanager
def _all_digits() -> Iterator[None]:
    """Have integers of any length read: ijson hands out a NULL where Python refuses one."""
    most = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(most)


def _up_to_list(found: _Found, events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events that `found` reads, up to the start of its list of scenarios."""
    for event in events:
        yield event
        if found.lists:
            return


def _member(shape: Shape) -> str | None:
    return SCENARIOS if shape is Shape.MEMBER else None


def _begin(file: BinaryIO) -> None:
    file.seek(0)
    if file.read(len(BOM_UTF8)) != BOM_UTF8:
        file.seek(0)


class _Found:
    """What the events so far have told."""

    def __init__(self) -> None:
        self.shape = Shape.SINGLE
        self.lists = 0
        self.about = About()
        self.is_json = True
        self.depth = 0
        self._key: str | None = None
        self._count = 0
        self._keys: set[str] = set()

    def read(self, events: Iterable[Event]) -> None:
        """Take in all events, as far as what they come from is JSON."""
        try:
            for event, value in events:
                self._note(event, value)
        except (ijson.JSONError, UnicodeDecodeError, ArithmeticError):
            # The slices tell what is wrong, and where. An exponent may be beyond even Decimal.
            self.is_json = False

    def _note(self, event: str, value: Any) -> None:
        if event in _CLOSING:
            self.depth -= 1
        if event == "map_key" and self.depth == 1:
            self._key = value
            self._keys |= {value} & {SCENARIOS, _ID}
        elif self.depth == 0 and event == "start_array":
            self.shape, self.lists = Shape.LIST, 1
        elif self._is_list(event):
            self.shape = Shape.MEMBER
            self.lists += 1
        elif self._is_element(event):
            self._count += 1
        elif self.depth >= 1 and self._key not in {None, SCENARIOS, _OURS}:
            self._keep(event, value)
        if event in _OPENING:
            self.depth += 1

    def _is_list(self, event: str) -> bool:
        return self.depth == 1 and self._key == SCENARIOS and event == "start_array"

    def _is_element(self, event: str) -> bool:
        if event in _CLOSING or event == "map_key":
            return False
        if self.shape is Shape.LIST:
            return self.depth == 1
        return self.shape is Shape.MEMBER and self.depth == 2 and self._key == SCENARIOS

    def _keep(self, event: str, value: Any) -> None:
        if self.shape is not Shape.LIST:
            self.about.note(str(self._key), event, value, depth=self.depth)

    def survey(self) -> Survey:
        """Return all that is known."""
        if self.shape is Shape.SINGLE:
            misshapen = self._keys == {SCENARIOS}
            return Survey(Shape.SINGLE, is_misshapen=misshapen, is_json=self.is_json)
        return Survey(
            self.shape,
            count=self._count,
            about=self.about.text,
            left_out=self.about.left_out,
            lists=self.lists,
            is_json=self.is_json,
        )


def fault_after_list(rest: Rest) -> Problem | None:
    """Return what is wrong with what follows a list: a member of an object, or all that there is.

    After the list as such comes nothing; after a member come others, then the object's end. A
    second list of scenarios among these is one too many.
    """
    found = survey_text(rest)
    if found.shape is Shape.MEMBER:
        return _problem(Reason.DUPLICATE_KEY, "another list of scenarios follows", rest)
    if found.is_json:
        return None
    if rest.ended:
        return _problem(Reason.NOT_JSON, "it is cut off", rest)
    return _problem(Reason.NOT_JSON, "what follows does not belong to this document", rest)


def _problem(reason: Reason, what: str, rest: Rest) -> Problem:
    message = f"after its list of scenarios {what}; only what stands before was read"
    return Problem(reason, message, line=rest.line, column=1)
