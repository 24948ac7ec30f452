"""How loud samples are: ITU-R BS.1770-4, mono, with its two gates."""

from __future__ import annotations

import math
from array import array

_ABSOLUTE_LUFS = -70.0
_RELATIVE_LU = -10.0


def lufs(pcm: bytes, *, rate_hz: int) -> float:
    """Return the integrated loudness of 16-bit mono samples; -inf for silence."""
    samples = [sample / 32768 for sample in array("h", pcm)]
    weighted = _filter(_filter(samples, _shelf(rate_hz)), _high_pass(rate_hz))
    powers = _block_powers(weighted, block=int(0.4 * rate_hz), step=int(0.1 * rate_hz))
    audible = [power for power in powers if _level(power) > _ABSOLUTE_LUFS]
    if not audible:
        return -math.inf
    gate = _level(sum(audible) / len(audible)) + _RELATIVE_LU
    loud = [power for power in audible if _level(power) > gate]
    return _level(sum(loud) / len(loud))


def _level(power: float) -> float:
    return -0.691 + 10 * math.log10(power) if power else -math.inf


def _block_powers(samples: list[float], *, block: int, step: int) -> list[float]:
    """Return the mean squares of blocks of 0.4 s that overlap by three quarters."""
    steps = [
        sum(sample * sample for sample in samples[start : start + step])
        for start in range(0, len(samples) - step + 1, step)
    ]
    return [sum(steps[first : first + 4]) / block for first in range(len(steps) - 3)]


_Filter = tuple[tuple[float, float, float], tuple[float, float]]


def _filter(samples: list[float], coefficients: _Filter) -> list[float]:
    (b0, b1, b2), (a1, a2) = coefficients
    x1 = x2 = y1 = y2 = 0.0
    out = []
    for x in samples:
        y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
        x2, x1, y2, y1 = x1, x, y1, y
        out.append(y)
    return out


def _shelf(rate_hz: int) -> _Filter:
    """The head's effect: +4 dB above 1.7 kHz, for any rate (B. de Man, 2018)."""
    gain = 10 ** (3.999843853973347 / 20)
    middle = gain**0.4996667741545416
    k, q = math.tan(math.pi * 1681.974450955533 / rate_hz), 0.7071752369554196
    a0 = 1 + k / q + k * k
    return (
        (
            (gain + middle * k / q + k * k) / a0,
            2 * (k * k - gain) / a0,
            (gain - middle * k / q + k * k) / a0,
        ),
        (2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0),
    )


def _high_pass(rate_hz: int) -> _Filter:
    """What the ear takes for no loudness: below 38 Hz."""
    k, q = math.tan(math.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    a0 = 1 + k / q + k * k
    return (1.0, -2.0, 1.0), (2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0)
