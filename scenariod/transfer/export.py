"""Write the library out as packs, a folder of files, all of it or nothing.

Owns the files' names and the order of write, fsync and rename. Never changes the library, never
holds a whole document.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod.base import durable
from scenariod.base.errors import NameTakenError
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.value import Value
from scenariod.library.publish import write_documents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scenariod.library import Snapshot, Version

_READABLE_BY_ALL = 0o644
_UNSAFE = re.compile(r"[^\w.,+=@ ()-]")
_LONGEST_NAME = 100
_ENDING = ".json"


class Exported(Value):
    """What was written: the names of the files, and how many scenarios they hold together."""

    files: list[str]
    scenarios: int


def export(snapshot: Snapshot, folder: Path, *, before: int | None, pack_size: int) -> Exported:
    """Write the scenarios of `snapshot`, or those just before a batch, as files into `folder`.

    Each imported pack that has scenarios is a file of its own, with all that it said of itself;
    the others come `pack_size` in a file. The same library gives the same bytes. Killed at any
    point, `folder` is there with all of them, or as it was. Raises NameTakenError where there is
    something in it, NotFoundError where there is no such batch, OSError where the disk fails.
    """
    with _appearing(folder) as making:
        names, total = [], 0
        for name, head, versions in _files(snapshot, before=before, pack_size=pack_size):
            with durable.replacing(making / name, mode=_READABLE_BY_ALL) as file:
                total += write_documents(file, head, map(snapshot.document, versions))
                reached(KillPoint.EXPORT_BEING_WRITTEN)
            names.append(name)
    return Exported(names, total)


def _files(
    snapshot: Snapshot, *, before: int | None, pack_size: int
) -> Iterator[tuple[str, bytes, Iterable[Version]]]:
    """Yield each file to write: its name, how it begins, and what it holds."""
    taken: set[str] = set()
    for row, pack in snapshot.packs():
        versions = _unless_empty(snapshot.versions_of(row, before=before))
        if versions is not None:
            head = pack.about.removesuffix("}") + ', "scenarios":['
            yield _free(_safe(pack.name), taken), head.encode(), versions
    loose = snapshot.versions_of(None, before=before)
    for number in count(1):
        versions = _unless_empty(islice(loose, pack_size))
        if versions is None:
            return
        name = f"scenarios-batch-{number:03}{_ENDING}"
        yield _free(name, taken), b'{"scenarios":[', versions


def _unless_empty(versions: Iterator[Version]) -> Iterator[Version] | None:
    first = next(versions, None)
    return None if first is None else chain([first], versions)


def _safe(name: str) -> str:
    """Return a pack's name as a file's: nothing in it leads elsewhere or hides it."""
    stem = _UNSAFE.sub("_", name.removesuffix(_ENDING)).lstrip(".")[:_LONGEST_NAME]
    return f"{stem or 'pack'}{_ENDING}"


def _free(name: str, taken: set[str]) -> str:
    """Return `name`, numbered if it is taken, also where case does not count; take it."""
    stem = name.removesuffix(_ENDING)
    names = chain([name], (f"{stem}-{number}{_ENDING}" for number in count(2)))
    free = next(each for each in names if each.casefold() not in taken)
    taken.add(free.casefold())
    return free


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill; on leaving, it stands as `folder`, durable, or not at all."""
    _remove_leftovers(folder)
    making = folder.with_name(f".{folder.name}.{os.getpid()}{durable.TEMPORARY_SUFFIX}")
    making.mkdir()
    try:
        if os.path.lexists(folder) and not (folder.is_dir() and not os.listdir(folder)):
            raise NameTakenError(
                f"{folder} already exists and is not an empty folder",
                hint="name another one with --output DIR, or remove it",
            )
        yield making
        durable.sync_folder(making)
        reached(KillPoint.EXPORT_WRITTEN)
        making.rename(folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)  # the first error is the one to tell
        raise
    durable.sync_folder(folder.parent)
    reached(KillPoint.EXPORTED)


def _remove_leftovers(folder: Path) -> None:
    """Remove what exports to this folder have left that were killed."""
    ours = re.compile(rf"\.{re.escape(folder.name)}\.([0-9]+){durable.TEMPORARY_SUFFIX}")
    for name in os.listdir(folder.parent):
        match = ours.fullmatch(name)
        if match is not None and not Path("/proc", match[1]).exists():
            shutil.rmtree(folder.with_name(name))
