"""The folder voices/ as the supervisor keeps it: whose sound is there, and what programs read.

Moves folders of scenarios, and writes the manifest. Never looks into a sound file.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base import durable
from scenariod.intake.batch import set_foreign_aside
from scenariod.library import voicing
from scenariod.library.voicing import State
from scenariod.voices.rules import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scenariod.library import Library
    from scenariod.library.voicing import Voicing

FORMAT = 1
ASIDE = ".aside"
"""Where the sound of removed scenarios waits for an undo. No id begins with a dot."""
_OURS = ("title.mp3", "content.mp3", "claim.mp3")
_PAGE = 1000


def prepare(folder: Path, *, speaker_uid: int) -> None:
    """Have `folder`, to which the user who speaks may write."""
    folder.mkdir(mode=0o755, exist_ok=True)
    (folder / ASIDE).mkdir(mode=0o755, exist_ok=True)
    if os.geteuid() == 0 and folder.stat().st_uid != speaker_uid:
        os.chown(folder, speaker_uid, -1)


def tidy(library: Library, folder: Path) -> int:
    """Set aside the sound of removed scenarios, and bring back that of returned ones.

    Return how many were moved.
    """
    strays = voicing.strays(library)
    for scenario_id, is_aside in strays:
        places = folder / scenario_id, folder / ASIDE / scenario_id
        source, target = reversed(places) if is_aside else places
        with suppress(FileNotFoundError):  # nothing was made, or it was moved before a crash
            _replace_folder(source, target)
        voicing.set_state(library, scenario_id, State.BEGUN if is_aside else State.ASIDE)
    return len(strays)


def _replace_folder(source: Path, target: Path) -> None:
    """Rename a folder; where the target is there, it is an older sound of the same scenario.

    What else is there is not ours, and is kept beside it.
    """
    source.lstat()
    if target.is_dir() and not target.is_symlink():
        for name in _OURS:
            with suppress(IsADirectoryError):
                (target / name).unlink(missing_ok=True)
        with suppress(OSError):  # something else is in it
            target.rmdir()
    if os.path.lexists(target):
        set_foreign_aside(target)
    source.rename(target)


def check(library: Library, folder: Path) -> int:
    """Have those scenarios spoken again whose files are not as they were; return how many."""
    missing = 0
    for each in _all(library):
        if each.state is State.SPOKEN and not _is_there(each, folder):
            voicing.set_state(library, each.scenario_id, State.BEGUN)
            missing += 1
    return missing


def _is_there(voiced: Voicing, folder: Path) -> bool:
    try:
        return all(
            (folder / voiced.scenario_id / f"{s.name}.mp3").stat().st_size == s.size_bytes
            for s in voiced.files
        )
    except OSError:
        return False


def write_manifest(library: Library, folder: Path) -> None:
    """Write what there is to hear, for programs: docs/VOICES.md has the format."""
    with durable.replacing(folder / MANIFEST, mode=0o644, despite_umask=True) as file:
        file.write(b'{"format": %d, "scenarios": [' % FORMAT)
        separator = b"\n"
        for each in _all(library):
            if each.state is State.SPOKEN:
                entry = json.dumps(_entry(library, each), ensure_ascii=False)
                file.write(separator + entry.encode())
                separator = b",\n"
        file.write(b"\n]}\n")


def _entry(library: Library, voiced: Voicing) -> dict[str, object]:
    cast = voicing.cast_of(library, voiced.scenario_id)
    return {
        "id": voiced.scenario_id,
        "text_sha256": voiced.text_sha256,
        "words": voiced.words,
        "files": [
            {
                "name": sound.name,
                "path": f"{voiced.scenario_id}/{sound.name}.mp3",
                "size_bytes": sound.size_bytes,
                "duration_s": sound.duration_s,
            }
            for sound in voiced.files
        ],
        "speakers": [{"name": each.name, "voice": each.voice} for each in cast],
    }


def _all(library: Library) -> Iterator[Voicing]:
    after = ""
    while page := voicing.voicings(library, after=after, most=_PAGE):
        yield from page
        after = page[-1].scenario_id
