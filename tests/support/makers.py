"""Documents, verdicts and batches for the tests of library, backup and restore."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from scenariod.library import (
    Entry,
    Library,
    NewScenario,
    Result,
    SettledBatch,
    SettledFile,
)
from scenariod.validation.document.canonical import content_sha256
from scenariod.validation.document.reader import Document, read
from scenariod.validation.verdict import Accepted, stored_title

TESTS = Path(__file__).parents[1]
CHILD = (sys.executable, "-m", "support.killed_child")
"""A command, for the folder `TESTS`."""
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def clock() -> datetime:
    return NOON


def document(scenario_id: str, *, text: str = "a story") -> bytes:
    members = {
        "id": scenario_id,
        "title": f"title of {scenario_id}",
        "claim": "a claim",
        "correctAnswer": "logic",
        "answerWeights": {"logic": 100, "emotion": 0, "balanced": 50, "agenda": 0},
        "text": text,
        "unknown": {"kept": [1.50, "ä"]},
    }
    return json.dumps(members, ensure_ascii=False, indent=2).encode() + b"\n"


def accepted(content: bytes, *, name: str = "scenario-1.json") -> Accepted:
    """Say of `content` what the worker would."""
    parsed = read(content)
    assert isinstance(parsed, Document)
    return Accepted(
        name=name,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content_sha256=content_sha256(parsed.members),
        scenario_id=parsed.members["id"],
        title=stored_title(parsed.members["title"]),
        correct_answer=parsed.members["correctAnswer"],
    )


def entry(content: bytes, *, name: str = "scenario-1.json") -> Entry:
    return Entry(accepted(content, name=name), io.BytesIO(content))


def batch(batch_id: int) -> SettledBatch:
    return SettledBatch(
        id=batch_id,
        started_at=NOON,
        settled_at=NOON,
        outcome="ok",
        duration_ms=1500,
        launcher="systemd",
        memory_peak_bytes=45 << 20,
        memory_limit_bytes=3 << 30,
    )


def open_library(folder: Path) -> Library:
    return Library.open(folder / "scenarios.db", busy_timeout_s=60.0)


def add(library: Library, *contents: bytes) -> int:
    """Settle a batch of these documents, each of which is to be added; return its id."""
    batch_id = library.reserve_batch()
    files = library.settle(batch(batch_id), [entry(content) for content in contents])
    assert {file.result for file in files} == {Result.ADDED}
    return batch_id


def held(library: Library) -> dict[str, bytes]:
    """Return the current documents by id, in the order of the library."""
    with library.snapshot() as snapshot:
        ids = [record.id for record in snapshot.scenarios()]
        documents = [b"".join(chunks) for chunks in snapshot.documents()]
    return dict(zip(ids, documents, strict=True))


def results_of(files: list[SettledFile]) -> list[Result]:
    return [file.result for file in files]


def sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Run a statement as another program would; return its rows."""
    db = sqlite3.connect(path)
    try:
        rows = db.execute(statement).fetchall()
        db.commit()
        return rows
    finally:
        db.close()


def restored_documents(state: dict[str, bytes]) -> list[NewScenario]:
    return [
        NewScenario(
            id=told.scenario_id,
            title=told.title,
            correct_answer=told.correct_answer,
            content_sha256=told.content_sha256,
            document=content,
        )
        for content in state.values()
        for told in [accepted(content)]
    ]


def kill(root: Path, action: str, module: str, attribute: str, call: int) -> None:
    """Run a child on `root` that is killed at that call; fail if it never came to it."""
    command = [*CHILD, str(root), action, module, attribute, str(call)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS)
    assert done.returncode == -signal.SIGKILL, done.stderr
