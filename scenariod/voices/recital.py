"""Speak one scenario after the other: what is said, who says it, and its sound files.

Owns the files of a scenario in voices/, and when they are whole. Never talks to the supervisor
itself: `say` and `ask` do.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenariod.base import durable
from scenariod.base.names import shell_word
from scenariod.base.value import Value
from scenariod.voices import id3, mp3
from scenariod.voices.engines.engine import Passage, UnspeakableError, Voice
from scenariod.voices.rules import FORMAT
from scenariod.voices.script import File, script_of
from scenariod.voices.sound import Part, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scenariod.voices.engines.engine import Engine
    from scenariod.voices.script import Line, Script

SPEAKER_PAUSE_MS = 450
"""Between two speakers, and between two paragraphs of one."""
_READABLE_BY_ALL = 0o644
_MOST_NAMED = 8
_MOST_HINT = 200
"""So much of a hint is passed on: what is longer names no voice."""
_CONTEXT_CHARACTERS = 300
"""What an engine is told of the text before and after a passage."""

_IN_THE_WAY = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What others may have put where a scenario's files belong: others can be spoken all the same."""


class StoppedError(Exception):
    """The speaker is to end: what is whole stays, what was begun is made again."""


class Recital(Value):
    """What one process has for all scenarios; its working folder is voices/.

    `say` tells the supervisor, `ask` waits for its answer, too.
    """

    engine: Engine
    settings: Mapping[str, Any]
    say: Callable[..., None]
    ask: Callable[..., dict[str, Any]]
    is_stopped: Callable[[], bool]

    def speak(self, scenario_id: str, document: bytes, *, again: bool) -> None:
        """Make the files of a scenario that are not there for this text, engine and cast.

        Makes all `again` if asked to. Says what came of it. Raises EngineUnavailableError,
        StoppedError where the supervisor wants that, and OSError where the disk is at fault.
        """
        try:
            self._speak(scenario_id, json.loads(document), again=again)
        except UnspeakableError as error:
            self.say("failed", reason=str(error))
        except _IN_THE_WAY as error:
            if not _is_of(scenario_id, error):
                raise  # then no scenario can be spoken
            self.say("failed", reason=_what_is_in_the_way(error, scenario_id))

    def _speak(self, scenario_id: str, scenario: Mapping[str, Any], *, again: bool) -> None:
        script = script_of(scenario)
        folder = Path(scenario_id)
        if script.reason:
            _keep_only(folder, ())
            self.say("silent", reason=script.reason)
            return
        voices = self._voices(scenario_id, script)
        folder.mkdir(mode=0o755, exist_ok=True)
        made = [
            self._make(folder, name, lines, voices=voices, scenario=scenario, again=again)
            for name, lines in script.files.items()
        ]
        _keep_only(folder, script.files)
        note = "its text is too long: only its beginning is spoken" if script.is_cut else ""
        self.say(
            "spoken",
            reason=note,
            words=script.words,
            files=made,
            text_sha256=_sha256([[name, *map(_pair, said)] for name, said in script.files.items()]),
        )

    def _voices(self, scenario_id: str, script: Script) -> dict[str | None, Voice]:
        """Return the voice of each speaker; None is the narrator."""
        characters = [
            {
                "name": each.name,
                "aliases": each.aliases,
                "gender": each.gender,
                "evidence": each.evidence,
                "kind": each.kind,
                "hint": each.hint and each.hint[:_MOST_HINT],
            }
            for each in script.characters
        ]
        answer = self.ask(
            "characters",
            id=scenario_id,
            characters=characters,
            voices=[(voice.name, voice.gender) for voice in self.engine.voices],
        )
        if not answer:  # the supervisor says why
            raise StoppedError
        by_name = {voice.name: voice for voice in self.engine.voices}
        voices: dict[str | None, Voice] = {
            name: by_name[voice] for name, voice in answer["voices"].items()
        }
        return voices | {None: by_name[answer["narrator"]]}

    def _make(
        self,
        folder: Path,
        name: File,
        lines: Sequence[Line],
        *,
        voices: Mapping[str | None, Voice],
        scenario: Mapping[str, Any],
        again: bool,
    ) -> tuple[File, int, float]:
        """Make one file unless it is there; return its name, its size and how long it lasts."""
        path = folder / f"{name}.mp3"
        cast = [(voices[line.speaker].name, line.text) for line in lines]
        sha256 = _sha256([FORMAT, self.engine.name, self.settings["model"], cast])
        tags = mp3.tags_of_whole(path)
        if again or tags is None or tags.text_sha256 != sha256:
            tags = _tags(folder.name, name, lines, scenario=scenario, sha256=sha256)
            with durable.replacing(path, mode=_READABLE_BY_ALL) as file:
                sound = joined(self._parts(lines, voices), rate_hz=self.engine.rate_hz)
                seconds = mp3.write(file, sound, rate_hz=self.engine.rate_hz, tags=tags)
                if not seconds:
                    raise UnspeakableError(
                        f"{self.engine.name} made no sound of its {name}",
                        hint=f"see `scenariodctl voices text {folder.name}`",
                    )
        else:
            seconds = mp3.seconds(tags)
        return name, path.stat().st_size, round(seconds, 2)

    def _parts(self, lines: Sequence[Line], voices: Mapping[str | None, Voice]) -> Iterator[Part]:
        texts = ["", *(line.text for line in lines), ""]
        for number, line in enumerate(lines, start=1):
            passage = Passage(
                line.text,
                before=texts[number - 1][-_CONTEXT_CHARACTERS:],
                after=texts[number + 1][:_CONTEXT_CHARACTERS],
            )
            yield Part(self._samples(passage, voices[line.speaker]), SPEAKER_PAUSE_MS)

    def _samples(self, passage: Passage, voice: Voice) -> Iterator[bytes]:
        for chunk in self.engine.speak(passage, voice):
            if self.is_stopped():
                raise StoppedError
            yield chunk


def _is_of(scenario_id: str, error: OSError) -> bool:
    """Say whether it is about the files of this scenario, in a folder that is right otherwise."""
    named = Path(os.fsdecode(error.filename or ""))
    return named.parts[:1] == (scenario_id,) and os.access(".", os.W_OK)


def _what_is_in_the_way(error: OSError, scenario_id: str) -> str:
    return (
        f"its files cannot be written to {shell_word(Path('voices', scenario_id))}:"
        f" {error.strerror}; move away what is there, then try again"
    )


def rehearse() -> None:
    """Load what is loaded when it is first needed: who is nobody later may not be able to."""
    from anyascii import anyascii

    script_of({"title": "1", "claim": "1", "text": 'ANNA: "At 5 pm, $5."\nÉLODIE (sad): 🙂 é'})
    id3.to_bytes(id3.Tags("é", "€", "", "", ""))
    for code in range(0xA0, 0x20000, 0x100):
        anyascii(chr(code))
    codecs.lookup("idna")  # for the name of a host


def _tags(
    scenario_id: str, name: File, lines: Sequence[Line], *, scenario: Mapping[str, Any], sha256: str
) -> id3.Tags:
    speakers = list(dict.fromkeys(line.speaker or "Narrator" for line in lines))
    more = ["others"] if len(speakers) > _MOST_NAMED else []
    return id3.Tags(
        title=f"{scenario['title']} ({name})",
        artist=", ".join(speakers[:_MOST_NAMED] + more),
        album=str(scenario.get("pack") or "Scenarios"),
        comment=scenario_id,
        text_sha256=sha256,
    )


def _keep_only(folder: Path, names: Mapping[File, object] | tuple[()]) -> None:
    """Remove the files that are not of the set any more, and what was cut off."""
    if not folder.is_dir():
        return
    for name in File:
        path = folder / f"{name}.mp3"
        durable.remove_leftovers(folder, path.name)
        if name not in names:
            path.unlink(missing_ok=True)


def _pair(line: Line) -> tuple[str | None, str]:
    return line.speaker, line.text


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
