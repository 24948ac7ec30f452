"""Write the library out as library/scenarios.json, which programs read.

Owns that file and the order of lock, snapshot, write and mark. Never holds a whole document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from scenariod import durable, lock
from scenariod.killpoint import KillPoint, reached

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from scenariod.library import Library

LOCK_FILE = "publish.lock"
_WHITE_SPACE = b" \t\r\n"
_READABLE_BY_ALL = 0o644


@dataclass(frozen=True, slots=True)
class Published:
    """What was published: the library as of `batch`, `count` scenarios in `size_bytes`."""

    batch: int
    count: int
    size_bytes: int


def is_current(library: Library, path: Path) -> bool:
    """Say whether `path` is there and shows the library's latest change."""
    return path.exists() and library.published() == library.latest_change()


def publish(library: Library, path: Path) -> Published:
    """Make `path` hold `{"scenarios":[…]}` of the library, durably, and mark it published.

    Documents are as dropped, but for a BOM and white space around them. Raises what `Library`
    does, and OSError where the file can't be written; the one there then stays.
    """
    # The lock comes before the snapshot: else of two publishers the one with the older snapshot
    # might come last, and its file would stay.
    with lock.held(path.with_name(LOCK_FILE)), library.snapshot() as snapshot:
        durable.remove_leftovers(path.parent, path.name)
        with durable.replacing(path, mode=_READABLE_BY_ALL) as file:
            _write(file, snapshot.documents())
            published = Published(snapshot.batch, snapshot.count, file.tell())
            reached(KillPoint.LIBRARY_BEING_PUBLISHED)
        reached(KillPoint.LIBRARY_PUBLISHED)
        library.mark_published(snapshot.batch)
        reached(KillPoint.PUBLISHED_MARKED)
    return published


def _write(file: BinaryIO, documents: Iterable[Iterable[bytes]]) -> None:
    separator = b'{"scenarios":[\n'
    for chunks in documents:
        file.write(separator)
        file.writelines(_trimmed(chunks))
        separator = b",\n"
    file.write(b'{"scenarios":[]}\n' if separator != b",\n" else b"\n]}\n")


def _trimmed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `chunks` without the white space before the first and after the last other byte."""
    held_back = b""
    begun = False
    for chunk in chunks:
        rest = chunk if begun else chunk.lstrip(_WHITE_SPACE)
        begun = begun or bool(rest)
        body = rest.rstrip(_WHITE_SPACE)
        if body:
            yield held_back + body
            held_back = b""
        held_back += rest[len(body) :]
