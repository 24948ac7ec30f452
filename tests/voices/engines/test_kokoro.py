"""Kokoro: its files are checked, its memory is bounded, and real scenarios are spoken with it."""

from __future__ import annotations

import json
import os
import re
import sys
from array import array
from pathlib import Path
from subprocess import run

import pytest
from support.loudness import lufs

from scenariod.base.config import Voices
from scenariod.voices import rules
from scenariod.voices.engines import weights
from scenariod.voices.engines.engine import EngineUnavailableError, Gender, Passage
from scenariod.voices.engines.kokoro import Kokoro, _load, _pieces, _told
from scenariod.voices.engines.phonemes import SPACE

FOLDER = Path(__file__).parents[3] / "build" / "kokoro"
"""Where `make kokoro-weights`, and so `make soak`, puts the weights."""
REAL_DATA = os.environ.get("SCENARIOD_REAL_DATA")
SPEAK = """
import sys
from pathlib import Path
from scenariod.voices.engines.engine import Passage
from scenariod.voices.engines.kokoro import Kokoro
from scenariod.workers.confinement import peak_rss_bytes

engine = Kokoro(Path(sys.argv[1]))
text = sys.stdin.buffer.read().decode()
for voice in engine.voices:
    if voice.name in {"af_nicole", "bm_lewis"}:  # the slowest, and a British one
        for samples in engine.speak(Passage(text), voice):
            sys.stdout.buffer.write(samples)
print(peak_rss_bytes(), file=sys.stderr)
"""


def test_it_has_28_voices_of_women_and_men() -> None:
    genders = [voice.gender for voice in Kokoro.voices]

    assert (genders.count(Gender.FEMALE), genders.count(Gender.MALE)) == (15, 13)


def test_every_voice_has_its_file() -> None:
    assert {voice.name for voice in Kokoro.voices} == set(weights.VOICES_SHA256)


def test_a_folder_without_weights_is_named_with_what_makes_one(tmp_path: Path) -> None:
    engine = Kokoro(tmp_path)

    with pytest.raises(EngineUnavailableError, match=r"kokoro\.onnx cannot be read") as caught:
        engine._run([SPACE], "af_heart")

    assert "make kokoro-weights" in caught.value.hint


@pytest.mark.parametrize("file", [weights.MODEL, "voices/af_heart.bin"])
def test_weights_that_are_not_the_ones_we_know_are_not_used(tmp_path: Path, file: str) -> None:
    (tmp_path / "voices").mkdir()
    (tmp_path / file).write_bytes(b"other")

    with pytest.raises(EngineUnavailableError, match="is not Kokoro's file"):
        weights.model(tmp_path) if file == weights.MODEL else weights.voice(tmp_path, "af_heart")


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(EngineUnavailableError, match="onnxruntime is not installed") as caught:
        _load(tmp_path)

    assert "pip install onnxruntime" in caught.value.hint


def test_a_model_that_cannot_be_run_is_told_of_with_the_memory_it_needs() -> None:
    with pytest.raises(EngineUnavailableError, match="cannot be run: bad_alloc") as caught, _told():
        raise MemoryError("bad_alloc")  # as in one of onnxruntime's, where memory is short

    assert "limit_mb" in caught.value.hint


@pytest.mark.parametrize(
    "tokens",
    [[], [5], [5] * 160, [5] * 161, [5] * 2000, [5, SPACE] * 400, [SPACE] * 600],
    ids=len,
)
def test_never_more_tokens_at_a_time_than_the_memory_is_reckoned_for(tokens: list[int]) -> None:
    pieces = list(_pieces(tokens))

    assert [token for piece in pieces for token in piece] == tokens
    assert all(0 < len(piece) <= 160 for piece in pieces)


@pytest.mark.parametrize("text", ["", "...", "— “!”"])
def test_a_text_without_letter_or_digit_is_no_sample(tmp_path: Path, text: str) -> None:
    assert list(Kokoro(tmp_path).speak(Passage(text), Kokoro.voices[0])) == []


def first_sentence(path: Path) -> str:
    fields = json.loads(path.read_bytes())
    said = re.sub(r"\[[^\]]*\]", " ", fields.get("audioScript") or fields["text"])
    return " ".join(said.split())[:150]


if REAL_DATA is not None and FOLDER.exists():  # no skipped test where there are none

    @pytest.mark.soak
    @pytest.mark.slow
    @pytest.mark.parametrize("number", ["001", "060"])
    def test_real_scenarios_are_spoken_within_the_memory_limit(number: str) -> None:
        (path,) = Path(str(REAL_DATA)).glob(f"scenario-{number}-*")
        text = first_sentence(path)
        command = [sys.executable, "-c", SPEAK, str(FOLDER)]

        done = run(command, input=text.encode(), capture_output=True, check=True)

        lasts_s = len(done.stdout) / 2 / Kokoro.rate_hz
        assert (
            int(done.stderr)
            < rules.limit_bytes(Voices(engine="kokoro"), counts_reserved=False) * 0.7
        )
        assert 0.04 * 2 * len(text) < lasts_s < 0.12 * 2 * len(text)
        assert max(array("h", done.stdout)) < 32767
        assert lufs(done.stdout, rate_hz=Kokoro.rate_hz) == pytest.approx(-22.7, abs=1.5)
