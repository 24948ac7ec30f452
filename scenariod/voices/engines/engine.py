"""What every engine is: a text and a voice in, sound out.

Owns the interface and its two kinds of failure. Knows no engine.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from scenariod.base.errors import ExitCode, ScenariodError
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator


class Gender(StrEnum):
    """How a voice sounds, or how a character is spoken of."""

    FEMALE = "female"
    MALE = "male"


class Voice(Value):
    """A voice by its engine's own name; `gender` is None where the engine does not say."""

    name: str
    gender: Gender | None = None


class Passage(Value):
    """A text to speak in one go, with what was said before and after it, for the intonation."""

    text: str
    before: str = ""
    after: str = ""


class Engine(Protocol):
    """Speaks. Used by one thread, in a limited process; holds no more sound than a sentence."""

    @property
    def name(self) -> str:
        """Return its name in the configuration."""
        ...

    @property
    def rate_hz(self) -> int:
        """Return the sampling rate of all that it speaks: 16,000 to 48,000 samples a second."""
        ...

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Return its voices, at least one, always in the same order."""
        ...

    def speak(self, passage: Passage, voice: Voice) -> Iterator[bytes]:
        """Speak `passage`: yield signed 16-bit little-endian mono samples, whole ones.

        A text of any length is taken; one without a letter or digit is silence, no sample at all.
        Raises UnspeakableError where this text cannot be spoken, EngineUnavailableError where no
        other could be either.
        """
        ...


class UnspeakableError(ScenariodError):
    """An engine cannot speak this text; others it can."""

    exit_code = ExitCode.INTERNAL


class EngineUnavailableError(ScenariodError):
    """An engine cannot speak anything now. `retry_after_s`: when to try again, if it said so.

    `is_obscure`: it did not say why; where it speaks others, a text is to blame after all.
    """

    exit_code = ExitCode.PAUSED

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        retry_after_s: float | None = None,
        is_obscure: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        self.is_obscure = is_obscure
