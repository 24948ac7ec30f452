"""Something is in the way of voices: one scenario's trouble is not another's, and files come in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from support.scenarios import scenario
from support.speech_server import Answer, Got, SpeechServer, pcm, told, wav

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from support.home import Home

pytestmark = pytest.mark.slow

FLITE = {"engine": "flite"}
SOON = {"rescan_s": 1.0, "settle_s": 0.2, "pair_wait_s": 0.3}
REFUSED = told(500, {"error": {"message": "oops"}}, retry_after="0")


class MoodyServer(SpeechServer):
    """An OpenAI-like server that answers each text which holds `poison` with HTTP 500."""

    def __init__(self) -> None:
        super().__init__(key_header="authorization", key=None)

    def take(self, got: Got, connection: socket.socket) -> Answer:
        super().take(got, connection)
        return REFUSED if "poison" in got.document["input"] else wav(pcm(24_000))


def reasons(home: Home) -> dict[str, str]:
    failed: list[dict[str, Any]] = home.ctl("voices", "--failed", "--json").json()
    return {each["id"]: each["reason"] for each in failed}


def spoken(home: Home) -> list[str]:
    manifest = json.loads((home.path / "voices" / "manifest.json").read_bytes())
    return sorted(each["id"] for each in manifest["scenarios"])


def a_file(place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(b"somebody's")


def a_folder_for_a_file(place: Path) -> None:
    (place / "title.mp3").mkdir(parents=True)


@pytest.mark.parametrize("put", [a_file, a_folder_for_a_file])
def test_what_lies_where_one_scenarios_files_belong_fails_that_one_alone(
    home: Home, put: Any
) -> None:
    home.configure(voices=FLITE)
    put(home.path / "voices" / "one")
    home.drop("scenario-1.json", scenario("one"))
    home.once()
    home.drop("scenario-2.json", scenario("two"))

    ended = home.once()

    assert ended.code == 25, ended.err
    assert spoken(home) == ["two"]
    assert reasons(home).keys() == {"one"}
    assert "voices/one" in reasons(home)["one"]


def test_a_file_in_place_of_the_folder_pauses_voices_with_the_cure(home: Home) -> None:
    home.configure(voices=FLITE)
    (home.path / "voices").write_bytes(b"")
    home.drop("scenario-1.json", scenario("one"))

    ended = home.once()

    assert ended.code == 25, ended.err
    assert f"move away what is there: `ls -ld {home.path / 'voices'}`" in ended.err
    assert home.ids() == ["one"]


def test_a_folder_in_place_of_the_manifest_is_named(home: Home) -> None:
    home.configure(voices=FLITE)
    (home.path / "voices" / "manifest.json").mkdir(parents=True)
    home.drop("scenario-1.json", scenario("one"))

    ended = home.once()

    assert ended.code == 25, ended.err
    assert f"`ls -ld {home.path / 'voices' / 'manifest.json'}`" in ended.err


def test_a_text_at_which_the_service_always_breaks_holds_up_no_other(home: Home) -> None:
    with MoodyServer() as server:
        openai = {"engine": "openai", "base_url": server.url, "voices": ["alloy"]}
        home.configure(voices=openai, intake=SOON)
        home.drop("scenario-1.json", scenario("one", text="poison"))
        daemon = home.start()
        daemon.wait_for("voices pause")
        for name in ("two", "three"):
            home.drop(f"scenario-{name}.json", scenario(name))
            daemon.wait_for(f"voices of {name}")
        status = daemon.wait_for_status(lambda s: s["voices"]["done"] == 2)
        daemon.terminate()

    assert server.wrong == []
    assert "HTTP 500: oops" in status["voices"]["waits"]


def test_neither_thousands_of_voices_nor_a_hint_of_any_length_are_too_much(home: Home) -> None:
    hints = {"characterVoices": {"ANNA": "🤖" * 100_000}}
    with MoodyServer() as server:
        names = [f"voice-{number:040}" for number in range(2000)]
        home.configure(voices={"engine": "openai", "base_url": server.url, "voices": names})
        home.drop("scenario-1.json", scenario("one", text='ANNA: "Hi."', audioHints=hints))

        ended = home.once()

    assert ended.code == 0, ended.err
    assert spoken(home) == ["one"]


def test_a_file_that_needs_the_memory_of_voices_gets_it_at_once(home: Home) -> None:
    total_mb = psutil.virtual_memory().total >> 20
    limit_mb = min(4096, total_mb // 2)  # so there is room for one process alone
    home.configure(
        voices={**FLITE, "limit_mb": limit_mb},
        memory={"limit_mb": limit_mb, "reserve_mb": total_mb - 2 * limit_mb + 1},
        intake=SOON,
    )
    home.drop("scenario-1.json", scenario("long", text="Geese flew over Rome at 5 pm. " * 200))
    daemon = home.start()
    daemon.wait_for_status(lambda s: s["state"] == "speaking")

    home.drop("scenario-2.json", scenario("two"))
    daemon.wait_for("added two")

    assert "voices of long" not in daemon.journal()
