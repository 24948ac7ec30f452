"""What a service means by an answer that is not sound: try again, this text, or everything.

Pure: no I/O, and the clock is given. Never trusts an answer: it may be of any size and shape.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.names import printable
from scenariod.base.value import Value
from scenariod.voices.engines.engine import EngineUnavailableError, UnspeakableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scenariod.base.errors import ScenariodError

_MOST_SHOWN = 300
_LONGEST_RETRY_S = 7 * 86_400.0
"""Whatever a service asks for, it is tried again within a week."""


class Means(StrEnum):
    """What a failed request means."""

    AGAIN = "again"
    """It may work in a moment; if not, nothing can be spoken."""
    TEXT = "text"
    """This text, in this voice, cannot be spoken."""
    ENGINE = "engine"
    """Nothing can be spoken."""


class Failure(Value):
    """Why a request failed; `may_cost` where the service may charge for it all the same."""

    means: Means
    words: str
    hint: str
    retry_after_s: float | None = None
    code: str = ""
    """The service's own word for it, in lower case, if it gave one."""
    may_cost: bool = False

    def error(self) -> ScenariodError:
        """Return the error for an engine's caller; call it where no other error is handled."""
        if self.means is Means.TEXT:
            return UnspeakableError(self.words, hint=self.hint)
        return EngineUnavailableError(
            self.words,
            hint=self.hint,
            retry_after_s=self.retry_after_s,
            is_obscure=self.means is Means.AGAIN,
        )


class _Told(Value):
    """What the body of an answer says: a code, a message, and which field is at fault."""

    code: str = ""
    message: str = ""
    field: str = ""


def read(
    status: int, *, headers: Mapping[str, str], body: bytes, hide: Callable[[str], str]
) -> Failure:
    """Return what an answer other than 200 means; `hide` removes the key from a text."""
    told = _told(_document(body), body)
    means = _meaning(status, told)
    code, message = shown(told.code, hide), shown(told.message, hide)
    said = ": ".join(part for part in (code, message) if part)
    return Failure(
        means=means,
        words=f"HTTP {status}: {said}" if said else f"HTTP {status}, without a reason",
        hint=_hint(status, means, told),
        retry_after_s=retry_after_s(headers, now=datetime.now(UTC)),
        code=code.lower(),
    )


def shown(text: str, hide: Callable[[str], str]) -> str:
    """Return what a service said, fit for one line; the key is hidden before anything is cut."""
    line = printable(" ".join(hide(text).split()))
    return line if len(line) <= _MOST_SHOWN else f"{line[: _MOST_SHOWN - 1]}…"


# The body: three shapes of ElevenLabs, OpenAI's, FastAPI's, or none of them


def _document(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _told(document: object, body: bytes) -> _Told:
    if not isinstance(document, dict):
        return _Told(message=_plain(body))
    inner = document.get("detail", document.get("error", document))
    if isinstance(inner, str):
        return _Told(message=inner)
    if isinstance(inner, list):
        return _of_list(inner)
    return _of_object(inner) if isinstance(inner, dict) else _Told()


def _plain(body: bytes) -> str:
    text = body.decode(errors="replace").strip()
    return "a web page, not the answer of a speech service" if text.startswith("<") else text


def _of_object(told: dict[str, object]) -> _Told:
    """Take `code`, else an older word for it: in 2026 some answers have both."""
    codes = (told.get(key) for key in ("code", "status", "error", "type"))
    return _Told(
        code=next((code for code in codes if isinstance(code, str) and code), ""),
        message=_text(told.get("message")),
        field=_text(told.get("param")),
    )


def _of_list(complaints: list[object]) -> _Told:
    """Read a validator's list: `[{type, loc: [body, field, …], msg}, …]`."""
    found = [complaint for complaint in complaints[:3] if isinstance(complaint, dict)]
    places = [_place(complaint.get("loc")) for complaint in found]
    messages = [_text(complaint.get("msg")) for complaint in found]
    sentences = (": ".join(filter(None, pair)) for pair in zip(places, messages, strict=True))
    return _Told(message="; ".join(sentences), field=next(iter(places), ""))


def _place(loc: object) -> str:
    parts = loc if isinstance(loc, list) else []
    return ".".join(str(part) for part in parts[:8] if part != "body")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# What it means

_OF_CODES = {
    Means.AGAIN: "system_busy too_many_concurrent_requests rate_limit_exceeded",
    Means.TEXT: (
        "max_character_limit_exceeded text_too_long voice_not_found invalid_voice"
        " content_policy_violation string_above_max_length"
    ),
    Means.ENGINE: (
        "invalid_api_key missing_api_key needs_authorization missing_permissions quota_exceeded"
        " insufficient_quota billing_hard_limit_reached subscription_required payment_required"
        " output_format_not_allowed unsupported_model model_not_found model_deprecated"
        " detected_unusual_activity"
    ),
}
_OF_CODE = {code: means for means, codes in _OF_CODES.items() for code in codes.split()}
_TRANSIENT = frozenset({408, 409, 425, 429})
_NEVER_CURED = frozenset({501, 505})
_OF_THE_REQUEST = frozenset({400, 413, 415, 422})
_TEXT_FIELDS = frozenset({"", "text", "input", "voice", "voice_id"})
"""Which fields differ between requests; the others come from the configuration."""


def _meaning(status: int, told: _Told) -> Means:
    """Return what to do. The code counts more: OpenAI has 429 for an empty account, too."""
    if (means := _OF_CODE.get(told.code.lower())) is not None:
        return means
    if status in _TRANSIENT or (500 <= status <= 599 and status not in _NEVER_CURED):
        return Means.AGAIN
    if status in _OF_THE_REQUEST and told.field in _TEXT_FIELDS:
        return Means.TEXT
    return Means.ENGINE


_HINTS = (
    (
        ("output_format", "output format"),
        "this plan refuses the sound format: set `voices.rate_hz` to 24000 or 16000",
    ),
    (("quota", "billing", "payment"), "buy credits, or wait until the quota is renewed"),
    (("voice",), "choose a voice of the account: see `voices` in the configuration"),
    (("model",), "choose another `model` in the configuration"),
    (("subscription",), "choose what the plan includes, or another plan"),
    (("permission",), "give the key this permission, or create another one"),
    (("api_key", "authorization"), "check the key: docs/VOICES.md shows where it is stored"),
)
_OF_STATUS = {
    401: "check the key: docs/VOICES.md shows where it is stored",
    402: "buy credits, or choose what the plan includes",
    403: "check what the key and the plan allow",
    404: "check `base_url` and `model` in the configuration",
}


def _hint(status: int, means: Means, told: _Told) -> str:
    if means is Means.AGAIN:
        return "scenariod retries it by itself; if the fault lasts, see the service's status page"
    for said in (told.code.lower(), f"{told.message} {told.field}".lower()):
        for words, hint in _HINTS:
            if any(word in said for word in words):
                return hint
    if 300 <= status <= 399:
        return "set `base_url` to the address itself: redirections are not followed"
    if means is Means.TEXT:
        return "change the text of the scenario, or speak it with another engine"
    return _OF_STATUS.get(status, "check the engine's settings in the configuration")


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return when to try again by Retry-After (RFC 9110, 10.2.3): in seconds, or at a date.

    A date counts from the answer's own, so that a wrong clock here does not matter.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:9])
    elif (until := _date(value)) is not None:
        seconds = (until - (_date(headers.get("date", "")) or now)).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_S)


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
