"""What stands beside a refused file."""

from __future__ import annotations

import shlex
from pathlib import Path

from support.makers import NOON

from scenariod.validation.problems import ADVICE, Problem, Reason
from scenariod.validation.reason_file import (
    Story,
    advice,
    document,
    journal_command,
    retry_command,
)

PROBLEMS = (
    Problem(Reason.WRONG_TYPE, "title must be a string", field="title", line=3, column=12),
    Problem(Reason.MISSING_FIELD, "claim is missing", field="claim"),
)
STORY = Story(
    batch=42,
    attempts=2,
    dropped_at="2026-03-14T11:58:00+00:00",
    claimed_at="2026-03-14T11:59:00+00:00",
    memory_peak_bytes=1 << 20,
    memory_limit_bytes=2 << 20,
)


def test_a_reason_says_why_where_when_and_how_to_go_on() -> None:
    about: dict[str, object] = {"scenario": "one", "sha256": None, "size_bytes": 7}

    said = document(
        "scenario-1.json",
        PROBLEMS,
        stored_as=Path("/srv/failed/scenario-1.b000042.json"),
        about=about,
        story=STORY,
        now=NOON,
    )

    assert said == {
        "file": "scenario-1.json",
        "code": "wrong-type",
        "message": "title must be a string (line 3, column 12)",
        "advice": ADVICE[Reason.WRONG_TYPE],
        "problems": [
            {
                "code": "wrong-type",
                "message": "title must be a string",
                "field": "title",
                "line": 3,
                "column": 12,
                "advice": ADVICE[Reason.WRONG_TYPE],
            },
            {
                "code": "missing-field",
                "message": "claim is missing",
                "field": "claim",
                "line": None,
                "column": None,
                "advice": ADVICE[Reason.MISSING_FIELD],
            },
        ],
        "scenario": "one",
        "sha256": None,
        "size_bytes": 7,
        "batch": 42,
        "attempts": 2,
        "dropped_at": "2026-03-14T11:58:00+00:00",
        "claimed_at": "2026-03-14T11:59:00+00:00",
        "failed_at": "2026-03-14T12:00:00+00:00",
        "memory_peak_bytes": 1 << 20,
        "memory_limit_bytes": 2 << 20,
        "journal": "journalctl -t scenariod SCENARIOD_BATCH=42 + SCENARIOD_FILE=scenario-1.json",
        "retry": "scenariodctl retry scenario-1.b000042.json",
    }


def test_the_commands_of_a_reason_can_be_pasted_whatever_the_name() -> None:
    name = "scenario-$(reboot) \x1b[31m'\n.json"

    retry, journal = shlex.split(retry_command(name)), shlex.split(journal_command(name, batch=7))

    shown = "scenario-$(reboot) \\x1b[31m'\\x0a.json"
    assert retry == ["scenariodctl", "retry", shown]
    assert journal[3:] == ["SCENARIOD_BATCH=7", "+", f"SCENARIOD_FILE={shown}"]


def test_a_command_in_advice_can_be_pasted() -> None:
    path = Path("/srv/my root/failed/scenario-$(x).json")

    said = advice(Reason.MANY_SCENARIOS, path)

    assert shlex.split(said.split("`")[1]) == ["scenariodctl", "import", str(path)]
