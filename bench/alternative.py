"""What one would write instead of scenariod: a loop that starts a process for each pair of files.

    python -I bench/alternative.py ROOT

Each process has a limit of 3 GB and reads, extends and rewrites one JSON file. It is written with
care: a file is checked, an id is added once, the new library is durable before the old one is
replaced, and a file leaves the inbox only after that. It has no reasons, backups, undo or history,
reads files in the order of their names, half written or not, and nothing tells a bad pair from
a bad machine.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

LIMIT_BYTES = 3 << 30
ANSWERS = {"logic", "emotion", "balanced", "agenda"}


def take_all(root: Path) -> None:
    """Have all files of the inbox taken, two at a time."""
    for name in ("done", "failed"):
        (root / name).mkdir(exist_ok=True)
    files = [str(path) for path in sorted((root / "inbox").glob("scenario-*.json"))]
    for first in range(0, len(files), 2):
        command = [sys.executable, "-I", __file__, str(root), *files[first : first + 2]]
        subprocess.run(command, check=True)


def take_pair(root: Path, files: list[Path]) -> None:
    """Add the valid ones of these files to the library, then move all of them."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    library = root / "library" / "scenarios.json"
    known = json.loads(library.read_bytes())["scenarios"] if library.exists() else []
    ids = {scenario["id"] for scenario in known}
    ends = {}
    for path in files:
        found = read(path)
        ends[path] = "done" if found else "failed"
        if found and found["id"] not in ids:
            known.append(found)
            ids.add(found["id"])
    rewrite(library, json.dumps({"scenarios": known}).encode())
    for path, end in ends.items():
        path.rename(root / end / path.name)


def read(path: Path) -> dict[str, object]:
    """Return the scenario in a file, or nothing where it is not a valid one."""
    try:
        found = json.loads(path.read_bytes())
        texts = [found[name] for name in ("id", "title", "claim", "text")]
        weights = [found["answerWeights"][answer] for answer in ANSWERS]
        sound = all(isinstance(text, str) and text.strip() for text in texts)
        sound = sound and all(0 <= weight <= 100 for weight in weights)
        return found if sound and found["correctAnswer"] in ANSWERS else {}
    except (ValueError, KeyError, TypeError):
        return {}


def rewrite(path: Path, content: bytes) -> None:
    """Replace a file durably."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        take_all(Path(sys.argv[1]))
    else:
        take_pair(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
