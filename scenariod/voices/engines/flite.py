"""Flite: the engine that is always there. Small, fast, clear; it sounds like a machine.

Owns how flite(1) is called and what is believed of its answer. It exits with 0 whatever happens: an
unknown voice speaks with another one, and no file is no error.
"""

from __future__ import annotations

import re
import struct
from array import array
from contextlib import closing
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.voices.engines import child
from scenariod.voices.engines.engine import EngineUnavailableError, Gender, UnspeakableError, Voice
from scenariod.voices.sentences import split

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from scenariod.voices.engines.engine import Passage

RATE_HZ = 16_000
_MOST_CHARACTERS = 300
"""Flite's memory grows with the square of a sentence: 5,000 characters in one take 150 MB."""
_LONG_WORD = re.compile(r"(\S{40})(?=\S)")
"""A word of 2,000 letters takes 5 s, one of 4,000 more than 14."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_SPOKEN = re.compile(r"[A-Za-z0-9]")
_HEADER = struct.Struct("<4s4x4s4sIHHIIHH4sI")
_STRETCH = 0.9
"""Of the voices' own speed, which is slow: 136 to 158 words a minute, not 120 to 145."""
_SHORTEST_S, _LONGEST_S = 0.01, 1.5
"""A character takes 0.06 s; a digit that is read by itself 0.4, a symbol a word or two."""


class _Sound(Value):
    """One of our voices: flite's, at a pitch (None: its own), with a gain.

    The gains bring all voices to -22.7 LUFS (EBU R 128's -23, about): a voice of flite's is always
    as loud, within 0.8 LU. `tests/voices/engines/test_flite.py` measures them.
    """

    name: str
    flite_voice: str
    gain: float
    pitch_hz: int | None = None
    gender: Gender = Gender.MALE


_SOUNDS = (
    _Sound("slt", "slt", 0.50, gender=Gender.FEMALE),
    _Sound("awb", "awb", 0.83),
    _Sound("rms", "rms", 0.91),
    _Sound("kal16", "kal16", 1.90),
    _Sound("slt-low", "slt", 0.63, 139, Gender.FEMALE),
    _Sound("awb-low", "awb", 0.78, 100),
    _Sound("slt-high", "slt", 0.40, 198, Gender.FEMALE),
    _Sound("awb-high", "awb", 0.79, 160),
    _Sound("kal16-high", "kal16", 1.66, 125),
)
"""Those first that sound as they were recorded. `rms` ignores a pitch."""


class Flite:
    """Speaks with flite(1), a process for every few sentences."""

    name = "flite"
    rate_hz = RATE_HZ
    voices = tuple(Voice(sound.name, sound.gender) for sound in _SOUNDS)

    def __init__(self, program: str = "flite", *, hang_s: float = child.HANG_S) -> None:
        self._program = program
        self._hang_s = hang_s
        self._tables: dict[float, array[int]] = {}

    def speak(self, passage: Passage, voice: Voice) -> Generator[bytes, None, None]:
        """See `Engine.speak`. What was said before and after makes no difference to flite."""
        sound = next(sound for sound in _SOUNDS if sound.name == voice.name)
        if sound.gain not in self._tables:
            self._tables[sound.gain] = _table(sound.gain)
        table = self._tables[sound.gain]
        for text in _pieces(passage.text):
            with closing(self._say(text, sound)) as chunks:
                for chunk in chunks:
                    yield array("h", map(table.__getitem__, array("H", chunk))).tobytes()

    def _say(self, text: str, sound: _Sound) -> Generator[bytes, None, None]:
        """Yield flite's own samples for `text`, having checked that it said all of it."""
        command = _command(self._program, text, sound)
        output = child.output_of(command, package="flite", hang_s=self._hang_s)
        with closing(output):
            held = b""
            while len(held) < _HEADER.size and (chunk := next(output, b"")):
                held += chunk
            expected = _check_header(held[: _HEADER.size], sound)
            held, count = held[_HEADER.size :], 0
            while held:
                whole = len(held) // 2 * 2
                yield held[:whole]
                count += whole
                chunk = next(output, b"")
                held = held[whole:] + chunk if chunk else b""
        _check_length(text, got_bytes=count, expected_bytes=expected)


def _pieces(text: str) -> Iterator[str]:
    """Yield `text` as flite takes it: ASCII, a few sentences at a time, no word too long.

    Flite reads each byte of a letter beyond ASCII as a token of its own. Twice split, because
    transliteration makes text longer, and as little as needed of a long one is held.
    """
    from anyascii import anyascii  # takes 30 ms

    for part in split(text, most=_MOST_CHARACTERS):
        if not any(map(str.isalnum, part)):  # else anyascii would name each emoji
            continue
        plain = _LONG_WORD.sub(r"\1 ", _CONTROLS.sub(" ", anyascii(part)))
        for piece in split(plain, most=_MOST_CHARACTERS):
            if _SPOKEN.search(piece):
                yield piece


def _command(program: str, text: str, sound: _Sound) -> list[str]:
    """Return how flite speaks `text`. `-f` and a pipe would hang for ever, an unknown voice not."""
    pitch = [] if sound.pitch_hz is None else ["--setf", f"int_f0_target_mean={sound.pitch_hz}"]
    stretch = ["--setf", f"duration_stretch={_STRETCH}"]
    return [
        program,
        *["-voice", sound.flite_voice],
        *stretch,
        *pitch,
        *["-t", text],
        *["-o", "/dev/stdout"],
    ]


def _check_header(header: bytes, sound: _Sound) -> int:
    """Return how many bytes of samples follow `header`; raise where it is not our kind of sound."""
    if len(header) < _HEADER.size:
        raise UnspeakableError("flite wrote no sound", hint="try it: flite -t hello -o /tmp/a.wav")
    riff, wave, fmt, _, coding, channels, rate_hz, _, _, bits, chunk, length = _HEADER.unpack(
        header
    )
    if (riff, wave, fmt, chunk) != (b"RIFF", b"WAVE", b"fmt ", b"data"):
        raise EngineUnavailableError(
            "cannot speak: flite writes something that is not a WAV file",
            hint="sudo apt install --reinstall flite",
        )
    if (coding, channels, rate_hz, bits) != (1, 1, RATE_HZ, 16):
        raise EngineUnavailableError(
            f"cannot speak: flite has no voice {sound.flite_voice} of {RATE_HZ} Hz (it used one of"
            f" {rate_hz} Hz)",
            hint="list its voices: flite -lv; Debian's package has all of them",
        )
    return int(length)


def _check_length(text: str, *, got_bytes: int, expected_bytes: int) -> None:
    """Raise UnspeakableError unless all is there, and takes as long as such a text may take."""
    seconds = got_bytes / 2 / RATE_HZ
    plausible = _SHORTEST_S * len(_SPOKEN.findall(text)) <= seconds <= _LONGEST_S * len(text) + 2
    if got_bytes != expected_bytes or not plausible:
        raise UnspeakableError(
            f"flite wrote {seconds:.1f} s of {expected_bytes / 2 / RATE_HZ:.1f} s of sound for"
            f" {len(text)} characters, which begin {text[:40]!r}",
            hint="try it: flite -t 'the text' -o /tmp/a.wav",
        )


def _table(gain: float) -> array[int]:
    """Return what each sample becomes, by its bits: five times as fast as to multiply and limit."""
    signed = (bits - 65536 if bits >= 32768 else bits for bits in range(65536))
    return array("h", (max(-32768, min(32767, round(gain * sample))) for sample in signed))
