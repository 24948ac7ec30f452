"""The worker's verdict on each file of a batch, and its small JSON form in `verdict.json`.

The boundary between worker and supervisor: everything read here is checked, because the worker
has handled hostile input. Never holds a scenario.
"""

from __future__ import annotations

import json
from typing import Any

from scenariod.base.value import Value, as_dict
from scenariod.validation.problems import Problem, Reason

VERDICT_FILE = "verdict.json"
MAX_VERDICT_BYTES = 4 << 20
"""Largest verdict.json the supervisor reads: 8 files with 100 problems each stay far below."""
MAX_PROBLEMS = 100
"""Most problems told of one file; a last one says how many more there are."""
MAX_MESSAGE = 500
"""Longest message, field or title in characters that a worker may send."""


class Accepted(Value):
    """The file holds a valid scenario.

    `sha256` is that of the file's bytes as dropped, `content_sha256` that of the canonical
    content (key order, white space and number notation do not matter). Both are lower-case hex.
    """

    name: str
    size_bytes: int
    sha256: str
    content_sha256: str
    scenario_id: str
    title: str
    correct_answer: str


class Rejected(Value):
    """The file does not hold a valid scenario, for at least one reason."""

    name: str
    size_bytes: int
    sha256: str | None
    problems: tuple[Problem, ...]
    scenario_id: str | None = None


Verdict = Accepted | Rejected


def stored_title(title: str) -> str:
    """Return a scenario's title as verdicts and the library hold it.

    It is cut to `MAX_MESSAGE` characters; "?" stands for what JSON can hold and UTF-8 cannot.
    """
    text = title.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


class InvalidVerdictError(ValueError):
    """`verdict.json` is not what a worker of this version writes."""


def encode(verdicts: list[Verdict]) -> bytes:
    """Return the content of `verdict.json`; ASCII, so any file name survives."""
    files = [{"verdict": type(v).__name__.lower(), **as_dict(v)} for v in verdicts]
    return json.dumps({"version": 1, "files": files}, ensure_ascii=True).encode("ascii")


def decode(content: bytes) -> list[Verdict]:
    """Return the verdicts in `content`; raise `InvalidVerdictError` where anything is amiss."""
    try:
        document = json.loads(content)
        if document["version"] != 1:
            raise InvalidVerdictError(f"version {document['version']!r} is not 1")
        return [_verdict(entry) for entry in document["files"]]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidVerdictError):
            raise
        raise InvalidVerdictError(f"{type(error).__name__}: {error}") from error


def _verdict(entry: dict[str, Any]) -> Verdict:
    if entry["verdict"] == "accepted":
        return Accepted(
            name=_text(entry["name"]),
            size_bytes=_count(entry["size_bytes"]),
            sha256=_digest(entry["sha256"]),
            content_sha256=_digest(entry["content_sha256"]),
            scenario_id=_text(entry["scenario_id"]),
            title=_text(entry["title"]),
            correct_answer=_text(entry["correct_answer"]),
        )
    if entry["verdict"] != "rejected" or not entry["problems"]:
        raise InvalidVerdictError(f"neither accepted nor rejected with a problem: {entry!r:.200}")
    return Rejected(
        name=_text(entry["name"]),
        size_bytes=_count(entry["size_bytes"]),
        sha256=None if entry["sha256"] is None else _digest(entry["sha256"]),
        problems=tuple(_problem(p) for p in entry["problems"][: MAX_PROBLEMS + 1]),
        scenario_id=None if entry["scenario_id"] is None else _text(entry["scenario_id"]),
    )


def _problem(entry: dict[str, Any]) -> Problem:
    return Problem(
        code=Reason(entry["code"]),
        message=_text(entry["message"]),
        field=None if entry["field"] is None else _text(entry["field"]),
        line=None if entry["line"] is None else _count(entry["line"]),
        column=None if entry["column"] is None else _count(entry["column"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_MESSAGE:
        raise InvalidVerdictError(f"not a text of at most {MAX_MESSAGE} characters: {value!r:.80}")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidVerdictError(f"not a count: {value!r:.80}")
    return value


def _digest(value: object) -> str:
    text = _text(value)
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise InvalidVerdictError(f"not a SHA-256 in hex: {text!r:.80}")
    return text
