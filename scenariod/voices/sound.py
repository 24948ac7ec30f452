"""Put what is spoken together: with one and the same pause wherever one is meant.

Pure: samples in, samples out, a moment at a time. Every engine begins and ends what it speaks with
some silence, each with another length; it is cut off, and the pauses are ours.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EDGE_MS = 200
"""Silence at the beginning and the end of a file: players cut something off."""
_STEP_MS = 10
_LEAD_STEPS, _TAIL_STEPS = 2, 6
"""What is kept of the silence around a part, so that soft consonants are not cut off."""
_LONGEST_STEPS = 100
"""Of a silence inside a part: more is an engine's mistake."""
_QUIET = 164
"""-46 dB: speech is at -23, the noise of recorded voices below -55."""


class Part(Value):
    """What is spoken without our doing; `pause_ms` is the pause between it and the next one."""

    samples: Iterable[bytes]
    pause_ms: int


def joined(parts: Iterable[Part], *, rate_hz: int) -> Iterator[bytes]:
    """Yield the samples of all parts, signed 16-bit mono, with the pauses between them.

    A part without sound has no pause either; where no part has any, there is nothing.
    """
    pause_ms, is_silent = EDGE_MS, True
    for part in parts:
        was_heard = False
        for chunk in trimmed(part.samples, rate_hz=rate_hz):
            if not was_heard:
                yield _silence(pause_ms, rate_hz)
            was_heard, is_silent = True, False
            yield chunk
        if was_heard:
            pause_ms = part.pause_ms
    if not is_silent:
        yield _silence(EDGE_MS, rate_hz)


def trimmed(samples: Iterable[bytes], *, rate_hz: int) -> Iterator[bytes]:
    """Yield `samples` with next to no silence at the beginning and the end, and none too long."""
    quiet, was_heard = b"", False
    for step in _steps(samples, rate_hz * _STEP_MS // 1000 * 2):
        if _is_heard(step):
            yield quiet + step
            quiet, was_heard = b"", True
        elif not was_heard:
            quiet = (quiet + step)[-_LEAD_STEPS * len(step) :]
        elif len(quiet) < _LONGEST_STEPS * len(step):
            quiet += step
    if was_heard:
        yield quiet[: _TAIL_STEPS * rate_hz * _STEP_MS // 1000 * 2]


def _steps(samples: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield `samples` in pieces of `size` bytes; the last one is filled up with silence."""
    held = b""
    for chunk in samples:
        held += chunk
        whole = len(held) // size * size
        for at in range(0, whole, size):
            yield held[at : at + size]
        held = held[whole:]
    if held:
        yield held.ljust(size, b"\0")


def _is_heard(samples: bytes) -> bool:
    levels = array("h", samples)
    return max(levels) > _QUIET or min(levels) < -_QUIET


def _silence(length_ms: int, rate_hz: int) -> bytes:
    return bytes(length_ms * rate_hz // 1000 * 2)
