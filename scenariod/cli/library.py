"""What the library holds, and whether all of it is as it was stored. Changes nothing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from scenariod.base.errors import ExitCode
from scenariod.base.names import printable
from scenariod.base.value import as_dict
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, Stream, require_root, scenario_of
from scenariod.library import Library
from scenariod.validation.document import canonical, places, reader
from scenariod.validation.document.reader import Document
from scenariod.validation.readable import made_readable
from scenariod.validation.verdict import stored_title

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from scenariod.base.config import Config
    from scenariod.library import Version
    from scenariod.validation.problems import Problem

_CHANGED_WHERE_PUBLISHED = (
    "an earlier version accepted these; published and exported, their numbers are strings and their"
    " half characters U+FFFD; to fix one: `scenariodctl show ID`, edit it, drop it as a new version"
    ' (library.on_conflict = "replace")'
)


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
            "size_bytes": r.stored.size_bytes,
            "added_batch": r.added_batch,
        }
        for r in records
    ]
    width = max((len(r.id) for r in records), default=0)
    lines = [f"{r.id:<{width}}  {r.correct_answer:<8}  {r.title}" for r in records]
    return Answer(document, lines=lines or ["the library is empty"])


def show(config: Config, asked: argparse.Namespace) -> Stream:
    """Answer one scenario: for people the document as dropped, for programs with its record."""
    with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
        record, content = scenario_of(library, asked.what)
    if asked.json:
        return Stream([_with_record(record, content)])
    if sys.stdout.isatty():
        lines = content.decode().expandtabs(4).splitlines()
        return Stream([f"{printable(line)}\n" for line in lines])
    return Stream([content if content.endswith(b"\n") else content + b"\n"])


def _with_record(record: Version, content: bytes) -> str:
    document = {
        "id": record.id,
        "added_batch": record.added_batch,
        "content_sha256": record.content_sha256,
    }
    # Spliced in as it was dropped: a program must get its numbers digit by digit.
    head = json.dumps(document, indent=2).removesuffix("\n}")
    spliced = b"".join(made_readable([content])).decode().strip()
    return f'{head},\n  "scenario": {spliced}\n}}\n'


def verify(config: Config, _: argparse.Namespace) -> Answer:
    """Read all of the library, each document included, and answer what is not as it was stored.

    Also what an earlier version accepted that not every reader of JSON takes.
    """
    require_root(config)
    unreadable: list[tuple[str, Problem]] = []
    with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
        faults = list(library.faults()) or list(_unlike_their_documents(library, unreadable))
        count = library.count()
    document = {
        "sound": not faults,
        "scenarios": count,
        "faults": faults,
        "unreadable": [{"scenario": each, **as_dict(problem)} for each, problem in unreadable],
    }
    lines = [f"scenario {each} ({problem.code}): {problem}" for each, problem in unreadable]
    if unreadable:
        lines.append(_CHANGED_WHERE_PUBLISHED)
    if faults:
        cure = "stop scenariod; `scenariodctl restore latest` sets it aside and rebuilds it"
        return Answer(document, lines=[*lines, *faults, cure], code=ExitCode.LIBRARY_DAMAGED)
    words = f"{config.database} is intact: {count} scenarios, each as it was stored"
    return Answer(document, lines=[*lines, words])


def _unlike_their_documents(
    library: Library, unreadable: list[tuple[str, Problem]]
) -> Iterator[str]:
    """Yield the scenarios whose row does not say what their document says.

    Add to `unreadable` what of a document not every reader takes.
    """
    with library.snapshot() as snapshot:
        pairs = zip(snapshot.scenarios(), snapshot.documents(), strict=True)
        for record, chunks in pairs:
            read = reader.read(b"".join(chunks))
            if isinstance(read, Document):
                unreadable += [(record.id, problem) for problem in places.problems(read, ())]
            if not isinstance(read, Document) or not _is_said_by(record, read):
                yield f"scenario {record.id}: its row does not match its document"


def _is_said_by(record: Version, read: Document) -> bool:
    """Say whether a row says what its document says."""
    members = read.members
    scenario_id, title, answer = (str(members.get(k)) for k in ("id", "title", "correctAnswer"))
    # Restores stored whole titles once; libraries have them still.
    if record.title not in {stored_title(title), _as_stored(title)}:
        return False
    if (record.id, record.correct_answer) != (_as_stored(scenario_id), _as_stored(answer)):
        return False
    return read.flawed or record.content_sha256 == canonical.content_sha256(members)


def _as_stored(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
