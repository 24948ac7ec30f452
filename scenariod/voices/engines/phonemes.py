"""A text as Kokoro takes it: the sounds that espeak-ng(1) hears in it, as numbers.

Owns how espeak-ng is called. It is a process, not a library: its licence is the GPL, ours is not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scenariod.voices.engines import child

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUNS = {
    1: ";:,.!?",
    9: '—…"()“” \u0303ʣʥʦʨᵝꭧAI',
    31: "O",
    33: "Q",
    35: "ST",
    39: "W",
    41: "Yᵊabcdef",
    50: "hijklmnopqrstuvwxyzɑɐɒæ",
    75: "βɔɕç",
    80: "ɖðʤə",
    85: "ɚɛɜ",
    90: "ɟ",
    92: "ɡ",
    99: "ɥ",
    101: "ɨɪʝ",
    110: "ɯɰŋɳɲɴø",
    118: "ɸθœ",
    123: "ɹ",
    125: "ɾɻ",
    128: "ʁɽʂʃʈʧ",
    135: "ʊʋ",
    138: "ʌɣɤ",
    142: "χʎ",
    147: "ʒʔ",
    156: "ˈˌː",
    162: "ʰ",
    164: "ʲ",
    169: "↓",
    171: "→↗↘",
    177: "ᵻ",
}
"""Kokoro-82M's vocabulary (`vocab` in its config.json): signs by the number of each run's first."""
TOKENS = {sign: first + at for first, run in _RUNS.items() for at, sign in enumerate(run)}
SPACE = TOKENS[" "]
_MARKS = re.compile(r"""([;:,.!?…]+(?=["'”’)\]]*(?:\s|$))|[—…"()“”])""")
"""What Kokoro makes a pause or a tone of, and espeak-ng would drop; not the point in 3.5."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_OTHER_LANGUAGE = re.compile(r"\([a-z-]+\)")
"""So espeak-ng marks a word that it reads in French, and its return to English."""
_KOKORO_HAS = str.maketrans({"ʲ": "j", "r": "ɹ", "x": "k", "ɬ": "l"})
"""For sounds of espeak-ng that the model does not know, as its own library (kokoro-js) does."""


def tokens(text: str, *, language: str, program: str = "espeak-ng") -> list[int]:
    """Return the sounds and marks of `text`, as Kokoro numbers them.

    Raises what `child.output_of` raises.
    """
    signs = "".join(_signs(text, language, program))
    return [TOKENS[sign] for sign in " ".join(signs.split()) if sign in TOKENS]


def _signs(text: str, language: str, program: str) -> Iterator[str]:
    for number, part in enumerate(_MARKS.split(text)):
        if number % 2:
            yield part[0]  # one of several marks
        elif any(map(str.isalnum, part)):
            yield " " if part[0].isspace() else ""
            yield _sounds(part, language, program)
            yield " " if part[-1].isspace() else ""
        else:
            yield " " if part else ""


def _sounds(words: str, language: str, program: str) -> str:
    from anyascii import anyascii  # takes 30 ms

    # espeak-ng would name each letter of another script: "chinese letter, chinese letter".
    command = _command(program, _CONTROLS.sub(" ", anyascii(words)), language)
    written = b"".join(child.output_of(command, package="espeak-ng")).decode(errors="replace")
    return _OTHER_LANGUAGE.sub("", " ".join(written.split())).translate(_KOKORO_HAS)


def _command(program: str, words: str, language: str) -> list[str]:
    return [program, "-q", "--ipa", *["-v", language], "--", words]
