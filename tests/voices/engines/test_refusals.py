"""What an answer without sound means, in every shape that services give it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.base.names import printable_line
from scenariod.voices.engines import refusals
from scenariod.voices.engines.engine import EngineUnavailableError, UnspeakableError
from scenariod.voices.engines.refusals import Failure, Means

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
BOTH_WORDS = {
    "detail": {
        "type": "authentication_error",
        "code": "invalid_api_key",
        "message": "Invalid API key",
        "status": "unauthorized",
        "param": None,
    }
}
OLDER = {"detail": {"status": "quota_exceeded", "message": "You have 3 credits remaining"}}
LIST = {
    "detail": [
        {"type": "missing", "loc": ["body", "text"], "msg": "Field required"},
        {"type": "int_type", "loc": ["body", "seed"], "msg": "Input should be an integer"},
    ]
}
OPENAI = {
    "error": {
        "message": "You exceeded your current quota",
        "type": "insufficient_quota",
        "param": None,
        "code": "insufficient_quota",
    }
}
FASTAPI = {"detail": {"error": "validation_error", "message": "Voice x not found"}}
LOCALAI = {"error": {"code": 500, "message": "could not load model", "type": ""}}


def read(
    status: int, document: object = None, *, body: bytes | None = None, **headers: str
) -> Failure:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = json.dumps(document).encode() if body is None else body
    return refusals.read(
        status, headers=named, body=content, hide=lambda t: t.replace("KEY", "[the key]")
    )


def code(name: str) -> object:
    return {"detail": {"code": name, "message": ""}}


@pytest.mark.parametrize(
    ("status", "document", "means", "words"),
    [
        (401, BOTH_WORDS, Means.ENGINE, "HTTP 401: invalid_api_key: Invalid API key"),
        (401, OLDER, Means.ENGINE, "HTTP 401: quota_exceeded: You have 3 credits remaining"),
        (
            422,
            LIST,
            Means.TEXT,
            "HTTP 422: text: Field required; seed: Input should be an integer",
        ),
        (
            429,
            OPENAI,
            Means.ENGINE,
            "HTTP 429: insufficient_quota: You exceeded your current quota",
        ),
        (400, FASTAPI, Means.TEXT, "HTTP 400: validation_error: Voice x not found"),
        (500, LOCALAI, Means.AGAIN, "HTTP 500: could not load model"),
        (404, {"detail": "Not Found"}, Means.ENGINE, "HTTP 404: Not Found"),
        (404, code("voice_not_found"), Means.TEXT, "HTTP 404: voice_not_found"),
        (400, code("voice_not_found"), Means.TEXT, "HTTP 400: voice_not_found"),
        (400, code("unsupported_model"), Means.ENGINE, "HTTP 400: unsupported_model"),
        (400, code("max_character_limit_exceeded"), Means.TEXT, None),
        (403, code("subscription_required"), Means.ENGINE, None),
        (429, code("system_busy"), Means.AGAIN, None),
        (429, code("too_many_concurrent_requests"), Means.AGAIN, None),
        (500, code("quota_exceeded"), Means.ENGINE, None),
    ],
)
def test_an_answer_is_read_in_each_shape(
    status: int, document: object, means: Means, words: str | None
) -> None:
    failure = read(status, document)

    assert failure.means is means
    assert words is None or failure.words == words


@pytest.mark.parametrize(
    ("means", "statuses"),
    [
        (Means.AGAIN, [408, 409, 425, 429, 500, 502, 503, 504, 529, 599]),
        (Means.TEXT, [400, 413, 415, 422]),
        (Means.ENGINE, [204, 301, 401, 402, 403, 404, 405, 407, 410, 418, 501, 505]),
    ],
)
def test_without_a_code_the_status_decides(means: Means, statuses: list[int]) -> None:
    assert {status: read(status, body=b"").means for status in statuses} == dict.fromkeys(
        statuses, means
    )


def test_a_field_that_comes_from_the_configuration_is_not_the_fault_of_a_text() -> None:
    complaint = {"loc": ["body", "model_id"], "msg": "Input should be a string"}

    assert read(422, {"detail": [complaint]}).means is Means.ENGINE
    assert read(400, {"error": {"message": "no", "param": "model"}}).means is Means.ENGINE
    assert read(400, {"error": {"message": "no", "param": "input"}}).means is Means.TEXT


def test_the_code_is_kept_in_lower_case_for_those_who_know_it() -> None:
    assert read(429, code("System_Busy")).code == "system_busy"
    assert read(429, {"detail": "busy"}).code == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "HTTP 502, without a reason"),
        (b"null", "HTTP 502: null"),
        (b"<html><h1>Bad gateway</h1>", "HTTP 502: a web page, not the answer of a speech service"),
        (b"upstream\n timed out\x1b[2J", r"HTTP 502: upstream timed out\x1b[2J"),
        (b"\xff\xfe", "HTTP 502: \ufffd\ufffd"),
        (b'{"detail": {}}', "HTTP 502, without a reason"),
        (b'{"detail": [1, [], {"loc": 7}]}', "HTTP 502, without a reason"),
        (b"[" * 60_000, "HTTP 502: " + "[" * 299 + "…"),
        (b'{"message": "at the top"}', "HTTP 502: at the top"),
    ],
)
def test_a_body_of_any_kind_gives_words_for_one_line(body: bytes, words: str) -> None:
    assert read(502, body=body).words == words


@given(
    st.integers(100, 599),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["detail", "error", "code", "status", "loc", "msg", "message", "param"]
                ),
                inner,
            )
        ),
    ),
)
def test_no_document_breaks_the_reader(status: int, document: object) -> None:
    failure = read(status, document)

    assert len(failure.words) < 2000
    assert printable_line(failure.words) == failure.words


def test_the_key_is_hidden_before_a_long_message_is_cut() -> None:
    failure = read(401, {"error": {"message": "x" * 295 + "KEY" + "y" * 50, "code": "KEY"}})

    assert "KE" not in failure.words
    assert failure.words.startswith("HTTP 401: [the key]: xxx")


@pytest.mark.parametrize(
    ("status", "document", "hint"),
    [
        (401, BOTH_WORDS, "check the key"),
        (401, OLDER, "buy credits"),
        (
            403,
            {
                "detail": {
                    "code": "subscription_required",
                    "message": "Output format 'pcm_44100'"
                    " is only available on the Pro tier and above",
                }
            },
            "choose what the plan includes",
        ),
        (
            403,
            {
                "detail": {
                    "message": "Output format 'pcm_44100' is only available on the Pro tier"
                    " and above"
                }
            },
            "set `voices.rate_hz` to 24000",
        ),
        (403, code("output_format_not_allowed"), "set `voices.rate_hz` to 24000"),
        (400, code("unsupported_model"), "another `model`"),
        (404, code("voice_not_found"), "a voice of the account"),
        (302, None, "redirections are not followed"),
        (418, None, "check the engine's settings"),
        (422, LIST, "change the text"),
        (503, None, "retries it by itself"),
    ],
)
def test_the_hint_says_what_to_do(status: int, document: object, hint: str) -> None:
    assert hint in read(status, document).hint


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Sat, 28 Nov 2026 12:02:00 GMT"}, 120.0),
        (
            {
                "retry-after": "Wed, 01 Jan 2020 00:00:30 GMT",
                "date": "Wed, 01 Jan 2020 00:00:00 GMT",
            },
            30.0,
        ),
        ({"retry-after": "Sat, 28 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 28 Nov 2026 12:00:09 -0000"}, 9.0),
        ({"retry-after": "99999999999999999999"}, 7 * 86_400.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 7 * 86_400.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Sat, 99 Nov 2026 12:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert refusals.retry_after_s(headers, now=NOON) == seconds


def test_a_failure_becomes_the_error_that_its_meaning_calls_for() -> None:
    again = read(503, retry_after="30").error()
    text = read(422, LIST).error()

    assert isinstance(again, EngineUnavailableError)
    assert again.retry_after_s == 30.0
    assert isinstance(text, UnspeakableError)
    assert text.hint
