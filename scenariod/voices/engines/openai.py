"""The engine `openai`: any server that speaks at `/v1/audio/speech`, on a GPU in the house or not.

Owns its requests. Never changes a sampling rate: the configuration says which one comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from scenariod.base.errors import ConfigError
from scenariod.base.value import Value
from scenariod.voices import sentences
from scenariod.voices.engines import spool, wav
from scenariod.voices.engines.http import Authorization, Patience, Request, Service
from scenariod.voices.engines.refusals import Failure, Means

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scenariod.voices.engines.engine import Passage, Voice
    from scenariod.voices.engines.secret import Secret

USUAL_VARIABLE = "OPENAI_API_KEY"
"""The environment variable in which OpenAI's own programs look for the key."""
_MOST_CHARACTERS = 1000
"""Sent at a time. OpenAI takes 4,096, for which a server without a GPU needs ten minutes."""
_SILENCE_S = 300.0
"""How long such a server may take before the first byte: many send nothing until all is spoken."""
_HEADER_BYTES = 4096
_LEAST_HZ, _MOST_HZ = 16_000, 48_000


class Settings(Value):
    """What the configuration says: servers have no common way to list voices."""

    base_url: str
    voices: tuple[Voice, ...]
    model: str = "tts-1"
    rate_hz: int = 24_000


class OpenAI:
    """Speaks through a server with OpenAI's interface: OpenAI, Kokoro-FastAPI, LocalAI, …"""

    def __init__(
        self,
        settings: Settings,
        *,
        secret: Secret | None,
        patience: Patience | None = None,
        folder: Path | None = None,
    ) -> None:
        """Take the settings; ask nothing yet. `folder` is for temporary files.

        Raises ConfigError.
        """
        if not settings.voices:
            raise ConfigError(
                "the engine openai has no voices",
                hint="list the voices of the server as `voices` in the configuration",
            )
        if not _LEAST_HZ <= settings.rate_hz <= _MOST_HZ:
            raise ConfigError(
                f"the voices' rate_hz = {settings.rate_hz} is not allowed",
                hint=f"set it to what the server sends: {_LEAST_HZ} to {_MOST_HZ}, mostly 24000",
            )
        self._settings = settings
        self._folder = folder
        self._service = Service(
            settings.base_url,
            authorization=Authorization(secret, header="authorization", scheme="Bearer "),
            patience=patience or Patience(silence_s=_SILENCE_S),
        )

    def close(self) -> None:
        """Close the connection."""
        self._service.close()

    @property
    def name(self) -> str:
        """Return its name in the configuration."""
        return "openai"

    @property
    def rate_hz(self) -> int:
        """Return the configured sampling rate; an answer with another one is an error."""
        return self._settings.rate_hz

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Return the configured voices."""
        return self._settings.voices

    def speak(self, passage: Passage, voice: Voice) -> Iterator[bytes]:
        """Speak `passage` once all of it has arrived; see `Engine.speak`."""
        pieces = sentences.split(spool.sendable(passage.text), most=_MOST_CHARACTERS)
        spoken = [piece for piece in pieces if spool.is_spoken(piece)]
        return spool.spooled(
            lambda file: [self._record(text, voice, file) for text in spoken], folder=self._folder
        )

    def _record(self, text: str, voice: Voice, file: BinaryIO) -> spool.Span:
        """Write the answer for `text` to the end of `file`; return where the sound is in it."""
        start = file.seek(0, 2)
        request = self._request(text, voice)

        def attempt() -> spool.Span | Failure:
            spool.start_again(file, at=start)
            outcome = self._service.fetch(request, file.write)
            return outcome if isinstance(outcome, Failure) else self._sound(file, start)

        outcome = self._service.persist(attempt)
        if isinstance(outcome, Failure):
            raise outcome.error()
        return outcome

    def _request(self, text: str, voice: Voice) -> Request:
        return Request(
            "POST",
            "/v1/audio/speech",
            content={
                "model": self._settings.model,
                "input": text,
                "voice": voice.name,
                "response_format": "wav",
            },
            most_bytes=_HEADER_BYTES + spool.most_bytes(text, rate_hz=self.rate_hz),
        )

    def _sound(self, file: BinaryIO, start: int) -> spool.Span | Failure:
        """Return where the sound is in the WAV file that begins at `start`."""
        header = wav.read_header(file, start=start)
        if header is None:
            hint = "check that `base_url` is a server that can answer with response_format wav"
            return _failure(Means.ENGINE, "sent something that is not WAV", hint)
        if not header.is_pcm or (header.channels, header.bits) != (1, 16):
            found = f"{header.channels} channels of {header.bits} bits"
            hint = "set the server, or choose a model, so that it sends 16-bit mono PCM"
            return _failure(Means.ENGINE, f"sent {found}, not 16-bit mono PCM", hint)
        if header.rate_hz != self.rate_hz:
            hint = f"set rate_hz = {header.rate_hz} in the configuration"
            return _failure(Means.ENGINE, f"sent {header.rate_hz} Hz, not {self.rate_hz}", hint)
        if not header.is_whole or header.length % spool.BYTES_A_SAMPLE:
            return _failure(
                Means.AGAIN, "sent sound that is cut off", "scenariod retries it by itself"
            )
        if header.length == 0:
            return _failure(Means.TEXT, "sent no sound", "change the text of the scenario")
        return spool.Span(header.start, header.length)


def _failure(means: Means, what: str, hint: str) -> Failure:
    return Failure(means, f"the speech server {what}", hint=hint)
