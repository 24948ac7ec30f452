"""MP3 files: others play them to the end, and a file that is not whole is not taken for one."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from mutagen.mp3 import MP3, BitrateMode
from support.loudness import lufs

from scenariod.base import durable
from scenariod.voices import mp3, sound
from scenariod.voices.engines.engine import Passage
from scenariod.voices.engines.flite import Flite
from scenariod.voices.id3 import Tags
from scenariod.voices.sound import Part

TAGS = Tags("A title", "Mom", "Scenarios", "scenario-001", "ab" * 32)
RATES_HZ = [16_000, 22_050, 24_000, 44_100, 48_000]


def noise(seconds: float, rate_hz: int) -> Iterator[bytes]:
    chance = random.Random(1)
    for _ in range(int(seconds * 10)):
        yield chance.randbytes(rate_hz // 10 * 2)


def write(path: Path, seconds: float = 3.0, rate_hz: int = 16_000) -> float:
    with durable.replacing(path) as file:
        return mp3.write(file, noise(seconds, rate_hz), rate_hz=rate_hz, tags=TAGS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "title.mp3"


def samples_of(path: Path) -> bytes:
    """Decode a file to its end; raise where mpg123 finds anything wrong with it."""
    command = ["mpg123", "--quiet", "--no-resync", "--no-gapless", "-s", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_others_play_a_file_to_its_end(path: Path, rate_hz: int) -> None:
    lasts_s = write(path, 3.0, rate_hz)

    played_s = len(samples_of(path)) / 2 / rate_hz

    assert lasts_s == 3.0
    assert lasts_s <= played_s <= lasts_s + 0.2


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_others_see_how_long_it_is_and_that_it_is_constant(path: Path, rate_hz: int) -> None:
    lasts_s = write(path, 3.0, rate_hz)

    seen = MP3(path).info  # type: ignore[no-untyped-call]
    assert seen is not None
    tags = mp3.tags_of_whole(path)

    assert (seen.bitrate, seen.channels, seen.sample_rate) == (64_000, 1, rate_hz)
    assert seen.bitrate_mode in {BitrateMode.CBR, BitrateMode.UNKNOWN}
    assert seen.length == pytest.approx(lasts_s, abs=0.2)
    assert tags is not None
    assert mp3.seconds(tags) == pytest.approx(seen.length, abs=0.01)


def test_a_whole_file_gives_its_tags_back(path: Path) -> None:
    write(path)

    tags = mp3.tags_of_whole(path)

    assert tags is not None
    assert (tags.title, tags.text_sha256) == (TAGS.title, TAGS.text_sha256)


def test_a_file_that_is_cut_anywhere_is_not_whole(path: Path) -> None:
    write(path, 0.1)
    whole = path.read_bytes()

    for length in (*range(0, len(whole), 13), len(whole) - 1):
        path.write_bytes(whole[:length])
        assert mp3.tags_of_whole(path) is None
    path.write_bytes(whole + b"x")
    assert mp3.tags_of_whole(path) is None


def test_what_is_no_file_of_ours_is_not_whole(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "text").write_text("no sound")

    for name in ("missing", "pipe", "folder", "link", "text"):
        assert mp3.tags_of_whole(tmp_path / name) is None


def test_a_file_without_a_sample_is_not_whole(path: Path) -> None:
    assert write(path, seconds=0) == 0

    assert mp3.tags_of_whole(path) is None


def test_sound_is_written_as_it_comes() -> None:
    file = BytesIO()
    behind = []

    def watched() -> Iterator[bytes]:
        for number, chunk in enumerate(noise(5, 16_000)):
            behind.append(number * 800 - len(file.getvalue()))
            yield chunk

    mp3.write(file, watched(), rate_hz=16_000, tags=TAGS)

    assert max(behind) < 2000


def test_it_prints_nothing(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(path)

    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_dialogue_is_as_loud_as_its_voices_and_as_long_as_it_should_be(path: Path) -> None:
    engine = Flite()
    texts = ["Did you see what the neighbours wrote?", "I did, and I do not believe it.", "..."]
    parts = [
        Part(engine.speak(Passage(text), voice), pause_ms=400)
        for text, voice in zip(texts, engine.voices, strict=False)
    ]

    with durable.replacing(path) as file:
        pcm = sound.joined(parts, rate_hz=engine.rate_hz)
        lasts_s = mp3.write(file, pcm, rate_hz=engine.rate_hz, tags=TAGS)

    assert 3 < lasts_s < 8
    assert lufs(samples_of(path), rate_hz=engine.rate_hz) == pytest.approx(-22.7, abs=1.5)
