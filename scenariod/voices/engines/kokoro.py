"""Kokoro-82M: the engine that sounds like people. Slow, and it needs ten times flite's memory.

Owns the model and how it is run. Its files are the user's (`weights.py`), its sounds espeak-ng's.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scenariod.base.units import MIB
from scenariod.voices.engines import phonemes, weights
from scenariod.voices.engines.engine import EngineUnavailableError, Gender, Voice
from scenariod.voices.sentences import split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy import ndarray
    from onnxruntime import InferenceSession

    from scenariod.voices.engines.engine import Passage

_MOST_CHARACTERS = 150
_MOST_TOKENS = 250
"""The model takes 510, but its memory grows with them; 150 characters of words are 150 or so."""
_STYLE_SHAPE = (510, 1, 256)
"""Of a voice's file (hexgrad/Kokoro-82M): for each number of tokens, how it sounds."""
_LANGUAGES = {"a": "en-us", "b": "en-gb"}
_GENDERS = {"f": Gender.FEMALE, "m": Gender.MALE}
_SPEEDS = {"bm_george": 1.15}
"""Of those who speak slower than the others."""


class Kokoro:
    """Speaks with Kokoro-82M, a sentence at a time, on one processor."""

    name = "kokoro"
    rate_hz = 24_000
    voices = tuple(Voice(name, _GENDERS[name[1]]) for name in weights.VOICES_SHA256)
    MEMORY_LIMIT_BYTES = 640 * MIB
    """What its process needs: 413 MB at most were measured, with the model's 92."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session: InferenceSession | None = None
        self._styles: dict[str, ndarray] = {}

    @staticmethod
    def estimate_s(characters: int) -> float:
        """Return about how long so many characters take; on a Pi it is a few times that."""
        return 3.0 + 0.13 * characters

    def speak(self, passage: Passage, voice: Voice) -> Iterator[bytes]:
        """See `Engine.speak`. What was said before and after makes no difference to Kokoro."""
        for text in split(passage.text, most=_MOST_CHARACTERS):
            if any(map(str.isalnum, text)):
                tokens = phonemes.tokens(text, language=_LANGUAGES[voice.name[0]])
                for few in _pieces(tokens):
                    yield self._run(few, voice.name)

    def _run(self, tokens: list[int], voice: str) -> bytes:
        """Return the samples of so many tokens."""
        session, style = self._loaded(), self._style(voice)
        import numpy as np

        (audio,) = session.run(
            ["audio"],
            {
                "tokens": np.array([[0, *tokens, 0]], dtype="int64"),
                "style": style[len(tokens)],
                "speed": np.array([_SPEEDS.get(voice, 1.0)], dtype="float32"),
            },
        )
        return (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()

    def _loaded(self) -> InferenceSession:
        if self._session is None:
            self._session = _load(weights.model(self._folder))
        return self._session

    def _style(self, voice: str) -> ndarray:
        """Return how a voice sounds, by the number of tokens."""
        if voice not in self._styles:
            content = weights.voice(self._folder, voice)
            import numpy as np

            self._styles[voice] = np.frombuffer(content, dtype="<f4").reshape(_STYLE_SHAPE)
        return self._styles[voice]


def _pieces(tokens: list[int]) -> Iterator[list[int]]:
    """Yield tokens as many at a time as the memory is reckoned for, cut between words."""
    while len(tokens) > _MOST_TOKENS:
        spaces = [at for at in range(1, _MOST_TOKENS) if tokens[at] == phonemes.SPACE]
        cut = spaces[-1] if spaces else _MOST_TOKENS
        yield tokens[:cut]
        tokens = tokens[cut:]
    if tokens:
        yield tokens


def _load(model: Path) -> InferenceSession:
    """Load the model; its arena and memory pattern stay on: without, it takes 1,284 MB, not 398."""
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineUnavailableError(
            f"cannot speak: onnxruntime is not installed: {error}",
            hint=f"{sys.prefix}/bin/pip install onnxruntime numpy",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only, which it raises as well
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
