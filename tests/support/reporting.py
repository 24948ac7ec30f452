"""A root folder with a library, and the report on it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scenariod.base import config
from scenariod.base.config import Config
from scenariod.library import Library
from scenariod.library.publish import publish
from scenariod.reports import builder
from scenariod.reports.facts import ANSWERS
from support import makers

TITLES = ("The Plant", "the plant!", "A Cable Car", "Night Train", "A Sock")
STORY = (
    "Mark my words, {name} said: in 2047 the goose number {n} will pay. Nobody had asked. "
    "The committee of {name} met again, and everyone went home before it's too late."
)


def document(number: int, **changes: object) -> dict[str, Any]:
    """Return a scenario with something of every subject; `changes` are fields, None leaves out."""
    answer = ANSWERS[number * number % 4]
    members: dict[str, object] = {
        "id": f"made-{number:05}",
        "title": TITLES[number % 5],
        "claim": f"Claim {number} holds.",
        "correctAnswer": answer,
        "answerWeights": {name: (at * 31 + number * 7) % 101 for at, name in enumerate(ANSWERS)},
        "text": STORY.format(name=f"Person{number % 7}", n=number) * (1 + number % 5),
        "difficulty": ("easy", "hard", 3, None)[number % 4],
        "logicalFallacies": [{"fallacyId": ("Ad Hominem", "ad-hominem", "Straw_Man")[number % 3]}],
        "reviewKeywords": {answer: {"keywords": ["goose", f"word {number}", {"phrase": "HOME"}]}},
        "hints": {"keywords": ["x"]} if number % 2 else None,
        "topic": "Geese" if number % 3 else None,
        "audioHints": {"characterVoices": {f"Person{number % 7}": "dry"}} if number % 2 else None,
        **changes,
    }
    return {key: value for key, value in members.items() if value is not None}


def content(members: dict[str, Any]) -> bytes:
    """Return a scenario as a file's bytes."""
    return json.dumps(members, ensure_ascii=False).encode("utf-8", "surrogatepass")


def root_with(path: Path, documents: Iterable[dict[str, Any]]) -> Config:
    """Return a root folder whose library holds these, published."""
    (path / "library").mkdir(parents=True)
    loaded = config.load(config=None, root=path, cwd=path)
    with open_library(loaded) as library:
        if contents := [content(each) for each in documents]:
            makers.add(library, *contents)
        publish(library, loaded.published)
    return loaded


def open_library(loaded: Config) -> Library:
    """Return the library of a root folder, open for changes."""
    return makers.open_library(loaded.database.parent)


def published(loaded: Config) -> list[dict[str, Any]]:
    """Return the scenarios in library/scenarios.json."""
    found = json.loads(loaded.published.read_bytes())["scenarios"]
    assert isinstance(found, list)
    return found


def report_on(loaded: Config) -> dict[str, Any]:
    """Make the report; return what analytics.json says."""
    builder.make(loaded)
    said = json.loads((loaded.reports / "analytics.json").read_bytes())
    assert isinstance(said, dict)
    return said
