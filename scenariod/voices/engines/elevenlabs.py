"""The engine `elevenlabs`: voices of elevenlabs.io, paid by the character.

Owns its requests. Never sends one that the budget does not cover, and never two at a time.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from scenariod.base.errors import ConfigError
from scenariod.base.names import printable
from scenariod.base.value import Value, replace
from scenariod.voices import sentences
from scenariod.voices.engines import account, spool
from scenariod.voices.engines.credits import Charge, Purse, reserve
from scenariod.voices.engines.engine import EngineUnavailableError, Passage, Voice
from scenariod.voices.engines.http import Authorization, Patience, Request, Service
from scenariod.voices.engines.refusals import Failure, Means

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scenariod.voices.engines.secret import Secret

USUAL_VARIABLE = "ELEVENLABS_API_KEY"
"""The environment variable in which their own programs look for the key."""
_RATES_HZ = {f"pcm_{rate_hz}": rate_hz for rate_hz in (16000, 22050, 24000, 32000, 44100, 48000)}
_SEED = 20_260_101
"""Any number, but always the same: the same text then sounds nearly the same."""
_CONTEXT_CHARACTERS = 300
_MOST_PAGES = 20
_OTHER_FORMATS = {b"ID3": "MP3", b"RIFF": "WAV", b"OggS": "Ogg", b"fLaC": "FLAC"}


class Settings(Value):
    """What the configuration says. Without `voices`, all those of the account are used."""

    model: str = "eleven_multilingual_v2"
    output_format: str = "pcm_24000"
    voices: tuple[Voice, ...] = ()
    base_url: str = "https://api.elevenlabs.io"


class ElevenLabs:
    """Speaks with the voices of an account at ElevenLabs."""

    def __init__(
        self,
        settings: Settings,
        *,
        secret: Secret,
        charge: Callable[[Charge], None],
        budget_credits: int | None = None,
        patience: Patience | None = None,
        folder: Path | None = None,
        now_unix: Callable[[], float] = time.time,
    ) -> None:
        """Take the settings; ask nothing yet.

        `charge` is called twice a request, before and after it. `budget_credits` may still be
        spent, None for no limit. `folder` is for temporary files. Raises ConfigError.
        """
        if settings.output_format not in _RATES_HZ:
            raise ConfigError(
                f"the voices' output_format {printable(settings.output_format)} is not known",
                hint=f"set it to one of: {', '.join(_RATES_HZ)}",
            )
        self._settings = settings
        self._voices = settings.voices
        self._limits: account.Limits | None = None
        self._quota: account.Quota | None = None
        self._purse = Purse(budget_credits, charge=charge)
        self._folder = folder
        self._now_unix = now_unix
        self._service = Service(
            settings.base_url,
            authorization=Authorization(secret, header="xi-api-key"),
            patience=patience or Patience(),
        )

    def close(self) -> None:
        """Close the connection."""
        self._service.close()

    @property
    def name(self) -> str:
        """Return its name in the configuration."""
        return "elevenlabs"

    @property
    def rate_hz(self) -> int:
        """Return the sampling rate of the format that is asked for."""
        return _RATES_HZ[self._settings.output_format]

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Return the configured voices, or else the account's, by their identifiers.

        Raises EngineUnavailableError where these are not known.
        """
        if not self._voices:
            self._voices = tuple(sorted(set(self._voices_of_account()), key=lambda v: v.name))
        if not self._voices:
            raise EngineUnavailableError(
                "the account at ElevenLabs has no voice",
                hint="add one on elevenlabs.io, or set `voices` in the configuration",
            )
        return self._voices

    @property
    def quota(self) -> account.Quota | None:
        """Return what was left of the plan before the first passage; None where that is unknown."""
        return self._quota

    def speak(self, passage: Passage, voice: Voice) -> Iterator[bytes]:
        """Speak `passage` once all of it has arrived; see `Engine.speak`."""
        if not spool.is_spoken(passage.text):
            return iter(())
        return spool.spooled(lambda file: self._record(passage, voice, file), folder=self._folder)

    # What the account has

    def _voices_of_account(self) -> Iterator[Voice]:
        query = {"page_size": "100"}
        for _ in range(_MOST_PAGES):
            page = self._service.ask(Request("GET", "/v2/voices", query))
            if isinstance(page, Failure):
                hint = f"{page.hint}; or set `voices` in the configuration"
                raise replace(page, means=Means.ENGINE, hint=hint).error()
            yield from account.voices(page)
            if (token := account.next_page(page)) is None:
                return
            query["next_page_token"] = token

    def _known_limits(self) -> account.Limits:
        """Ask once for the quota and the model's limits; a key may be one that may only speak."""
        if self._limits is None:
            self._quota = account.quota(self._asked("/v1/user/subscription"))
            self._refuse_if_used_up(self._quota)
            is_free = self._quota is not None and self._quota.is_free
            models = self._asked("/v1/models")
            self._limits = account.limits(models, model=self._settings.model, is_free=is_free)
        return self._limits

    def _asked(self, path: str) -> object:
        answer = self._service.ask(Request("GET", path))
        if isinstance(answer, Failure):
            if answer.means is Means.AGAIN:
                raise answer.error()
            return None
        return answer

    def _refuse_if_used_up(self, quota: account.Quota | None) -> None:
        if quota is None or quota.left or quota.can_exceed:
            return
        raise EngineUnavailableError(
            "the plan at ElevenLabs has no credits left",
            hint="buy credits, or wait until the plan is renewed",
            retry_after_s=self._renewed_in_s(),
        )

    def _renewed_in_s(self) -> float | None:
        """Return when the plan is renewed; None where that is not known."""
        if self._quota is None or self._quota.renewed_unix is None:
            return None
        until_s = self._quota.renewed_unix - self._now_unix()
        return until_s if until_s > 0 else None

    # One passage

    def _record(self, passage: Passage, voice: Voice, file: BinaryIO) -> list[spool.Span]:
        """Write the sound of the passage to `file`, in as many requests as the model needs."""
        limits = self._known_limits()
        pieces = sentences.split(spool.sendable(passage.text), most=limits.most_characters)
        spoken = [piece for piece in pieces if spool.is_spoken(piece)]
        around = [spool.sendable(passage.before), *spoken, spool.sendable(passage.after)]
        for (before, text), (_, after) in zip(pairwise(around), pairwise(around[1:]), strict=False):
            context = Passage(text, before[-_CONTEXT_CHARACTERS:], after[:_CONTEXT_CHARACTERS])
            self._record_piece(self._request(context, voice, limits), text, limits, file)
        return [spool.Span(0, file.tell())]

    def _request(self, passage: Passage, voice: Voice, limits: account.Limits) -> Request:
        content: dict[str, object] = {
            "text": passage.text,
            "model_id": self._settings.model,
            "seed": _SEED,
        }
        if limits.takes_context:
            around = {"previous_text": passage.before, "next_text": passage.after}
            content |= {key: text for key, text in around.items() if text}
        return Request(
            "POST",
            f"/v1/text-to-speech/{quote(voice.name, safe='')}/stream",
            {"output_format": self._settings.output_format},
            content,
            most_bytes=spool.most_bytes(passage.text, rate_hz=self.rate_hz),
            may_cost=True,
        )

    def _record_piece(
        self, request: Request, text: str, limits: account.Limits, file: BinaryIO
    ) -> None:
        start = file.tell()
        credits = reserve(len(text), multiplier=limits.multiplier)  # noqa: A001  their word

        def attempt() -> Failure | None:
            spool.start_again(file, at=start)
            charge = self._purse.reserve(model=self._settings.model, credits=credits)
            outcome = self._service.fetch(request, file.write)
            if not isinstance(outcome, Failure):
                self._purse.settle(charge, told=outcome.get("character-cost"))
                return _fault_of(file, start)
            if outcome.may_cost:
                self._purse.settle(charge, told=None)
            else:
                self._purse.give_back(charge)
            return outcome

        if (failure := self._service.persist(attempt)) is None:
            return
        if failure.code == "quota_exceeded" and failure.retry_after_s is None:
            failure = replace(failure, retry_after_s=self._renewed_in_s())
        raise failure.error()


def _fault_of(file: BinaryIO, start: int) -> Failure | None:
    """Return what is wrong with the sound that was written from `start` on, if anything."""
    length = file.tell() - start
    if length == 0:
        return _of_sound(Means.TEXT, "sent no sound", "change the text of the scenario")
    if length % spool.BYTES_A_SAMPLE:
        return _of_sound(
            Means.AGAIN, "sent sound that is cut off", "scenariod retries it by itself"
        )
    file.seek(start)
    beginning = file.read(4)
    file.seek(0, 2)
    for mark, name in _OTHER_FORMATS.items():
        if beginning.startswith(mark):
            hint = "set `voices.rate_hz` to 24000 or 16000, and check `base_url`"
            return _of_sound(Means.ENGINE, f"sent {name} where PCM was asked for", hint)
    return None


def _of_sound(means: Means, what: str, hint: str) -> Failure:
    return Failure(means, f"ElevenLabs {what}", hint=hint)
