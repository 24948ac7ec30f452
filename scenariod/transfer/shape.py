"""Tell what kind of file one is by what is in it, streaming: how many scenarios, of which pack.

Tells too whether a file ends after its list of scenarios as it should: nothing is passed over.

Pure but for the file that it reads. Never keeps a scenario.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base.value import Value, replace
from scenariod.transfer.pack_info import MOST_BYTES, NotJsonError, PackInfo, value_of
from scenariod.transfer.slices import Slicer
from scenariod.validation.document import mistakes, places, reader
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
_ANOTHER_LIST = "another list of scenarios follows"
_CHUNK_BYTES = 64 << 10
_HEAD_BYTES = 64
_WHITE = b" \t\r\n"


class Shape(StrEnum):
    """Where a file's scenarios are."""

    SINGLE = "single"
    LIST = "list"
    MEMBER = "member"


class Survey(Value):
    """What a file is: `count` scenarios, and `about` its pack as JSON text, if it is a pack.

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
        slicer, count = _counted(file, member=None)
        return Survey(Shape.LIST, count=count, fault=_fault(_after(slicer)))
    around = _Around()
    if opening == b"{":
        around.read(file)
    if not around.lists:
        return Survey(Shape.SINGLE, fault=around.wrong)
    slicer, count = _counted(file, member=SCENARIOS)
    info = around.info
    told = Survey(Shape.MEMBER, count=count, about=info.text, left_out=info.left_out)
    if slicer.following()[:1] not in _AFTER_LIST:
        return replace(told, fault=_fault(_at(slicer, _BEYOND)))
    if around.lists > 1 and around.wrong is None and _holds_only_json(file):
        return replace(told, lists=around.lists)
    if around.lists > 1:
        another = replace(_at(slicer, _ANOTHER_LIST), code=Reason.DUPLICATE_KEY)
        return replace(told, fault=_fault(another))
    return replace(told, fault=_fault(around.wrong))


class _Around:
    """What stands around a list of scenarios: the other members of its object, and its end."""

    def __init__(self) -> None:
        self.lists = 0
        self.info = PackInfo()
        self.wrong: Problem | None = None
        """Where it is not JSON, first."""

    def read(self, file: BinaryIO) -> None:
        """Take in the members of the object that `file` is, as far as they are JSON."""
        file.seek(0)
        members = Slicer(file, member=None, most_bytes=MOST_BYTES, opening=b"{")
        for piece in members:
            if self.wrong is None and not self._take(piece):
                self.wrong = _in_member(piece, is_last=members.whole)
        if not members.whole:
            self.wrong = _at(members, "the file ends before its last bracket: it is cut off")
        elif members.closing != b"}":
            self.wrong = self.wrong or _at(members, _BEYOND)
        self.wrong = self.wrong or _after(members)

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


def _counted(file: BinaryIO, *, member: str | None) -> tuple[Slicer, int]:
    """Return a list, read to its end, and how many elements it has."""
    file.seek(0)
    slicer = Slicer(file, member=member, most_bytes=0)
    return slicer, sum(1 for _ in slicer)


def _holds_only_json(file: BinaryIO) -> bool:
    """Say whether all scenarios of a member's list are JSON, but for too large ones."""
    file.seek(0)
    try:
        for piece in Slicer(file, member=SCENARIOS, most_bytes=MOST_BYTES):
            value_of(b'"":' + (b"0" if piece.content is None else piece.content))
    except NotJsonError:
        return False
    return True


def _in_member(piece: Slice, *, is_last: bool) -> Problem:
    """Return what is wrong with a member of an object that is not JSON."""
    here = Problem(Reason.NOT_JSON, _BEYOND, line=piece.line, column=piece.column)
    if not piece.content:
        comma = mistakes.EXTRA_COMMA if is_last else mistakes.NO_VALUE
        return here if piece.content is None else replace(here, message=comma)
    found = reader.read(b"{%b}" % piece.content)
    if not isinstance(found, Problem):
        found = next(iter(places.problems(found, ())), here)
    if found.line is None or found.column is None:
        return here
    before = piece.column - 2 if found.line == 1 else 0  # the bracket is not in the file
    return replace(found, line=piece.line + found.line - 1, column=before + found.column)


def _after(slicer: Slicer) -> Problem | None:
    """Return what is wrong with what follows the end of a list or object that is whole."""
    follows = slicer.following()
    if not follows or not slicer.whole:
        return None
    return _at(slicer, mistakes.after_end(follows.decode(errors="replace")))


def _at(slicer: Slicer, message: str) -> Problem:
    return Problem(Reason.NOT_JSON, message, line=slicer.line, column=slicer.column)


def _fault(wrong: Problem | None) -> Problem | None:
    """Return what is wrong after a list of scenarios, in words on the whole file."""
    return wrong and replace(wrong, message=f"{wrong.message}; only what precedes it was read")
