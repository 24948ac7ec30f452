"""A child process that changes a root folder, and is killed at a point of its way.

`python -m support.killed_child ROOT ACTION MODULE ATTRIBUTE CALL`, in tests/: at that call of
MODULE.ATTRIBUTE it sends itself SIGKILL. Without a point it works on until its parent kills it, and
says what it has done.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenariod import backups
from scenariod.backups.moments import InBackup
from scenariod.backups.restore import back_up, restore, undo
from scenariod.library.publish import publish
from support.makers import batch, clock, document, entry, open_library

if TYPE_CHECKING:
    from scenariod.library import Library


def kill_at(module: str, attribute: str, call: int) -> None:
    """Replace MODULE.ATTRIBUTE by one that kills this process at its n-th call."""
    owner: Any = importlib.import_module(module)
    *path, name = attribute.split(".")
    for step in path:
        owner = getattr(owner, step)
    original = getattr(owner, name)
    calls = count(1)

    def killing(*args: Any, **named: Any) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **named)

    setattr(owner, name, killing)


def settle(library: Library, _root: Path) -> None:
    contents = [document("new-1", text="x" * 300_000), document("new-2")]
    library.settle(batch(library.reserve_batch()), [entry(content) for content in contents])


def write_backup(library: Library, root: Path) -> None:
    back_up(library, root / "backups", now=clock())


def publish_it(library: Library, root: Path) -> None:
    publish(library, root / "scenarios.json")


def restore_latest(library: Library, root: Path) -> None:
    source = InBackup(backups.find(root / "backups", "latest"))
    restore(
        library, source, backups=root / "backups", published=root / "scenarios.json", clock=clock
    )


def undo_latest(library: Library, root: Path) -> None:
    undo(library, [library.latest_change()], published=root / "scenarios.json", clock=clock)


def settle_on_and_on(library: Library, _root: Path) -> None:
    """Add pairs, and say so of each once it is durable."""
    for number in count(1):
        names = [f"on-{number}-a", f"on-{number}-b"]
        entries = [entry(document(name, text="y" * 5000)) for name in names]
        library.settle(batch(library.reserve_batch()), entries)
        sys.stdout.write("".join(f"{name}\n" for name in names))
        sys.stdout.flush()


ACTIONS = {
    "settle": settle,
    "backup": write_backup,
    "publish": publish_it,
    "restore": restore_latest,
    "undo": undo_latest,
    "settle-on": settle_on_and_on,
}


def main(root: str, action: str, *point: str) -> None:
    with open_library(Path(root)) as library:
        if point:
            module, attribute, call = point
            kill_at(module, attribute, int(call))
        ACTIONS[action](library, Path(root))


if __name__ == "__main__":
    assert isinstance(sys.stdout, io.TextIOWrapper)
    main(*sys.argv[1:])
