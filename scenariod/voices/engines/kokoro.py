"""Kokoro-82M: the engine that sounds like people. Slow, and it needs ten times flite's memory.

Owns the model and how it is run. Its files are the user's (`weights.py`), its sounds espeak-ng's.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
_MOST_TOKENS = 160
"""The model takes 510, but then its memory is twice the limit: 183 MB, and 2 more for each token.

So it was measured with the slowest voice, which makes the longest sound. 150 characters of words
are about 150 tokens; of digits, many more.
"""
_STYLE_SHAPE = (510, 1, 256)
"""Of a voice's file (hexgrad/Kokoro-82M): for each number of tokens, how it sounds."""
_LANGUAGES = {"a": "en-us", "b": "en-gb"}
_GENDERS = {"f": Gender.FEMALE, "m": Gender.MALE}
_SPEEDS = {"af_nicole": 1.2, "bm_george": 1.15}
"""Of those who speak slower than the others, who say 135 to 165 words a minute."""
_GAINS = {
    "af_alloy": 0.93,
    "af_aoede": 0.60,
    "af_bella": 0.90,
    "af_heart": 1.01,
    "af_jessica": 0.97,
    "af_kore": 0.62,
    "af_nicole": 0.87,
    "af_nova": 1.58,
    "af_river": 0.89,
    "af_sarah": 0.81,
    "af_sky": 1.20,
    "am_adam": 0.60,
    "am_echo": 1.00,
    "am_eric": 0.87,
    "am_fenrir": 0.68,
    "am_liam": 0.88,
    "am_michael": 1.19,
    "am_onyx": 1.01,
    "am_puck": 0.62,
    "am_santa": 1.00,
    "bf_alice": 0.80,
    "bf_emma": 0.75,
    "bf_isabella": 0.60,
    "bf_lily": 0.90,
    "bm_daniel": 0.86,
    "bm_fable": 0.93,
    "bm_george": 0.91,
    "bm_lewis": 1.12,
}
"""Bring all voices to -22.7 LUFS, as flite's are; by themselves they are between -27 and -18."""


class Kokoro:
    """Speaks with Kokoro-82M, a sentence at a time, on one processor."""

    name = "kokoro"
    rate_hz = 24_000
    voices = tuple(Voice(name, _GENDERS[name[1]]) for name in _GAINS)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session: InferenceSession | None = None
        self._styles: dict[str, ndarray] = {}

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

        inputs = {
            "tokens": np.array([[0, *tokens, 0]], dtype="int64"),
            "style": style[len(tokens)],
            "speed": np.array([_SPEEDS.get(voice, 1.0)], dtype="float32"),
        }
        with _told():
            (audio,) = session.run(["audio"], inputs)
        return (np.clip(audio * _GAINS[voice], -1, 1) * 32767).astype("<i2").tobytes()

    def load(self) -> None:
        """Load the model and all voices now. Raises EngineUnavailableError."""
        self._loaded()
        for voice in self.voices:
            self._style(voice.name)

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
    with _told():
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


@contextmanager
def _told() -> Iterator[None]:
    """Raise EngineUnavailableError for whatever onnxruntime raises: its errors have no class."""
    try:
        yield
    except Exception as error:
        raise EngineUnavailableError(
            f"cannot speak: Kokoro's model cannot be run: {error}",
            hint="it needs limit_mb = 768 in [voices], or 1536 without systemd",
        ) from error
