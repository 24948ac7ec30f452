"""NAME.reason.json beside a refused file: why, where, what was measured, how to go on.

Owns how it is written and read. Its keys are part of the interface: add, never rename.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from scenariod.base import safe_open
from scenariod.base.names import REASON_SUFFIX, printable, with_suffix
from scenariod.validation.problems import ADVICE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from scenariod.validation.problems import Problem

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Story:
    """What a refused file went through. Bytes; times are ISO 8601 in UTC, None where not known."""

    batch: int
    attempts: int
    dropped_at: str | None = None
    claimed_at: str | None = None
    memory_peak_bytes: int | None = None
    memory_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a file was refused: what is worth telling of its reason."""

    code: str
    message: str
    advice: str
    retry: str


def document(
    name: str,
    problems: Sequence[Problem],
    *,
    stored_as: str,
    about: dict[str, object],
    story: Story,
    now: datetime,
) -> dict[str, object]:
    """Return what is to stand beside the file that was dropped as `name`.

    `stored_as` is its name in failed/, `about` what is known of its content; `now` is aware UTC.
    """
    first = problems[0]
    return {
        "file": name,
        "code": first.code,
        "message": str(first),
        "advice": ADVICE[first.code],
        "problems": [asdict(problem) for problem in problems],
        **about,
        **asdict(story),
        "failed_at": now.isoformat(timespec="seconds"),
        "journal": journal_command(name, batch=story.batch),
        "retry": retry_command(stored_as),
    }


def retry_command(name: str) -> str:
    """Return the command that moves a file of failed/ back into inbox/, safe to paste."""
    return f"scenariodctl retry {shlex.quote(printable(name))}"


def journal_command(name: str, *, batch: int) -> str:
    """Return the command that shows all of the journal on this batch, and on files of this name."""
    fields = f"SCENARIOD_BATCH={batch} + {shlex.quote(f'SCENARIOD_FILE={printable(name)}')}"
    return f"journalctl -t scenariod {fields}"


def read(failed: Path, name: str) -> Refused | None:
    """Return the reason beside the file `name`; None where there is none that can be understood.

    Raises PermissionError where it may not be read.
    """
    try:
        file = safe_open.open_found(failed / with_suffix(name, REASON_SUFFIX))
    except PermissionError:
        raise
    except OSError:  # the disk cannot read it
        return None
    if file is None:
        return None
    with file:
        content = file.read(_MOST_BYTES)
    try:
        said = json.loads(content)
        texts = [str(said.get(key, "")) for key in ("code", "message", "advice", "retry")]
    except (ValueError, AttributeError, RecursionError):
        return None
    return Refused(*texts)
