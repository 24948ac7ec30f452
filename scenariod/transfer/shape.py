"""Tell what kind of file one is by what is in it, streaming: how many scenarios, of which pack.

Tells too whether a file ends after its list of scenarios as it should: nothing is passed over.

Pure but for the file that it reads. Never keeps a scenario.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO

from scenariod.transfer.pack_info import MOST_BYTES, NotJsonError, PackInfo, value_of
from scenariod.transfer.slices import Slicer
from scenariod.validation.document import mistakes
from scenariod.validation.problems import Problem, Reason

if TYPE_CHECKING:
    from scenariod.transfer.slices import Slice

SCENARIOS = "scenarios"
_OURS = "backup"
"""The trailer of a backup of scenariod: it is about that file, not about its scenarios."""
_BEGINNING = re.compile(
    rb'(?P<key>"(?:[^"\\]++|\\.)*+")(?:[ \t\r\n]*+:[ \t\r\n]*+(?P<list>\[)?)?', re.DOTALL
)
_AFTER_LIST = {b",", b"}", b""}
_BEYOND = "what follows does not belong to this document"
_CHUNK_BYTES = 64 << 10
_HEAD_BYTES = 64
_WHITE = b" \t\r\n"


class Shape(StrEnum):
    """Where a file's scenarios are."""

    SINGLE = "single"
    LIST = "list"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file is: `count` scenarios, and `about` its pack as JSON text, None if it is none.

    `left_out` are the keys of what the pack says that is more than is kept. `lists` is how many
    lists of scenarios there are in what is JSON: more than one is one too many. `fault` is what is
    wrong after its list or, where it has none, after its first object.
    """

    shape: Shape
    count: int = 1
    about: str | None = None
    left_out: tuple[str, ...] = ()
    lists: int = 1
    fault: Problem | None = None


def survey(file: BinaryIO) -> Survey:
    """Read all of `file`, and say what it is. Memory stays bounded, however long the list is."""
    opening = _first_byte(file)
    if opening == b"[" and not _is_foreign(file):
        count, follows, line = _count(file, member=None)
        fault = _problem(Reason.NOT_JSON, _BEYOND, line) if follows else None
        return Survey(Shape.LIST, count=count, fault=fault)
    around = _Around()
    if opening == b"{":
        around.read(file)
    if not around.lists:
        several = None if around.next_line is None else _another(around.next_line)
        return Survey(Shape.SINGLE, fault=several)
    count, follows, line = _count(file, member=SCENARIOS)
    info = around.info
    told = Survey(Shape.MEMBER, count=count, about=info.text, left_out=info.left_out)
    if follows not in _AFTER_LIST:
        return replace(told, fault=_problem(Reason.NOT_JSON, _BEYOND, line))
    if around.lists > 1 and around.is_json and _holds_only_json(file):
        return replace(told, lists=around.lists)
    return replace(told, fault=around.fault(line))


class _Around:
    """What stands around a list of scenarios: the other members of its object, and its end."""

    def __init__(self) -> None:
        self.lists = 0
        self.next_line: int | None = None
        """Where another object or list follows."""
        self.info = PackInfo()
        self.is_json = True
        self._is_cut_off = False

    def read(self, file: BinaryIO) -> None:
        """Take in the members of the object that `file` is, as far as they are JSON."""
        file.seek(0)
        members = Slicer(file, member=None, most_bytes=MOST_BYTES, opening=b"{")
        for piece in members:
            if self.is_json:
                self.is_json = self._take(piece)
        self._is_cut_off = not members.whole
        follows = members.next_byte()
        self.is_json &= members.closing == b"}" and not follows
        if follows in {b"{", b"["}:
            self.next_line = members.line

    def _take(self, piece: Slice) -> bool:
        """Take in a member; say whether it is JSON. What its first list holds is not looked at."""
        begun = _BEGINNING.match(piece.content or piece.start)
        if begun is None:
            return False
        try:
            key = str(json.loads(begun["key"].decode()))
            if key == SCENARIOS and begun["list"]:
                self.lists += 1
                if self.lists == 1:
                    return True
            text = None if piece.content is None else value_of(piece.content)
        except (ValueError, NotJsonError):
            return False
        if key not in {SCENARIOS, _OURS}:
            self.info.add(key, text)
        return True

    def fault(self, line: int) -> Problem | None:
        """Return what is wrong with what follows the list, from this line on."""
        if self.lists > 1:
            return _problem(Reason.DUPLICATE_KEY, "another list of scenarios follows", line)
        if self.is_json:
            return None
        what = "it is cut off" if self._is_cut_off else _BEYOND
        return _problem(Reason.NOT_JSON, what, line)


def _first_byte(file: BinaryIO) -> bytes:
    """Return the first byte that is neither white space nor of a byte order mark."""
    file.seek(0)
    start = file.read(_CHUNK_BYTES).removeprefix(BOM_UTF8)
    while start and not (said := start.lstrip(_WHITE)):
        start = file.read(_CHUNK_BYTES)
    return said[:1] if start else b""


def _is_foreign(file: BinaryIO) -> bool:
    """Say whether a file is in another encoding than UTF-8, by how it begins."""
    file.seek(0)
    return mistakes.opening(file.read(_HEAD_BYTES)) is not None


def _count(file: BinaryIO, *, member: str | None) -> tuple[int, bytes, int]:
    """Return how many elements the list has, and what byte follows it, in which line."""
    file.seek(0)
    slicer = Slicer(file, member=member, most_bytes=0)
    count = sum(1 for _ in slicer)
    return count, slicer.next_byte(), slicer.line


def _holds_only_json(file: BinaryIO) -> bool:
    """Say whether all scenarios of a member's list are JSON, but for too large ones."""
    file.seek(0)
    try:
        for piece in Slicer(file, member=SCENARIOS, most_bytes=MOST_BYTES):
            value_of(b'"":' + (b"0" if piece.content is None else piece.content))
    except NotJsonError:
        return False
    return True


def _another(line: int) -> Problem:
    return Problem(Reason.NOT_JSON, mistakes.SEVERAL, line=line, column=1)


def _problem(reason: Reason, what: str, line: int) -> Problem:
    message = f"after its list of scenarios {what}; only what stands before was read"
    return Problem(reason, message, line=line, column=1)
