"""The header of a WAV file: how its sound is coded, and where it is.

Pure but for reading the file. Never trusts a length: one that is streamed has a placeholder.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

_PCM, _EXTENSIBLE = 1, 0xFFFE
_MOST_CHUNKS = 64
_STREAMED = 0x7FFF_0000
"""Lengths from here on stand for one that was not known: 0x7FFFF000 (sox), 0xFFFFFFFF (ffmpeg)."""


class Wav(Value):
    """How the sound of a WAV file is coded; it begins at `start`. `length` is in bytes."""

    is_pcm: bool
    channels: int
    rate_hz: int
    bits: int
    start: int
    length: int
    is_whole: bool
    """Whether as much sound is there as the header says, if it does say."""


def read_header(file: BinaryIO, *, start: int) -> Wav | None:
    """Return the header of the WAV file from `start` to the end of `file`; None for no WAV."""
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    form = file.read(12)
    if form[:4] != b"RIFF" or form[8:] != b"WAVE":
        return None
    coding = None
    for name, at, length in _chunks(file, start + 12, end):
        if name == b"fmt ":
            file.seek(at)
            coding = _coding(file.read(min(length, 40)))
        elif name == b"data":
            return None if coding is None else _of_data(coding, at, length, end)
    return None


def _chunks(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for _ in range(_MOST_CHUNKS):
        if at + 8 > end:
            return
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        yield name, at + 8, length
        at += 8 + length + length % 2


def _coding(chunk: bytes) -> tuple[bool, int, int, int] | None:
    if len(chunk) < 16:
        return None
    kind, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = int.from_bytes(chunk[24:26], "little")
    return kind == _PCM, channels, rate_hz, bits


def _of_data(coding: tuple[bool, int, int, int], start: int, length: int, end: int) -> Wav:
    there = end - start
    is_streamed = length == 0 or length >= _STREAMED
    return Wav(
        *coding,
        start=start,
        length=there if is_streamed else min(length, there),
        is_whole=is_streamed or there >= length,
    )
