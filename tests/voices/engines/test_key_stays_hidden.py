"""The key of a service is nowhere but in the header of a request.

Everything that a fault leaves behind is searched: errors, what they hold, logs, output, files.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.speech_server import KEY, SPEAK, SPEECH, Answer, SpeechServer, pcm, sound, told, wav

from scenariod.base.errors import ScenariodError
from scenariod.voices.engines.credits import Charge
from scenariod.voices.engines.elevenlabs import ElevenLabs
from scenariod.voices.engines.elevenlabs import Settings as ElevenLabsSettings
from scenariod.voices.engines.engine import EngineUnavailableError, Passage, Voice
from scenariod.voices.engines.http import Patience
from scenariod.voices.engines.openai import OpenAI
from scenariod.voices.engines.openai import Settings as OpenAISettings
from scenariod.voices.engines.secret import Secret

ANN = Voice("ann")
PATIENCE = Patience(silence_s=1.0, tries=2, wait=lambda _: None)
ECHO = {"code": KEY, "message": f"the key {KEY} is not valid", "param": KEY}
FAULTS = {
    "refused with the key": told(401, {"detail": ECHO}),
    "refused with half of it": told(401, {"error": {"message": "x" * 280 + KEY}}),
    "the key as a page": Answer(f"your key: {KEY}".encode(), 403),
    "the key in a list": told(422, {"detail": [{"loc": ["body", KEY], "msg": KEY}]}),
    "the key in headers": told(302, {}, location=f"http://x/{KEY}", retry_after=KEY),
    "the key as a kind": Answer(b"x", headers={"content-type": f"text/{KEY}"}),
    "the key as a packing": Answer(b"x", headers={"content-encoding": KEY}),
    "the key as a cost": sound(character_cost=KEY),
    "busy": told(429, {"detail": ECHO}),
    "broken": told(500, {"error": ECHO}),
    "cut": Answer(KEY.encode(), is_cut=True),
    "stalled": Answer(KEY.encode(), is_stalled=True),
    "too much": Answer(KEY.encode() * 2000, times=200),
    "well": wav(pcm(10)),
}


@pytest.fixture
def server() -> Iterator[SpeechServer]:
    with SpeechServer() as made:
        made.script("/v1/models", told(200, [{"model_id": "eleven_multilingual_v2"}]))
        made.script("/v1/user/subscription", told(401, {"detail": ECHO}))
        yield made


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Return what is logged, with nothing left out."""
    caplog.set_level(logging.NOTSET)
    for name in ("httpx", "httpcore"):
        caplog.set_level(1, logger=name)
    return caplog


def everything_about(error: BaseException) -> str:
    """Return all that an error shows, and all that it leads to."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = ["".join(whole.format()), repr(error), repr(error.args), repr(vars(error))]
    behind = [further for further in (error.__cause__, error.__context__) if further is not None]
    return "\n".join([*shown, *map(everything_about, behind)])


def assert_hidden(shown: str) -> None:
    found = shown.lower().find(KEY.lower()[:12])
    assert found < 0, shown[max(found - 200, 0) : found + 60]


@pytest.mark.parametrize("fault", FAULTS)
def test_elevenlabs(
    server: SpeechServer,
    fault: str,
    records: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    charges: list[Charge] = []
    engine = ElevenLabs(
        ElevenLabsSettings(voices=(ANN,), base_url=server.url),
        secret=Secret(KEY),
        charge=charges.append,
        patience=PATIENCE,
        folder=tmp_path,
    )
    server.script(SPEAK, FAULTS[fault])
    server.script("/v2/voices", FAULTS[fault])

    shown = [speak(engine), repr(charges), repr(engine), repr(vars(engine))]

    output = capfd.readouterr()
    assert_hidden("\n".join([*shown, output.out, output.err]))
    assert_hidden(records.text + "".join(repr(vars(record)) for record in records.records))
    assert list(tmp_path.iterdir()) == []
    assert server.requests[-1].headers["xi-api-key"] == KEY


def test_a_model_with_the_name_of_the_key(server: SpeechServer) -> None:
    server.script("/v1/models", told(200, [{"model_id": KEY}]))
    engine = ElevenLabs(
        ElevenLabsSettings(voices=(ANN,), base_url=server.url),
        secret=Secret(KEY),
        charge=lambda _: None,
        patience=PATIENCE,
    )

    with pytest.raises(EngineUnavailableError) as raised:
        list(engine.speak(Passage("Hello there."), ANN))
    engine.close()

    assert_hidden(everything_about(raised.value))


@pytest.mark.parametrize("fault", FAULTS)
def test_openai(
    server: SpeechServer,
    fault: str,
    records: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    engine = OpenAI(
        OpenAISettings(server.url, (ANN,)), secret=Secret(KEY), patience=PATIENCE, folder=tmp_path
    )
    server.script(SPEECH, FAULTS[fault])

    shown = [speak(engine), repr(engine), repr(vars(engine))]

    output = capfd.readouterr()
    assert_hidden("\n".join([*shown, output.out, output.err]))
    assert_hidden(records.text + "".join(repr(vars(record)) for record in records.records))
    assert list(tmp_path.iterdir()) == []
    assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"


def speak(engine: ElevenLabs | OpenAI) -> str:
    """Return all that is shown by an attempt to speak, which may work."""
    try:
        list(engine.speak(Passage("Hello there."), ANN))
    except ScenariodError as error:
        shown = everything_about(error)
        if error.__cause__ or error.__context__:
            shown += f"an error of the client, whose request has {KEY}"
        return shown
    finally:
        engine.close()
    return ""


def test_a_server_that_is_not_there(records: pytest.LogCaptureFixture) -> None:
    engine = OpenAI(
        OpenAISettings("http://127.0.0.1:9", (ANN,)), secret=Secret(KEY), patience=PATIENCE
    )

    shown = speak(engine)

    assert "Connection refused" in shown
    assert_hidden(shown + records.text)
