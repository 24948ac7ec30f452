"""A server with OpenAI's interface: what is sent, and which WAV is taken."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.speech_server import (
    KEY,
    SPEECH,
    Answer,
    SpeechServer,
    pcm,
    told,
    wav,
    wav_header,
)

from scenariod.base.errors import ConfigError
from scenariod.base.value import replace
from scenariod.voices.engines.engine import (
    EngineUnavailableError,
    Passage,
    UnspeakableError,
    Voice,
)
from scenariod.voices.engines.http import Patience
from scenariod.voices.engines.openai import OpenAI, Settings
from scenariod.voices.engines.secret import Secret

BELLA = Voice("af_bella")
SOUND = pcm(2400)

Make = Callable[..., OpenAI]


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer(key_header="authorization") as made:
        made.script(SPEECH, wav(SOUND))
        yield made
        assert made.wrong == []


@pytest.fixture
def make(server: SpeechServer, tmp_path: Path) -> Iterator[Make]:
    engines = []

    def engine(*, secret: Secret | None = None, **settings: Any) -> OpenAI:
        made = OpenAI(
            replace(Settings(server.url, (BELLA,)), **settings),
            secret=secret or Secret(KEY),
            patience=Patience(wait=lambda _: None),
            folder=tmp_path,
        )
        engines.append(made)
        return made

    yield engine
    for made in engines:
        made.close()
    assert list(tmp_path.iterdir()) == []


def spoken(engine: OpenAI, text: str = "Hello there.") -> bytes:
    return b"".join(engine.speak(Passage(text, "before", "after"), BELLA))


def test_a_passage_is_one_request_and_its_sound_comes_without_the_header(
    make: Make, server: SpeechServer
) -> None:
    engine = make()

    heard = spoken(engine)

    assert heard == SOUND
    assert (engine.name, engine.rate_hz, engine.voices) == ("openai", 24_000, (BELLA,))
    (got,) = server.requests
    assert got.path == SPEECH
    assert got.document == {
        "model": "tts-1",
        "input": "Hello there.",
        "voice": "af_bella",
        "response_format": "wav",
    }


def test_a_server_at_home_needs_no_key(tmp_path: Path) -> None:
    with SpeechServer(key_header="authorization", key=None) as server:
        server.script(SPEECH, wav(SOUND))
        with closing(OpenAI(Settings(server.url, (BELLA,)), secret=None)) as engine:
            assert spoken(engine) == SOUND

        assert server.wrong == []


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_a_base_url_is_taken_with_and_without_its_version(
    make: Make, server: SpeechServer, ending: str
) -> None:
    spoken(make(base_url=server.url + ending))

    assert server.requests[0].path == SPEECH


def test_a_long_text_is_split_and_its_sound_joined(make: Make, server: SpeechServer) -> None:
    server.script(SPEECH, wav(pcm(100)), wav(pcm(200)), wav(pcm(300)))

    heard = spoken(make(), "Once upon a time there was a king. " * 70)

    assert [len(got.document["input"]) for got in server.requests] == [979, 979, 489]
    assert heard == pcm(100) + pcm(200) + pcm(300)


def test_half_a_character_is_not_sent(make: Make, server: SpeechServer) -> None:
    assert spoken(make(), "Hello \ud83d there.") == SOUND
    assert server.requests[0].document["input"] == "Hello ? there."


def test_a_text_without_a_letter_is_not_sent(make: Make, server: SpeechServer) -> None:
    assert spoken(make(), "?! …") == b""
    assert server.requests == []


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_a_header_with_the_length_of_a_stream_is_taken(
    make: Make, server: SpeechServer, length: int
) -> None:
    server.script(SPEECH, wav(SOUND, length=length))

    assert spoken(make()) == SOUND


@pytest.mark.parametrize(
    "answer",
    [
        wav(SOUND, length=9999),
        dataclasses.replace(wav(SOUND), is_cut=True),
        wav(SOUND + b"x", length=0),
        told(503, {"detail": "loading the model"}),
        told(429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
    ],
    ids=["short", "cut", "half a sample", "503", "429"],
)
def test_what_may_work_in_a_moment_is_tried_again_and_nothing_is_heard_twice(
    make: Make, server: SpeechServer, answer: Answer
) -> None:
    server.script(SPEECH, answer, wav(pcm(50)))

    assert spoken(make()) == pcm(50)


def test_another_rate_than_configured_is_refused_with_the_cure(
    make: Make, server: SpeechServer
) -> None:
    server.script(SPEECH, wav(SOUND, rate_hz=22_050))

    with pytest.raises(EngineUnavailableError, match="22050 Hz, not 24000") as raised:
        spoken(make())

    assert raised.value.hint == "set rate_hz = 22050 in the configuration"
    assert spoken(make(rate_hz=22_050)) == SOUND


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (wav_header(rate_hz=24_000, length=4, channels=2) + bytes(4), "2 channels of 16 bits"),
        (wav_header(rate_hz=24_000, length=4, bits=8) + bytes(4), "1 channels of 8 bits"),
        (b"ID3" + bytes(100), "not WAV"),
        (SOUND, "not WAV"),
        (b"", "not WAV"),
    ],
)
def test_other_sound_is_refused(make: Make, server: SpeechServer, body: bytes, why: str) -> None:
    server.script(SPEECH, Answer(body, headers={"content-type": "audio/wav"}))

    with pytest.raises(EngineUnavailableError, match=why):
        spoken(make())


def test_an_empty_sound_is_the_fault_of_the_text(make: Make, server: SpeechServer) -> None:
    server.script(SPEECH, wav(b""))

    with pytest.raises(UnspeakableError, match="no sound"):
        spoken(make())


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (
            told(401, {"error": {"message": "Incorrect key", "code": "invalid_api_key"}}),
            EngineUnavailableError,
            "invalid_api_key: Incorrect key",
        ),
        (
            told(429, {"error": {"message": "no money", "code": "insufficient_quota"}}),
            EngineUnavailableError,
            "insufficient_quota: no money",
        ),
        (
            told(404, {"error": {"message": "no such model", "code": "model_not_found"}}),
            EngineUnavailableError,
            "model_not_found",
        ),
        (
            told(422, {"detail": [{"loc": ["body", "input"], "msg": "too long"}]}),
            UnspeakableError,
            "input: too long",
        ),
        (
            told(400, {"detail": {"error": "validation_error", "message": "Voice x not found"}}),
            UnspeakableError,
            "Voice x not found",
        ),
        (Answer(status=405), EngineUnavailableError, "HTTP 405"),
    ],
)
def test_a_refusal_is_not_tried_again(
    make: Make, server: SpeechServer, answer: Answer, error: type[Exception], why: str
) -> None:
    server.script(SPEECH, answer)

    with pytest.raises(error, match=why):
        spoken(make())

    assert len(server.requests) == 1


def test_more_sound_than_the_text_can_fill_is_refused(make: Make, server: SpeechServer) -> None:
    server.script(SPEECH, Answer(bytes(65536), times=3200))

    with pytest.raises(UnspeakableError, match="too much for this text"):
        spoken(make())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"voices": ()}, "no voices"),
        ({"rate_hz": 8_000}, "rate_hz = 8000"),
        ({"rate_hz": 96_000}, "rate_hz = 96000"),
        ({"base_url": "localhost:8880"}, "not the address"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    make: Make, settings: dict[str, object], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        make(**settings)
