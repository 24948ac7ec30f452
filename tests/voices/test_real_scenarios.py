"""Real scenarios spoken by flite: whole files, at an even pace and loudness, in little memory."""

from __future__ import annotations

import json
import os
import subprocess
from array import array
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.home import Home
from support.loudness import lufs
from support.makers import open_library, sql

from scenariod.base.units import MIB
from scenariod.validation.scenario import judge
from scenariod.validation.verdict import Accepted
from scenariod.voices import script
from scenariod.voices.engines.flite import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Iterator

REAL_DATA = os.environ.get("SCENARIOD_REAL_DATA")
SPOKEN = int(os.environ.get("SCENARIOD_SPOKEN", "4"))
"""How many real scenarios are spoken; the soak speaks 27."""
STEP = RATE_HZ // 50
"""20 ms, in samples."""
PAUSE_S = 0.2
"""A shorter silence is part of a word, before a `p` or a `t`."""
QUIET = 164
"""-46 dB: below it nothing is heard."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.soak,
    pytest.mark.skipif(not REAL_DATA, reason="SCENARIOD_REAL_DATA names no real scenarios"),
]


@pytest.fixture(scope="module")
def spoken(shared_home: Home) -> Home:
    """Return a root folder with real scenarios, spoken in one go."""
    shared_home.configure(voices={"engine": "flite"})
    for number, path in enumerate(_with_a_story(), start=1):
        shared_home.drop(f"scenario-{number}.json", path.read_bytes())
    ended = shared_home.once()
    assert ended.code == 0, ended.err
    return shared_home


def _with_a_story() -> list[Path]:
    """Return real files all of whose three parts can be spoken, from all over the folder."""
    files = sorted(Path(REAL_DATA or "").glob("*.json"))
    valid = [p for p in files if isinstance(judge(p.read_bytes(), name=p.name), Accepted)]
    whole = [p for p in valid if len(script.script_of(json.loads(p.read_bytes())).files) == 3]
    return whole[:: len(whole) // SPOKEN][:SPOKEN]


@pytest.fixture(scope="module")
def contents(spoken: Home) -> dict[str, bytes]:
    """Return the samples of each content.mp3, by id, as mpg123 decodes them."""
    folder = spoken.path / "voices"
    return {path.parent.name: _decoded(path) for path in folder.glob("*/content.mp3")}


def _decoded(path: Path) -> bytes:
    played = subprocess.run(
        ["mpg123", "-q", "-s", "-e", "s16", str(path)], capture_output=True, check=False
    )
    assert (played.returncode, played.stderr) == (0, b""), path
    return played.stdout


def _levels(pcm: bytes) -> Iterator[bool]:
    """Yield for each 20 ms whether anything is heard."""
    samples = array("h", pcm)
    for start in range(0, len(samples), STEP):
        part = samples[start : start + STEP]
        yield max(part) > QUIET or min(part) < -QUIET


def _runs(pcm: bytes) -> list[tuple[bool, float]]:
    """Return in turn how long something is heard, and how long nothing is, in seconds."""
    step_s = STEP / RATE_HZ
    return [(heard, len(list(group)) * step_s) for heard, group in groupby(_levels(pcm))]


def _words(home: Home, scenario_id: str) -> int:
    with open_library(home.library) as library:
        found = library.scenario(scenario_id)
    assert found is not None
    lines = script.script_of(json.loads(found[1])).files[script.File.CONTENT]
    words = [word.strip(".,;:!?'") for line in lines for word in line.text.split()]
    return sum(len(word) > 1 or word in "AaI" for word in words)  # a spelled letter is none


def test_every_scenario_has_three_files_that_can_be_decoded_to_the_end(spoken: Home) -> None:
    made = sorted((spoken.path / "voices").glob("*/*.mp3"))

    assert len(made) == 3 * SPOKEN
    for path in made:
        assert len(_decoded(path)) > RATE_HZ  # half a second


def test_content_is_spoken_at_the_pace_of_people(spoken: Home, contents: dict[str, bytes]) -> None:
    pace = {}
    for scenario_id, pcm in contents.items():
        spoken_s = sum(length_s for heard, length_s in _runs(pcm) if heard or length_s < PAUSE_S)
        pace[scenario_id] = _words(spoken, scenario_id) / spoken_s * 60

    assert all(110 <= found <= 220 for found in pace.values()), pace


def test_all_are_equally_loud_and_none_is_clipped(contents: dict[str, bytes]) -> None:
    loudness = {scenario_id: lufs(pcm, rate_hz=RATE_HZ) for scenario_id, pcm in contents.items()}

    assert max(loudness.values()) - min(loudness.values()) <= 1.5, loudness
    assert all(max(map(abs, array("h", pcm))) < 32_700 for pcm in contents.values())


def test_silence_is_short_at_the_edges_and_nowhere_long(contents: dict[str, bytes]) -> None:
    for scenario_id, pcm in contents.items():
        runs = _runs(pcm)
        silences = [length_s for heard, length_s in runs if not heard]

        assert not runs[0][0], scenario_id
        assert not runs[-1][0], scenario_id
        assert max(silences[0], silences[-1]) < 0.4, scenario_id
        assert max(silences) < 1.3, scenario_id


def test_the_process_that_speaks_takes_little_memory(spoken: Home) -> None:
    peaks = sql(
        spoken.library / "scenarios.db",
        "SELECT memory_peak_bytes FROM batch WHERE kind = 'voices'",
    )

    assert len(peaks) == -(-SPOKEN // 2)
    assert all(0 < int(str(peak)) < 128 * MIB for (peak,) in peaks), peaks


def test_spoken_again_it_is_the_same_to_the_byte(spoken: Home) -> None:
    folder = next(path for path in (spoken.path / "voices").glob("[!.]*") if path.is_dir())
    before = {path.name: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir()}

    assert spoken.ctl("voices", "--redo", folder.name).code == 0
    assert spoken.once().code == 0

    after = {path.name: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir()}
    assert {name: made for name, (made, _) in after.items()} == {
        name: made for name, (made, _) in before.items()
    }
    assert all(after[name][1] != before[name][1] for name in before)
