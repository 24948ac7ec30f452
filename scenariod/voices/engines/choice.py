"""The engine that the settings ask for.

Loads only that one: some take much memory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenariod.voices.engines.engine import EngineUnavailableError, Gender, Voice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scenariod.voices.engines.credits import Charge
    from scenariod.voices.engines.engine import Engine

_HERE = Path()
"""Relative, as all paths of the speaker: who is nobody may not be let in from the root on."""


def is_paid(settings: Mapping[str, Any]) -> bool:
    """Say whether what is spoken may cost money: then nothing that was begun is thrown away."""
    return bool(settings["engine"] in {"elevenlabs", "openai"})


def engine_of(settings: Mapping[str, Any], *, charge: Callable[[Charge], None]) -> Engine:
    """Return the engine of `settings`: those of `[voices]`, the root folder and the budget left.

    A paid one calls `charge` for each request. The working folder is for its temporary files: it is
    on a disk, which /tmp need not be. Raises EngineUnavailableError, or ConfigError.
    """
    match settings["engine"]:
        case "flite":
            from scenariod.voices.engines.flite import Flite

            return Flite()
        case "kokoro":
            from scenariod.voices.engines.kokoro import Kokoro

            return Kokoro(Path(settings["root"], settings["weights"]))
        case "elevenlabs":
            return _elevenlabs(settings, charge=charge)
        case _:
            return _openai(settings)


def load(engine: Engine) -> None:
    """Load all that `engine` needs now: who is nobody later may not be able to read it."""
    from scenariod.voices.engines.kokoro import Kokoro

    if isinstance(engine, Kokoro):
        engine.load()


def _elevenlabs(settings: Mapping[str, Any], *, charge: Callable[[Charge], None]) -> Engine:
    from scenariod.voices.engines.elevenlabs import ElevenLabs, Settings
    from scenariod.voices.engines.secret import find_key

    secret = find_key(os.environ, usual_variable="ELEVENLABS_API_KEY")
    if secret is None:
        raise EngineUnavailableError(
            "cannot speak: there is no key for ElevenLabs",
            hint='see "Store the key" in docs/VOICES.md',
        )
    usual = Settings()
    asked_for = Settings(
        model=settings["model"] or usual.model,
        output_format=f"pcm_{settings['rate_hz']}",
        voices=_voices(settings),
        base_url=settings["base_url"] or usual.base_url,
    )
    return ElevenLabs(
        asked_for,
        secret=secret,
        charge=charge,
        budget_credits=settings["budget"],
        folder=_HERE,
    )


def _openai(settings: Mapping[str, Any]) -> Engine:
    from scenariod.voices.engines.openai import OpenAI, Settings
    from scenariod.voices.engines.secret import find_key

    usual = Settings("https://api.openai.com", ())
    asked_for = Settings(
        settings["base_url"] or usual.base_url,
        _voices(settings),
        model=settings["model"] or usual.model,
        rate_hz=settings["rate_hz"],
    )
    secret = find_key(os.environ, usual_variable="OPENAI_API_KEY")
    return OpenAI(asked_for, secret=secret, folder=_HERE)


def _voices(settings: Mapping[str, Any]) -> tuple[Voice, ...]:
    """Return the voices of the settings, `NAME` or `NAME:female` each."""
    found = []
    for said in settings["voices"]:
        name, _, gender = said.rpartition(":")
        if name and gender in set(Gender):
            found.append(Voice(name, Gender(gender)))
        else:
            found.append(Voice(said))
    return tuple(found)
