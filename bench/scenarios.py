"""Scenarios of a usual size, and root folders, libraries and inboxes that hold them.

Owns what everything here is measured with. Never measures anything.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from scenariod.base import clock
from scenariod.library import Entry, Library, SettledBatch
from scenariod.validation.verdict import Accepted

_SENTENCE = "The argument went on until the kettle boiled, and nobody had defined a thing. "
STORY = _SENTENCE * 38
"""50,000 scenarios with it are 160 MB, as real ones are."""


def scenario_id(number: int) -> str:
    """Return an id as people make them, in no order: the worst case for an index."""
    return f"{hashlib.sha256(b'%d' % number).hexdigest()[:8]}-{number}"


def scenario(named: str) -> bytes:
    """Return a valid scenario with this id, of 3.2 kB."""
    members = {
        "id": named,
        "title": f"The kettle of {named}",
        "claim": "It depends.",
        "correctAnswer": "balanced",
        "answerWeights": {"logic": 40, "emotion": 10, "balanced": 100, "agenda": 0},
        "text": STORY,
    }
    return json.dumps(members, indent=2).encode() + b"\n"


def file_name(named: str) -> str:
    """Return the name of the file that holds the scenario `named`."""
    return f"scenario-{named}.json"


def write(folder: Path, ids: Iterable[str]) -> None:
    """Write a scenario for each of `ids` into `folder`."""
    for named in ids:
        (folder / file_name(named)).write_bytes(scenario(named))


def make_root(root: Path, *, config: str = "") -> Path:
    """Make a root folder with an empty inbox, and return it."""
    for name in ("inbox", "config", "library"):
        (root / name).mkdir(parents=True)
    (root / "config" / "scenariod.toml").write_text(config)
    return root


def open_library(root: Path) -> Library:
    """Open the library of a root folder, or make an empty one."""
    return Library.open(root / "library" / "scenarios.db", busy_timeout_s=5)


def entry(named: str) -> Entry:
    """Return the scenario `named` as a worker has accepted it."""
    content = scenario(named)
    digest = hashlib.sha256(content).hexdigest()
    verdict = Accepted(
        name=file_name(named),
        size_bytes=len(content),
        sha256=digest,
        content_sha256=digest,
        scenario_id=named,
        title=f"The kettle of {named}",
        correct_answer="balanced",
    )
    return Entry(verdict, io.BytesIO(content))


def settle(library: Library, ids: Iterable[str]) -> None:
    """Add a scenario for each of `ids` in one batch."""
    now = clock.now()
    batch = SettledBatch(library.reserve_batch(), now, now, "ok", 0, "none")
    library.settle(batch, (entry(named) for named in ids))


def fill(root: Path, count: int) -> None:
    """Add `count` scenarios to the library of a root folder."""
    with open_library(root) as library:
        settle(library, (scenario_id(number) for number in range(count)))


class Libraries:
    """Root folders with libraries of any size; each size is made once, then copied."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where all of them are."""
        self._folder = folder

    def root(self, name: str, *, scenarios: int = 0, config: str = "") -> Path:
        """Make the root folder `name` with a library of so many scenarios, and return it."""
        root = make_root(self._folder / name, config=config)
        if scenarios:
            shutil.copytree(
                self._filled(scenarios) / "library", root / "library", dirs_exist_ok=True
            )
        return root

    def _filled(self, count: int) -> Path:
        kept = self._folder / f"library-of-{count}"
        if not kept.exists():
            fill(make_root(kept), count)
        return kept
