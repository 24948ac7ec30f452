"""Playing a scenario's sound, with whatever player this machine has. Changes nothing."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from scenariod.base.errors import ExitCode, NotFoundError
from scenariod.base.names import shell_word
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, require_root, scenario_of
from scenariod.library import Library

if TYPE_CHECKING:
    import argparse

    from scenariod.base.config import Config

_PLAYERS = (
    ("mpv", "--no-video", "--really-quiet"),
    ("mpg123", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("play", "-q"),
)


def play(config: Config, asked: argparse.Namespace) -> Answer:
    """Play one file of a scenario to its end."""
    require_root(config)
    path = config.voices / asked.what / f"{asked.file}.mp3"
    if not path.is_file():
        with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
            scenario_of(library, asked.what)
        raise NotFoundError(
            f"there is no {path}",
            hint=f"`scenariodctl voices` shows the progress of the voices,"
            f" `scenariodctl voices text {shell_word(asked.what)}` shows what is to be spoken",
        )
    player = next((each for each in _PLAYERS if shutil.which(each[0])), None)
    if player is None:
        raise NotFoundError(
            f"no player was found; the file is {path}", hint="`sudo apt install mpg123`"
        )
    # What it prints is for people: with --json, stdout has one document.
    played = subprocess.run([*player, str(path)], stdout=subprocess.DEVNULL, check=False)
    document = {"path": str(path), "player": player[0], "code": played.returncode}
    if played.returncode != 0:
        words = f"{player[0]} cannot play {path}: it ended with code {played.returncode}"
        return Answer(document, [words], ExitCode.PAUSED)
    return Answer(document, [f"played {path}"])
