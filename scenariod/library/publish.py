"""Write the library out as library/scenarios.json, which programs read.

Owns that file and the order of lock, snapshot, write and mark. Never holds a whole document.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base import durable, lock, safe_open
from scenariod.base.errors import StoresDisagreeError
from scenariod.base.faults import Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.value import Value
from scenariod.validation.readable import made_readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scenariod.library import Library

LOCK_FILE = "publish.lock"
_EMPTY = {b"", b"[]", b"{}", b'{"scenarios":[]}'}
_LONGEST_EMPTY_BYTES = 1000
"""White space included: an empty list may be written in any way."""
_END = b"]}\n"
_WHITE_SPACE = b" \t\r\n"
_READABLE_BY_ALL = 0o644
"""Readable by all who may enter the folders: it is made for other users' programs."""


class Published(Value):
    """What was published: the library as of `batch`, `count` scenarios in `size_bytes`."""

    batch: int
    count: int
    size_bytes: int


def is_current(library: Library, path: Path) -> bool:
    """Say whether `path` is there, whole, and shows the library's latest change."""
    is_published = path.exists() and library.published() == library.latest_change()
    return is_published and _is_whole(path, is_empty=library.count() == 0)


def _is_whole(path: Path, *, is_empty: bool) -> bool:
    """Say whether a published file was neither emptied nor cut off since; reads little of it."""
    try:
        with safe_open.open_named(path) as file:
            file.seek(-len(_END), os.SEEK_END)
            ends = file.read() == _END
        return ends and (is_empty or holds_scenarios(path))
    except OSError:  # it is too short, or a folder: to publish says what is wrong
        return False


def holds_scenarios(path: Path) -> bool:
    """Return whether `path` is there and holds more than an empty list."""
    try:
        with safe_open.open_named(path) as file:
            content = file.read(_LONGEST_EMPTY_BYTES + 1)
    except FileNotFoundError:
        return False
    return len(content) > _LONGEST_EMPTY_BYTES or b"".join(content.split()) not in _EMPTY


def is_behind(library: Library) -> bool:
    """Say whether the library was changed after it was last published."""
    return (library.published() or 0) != library.latest_change()


def publish(library: Library, path: Path) -> Published:
    """Make `path` hold `{"scenarios":[…]}` of the library, durably, and mark it published.

    Documents are as dropped, but for a BOM, white space around them, and what an earlier version
    accepted though not every reader takes it. If `path` is a link, the file that it leads to is
    replaced, and the link stays. Raises what `Library` does, StoresDisagreeError where nothing was
    ever added and there are scenarios at `path`, and OSError where the file can't be written; the
    one there then stays.
    """
    # The lock comes before the snapshot: else of two publishers the one with the older snapshot
    # might come last, and its file would stay.
    with (
        during(Step.PUBLISHING, path),
        lock.held(path.with_name(LOCK_FILE)),
        library.snapshot() as snapshot,
    ):
        target = _behind_links(path)
        if snapshot.batch == 0 and holds_scenarios(target):
            raise StoresDisagreeError(
                f"{path} holds scenarios, and nothing was ever added to the library "
                f"{library.path}: an empty list is not published over them",
                hint=f"move {path} elsewhere; `scenariodctl import` adds what it holds",
            )
        durable.remove_leftovers(target.parent, target.name)
        with durable.replacing(target, mode=_READABLE_BY_ALL, despite_umask=True) as file:
            write_documents(file, b'{"scenarios":[', snapshot.documents())
            published = Published(snapshot.batch, snapshot.count, file.tell())
            reached(KillPoint.LIBRARY_BEING_PUBLISHED)
        reached(KillPoint.LIBRARY_PUBLISHED)
        library.mark_published(snapshot.batch)
        reached(KillPoint.PUBLISHED_MARKED)
    return published


def _behind_links(path: Path) -> Path:
    """Return the file that `path` leads to; raise OSError if it is a link that leads to none.

    None is made there: the disk that it leads to may not be mounted.
    """
    if not path.is_symlink():
        return path
    path.stat()  # its error names this path, and not what the link leads to
    return Path(os.path.realpath(path, strict=True))


def write_documents(file: BinaryIO, head: bytes, documents: Iterable[Iterable[bytes]]) -> int:
    """Write an object whose last member is the list of `documents`; return how many there are.

    `head` is the object up to the bracket that opens the list. What is written can be read by
    every reader of JSON (`validation/readable.py`).
    """
    file.writelines(made_readable([head]))
    count = 0
    for chunks in documents:
        file.write(b",\n" if count else b"\n")
        file.writelines(readable_document(chunks))
        count += 1
    file.write(b"\n" + _END if count else _END)
    return count


def readable_document(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a document, in pieces, as it stands in what is published."""
    return made_readable(_trimmed(chunks))


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
