"""Files that tests drop: valid ones, slow ones, large ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


BOMB_LIMIT_MB = 96
"""A limit that a worker is far below, unless it parses a `memory_bomb`."""
BOMB_OBJECTS = 1_250_000
"""Empty ones, of 64 bytes each: 80 MB, and the interpreter takes 20 or more."""


def scenario(scenario_id: str, **changes: object) -> bytes:
    """Return a valid scenario as a file's bytes; `changes` are fields, None leaves one out."""
    members: dict[str, object] = {
        "id": scenario_id,
        "title": f"Title of {scenario_id}",
        "claim": "A claim.",
        "correctAnswer": "logic",
        "answerWeights": {"logic": 100, "emotion": 0, "balanced": 50, "agenda": 12.5},
        "text": "A story — with 🤖.",
        **changes,
    }
    kept = {key: value for key, value in members.items() if value is not None}
    return json.dumps(kept, ensure_ascii=False, indent=2).encode() + b"\n"


def memory_bomb(scenario_id: str, *, objects: int = BOMB_OBJECTS) -> bytes:
    """Return a valid scenario that takes more than `BOMB_LIMIT_MB` once it is parsed."""
    head = scenario(scenario_id).rstrip().removesuffix(b"}").rstrip()
    return head + b',\n"unknown": [' + b",".join([b"{}"] * objects) + b"]}\n"
