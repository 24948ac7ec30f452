"""What the unpacker says of a file that it takes apart, line by line, with documents in between.

The boundary between the process that has read hostile input and the one that writes the library:
everything read here is bounded and checked.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.validation import verdict as verdicts
from scenariod.validation.verdict import Accepted, InvalidVerdictError, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_LINE_BYTES = 16 << 20
"""What a pack says has up to 1 Mi characters, each of up to 12 bytes here, as `\\ud83e\\udd16`."""


class Kind(StrEnum):
    """What a line is about."""

    FILE = "file"
    JUDGING = "judging"
    SCENARIO = "scenario"
    DONE = "done"


class FileBegun(Value):
    """The file `index`, from 0, was begun: `count` scenarios, `about` its pack as JSON text."""

    index: int
    name: str
    count: int
    about: str | None


class Judging(Value):
    """The scenario `number` of a file, from 1, is about to be read; 0: the file as a whole."""

    index: int
    name: str
    number: int


class Judged(Value):
    """The verdict on a scenario, named for its place; `content` are its bytes, if accepted."""

    index: int
    number: int
    verdict: Verdict
    content: bytes


class Done(Value):
    """All was read."""


Message = FileBegun | Judging | Judged | Done


class InvalidMessageError(ValueError):
    """What was said is not what an unpacker of this version says."""


def encode(frame: Message) -> bytes:
    """Return the bytes of a frame: a line, and the document of an accepted scenario."""
    if isinstance(frame, FileBegun):
        return _line(
            Kind.FILE, index=frame.index, name=frame.name, count=frame.count, about=frame.about
        )
    if isinstance(frame, Judging):
        return _line(Kind.JUDGING, index=frame.index, name=frame.name, number=frame.number)
    if isinstance(frame, Done):
        return _line(Kind.DONE)
    told = verdicts.encode([frame.verdict]).decode("ascii")
    line = _line(Kind.SCENARIO, index=frame.index, number=frame.number, verdict=told)
    return line + frame.content


def decode(line: bytes, content: Callable[[int], bytes]) -> Message:
    """Return the frame that begins with `line`; `content` reads so many bytes after it.

    Raises InvalidFrameError.
    """
    try:
        said = json.loads(line)
        kind = Kind(said["kind"])
        if kind is Kind.DONE:
            return Done()
        index = _count(said["index"])
        if kind is Kind.FILE:
            about = said["about"]
            return FileBegun(
                index, _text(said["name"]), _count(said["count"]), about and _text(about)
            )
        if kind is Kind.JUDGING:
            return Judging(index, _text(said["name"]), _count(said["number"]))
        (verdict,) = verdicts.decode(_text(said["verdict"]).encode())
        size_bytes = verdict.size_bytes if isinstance(verdict, Accepted) else 0
        return Judged(index, _count(said["number"]), verdict, content(size_bytes))
    except (KeyError, TypeError, ValueError, RecursionError, InvalidVerdictError) as error:
        raise InvalidMessageError(f"{type(error).__name__}: {error}") from error


def _line(kind: Kind, **told: object) -> bytes:
    return json.dumps({"kind": kind, **told}, ensure_ascii=True).encode("ascii") + b"\n"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidMessageError(f"not a text: {value!r:.80}")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidMessageError(f"not a count: {value!r:.80}")
    return value
