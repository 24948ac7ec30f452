"""The document reports/analytics.json: twelve subjects, each figure with the scenarios it is about.

Owns its keys, which docs/REPORT.md describes. Pure: from counts to a document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenariod.base.value import as_dict
from scenariod.reports.batches import three
from scenariod.reports.facts import ANSWERS, WANTED
from scenariod.reports.folder import link
from scenariod.reports.known import FALLACIES
from scenariod.reports.part import TOO_CLOSE
from scenariod.reports.words import SKETCH_SIZE, WORDS_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scenariod.library import Heard, Likenesses
    from scenariod.reports.part import Part
    from scenariod.reports.tallies import Findings, Ref, Tally
    from scenariod.reports.voiced import Voiced

VERSION = 1
"""Of the document: a key that goes away or means something else makes another one."""
LEAST_ALIKE = 8
"""Of 32 hashes in common from which on two texts are called alike; real ones share 6 at most."""
LEAST_OVERUSED = 3
_MOST_LISTED = 40
_COLUMNS = 24


def subjects(whole: Part, likes: Likenesses, voiced: Voiced, heard: Heard) -> dict[str, Any]:
    """Return the subjects that are about scenarios, by their keys and in their order."""
    return {
        "answers": _answers(whole),
        "incomplete": _incomplete(whole),
        "keywords": _keywords(whole),
        "fallacies": _fallacies(whole),
        "weights": _weights(whole),
        "duplicates": _duplicates(likes),
        "phrases": _phrases(whole),
        "difficulty": _difficulty(whole),
        "length": _length(whole),
        "characters": _characters(whole, heard),
        "voices": _voices(voiced, heard),
    }


def left_out(whole: Part) -> dict[str, Any]:
    """Return the scenarios that could not be taken in, and are in no figure."""
    return _found(whole.finding("left_out"))


def _answers(whole: Part) -> dict[str, Any]:
    found = {key: count for key, count, _ in whole.tally("answers").top()}
    counts = {answer: found.get(answer, 0) for answer in ANSWERS}
    known = sum(counts.values())
    even = known / len(ANSWERS)
    return {
        "counts": counts,
        "shares": {name: round(n / known, 3) if known else 0.0 for name, n in counts.items()},
        "rarest": min(ANSWERS, key=lambda name: counts[name]) if known else None,
        "lacking_for_balance": {
            name: max(0, round(even) - n) for name, n in counts.items() if n < even
        },
    }


def _incomplete(whole: Part) -> dict[str, Any]:
    words = dict(WANTED)
    return {
        "lacking": [
            {"field": name, "words": words[name], "scenarios": count, "examples": _refs(refs)}
            for name, count, refs in whole.tally("lacking").top()
        ],
        "placeholders": _tallied(whole.tally("placeholders"), name="field"),
        "most_incomplete": _found(whole.finding("incomplete")),
    }


def _keywords(whole: Part) -> dict[str, Any]:
    return {
        "keywords": whole.spread("keywords").total,
        "not_in_text": whole.spread("keywords_absent").total,
        "scenarios": _found(whole.finding("keywords_absent")),
    }


def _fallacies(whole: Part) -> dict[str, Any]:
    tally = whole.tally("fallacies")
    found = tally.top()
    used = {key for key, _, _ in found}
    return {
        "different": len(found),
        "exact": tally.exact,
        "used_once": sum(1 for _, count, _ in found if count == 1),
        "used": _tallied(tally, name="fallacy", most=100),
        "never_used": [name for name in FALLACIES if name not in used],
    }


def _weights(whole: Part) -> dict[str, Any]:
    return {
        "right_not_highest": _found(whole.finding("right_not_highest")),
        "top_two_within": TOO_CLOSE,
        "too_close": _found(whole.finding("too_close")),
    }


def _duplicates(likes: Likenesses) -> dict[str, Any]:
    pairs = list(likes.alike(least=LEAST_ALIKE))
    return {
        "same_titles": _same(likes, "title"),
        "same_claims": _same(likes, "claim"),
        "same_texts": _same(likes, "text"),
        "alike": {
            "pairs": pairs[0][3] if pairs else 0,
            "shared_at_least": LEAST_ALIKE,
            "of": SKETCH_SIZE,
            "most_alike": [
                {"shared": shared, "scenarios": _refs([one, other])}
                for shared, one, other, _ in pairs
            ],
        },
    }


def _same(likes: Likenesses, kind: str) -> dict[str, Any]:
    groups, scenarios, who = likes.same(kind)
    return {
        "groups": groups,
        "scenarios": scenarios,
        "most_frequent": [
            {"count": count, "examples": [_ref(*ref) for ref in refs]} for count, refs in who
        ],
    }


def _phrases(whole: Part) -> dict[str, Any]:
    phrases = [each for each in whole.tally("phrases").top() if each[1] >= LEAST_OVERUSED]
    return {
        "phrases": [
            {"phrase": phrase, "scenarios_at_least": count, "examples": _refs(refs)}
            for phrase, count, refs in _longest(phrases)
        ],
        "numbers": _tallied(whole.tally("numbers"), name="number", at_least=LEAST_OVERUSED),
    }


def _longest(phrases: list[tuple[str, int, list[Ref]]]) -> list[tuple[str, int, list[Ref]]]:
    """Return the most frequent phrases, without those that are always part of a longer one."""
    kept: list[tuple[str, int, list[Ref]]] = []
    candidates = phrases[: 4 * _MOST_LISTED]
    for phrase, count, refs in candidates:
        within = (f" {longer} " for longer, n, _ in candidates if n == count and longer != phrase)
        if not any(f" {phrase} " in longer for longer in within):
            kept.append((phrase, count, refs))
    return kept[:_MOST_LISTED]


def _difficulty(whole: Part) -> dict[str, Any]:
    by_answer: dict[str, dict[str, int]] = {}
    for key, count, _ in whole.tally("difficulty_by_answer").top():
        answer, _, difficulty = key.partition("\n")
        by_answer.setdefault(difficulty, {})[answer] = count
    return {
        "levels": [
            {"difficulty": key, "scenarios": count, "by_answer": by_answer.get(key, {})}
            | {"examples": _refs(refs)}
            for key, count, refs in whole.tally("difficulty").top(_MOST_LISTED)
        ]
    }


def _length(whole: Part) -> dict[str, Any]:
    return {
        "words": three(whole.spread("words")),
        "words_columns": whole.spread("words").columns(_COLUMNS),
        "words_per_minute": WORDS_PER_MINUTE,
        "listening_s": three(whole.spread("listening_s")),
        "listening_total_s": whole.spread("listening_s").total,
        "grade_tenths": three(whole.spread("grade_tenths")),
        "longest": _found(whole.finding("longest"), most=10),
        "shortest": _found(whole.finding("shortest"), most=10),
        "hardest_to_read": _found(whole.finding("hardest"), most=10),
    }


def _characters(whole: Part, heard: Heard) -> dict[str, Any]:
    tally, cast = whole.tally("characters"), whole.spread("cast")
    return {
        "scenarios_with_directions": whole.count - cast.count_of(0),
        "characters": _tallied(tally, name="name"),
        "in_one_scenario": three(cast),
        "exact": tally.exact,
        "speaking": heard.names,
        "speakers": [
            {
                "name": each.name,
                "scenarios": each.scenarios,
                "voice": each.voice,
                "uncertain": each.uncertain,
                "examples": _refs(each.examples),
            }
            for each in heard.characters
        ],
        "uncertain": _listed(heard.uncertain, heard.uncertain_voices),
    }


def _voices(voiced: Voiced, heard: Heard) -> dict[str, Any]:
    return {
        "complete": voiced.complete,
        "partial": _found(voiced.partial),
        "missing": _found(voiced.missing),
        "files": voiced.files,
        "size_bytes": voiced.size_bytes,
        "states": dict(sorted(heard.states.items())),
        "words": heard.words,
        "seconds": heard.seconds,
        "failed": _listed(heard.states.get("failed", 0), heard.failed),
        "charges": [as_dict(each) for each in heard.charges],
    }


def _listed(total: int, found: list[tuple[int, str, str]]) -> dict[str, Any]:
    """Return scenarios with words on each, as `_found` does."""
    listed = [_ref(row, name) | {"details": [words]} for row, name, words in found]
    return {"scenarios": total, "worst": listed}


def _tallied(
    tally: Tally, *, name: str, most: int = _MOST_LISTED, at_least: int = 1
) -> list[dict[str, Any]]:
    return [
        {name: key, "scenarios": count, "examples": _refs(refs)}
        for key, count, refs in tally.top(most)
        if count >= at_least
    ]


def _found(findings: Findings, most: int | None = None) -> dict[str, Any]:
    return {
        "scenarios": findings.total,
        "worst": [
            _ref(row, scenario_id) | {"details": details}
            for _, row, scenario_id, details in findings.worst()[:most]
        ],
    }


def _refs(refs: Iterable[Ref]) -> list[dict[str, Any]]:
    return [_ref(row, scenario_id) for row, scenario_id in refs]


def _ref(row: int, scenario_id: str) -> dict[str, Any]:
    return {"id": scenario_id, "link": link(row, scenario_id)}
