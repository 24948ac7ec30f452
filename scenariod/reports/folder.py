"""Where the report's files are, what they are called, and how one is put in place.

Owns the names in reports/ and the rule that only what has changed is written.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scenariod.base import durable, safe_open

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PAGE_ROWS = 200
"""So many rows of the library, in sequence, share a page: at most as many scenarios."""
READABLE_BY_ALL = 0o644
"""Readable by all who may enter the folders, as library/scenarios.json is."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src 'self' file:; base-uri 'none'"
"""No script, no request to anywhere, and of media only the voices beside the report."""
ANALYTICS = "analytics.json"
INDEX = "index.html"
LOCK_FILE = ".report.lock"
_MOST_HEAD_BYTES = 512
_PLAIN = re.compile(r"[A-Za-z0-9._-]*")
_DIGEST_MARK = b"<!-- content "
_MOST_PART_BYTES = 64 << 20
_MADE = re.compile(rb'"made": "([0-9]{4}-[0-9:T+-]{1,30})"')
"""Near the start of analytics.json, so that a status need not read all of it."""


class Folder:
    """The folder reports/ of a root folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.library = path / "library"
        self.parts = path / ".parts"
        self.lock = path / LOCK_FILE

    def prepare(self) -> None:
        """Make the folders that are missing, and remove what a killed builder has left.

        The caller holds the lock; `path` itself is there.
        """
        for folder in (self.library, self.parts):
            folder.mkdir(exist_ok=True)
        for folder in (self.path, self.library, self.parts):
            durable.remove_leftovers(folder, "*")

    def part(self, page: int, *, digest: str) -> dict[str, Any] | None:
        """Return what was counted of a page's scenarios, None where it was not, or of others."""
        with (
            suppress(OSError, ValueError, RecursionError),
            safe_open.open_named(self.parts / f"{page:06}.json") as file,
        ):
            said = json.loads(file.read(_MOST_PART_BYTES))
            if said["digest"] == digest:
                part: dict[str, Any] = said["part"]
                return part
        return None

    def keep_part(self, page: int, part: dict[str, Any], *, digest: str) -> None:
        """Keep what was counted of a page's scenarios."""
        text = json.dumps({"digest": digest, "part": part}, separators=(",", ":"))
        durable.write(self.parts / f"{page:06}.json", text.encode("ascii"))

    def write(self, name: str, pieces: Iterable[str]) -> None:
        """Put a file of the report in place, durably, for all to read."""
        path = self.path / name
        with durable.replacing(path, mode=READABLE_BY_ALL, despite_umask=True) as file:
            for piece in pieces:
                file.write(piece.encode("utf-8", "replace"))

    def shows(self, name: str, *, digest: str) -> bool:
        """Say whether a page is there and shows what this digest is of."""
        try:
            with safe_open.open_named(self.path / name) as file:
                return _DIGEST_MARK + digest.encode() in file.read(_MOST_HEAD_BYTES)
        except OSError:
            return False

    def remove_others(self, folder: Path, names: set[str]) -> int:
        """Remove the files in a folder of ours whose names are not these; return how many."""
        others = [path for path in folder.iterdir() if path.name not in names]
        for path in others:
            if not path.is_dir():
                path.unlink(missing_ok=True)
        return len(others)


def mark(digest: str) -> str:
    """Return what a page says of the content it shows; `Folder.shows` looks for it."""
    return f"{_DIGEST_MARK.decode()}{digest} -->"


def digest_of(*words: object) -> str:
    """Return a digest of these, each as text."""
    import hashlib  # few commands need it

    joined = "\0".join(map(str, words))
    return hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()[:32]


def page_of(row: int) -> int:
    """Return the page on which a scenario is, by its row in the library."""
    return (row - 1) // PAGE_ROWS + 1


def page_name(page: int) -> str:
    """Return the name of a page, below reports/library/."""
    return f"page-{page:06}.html"


def anchor(scenario_id: str) -> str:
    """Return what a scenario's place on its page is called in a link."""
    if _PLAIN.fullmatch(scenario_id):
        return f"#s-{scenario_id}"
    return f"#{quote(f's-{scenario_id}', safe='')}"


def link(row: int, scenario_id: str) -> str:
    """Return the link to a scenario from reports/index.html."""
    return f"library/{page_name(page_of(row))}{anchor(scenario_id)}"


def made_at(reports: Path) -> str | None:
    """Return when the report was made, ISO 8601 in UTC; None where there is none."""
    with suppress(OSError), safe_open.open_named(reports / ANALYTICS) as file:
        found = _MADE.search(file.read(_MOST_HEAD_BYTES))
        return found[1].decode("ascii") if found else None
    return None
