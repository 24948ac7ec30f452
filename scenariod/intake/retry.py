"""Take refused files up again: from failed/ back into inbox/, never over another one there.

Owns the order of the two steps. Never decides whether a file was fixed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.base.durable import rename_without_replacing
from scenariod.base.names import (
    REASON_SUFFIX,
    is_scenario_name,
    natural_key,
    printable,
    with_suffix,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def names(folder: Path) -> list[str]:
    """Return the names of the dropped files in `folder`, in natural order; none where it is not."""
    return sorted((entry.name for entry in _dropped(folder)), key=natural_key)


def count(folder: Path) -> int:
    """Return how many dropped files are in `folder`; 0 where it is not."""
    return sum(1 for _ in _dropped(folder))


def newest_first(folder: Path) -> list[tuple[int, str]]:
    """Return the dropped files in `folder`, each with its ctime in nanoseconds since 1970.

    That is when it came: renaming a file changes its ctime.
    """
    found = []
    for entry in _dropped(folder):
        with suppress(FileNotFoundError):  # somebody retries it meanwhile
            found.append((entry.stat(follow_symlinks=False).st_ctime_ns, entry.name))
    return sorted(found, reverse=True)


def _dropped(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if is_scenario_name(entry.name))
    except FileNotFoundError:
        return


def name_of(asked: str) -> str:
    """Return the file name that is meant by a path, or by the name of a reason."""
    return os.path.basename(asked.rstrip("/")).removesuffix(REASON_SUFFIX)


def find(folder: Path, name: str) -> str | None:
    """Return the name in `folder` that is `name`, or is shown as `name` where it is unprintable."""
    if os.path.lexists(folder / name):
        return name
    try:
        return next((found for found in os.listdir(folder) if printable(found) == name), None)
    except (FileNotFoundError, NotADirectoryError):
        return None


def take_up(failed: Path, inbox: Path, name: str) -> bool:
    """Move a refused file back into the inbox; return False where its name is taken there.

    Its reason goes away after it, so that no file in failed/ is ever without one. Raises OSError.
    """
    reason = failed / with_suffix(name, REASON_SUFFIX)
    its_own = _identity(reason)
    try:
        rename_without_replacing(failed / name, inbox / name)
    except FileExistsError:
        return False
    if _identity(reason) == its_own:  # else the daemon has just refused another of this name
        reason.unlink(missing_ok=True)
    return True


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return (status.st_ino, status.st_ctime_ns)
