"""Sound that is kept on the disk until all of a passage is there.

Owns a temporary file without a name, so that nothing is left behind. Never holds sound in memory.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

BYTES_A_SAMPLE = 2
_READ_BYTES = 64 * 1024
_LONGEST_START_S = 10.0
_LONGEST_CHARACTER_S = 0.3
"""Slow speech takes 0.1 s a character; a header and a pause come on top."""


class Span(NamedTuple):
    """Where sound is in a file, in bytes."""

    start: int
    length: int


def spooled(
    record: Callable[[BinaryIO], Iterable[Span]], *, folder: Path | None
) -> Iterator[bytes]:
    """Have `record` write to a new file in `folder`; yield the spans that it returns, in order.

    Nothing is yielded before `record` is done. None as `folder` is the usual temporary one.
    Raises OSError where the disk is full.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        for span in record(file):
            file.seek(span.start)
            left = span.length
            while left > 0 and (piece := file.read(min(left, _READ_BYTES))):
                left -= len(piece)
                yield piece


def start_again(file: BinaryIO, *, at: int) -> None:
    """Forget what was written from `at` on, and write there."""
    file.seek(at)
    file.truncate()


def is_spoken(text: str) -> bool:
    """Say whether there is anything to speak in `text`: a letter or a digit."""
    return any(character.isalnum() for character in text)


def sendable(text: str) -> str:
    """Return `text` with a question mark for each half of a character, which UTF-8 cannot say."""
    return text.encode(errors="replace").decode()


def most_bytes(text: str, *, rate_hz: int) -> int:
    """Return how many bytes of sound `text` can fill, spoken very slowly."""
    longest_s = _LONGEST_START_S + _LONGEST_CHARACTER_S * len(text)
    return int(longest_s * rate_hz) * BYTES_A_SAMPLE
