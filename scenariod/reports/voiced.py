"""Which voices of a scenario are there: the three files that `voices/` has for one.

Looks at names and sizes only, never into a file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from scenariod.reports.tallies import Findings, Ref

FILES = ("title.mp3", "content.mp3", "claim.mp3")
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def voices_of(voices: str, scenario_id: str) -> tuple[int | None, ...]:
    """Return the size in bytes of each of `FILES`, None where it is not there."""
    if _SAFE_ID.fullmatch(scenario_id) is None:
        return (None,) * len(FILES)
    return tuple(_size(f"{voices}/{scenario_id}/{name}") for name in FILES)


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


@dataclass(slots=True)
class Voiced:
    """How many scenarios have all their voices, some, or none, and how much that is."""

    complete: int = 0
    partial: Findings = field(default_factory=Findings)
    missing: Findings = field(default_factory=Findings)
    files: int = 0
    size_bytes: int = 0

    def add(self, ref: Ref, sizes: tuple[int | None, ...]) -> int:
        """Count a scenario; return which of its files are there, as bits."""
        there = [size for size in sizes if size is not None]
        self.files += len(there)
        self.size_bytes += sum(there)
        if len(there) == len(sizes):
            self.complete += 1
        elif there:
            absent = [name for name, size in zip(FILES, sizes, strict=True) if size is None]
            self.partial.add(ref, details=absent)
        else:
            self.missing.add(ref, details=["all three"])
        return sum(1 << at for at, size in enumerate(sizes) if size is not None)
