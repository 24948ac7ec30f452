"""Scenarios are spoken once the inbox is empty: whole sets, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from support.home import Daemon, Home, is_alive, wait_until
from support.scenarios import scenario

from scenariod.voices import mp3

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

FILES = ("title.mp3", "content.mp3", "claim.mp3")
KILLS = min(int(os.environ.get("SCENARIOD_KILLS", "4")), 10)
TALK = 'ANNA: [calm] "I counted 12 geese."\nMR. BIRD: "They cost $5 each!"\n' * 3


@pytest.fixture
def speaking(home: Home) -> Home:
    """Return a root folder whose scenarios are spoken by flite."""
    home.configure(voices={"engine": "flite"}, intake={"rescan_s": 1.0})
    return home


def sounds(home: Home) -> dict[str, bytes]:
    """Return the sound files that there are, by their place in voices/."""
    folder = home.path / "voices"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob("*/*.mp3")}


def sets_of(*ids: str) -> set[str]:
    return {f"{scenario_id}/{name}" for scenario_id in ids for name in FILES}


def wait_for_voices(daemon: Daemon, done: int, *, failed: int = 0) -> None:
    def is_done(status: dict[str, Any]) -> bool:
        voices = status["voices"]
        counts = (voices["done"], voices["failed"])
        return counts == (done, failed) and bool(status["state"] == "idle")

    daemon.wait_for_status(is_done)


def speakers(home: Home) -> list[psutil.Process]:
    return [p for p in home.processes() if "scenariod.voices.speaker" in _command(p)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def wait_for_speaker(home: Home) -> psutil.Process:
    found: list[psutil.Process] = []

    def is_there() -> bool:
        found[:] = speakers(home)
        return bool(found)

    wait_until(is_there, "something speaks")
    return found[0]


def decode(path: Path) -> None:
    """Have mpg123 decode a file to its end; fail where it complains."""
    played = subprocess.run(["mpg123", "-q", "-t", str(path)], capture_output=True, check=False)
    assert (played.returncode, played.stderr) == (0, b""), path


def test_once_speaks_every_scenario_into_three_files(speaking: Home) -> None:
    for name in ("one", "two", "three"):
        speaking.drop(f"scenario-{name}.json", scenario(name, text=TALK))

    ended = speaking.once()

    assert ended.code == 0, ended.err
    assert set(sounds(speaking)) == sets_of("one", "two", "three")
    for path in (speaking.path / "voices").glob("*/*.mp3"):
        decode(path)
    tags = mp3.tags_of_whole(speaking.path / "voices" / "one" / "content.mp3")
    assert tags is not None
    assert (tags.title, tags.comment) == ("Title of one (content)", "one")
    assert set(tags.artist.split(", ")) == {"ANNA", "MR. BIRD"}
    manifest = json.loads((speaking.path / "voices" / "manifest.json").read_bytes())
    assert [each["id"] for each in manifest["scenarios"]] == ["one", "three", "two"]
    cast = speaking.ctl("cast", "one", "--json").json()
    assert [each["name"] for each in cast] == ["ANNA", "MR. BIRD"]
    assert len({each["voice"] for each in cast}) == 2


def test_a_second_run_makes_nothing_again(speaking: Home) -> None:
    speaking.drop("scenario-one.json", scenario("one"))
    speaking.once()
    files = [speaking.path / "voices" / "one" / name for name in FILES]
    before = [path.stat() for path in files]

    ended = speaking.once()

    assert ended.code == 0, ended.err
    assert [path.stat() for path in files] == before


def test_a_missing_and_a_damaged_file_are_made_again_and_the_others_stay(speaking: Home) -> None:
    speaking.drop("scenario-one.json", scenario("one"))
    speaking.once()
    before = sounds(speaking)
    folder = speaking.path / "voices" / "one"
    (folder / "title.mp3").unlink()
    (folder / "claim.mp3").write_bytes(before["one/claim.mp3"][:-100])
    kept = (folder / "content.mp3").stat().st_mtime_ns

    speaking.once()

    assert sounds(speaking) == before
    assert (folder / "content.mp3").stat().st_mtime_ns == kept


def test_a_scenario_without_words_is_silent_and_no_failure(speaking: Home) -> None:
    speaking.drop("scenario-one.json", scenario("one", text="[No transcript in response]"))

    ended = speaking.once()
    shown = speaking.ctl("voices", "text", "one")

    assert ended.code == 0, ended.err
    assert sounds(speaking) == {}
    assert shown.out.startswith("nothing to say")
    assert speaking.ctl("voices", "--json").json()["silent"] == 1


def test_the_voices_of_a_removed_scenario_are_set_aside_and_an_undo_brings_them_back(
    speaking: Home,
) -> None:
    speaking.drop("scenario-one.json", scenario("one"))
    daemon = speaking.start()
    wait_for_voices(daemon, 1)
    before = sounds(speaking)
    inode = (speaking.path / "voices" / "one" / "content.mp3").stat().st_ino

    assert speaking.ctl("undo", "last").code == 0
    daemon.wait_for_status(lambda s: s["voices"]["scenarios"] == 0)
    wait_until(lambda: sounds(speaking) == {}, "they are set aside")
    assert (speaking.path / "voices" / ".aside" / "one" / "content.mp3").stat().st_ino == inode
    assert speaking.ctl("undo", "last").code == 0
    daemon.wait_for_status(lambda s: s["voices"]["scenarios"] == 1)
    wait_for_voices(daemon, 1)

    assert sounds(speaking) == before
    assert (speaking.path / "voices" / "one" / "content.mp3").stat().st_ino == inode


def test_redo_makes_the_files_of_one_scenario_again(speaking: Home) -> None:
    for name in ("one", "two"):
        speaking.drop(f"scenario-{name}.json", scenario(name))
    speaking.once()
    folder = speaking.path / "voices"
    before = {p: p.stat().st_ino for p in folder.glob("*/*.mp3")}

    asked = speaking.ctl("voices", "--redo", "two")
    speaking.once()

    assert asked.code == 0, asked.err
    changed = {p.parent.name for p, inode in before.items() if p.stat().st_ino != inode}
    assert changed == {"two"}


def test_a_command_that_changes_the_library_wakes_the_daemon_to_speak(home: Home) -> None:
    home.configure(voices={"engine": "flite"}, intake={"rescan_s": 3600.0})
    home.drop("scenario-one.json", scenario("one"))
    daemon = home.start()
    daemon.wait_for("all voices are made: 1 of 1 scenarios, flite\n")
    more = home.path / "more.json"
    more.write_bytes(b"[%b]" % scenario("two"))

    assert home.ctl("voices", "--redo", "one").code == 0
    daemon.wait_for("all voices are made: 1 of 1 scenarios, flite\n", times=2)
    assert home.ctl("import", str(more)).code == 0
    daemon.wait_for("all voices are made: 2 of 2 scenarios, flite\n")
    assert home.ctl("undo", "last").code == 0

    wait_until(lambda: set(sounds(home)) == sets_of("one"), "the others are set aside")


def test_a_player_that_fails_is_an_error_and_prints_nothing_into_a_document(
    speaking: Home, tmp_path: Path
) -> None:
    speaking.drop("scenario-one.json", scenario("one"))
    speaking.once()
    player = tmp_path / "bin" / "mpv"
    player.parent.mkdir()
    player.write_text("#!/bin/sh\necho no sound here\nexit 3\n")
    player.chmod(0o755)

    found_first = {"PATH": f"{player.parent}:{os.environ['PATH']}"}
    played = speaking.ctl("play", "one", "--json", environment=found_first)

    assert (played.code, played.json()["code"]) == (17, 3)


def test_a_voice_chosen_by_hand_makes_only_the_files_again_in_which_it_speaks(
    speaking: Home,
) -> None:
    speaking.drop("scenario-one.json", scenario("one", text=TALK))
    speaking.once()
    before = sounds(speaking)

    speaking.configure(voices={"engine": "flite", "cast": {"anna": "kal16"}})
    speaking.once()

    after = sounds(speaking)
    assert {name for name in after if after[name] != before[name]} == {"one/content.mp3"}
    assert speaking.ctl("cast", "one", "--json").json()[0]["voice"] == "kal16"


def test_an_unknown_voice_pauses_voices_with_the_cure_and_files_are_still_added(
    home: Home,
) -> None:
    home.configure(voices={"engine": "flite", "narrator": "nobody"})
    home.drop("scenario-one.json", scenario("one"))
    daemon = home.start()

    daemon.wait_for("flite has no voice 'nobody'; it has slt")
    home.drop("scenario-two.json", scenario("two"))
    daemon.wait_for("added two")

    assert "nobody" in daemon.status()["voices"]["waits"]
    assert sounds(home) == {}


def test_dropped_files_are_added_while_scenarios_are_spoken(speaking: Home) -> None:
    speaking.drop("scenario-long.json", scenario("long", text=TALK * 60))
    daemon = speaking.start()
    speaker = wait_for_speaker(speaking)

    speaking.drop("scenario-two.json", scenario("two"))
    daemon.wait_for("added two")

    wait_until(lambda: not speaker.is_running(), "it has given way")
    daemon.wait_for_status(lambda s: s["state"] == "speaking")  # and goes on later


@pytest.mark.soak
def test_killed_anywhere_the_same_files_are_there_in_the_end(speaking: Home) -> None:
    ids = ["s0", "s1", "s2", "s3"]
    for name in ids:
        speaking.drop(f"scenario-{name}.json", scenario(name, text=TALK))
    assert speaking.once().code == 0
    expected = sounds(speaking)
    for path in (speaking.path / "voices").glob("*/*.mp3"):
        path.unlink()

    killed: list[psutil.Process] = []
    daemon = speaking.start()
    for number in range(KILLS):
        speaker = wait_for_speaker_or_end(speaking, daemon, len(ids))
        if speaker is None:
            break
        engines = _children(speaker)
        killed += [speaker, *engines]
        if number % 3 == 0:  # else what is killed in a row counts against a scenario
            daemon.kill()
            daemon = speaking.start()
        else:
            _kill(engines[0] if engines and number % 3 == 1 else speaker)
            wait_until_ended(speaker)
    wait_for_voices(daemon, len(ids))
    daemon.terminate()

    assert sounds(speaking) == expected
    assert not list((speaking.path / "voices").glob("*/.*.part"))
    assert not [process for process in killed if is_alive(process.pid)]


def wait_for_speaker_or_end(home: Home, daemon: Daemon, done: int) -> psutil.Process | None:
    def is_over() -> bool:
        voices = daemon.status().get("voices") or {}
        return voices.get("done") == done

    wait_until(lambda: bool(speakers(home)) or is_over(), "something speaks, or all is done")
    found = speakers(home)
    return found[0] if found else None


def wait_until_ended(process: psutil.Process) -> None:
    wait_until(lambda: not process.is_running(), "it has ended")


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.Error:
        return []


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.send_signal(signal.SIGKILL)
