"""Reading NAME.reason.json, whatever somebody has made of it. Changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenariod import regular
from scenariod.names import REASON_SUFFIX, with_suffix

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a file was refused: what is worth telling of its reason."""

    code: str
    message: str
    advice: str
    retry: str


def read(failed: Path, name: str) -> Refused | None:
    """Return the reason beside the file `name`; None where there is none that can be understood.

    Raises PermissionError where it may not be read.
    """
    try:
        file = regular.found(failed / with_suffix(name, REASON_SUFFIX))
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
