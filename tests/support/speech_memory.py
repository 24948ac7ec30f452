"""A process that speaks through a server, and says how much its memory has grown at most.

`python -m support.speech_memory ENGINE URL CHARACTERS FOLDER`, in tests/: a passage of a few words
first, then one of CHARACTERS. It prints the growth in MB, the bytes that it heard, and the error.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

from scenariod.base.errors import ScenariodError
from scenariod.voices.engines import elevenlabs, openai
from scenariod.voices.engines.engine import Passage, Voice
from scenariod.voices.engines.http import Patience
from scenariod.voices.engines.secret import Secret
from support.speech_server import KEY

ANN = Voice("ann")
PATIENCE = Patience(tries=2, wait=lambda _: None)


def engine(name: str, url: str, folder: Path) -> elevenlabs.ElevenLabs | openai.OpenAI:
    if name == "openai":
        settings = openai.Settings(url, (ANN,), rate_hz=48_000)
        return openai.OpenAI(settings, secret=Secret(KEY), patience=PATIENCE, folder=folder)
    return elevenlabs.ElevenLabs(
        elevenlabs.Settings(voices=(ANN,), base_url=url, output_format="pcm_48000"),
        secret=Secret(KEY),
        charge=lambda _: None,
        patience=PATIENCE,
        folder=folder,
    )


def peak_mb() -> float:
    """Return the most memory so far; `ru_maxrss` would count that of the parent, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(name: str, url: str, characters: str, folder: str) -> None:
    with closing(engine(name, url, Path(folder))) as speaker:
        list(speaker.speak(Passage("Hello there."), ANN))
        before_mb, heard, failed = peak_mb(), 0, ""
        text = ("Once upon a time there was a king. " * (int(characters) // 35 + 1))[
            : int(characters)
        ]
        try:
            for samples in speaker.speak(Passage(text), ANN):
                heard += len(samples)
        except ScenariodError as error:
            failed = str(error)
    sys.stdout.write(f"{peak_mb() - before_mb:.0f}\n{heard}\n{failed}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
