"""Requests to a speech service: memory, the network that is not there, and what is loaded."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.speech_server import (
    KEY,
    SPEAK,
    SPEECH,
    Answer,
    SpeechServer,
    sound,
    told,
    wav,
    wav_header,
)

from scenariod.voices.engines.engine import EngineUnavailableError, Passage, Voice
from scenariod.voices.engines.http import Patience
from scenariod.voices.engines.openai import OpenAI, Settings

TESTS = Path(__file__).parents[2]
MODELS = "/v1/models"
MANY = 65_536
NOT_THERE = told(404, {})


@pytest.fixture(params=["elevenlabs", "openai"])
def name(request: pytest.FixtureRequest) -> str:
    engine: str = request.param
    return engine


@pytest.fixture
def server(name: str) -> Iterator[SpeechServer]:
    with SpeechServer(key_header="authorization" if name == "openai" else "xi-api-key") as made:
        made.script(MODELS, NOT_THERE)
        made.script("/v1/user", NOT_THERE)
        yield made
        assert made.wrong == []


def measured(
    name: str, server: SpeechServer, folder: Path, *, characters: int
) -> tuple[int, int, str]:
    """Return the growth in MB, the bytes heard and the error of a process that speaks."""
    command = [sys.executable, "-m", "support.speech_memory", name, server.url, str(characters)]
    done = subprocess.run(
        [*command, str(folder)], cwd=TESTS, capture_output=True, text=True, timeout=600, check=True
    )
    assert KEY not in done.stdout + done.stderr + " ".join(command)
    assert done.stderr == ""
    growth_mb, heard, failed = done.stdout.splitlines()
    print(f"{name}: {growth_mb} MB more at most")  # noqa: T201 - shown by pytest -rP
    return int(growth_mb), int(heard), failed


def answers(name: str, big: Answer) -> list[Answer]:
    """Return a small answer, then `big` ones, with the header that the engine expects."""
    if name == "elevenlabs":
        return [sound(), big]
    return [wav(bytes(200), rate_hz=48_000), big]


@pytest.mark.slow
def test_200_mb_of_sound_pass_through_little_memory(
    name: str, server: SpeechServer, tmp_path: Path
) -> None:
    # 64 KB with a WAV header, again and again: but for the first one, all of it is sound.
    start = wav_header(rate_hz=48_000, length=0) if name == "openai" else b""
    requests, characters = (8, 7_800) if name == "openai" else (2, 9_900)
    times = 3200 // requests
    big = Answer(start.ljust(MANY, b"\0"), times=times, headers={"content-type": "audio/x"})
    server.script(SPEAK if name == "elevenlabs" else SPEECH, *answers(name, big))

    growth_mb, heard, failed = measured(name, server, tmp_path, characters=characters)

    assert (heard // 1_000_000, failed) == (209, "")
    assert growth_mb < 64
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_200_mb_for_a_short_text_are_refused_as_they_come(
    name: str, server: SpeechServer, tmp_path: Path
) -> None:
    big = Answer(bytes(MANY), times=3200, headers={"content-type": "audio/x"})
    server.script(SPEAK if name == "elevenlabs" else SPEECH, *answers(name, big))

    growth_mb, heard, failed = measured(name, server, tmp_path, characters=100)

    assert "too much for this text" in failed
    assert heard == 0
    assert growth_mb < 64


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 500])
def test_200_mb_of_a_refusal_are_not_read(
    name: str, server: SpeechServer, tmp_path: Path, status: int
) -> None:
    big = Answer(b'{"detail": "' + b"x" * MANY, status, times=3200)
    server.script(SPEAK if name == "elevenlabs" else SPEECH, *answers(name, big))

    growth_mb, _, failed = measured(name, server, tmp_path, characters=100)

    assert f"HTTP {status}" in failed
    assert growth_mb < 64


@pytest.mark.slow
@pytest.mark.parametrize("name", ["elevenlabs"], indirect=True)
def test_200_mb_about_models_are_no_answer_about_models(
    name: str, server: SpeechServer, tmp_path: Path
) -> None:
    server.script(MODELS, Answer(b"[" * MANY, times=3200))
    server.script(SPEAK, sound())

    growth_mb, heard, failed = measured(name, server, tmp_path, characters=100)

    assert (heard, failed) == (4800, "")
    assert growth_mb < 64


@pytest.mark.parametrize("name", ["openai"], indirect=True)
def test_a_service_without_a_network_is_told_how_to_get_one(
    server: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What RestrictAddressFamilies= does to a call of socket(2)."""
    monkeypatch.setattr(socket, "create_connection", forbidden)
    waits: list[float] = []
    settings = Settings(server.url, (Voice("ann"),))
    engine = OpenAI(settings, secret=None, patience=Patience(wait=waits.append))

    with closing(engine), pytest.raises(EngineUnavailableError) as raised:
        list(engine.speak(Passage("Hello there."), Voice("ann")))

    assert "Address family not supported" in str(raised.value)
    assert raised.value.hint == "allow the service the network: docs/VOICES.md shows how"
    assert waits == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:9"), ("HTTPS_PROXY", "gopher://me:secret@h")],
)
def test_an_environment_that_cannot_be_followed_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(EngineUnavailableError) as raised:
        OpenAI(Settings("https://localhost", (Voice("ann"),)), secret=None)

    assert variable in raised.value.hint
    assert raised.value.__context__ is None
    assert "secret" not in str(raised.value)


def forbidden(*_: object, **__: object) -> socket.socket:
    raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))


def test_httpx_is_loaded_only_by_an_engine_that_needs_it() -> None:
    others = ["account", "credits", "engine", "flite", "refusals", "secret", "spool", "wav"]
    modules = ", ".join(f"scenariod.voices.engines.{module}" for module in others)
    code = f"import sys, {modules}; print({{'httpx', 'httpcore', 'ssl'}} & sys.modules.keys())"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
