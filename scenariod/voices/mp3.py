"""MP3 files: sound in, a tagged file out; and whether a file is one of ours, and whole.

Owns LAME and how a file is put together. Never holds more than a moment of sound, and never decides
where a file goes: `base/durable.py` puts it in place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

import lameenc

from scenariod.base import safe_open
from scenariod.base.value import replace
from scenariod.voices import id3

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scenariod.voices.id3 import Tags

BIT_RATE_KBIT = 64
"""Constant: of a variable one LAME writes no length, and players show a wrong one."""
_QUALITY = 5
"""LAME's 0 (best) to 9; 2 takes three times as long, and speech gains nothing."""


def write(file: BinaryIO, sound: Iterable[bytes], *, rate_hz: int, tags: Tags) -> float:
    """Write `sound`, signed 16-bit mono samples, as MP3; return how many seconds it lasts.

    Its tag says how long the file is. Where there was no sample at all, the file is no MP3.
    """
    tag = id3.to_bytes(tags)
    file.write(tag)
    encoder = _encoder(rate_hz)
    samples = sound_bytes = 0
    for chunk in sound:
        sound_bytes += file.write(encoder.encode(chunk))
        samples += len(chunk) // 2
    if samples:  # else it has nothing to flush, and says so
        sound_bytes += file.write(encoder.flush())
    file.seek(0)
    file.write(id3.to_bytes(replace(tags, sound_bytes=sound_bytes)))
    file.seek(0, os.SEEK_END)
    return samples / rate_hz


def tags_of_whole(path: Path) -> Tags | None:
    """Return the tags of the file at `path`; None unless `write` has written it, all of it.

    Costs the reading of its first 2 kB. Raises OSError where the disk cannot tell.
    """
    file = safe_open.open_found(path)
    if file is None:
        return None
    with file:
        tags = id3.read(file)
        rest = os.fstat(file.fileno()).st_size - file.tell()
    return tags if tags is not None and 0 < tags.sound_bytes == rest else None


def seconds(tags: Tags) -> float:
    """Return how long a file lasts, about: LAME adds a tenth of a second at most."""
    return tags.sound_bytes * 8 / (BIT_RATE_KBIT * 1000)


def _encoder(rate_hz: int) -> lameenc.Encoder:
    encoder = lameenc.Encoder()
    encoder.silence()  # it prints its settings otherwise
    encoder.set_channels(1)
    encoder.set_in_sample_rate(rate_hz)
    encoder.set_out_sample_rate(rate_hz)
    encoder.set_bit_rate(BIT_RATE_KBIT)
    encoder.set_quality(_QUALITY)
    return encoder
