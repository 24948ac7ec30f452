"""Tell what kind of file one is by what is in it, streaming: how many scenarios, of which pack.

Pure but for the file that it reads. Never keeps a scenario.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, BinaryIO, Protocol

import ijson

SCENARIOS = "scenarios"
PACK_INFO = "packInfo"
_ID = "id"
_OURS = "backup"
"""The trailer of a backup of scenariod: it is about that file, not about its scenarios."""
_MOST_EVENTS = 10_000
_MOST_CHARACTERS = 1 << 20
_OPENING = {"start_map", "start_array"}
_CLOSING = {"end_map", "end_array"}


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

    `lists` is how many lists of scenarios there are: more than one is one too many. `is_misshapen`:
    it should have one, but what stands there is none. A file that is no whole JSON is told as far
    as it is; `is_json` says so.
    """

    shape: Shape
    count: int = 1
    about: str | None = None
    lists: int = 1
    is_misshapen: bool = False
    is_json: bool = True


def survey(file: BinaryIO) -> Survey:
    """Read all of `file`, and say what it is. Memory stays flat but for its longest string."""
    if file.read(len(BOM_UTF8)) != BOM_UTF8:
        file.seek(0)
    return survey_text(file)


def survey_text(file: Readable) -> Survey:
    """Do the same with what can only be read on, and begins with no byte order mark."""
    found = _Found()
    try:
        for event, value in ijson.basic_parse(file, use_float=True):
            found.note(event, value)
    except (ijson.JSONError, UnicodeDecodeError):  # the slices tell what of it is wrong, and where
        return replace(found.survey(), is_json=False)
    return found.survey()


class _Found:
    """What the events so far have told."""

    def __init__(self) -> None:
        self._shape = Shape.SINGLE
        self._depth = 0
        self._key: str | None = None
        self._count = 0
        self._lists = 0
        self._keys: set[str] = set()
        self._about: dict[str, Any] = {}
        self._builder: ijson.ObjectBuilder | None = None
        self._events = 0
        self._characters = 0

    def note(self, event: str, value: Any) -> None:
        """Take in one event."""
        if event in _CLOSING:
            self._depth -= 1
        if event == "map_key" and self._depth == 1:
            self._key = value
            self._keys |= {value} & {SCENARIOS, _ID}
            self._builder = None
        elif self._depth == 0 and event == "start_array":
            self._shape, self._lists = Shape.LIST, 1
        elif self._is_list(event):
            self._shape = Shape.MEMBER
            self._lists += 1
        elif self._is_element(event):
            self._count += 1
        elif self._depth >= 1 and self._key not in {None, SCENARIOS, _OURS}:
            self._keep(event, value)
        if event in _OPENING:
            self._depth += 1

    def _is_list(self, event: str) -> bool:
        return self._depth == 1 and self._key == SCENARIOS and event == "start_array"

    def _is_element(self, event: str) -> bool:
        if event in _CLOSING or event == "map_key":
            return False
        if self._shape is Shape.LIST:
            return self._depth == 1
        return self._shape is Shape.MEMBER and self._depth == 2 and self._key == SCENARIOS

    def _keep(self, event: str, value: Any) -> None:
        """Keep what stands beside the scenarios, within bounds."""
        if self._shape is Shape.LIST:
            return
        self._events += 1
        self._characters += len(value) if isinstance(value, str) else 1
        if self._events > _MOST_EVENTS or self._characters > _MOST_CHARACTERS:
            self._builder = None
            return
        if self._builder is None:
            if self._depth > 1 or event in _CLOSING:
                return
            self._builder = ijson.ObjectBuilder()
        self._builder.event(event, value)
        if self._depth == 1 and event not in _OPENING:
            self._about[str(self._key)] = self._builder.value
            self._builder = None

    def survey(self) -> Survey:
        """Return all that is known."""
        if self._shape is Shape.SINGLE:
            return Survey(Shape.SINGLE, is_misshapen=self._keys == {SCENARIOS})
        about = None
        if isinstance(self._about.get(PACK_INFO), dict):
            about = json.dumps(self._about, ensure_ascii=False)
        return Survey(self._shape, count=self._count, about=about, lists=self._lists)
