"""What an ElevenLabs account has: models with their limits, voices, credits.

Reads its answers, and nothing else. Never trusts one: what is missing or odd is left out.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from scenariod.base.names import printable
from scenariod.base.value import Value
from scenariod.voices.engines.engine import EngineUnavailableError, Gender, Voice

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_CHARACTERS = 5000
"""Asked for at a time, even of models that take 40,000: what fails is spoken and paid again."""
_FEWEST_CHARACTERS = 100
_KNOWN = (
    ("eleven_v3", 5_000, Decimal(1)),
    ("eleven_multilingual_v2", 10_000, Decimal(1)),
    ("eleven_flash_v2_5", 40_000, Decimal("0.5")),
    ("eleven_turbo_v2_5", 40_000, Decimal("0.5")),
    ("eleven_flash_v2", 30_000, Decimal("0.5")),
    ("eleven_turbo_v2", 30_000, Decimal("0.5")),
)
"""Models by how their names begin: characters a request, credits a character (elevenlabs.io/docs,
November 2026). For accounts that may not ask."""
_WITH_CONTEXT = ("eleven_multilingual_v2", "eleven_flash_v2", "eleven_turbo_v2")
"""Models that take the text before and after; eleven_v3 refuses it with `unsupported_model`."""
_LEAST_RATE, _MOST_RATE = 0.1, 100
"""Credits a character that make sense: the reserve, and so the budget, depends on them."""
_GENDERS = {gender.value: gender for gender in Gender}


class Limits(Value):
    """What a model takes in one request, and its credits a character."""

    most_characters: int
    multiplier: Decimal
    takes_context: bool


class Quota(Value):
    """What is left of the plan until it is renewed, in credits; `can_exceed` at extra cost."""

    left: int
    renewed_unix: int | None
    can_exceed: bool
    is_free: bool


def limits(models: object, *, model: str, is_free: bool) -> Limits:
    """Return the limits of `model` by the answer to GET /v1/models, or by what is known here.

    Raises EngineUnavailableError where the account has other models, but not this one.
    """
    found = {_text(m.get("model_id")): m for m in _objects(models) if _speaks(m)}
    if found and model not in found:
        names = ", ".join(printable(name)[:60] for name in list(found)[:8])
        raise EngineUnavailableError(
            f"the account cannot speak with the model {printable(model)}",
            hint=f"set `model` in the configuration to one of: {names}",
        )
    told = found.get(model, {})
    known = next((k for k in _KNOWN if model.startswith(k[0])), ("", _MOST_CHARACTERS, Decimal(1)))
    most = _whole(told.get("maximum_text_length_per_request")) or known[1]
    if is_free:
        most = min(most, _whole(told.get("max_characters_request_free_user")) or most)
    rates = told.get("model_rates")
    rate = rates.get("character_cost_multiplier") if isinstance(rates, dict) else None
    return Limits(
        most_characters=min(max(most, _FEWEST_CHARACTERS), _MOST_CHARACTERS),
        multiplier=_multiplier(rate) or known[2],
        takes_context=model.startswith(_WITH_CONTEXT),
    )


def _speaks(model: dict[str, object]) -> bool:
    return bool(_text(model.get("model_id"))) and model.get("can_do_text_to_speech") is not False


def quota(subscription: object) -> Quota | None:
    """Return what is left by the answer to GET /v1/user/subscription; None where it is not said."""
    told = subscription if isinstance(subscription, dict) else {}
    used, limit = _whole(told.get("character_count")), _whole(told.get("character_limit"))
    if used is None or limit is None:
        return None
    extension = told.get("max_credit_limit_extension")
    return Quota(
        left=max(limit - used, 0),
        renewed_unix=_whole(told.get("next_character_count_reset_unix")),
        can_exceed=extension == "unlimited" or bool(_whole(extension)),
        is_free=told.get("tier") == "free",
    )


def voices(page: object) -> list[Voice]:
    """Return the voices in an answer to GET /v2/voices."""
    told = page.get("voices") if isinstance(page, dict) else None
    return [Voice(name, _gender(v)) for v in _objects(told) if (name := _text(v.get("voice_id")))]


def next_page(page: object) -> str | None:
    """Return what asks for the next page of voices; None at the last one."""
    if not isinstance(page, dict) or page.get("has_more") is not True:
        return None
    return _text(page.get("next_page_token")) or None


def _gender(voice: dict[str, object]) -> Gender | None:
    labels = voice.get("labels")
    gender = labels.get("gender") if isinstance(labels, dict) else None
    return _GENDERS.get(gender.lower()) if isinstance(gender, str) else None


def _objects(value: object) -> Iterator[dict[str, object]]:
    yield from (v for v in (value if isinstance(value, list) else []) if isinstance(v, dict))


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= 256 else ""


def _whole(value: object) -> int | None:
    """Return a whole number of 0 or more, and no larger than any that makes sense."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and isinstance(value, int) and 0 <= value <= 10**12 else None


def _multiplier(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Decimal(str(value)) if _LEAST_RATE <= value <= _MOST_RATE else None
