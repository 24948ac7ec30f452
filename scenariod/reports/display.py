"""A scenario as its page shows it: its text by speaker, cut, its keywords marked.

Pure. Who speaks is found as for voices. Texts stay text: escaping is left to the templates.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scenariod.base.value import Value
from scenariod.reports.facts import ANSWERS
from scenariod.reports.folder import anchor
from scenariod.reports.voiced import FILES
from scenariod.voices.characters import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scenariod.library import ScenarioEvent, Speaker
    from scenariod.reports.facts import Facts
    from scenariod.voices.reading import Part

MOST_TEXT = 20_000
"""Characters of a text on a page; `scenariodctl show` prints all."""
MOST_MARKED = 60
_MOST_TITLE = 300
_MOST_LISTED = 60
_VOICES = tuple(zip(("Title", "Story", "Claim"), FILES, strict=True))


class Piece(Value):
    """A stretch of a line of text."""

    text: str
    is_marked: bool = False


Line = tuple[Piece, ...]


class Said(Value):
    """What one speaker says in one go, "" for the narrator, and how, where the text says so."""

    speaker: str
    direction: str
    lines: tuple[Line, ...]


class Text(Value):
    """A text by speaker; `is_cut` where there is more of it."""

    parts: tuple[Said, ...]
    is_cut: bool


class Displayed(Value):
    """A scenario to show. `spoken` is None where that is the story; `why_not` where it is unread.

    `anchor` is its place on the page as a link has it.
    """

    id: str
    anchor: str
    title: str
    claim: str
    answer: str
    weights: tuple[tuple[str, float], ...]
    story: Text
    spoken: Text | None
    keywords: tuple[tuple[str, tuple[tuple[str, bool], ...]], ...]
    fallacies: tuple[str, ...]
    characters: tuple[str, ...]
    speakers: tuple[Speaker, ...]
    difficulty: str
    explanation: Text
    voices: tuple[tuple[str, str], ...]
    pack: str | None
    events: tuple[ScenarioEvent, ...]
    why_not: str = ""


def displayed(
    facts: Facts,
    *,
    scenario_id: str,
    voices: tuple[int | None, ...],
    speakers: tuple[Speaker, ...],
    pack: str | None,
    events: Iterable[ScenarioEvent],
) -> Displayed:
    """Return a scenario as it is to be shown; `voices` are the sizes of its files."""
    absent, marks = set(facts.absent_keywords()), _marks(facts)
    hints = {"characterVoices": dict.fromkeys(facts.characters, "")}
    return Displayed(
        id=scenario_id,
        anchor=anchor(scenario_id),
        title=facts.title[:_MOST_TITLE],
        claim=facts.claim[:MOST_TEXT],
        answer=facts.answer,
        weights=tuple((name, facts.weights[name]) for name in ANSWERS),
        story=by_speaker(facts.story, hints, marks),
        spoken=None
        if facts.spoken in {"", facts.story}
        else by_speaker(facts.spoken, hints, marks),
        keywords=tuple(_keywords(facts, absent)),
        fallacies=facts.fallacies[:_MOST_LISTED],
        characters=facts.characters[:_MOST_LISTED],
        speakers=speakers[:_MOST_LISTED],
        difficulty=facts.difficulty,
        explanation=plain(facts.explanation),
        voices=tuple(
            (label, f"../../voices/{scenario_id}/{name}")
            for (label, name), size in zip(_VOICES, voices, strict=True)
            if size is not None
        ),
        pack=pack,
        events=tuple(events),
    )


def unreadable(scenario_id: str, title: str, why_not: str) -> Displayed:
    """Return what is shown of a scenario that could not be taken in."""
    nothing = Text((), is_cut=False)
    return Displayed(
        id=scenario_id,
        anchor=anchor(scenario_id),
        title=title[:_MOST_TITLE],
        claim="",
        answer="",
        weights=(),
        story=nothing,
        spoken=None,
        keywords=(),
        fallacies=(),
        characters=(),
        speakers=(),
        difficulty="",
        explanation=nothing,
        voices=(),
        pack=None,
        events=(),
        why_not=why_not,
    )


def by_speaker(text: str, hints: Mapping[str, object], marks: re.Pattern[str] | None) -> Text:
    """Return a text by speaker, what `marks` finds marked; `hints` as in `audioHints`."""
    parts = parts_of(text[:MOST_TEXT], hints).parts
    return Text(tuple(_said(part, marks) for part in parts), is_cut=len(text) > MOST_TEXT)


def plain(text: str) -> Text:
    """Return a text in which nobody speaks."""
    said = Said("", "", tuple(_lines(text[:MOST_TEXT], None)))
    return Text((said,) if said.lines else (), is_cut=len(text) > MOST_TEXT)


def _said(part: Part, marks: re.Pattern[str] | None) -> Said:
    return Said(part.speaker or "", part.direction or "", tuple(_lines(part.text, marks)))


def _lines(text: str, marks: re.Pattern[str] | None) -> Iterator[Line]:
    for line in text.expandtabs(4).splitlines():
        if line.strip():
            yield tuple(_pieces(line, marks)) if marks else (Piece(line),)


def _pieces(text: str, marks: re.Pattern[str]) -> Iterator[Piece]:
    at = 0
    for found in marks.finditer(text):
        if found.start() > at:
            yield Piece(text[at : found.start()])
        yield Piece(found.group(), is_marked=True)
        at = found.end()
    if at < len(text):
        yield Piece(text[at:])


def _marks(facts: Facts) -> re.Pattern[str] | None:
    """Return what finds the scenario's keywords, the longest first; None where it has none."""
    phrases = dict.fromkeys(each.phrase for each in facts.keywords)
    longest = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))[:MOST_MARKED]
    found = [r"\s+".join(map(re.escape, phrase.split())) for phrase in longest]
    return re.compile("|".join(found), re.IGNORECASE) if found else None


def _keywords(facts: Facts, absent: set[str]) -> Iterator[tuple[str, tuple[tuple[str, bool], ...]]]:
    by_answer: dict[str, list[tuple[str, bool]]] = {}
    for each in facts.keywords[: 4 * _MOST_LISTED]:
        by_answer.setdefault(each.answer, []).append((each.phrase, each.phrase in absent))
    return ((answer, tuple(found)) for answer, found in by_answer.items())
