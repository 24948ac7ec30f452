"""NAME.reason.json beside a refused file: why, where, what was measured, how to go on.

Owns how it is written and read. Its keys are part of the interface: add, never rename.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, TypeVar

from scenariod.base import safe_open
from scenariod.base.names import REASON_SUFFIX, printable, with_suffix
from scenariod.base.value import Value, as_dict, replace
from scenariod.validation.problems import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from scenariod.validation.problems import Problem, Reason

T = TypeVar("T")
_MOST_BYTES = 1 << 20
_ADVICE_BY_CODE: Mapping[str, str] = {str(reason): advice for reason, advice in ADVICE.items()}


class Story(Value):
    """What a refused file went through. Bytes; times are ISO 8601 in UTC, None where not known."""

    batch: int
    attempts: int
    dropped_at: str | None = None
    claimed_at: str | None = None
    memory_peak_bytes: int | None = None
    memory_limit_bytes: int | None = None


class RefusedFor(Value):
    """One problem of a refused file, as its reason file says; whatever is not known is None."""

    code: str
    message: str
    field: str | None
    line: int | None
    column: int | None
    advice: str

    def words(self) -> str:
        """Return it for people: message, place, and what helps."""
        where = f" (line {self.line}, column {self.column})" if self.line is not None else ""
        return f"{self.message}{where}" + (f"; {self.advice}" if self.advice else "")


class Refused(Value):
    """Why a file was refused, and what it was then; `sha256` is None where it was not read."""

    code: str
    message: str
    advice: str
    retry: str
    problems: tuple[RefusedFor, ...]
    size_bytes: int | None
    sha256: str | None


def document(
    name: str,
    problems: Sequence[Problem],
    *,
    stored_as: Path,
    about: dict[str, object],
    story: Story,
    now: datetime,
) -> dict[str, object]:
    """Return what is to stand beside the file that was dropped as `name`.

    `stored_as` is where it is in failed/, `about` what is known of its content; `now` is aware UTC.
    """
    first = problems[0]
    return {
        "file": name,
        "code": first.code,
        "message": str(first),
        "advice": advice(first.code, stored_as),
        "problems": [as_dict(shown(problem, path=stored_as)) for problem in problems],
        **about,
        **as_dict(story),
        "failed_at": now.isoformat(timespec="seconds"),
        "journal": journal_command(name, batch=story.batch),
        "retry": retry_command(stored_as.name),
    }


def advice(code: Reason, path: Path) -> str:
    """Return what can be done about a file at `path`; a command in it is safe to paste."""
    return ADVICE[code].replace("FILE", shlex.quote(printable(str(path))))


def retry_command(name: str) -> str:
    """Return the command that moves a file of failed/ back into inbox/, safe to paste."""
    return f"scenariodctl retry {shlex.quote(printable(name))}"


def journal_command(name: str, *, batch: int) -> str:
    """Return the command that shows all of the journal on this batch, and on files of this name."""
    fields = f"SCENARIOD_BATCH={batch} + {shlex.quote(f'SCENARIOD_FILE={printable(name)}')}"
    return f"journalctl -t scenariod {fields}"


def read(failed: Path, name: str) -> Refused | None:
    """Return the reason beside the file `name`; None if it is missing or not understood.

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
        return Refused(
            code=str(said.get("code", "")),
            message=str(said.get("message", "")),
            advice=str(said.get("advice", "")),
            retry=str(said.get("retry", "")),
            problems=tuple(_problem(problem) for problem in said.get("problems") or [said]),
            size_bytes=_of(int, said.get("size_bytes")),
            sha256=_of(str, said.get("sha256")),
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def shown(problem: Problem, *, path: Path | None = None) -> RefusedFor:
    """Return a problem as a reason file says it, of the file at `path` where that is known."""
    found = _problem(as_dict(problem))
    return found if path is None else replace(found, advice=advice(problem.code, path))


def _problem(said: Mapping[str, object]) -> RefusedFor:
    code = str(said.get("code", ""))
    return RefusedFor(
        code=code,
        message=str(said.get("message", "")),
        field=_of(str, said.get("field")),
        line=_of(int, said.get("line")),
        column=_of(int, said.get("column")),
        advice=str(said.get("advice") or _ADVICE_BY_CODE.get(code, "")),
    )


def _of(kind: type[T], value: object) -> T | None:
    return value if isinstance(value, kind) else None
