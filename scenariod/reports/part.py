"""What is counted over some scenarios, subject by subject, so that such counts add up.

Pure. Never holds more than a bounded summary of what it has seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scenariod.base.value import Value
from scenariod.reports import words
from scenariod.reports.facts import ANSWERS
from scenariod.reports.tallies import Findings, Ref, Spread, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenariod.reports.facts import Facts

VERSION = 2
"""Of what is counted, and how: another one counts everything anew."""
TOO_CLOSE = 5
"""So near to each other the two highest weights leave a player in doubt."""
PHRASES_COUNTED = 50_000
"""While the scenarios of a page are counted; what only one of them has is then forgotten."""
_PHRASES_KEPT = 3000
_SHOWN_KEYWORDS = 5
_NO_DIFFICULTY = "none"


class Likeness(Value):
    """By what a scenario is compared with others: hashes; 0 and none where there is nothing."""

    row: int
    id: str
    title: int
    claim: int
    story: int
    sketch: tuple[int, ...]


@dataclass(slots=True)
class Part:
    """The counts of some scenarios. `likenesses` are those of the scenarios added to this one."""

    count: int = 0
    most_phrases: int = _PHRASES_KEPT
    tallies: dict[str, Tally] = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)
    findings: dict[str, Findings] = field(default_factory=dict)
    likenesses: list[Likeness] = field(default_factory=list)

    def tally(self, name: str) -> Tally:
        """Return the tally of this name, a new one where there is none."""
        found = self.tallies.get(name)
        if found is None:
            is_long = name == "phrases"
            most = self.most_phrases if is_long else 2000
            found = self.tallies[name] = Tally(most=most, examples=4 if is_long else 12)
        return found

    def spread(self, name: str) -> Spread:
        """Return the spread of this name, a new one where there is none."""
        return self.spreads.setdefault(name, Spread())

    def finding(self, name: str) -> Findings:
        """Return the findings of this name, new ones where there are none."""
        return self.findings.setdefault(name, Findings())

    def add(self, row: int, facts: Facts) -> None:
        """Count a scenario."""
        self.count += 1
        ref = (row, facts.id)
        folded = words.folded(words.without_directions(facts.spoken))
        first = words.first_words(folded)
        for subject in _SUBJECTS:
            subject(self, ref, facts)
        _keywords(self, ref, facts)
        threes = words.runs_of_three(first)
        self.tally("phrases").add_all(words.phrases(first, threes), ref)
        self.tally("numbers").add_all(words.numbers(folded), ref)
        _length(self, ref, first, folded)
        self.likenesses.append(_likeness(ref, facts, threes, folded))

    def leave_out(self, ref: Ref, why: str) -> None:
        """Count a scenario that cannot be taken in."""
        self.count += 1
        self.finding("left_out").add(ref, details=[why])

    def merge(self, said: dict[str, Any]) -> None:
        """Add the counts of another one, as `state` says them; not its likenesses."""
        self.count += said["count"]
        for name, each in said["tallies"].items():
            self.tally(name).merge(each)
        for name, each in said["spreads"].items():
            self.spread(name).merge(each)
        for name, each in said["findings"].items():
            self.finding(name).merge(each)

    def state(self) -> dict[str, Any]:
        """Return the counts as JSON takes them.

        Of phrases only those of two scenarios or more: all the others would be most of it.
        """
        return {
            "count": self.count,
            "tallies": {
                name: each.state(at_least=2, most=_PHRASES_KEPT)
                if name == "phrases"
                else each.state()
                for name, each in self.tallies.items()
            },
            "spreads": {name: each.state() for name, each in self.spreads.items()},
            "findings": {name: each.state() for name, each in self.findings.items()},
            "likenesses": [
                [e.row, e.id, e.title, e.claim, e.story, ",".join(map(str, e.sketch))]
                for e in self.likenesses
            ],
        }


def likenesses(said: dict[str, Any]) -> list[Likeness]:
    """Return the likenesses in what `Part.state` says."""
    return [
        Likeness(row, name, title, claim, story, tuple(map(int, filter(None, sketch.split(",")))))
        for row, name, title, claim, story, sketch in said["likenesses"]
    ]


def _answers(part: Part, ref: Ref, facts: Facts) -> None:
    part.tally("answers").add(facts.answer, ref)


def _incomplete(part: Part, ref: Ref, facts: Facts) -> None:
    for name in facts.lacking:
        part.tally("lacking").add(name, ref)
    for name in facts.placeholders:
        part.tally("placeholders").add(name, ref)
    if facts.lacking:
        part.finding("incomplete").add(ref, rank=len(facts.lacking), details=list(facts.lacking))


def _fallacies(part: Part, ref: Ref, facts: Facts) -> None:
    for name in sorted(set(facts.fallacies)):
        part.tally("fallacies").add(name, ref)


def _weights(part: Part, ref: Ref, facts: Facts) -> None:
    right = facts.weights.get(facts.answer, 0.0)
    highest = max(ANSWERS, key=lambda name: facts.weights[name])
    top, second = sorted(facts.weights.values(), reverse=True)[:2]
    if right < top:
        gap = top - right
        details = [f"{facts.answer} {right:g}", f"{highest} {top:g}"]
        part.finding("right_not_highest").add(ref, rank=round(gap * 100), details=details)
    if top - second <= TOO_CLOSE:
        named = sorted(facts.weights.items(), key=lambda each: -each[1])[:2]
        details = [f"{name} {weight:g}" for name, weight in named]
        part.finding("too_close").add(ref, rank=-round((top - second) * 100), details=details)


def _difficulty(part: Part, ref: Ref, facts: Facts) -> None:
    difficulty = facts.difficulty or _NO_DIFFICULTY
    part.tally("difficulty").add(difficulty, ref)
    part.tally("difficulty_by_answer").add(f"{facts.answer}\n{difficulty}", ref)


def _characters(part: Part, ref: Ref, facts: Facts) -> None:
    for name in dict.fromkeys(facts.characters):
        part.tally("characters").add(name, ref)
    part.spread("cast").add(len(set(facts.characters)))


_SUBJECTS: tuple[Callable[[Part, Ref, Facts], None], ...] = (
    _answers,
    _incomplete,
    _fallacies,
    _weights,
    _difficulty,
    _characters,
)


def _keywords(part: Part, ref: Ref, facts: Facts) -> None:
    absent = facts.absent_keywords()
    part.spread("keywords").add(len(facts.keywords))
    part.spread("keywords_absent").add(len(absent))
    if absent:
        details = absent[:_SHOWN_KEYWORDS]
        part.finding("keywords_absent").add(ref, rank=len(absent), details=details)


def _length(part: Part, ref: Ref, first: list[str], folded: str) -> None:
    length = words.count_words(folded)
    part.spread("words").add(length)
    part.spread("listening_s").add(round(length * 60 / words.WORDS_PER_MINUTE))
    part.finding("longest").add(ref, rank=length, details=[f"{length} words"])
    part.finding("shortest").add(ref, rank=-length, details=[f"{length} words"])
    grade = words.grade(folded, words=first, length=length)
    if grade is not None:
        part.spread("grade_tenths").add(round(grade * 10))
        part.finding("hardest").add(ref, rank=round(grade * 10), details=[f"grade {grade:g}"])


def _likeness(ref: Ref, facts: Facts, threes: list[str], folded: str) -> Likeness:
    return Likeness(
        row=ref[0],
        id=ref[1],
        title=_hash(words.key_of(facts.title)),
        claim=_hash(words.key_of(facts.claim)),
        story=_hash(folded),
        sketch=tuple(words.sketch(threes)),
    )


def _hash(text: str) -> int:
    """Return a hash of a text that SQLite can hold; 0 of none."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], signed=True) if text else 0
