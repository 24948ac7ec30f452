"""What the library holds. Changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scenariod.answers.answer import READ_TIMEOUT_S, Answer, require_root
from scenariod.errors import NotFoundError
from scenariod.library import Library

if TYPE_CHECKING:
    import argparse

    from scenariod.config import Config


def scenarios(config: Config, _: argparse.Namespace) -> Answer:
    """Answer which scenarios the library holds, in the order in which they were added."""
    require_root(config)
    with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
        records = list(library.scenarios())
    document = [
        {
            "id": r.id,
            "title": r.title,
            "correctAnswer": r.correct_answer,
            "size_bytes": r.size_bytes,
            "added_batch": r.added_batch,
        }
        for r in records
    ]
    width = max((len(r.id) for r in records), default=0)
    lines = [f"{r.id:<{width}}  {r.correct_answer:<8}  {r.title}" for r in records]
    return Answer(document, lines=lines or ["the library is empty"])


def show(config: Config, asked: argparse.Namespace) -> Answer:
    """Answer one scenario: for people the document as dropped, for programs with its record."""
    with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
        found = library.scenario(asked.what)
    if found is None:
        raise NotFoundError(
            f"there is no scenario {asked.what!r} in the library",
            hint="`scenariodctl list` shows their ids",
        )
    record, content = found
    document = {
        "id": record.id,
        "added_batch": record.added_batch,
        "content_sha256": record.content_sha256,
    }
    # Spliced in as it was dropped: a program must get its numbers digit by digit.
    head = json.dumps(document, indent=2).removesuffix("\n}")
    spliced = f'{head},\n  "scenario": {content.decode().strip()}\n}}'
    raw = content if content.endswith(b"\n") else content + b"\n"
    return Answer(document, raw=raw, json_text=spliced)
