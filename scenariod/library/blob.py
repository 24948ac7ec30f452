"""Documents in and out of the database in small pieces: memory stays flat.

Owns the table `document`, and the one pass over a dropped file. Never opens a file, never knows
what a document says.
"""

from __future__ import annotations

import hashlib
import sqlite3
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, BinaryIO

from scenariod.library.records import Stored
from scenariod.library.sqlite_errors import code_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK_BYTES = 64 << 10


class DocumentDamagedError(Exception):
    """A stored document differs from what was stored."""


def store(db: sqlite3.Connection, chunks: Iterable[bytes], *, size_bytes: int) -> Stored | None:
    """Store a document of `size_bytes`; return None, with a part stored, if it has another size.

    The caller's transaction or savepoint then removes the part.
    """
    inserted = db.execute("INSERT INTO document (content) VALUES (zeroblob(?))", (size_bytes,))
    row = int(inserted.lastrowid or 0)
    digest = hashlib.sha256()
    left = size_bytes
    with db.blobopen("document", "content", row) as blob:
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                return None
            blob.write(chunk)
            digest.update(chunk)
    return Stored(row, digest.hexdigest(), size_bytes) if left == 0 else None


def load(db: sqlite3.Connection, stored: Stored) -> Iterator[bytes]:
    """Yield a document in chunks; at its end raise DocumentDamagedError if it is not as stored."""
    digest = hashlib.sha256()
    with _opened(db, stored.row) as blob:
        while chunk := blob.read(CHUNK_BYTES):
            digest.update(chunk)
            yield chunk
    _compare(digest.hexdigest(), stored)


def as_stored(content: bytes, stored: Stored) -> bytes:
    """Return the whole content of a document; raise as `load` does."""
    _compare(hashlib.sha256(content).hexdigest(), stored)
    return content


def _compare(sha256: str, stored: Stored) -> None:
    if sha256 != stored.sha256:
        raise DocumentDamagedError(f"document {stored.row} differs from what was stored")


def _opened(db: sqlite3.Connection, row: int) -> sqlite3.Blob:
    try:
        return db.blobopen("document", "content", row, readonly=True)
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_ERROR:
            raise
        raise DocumentDamagedError(f"document {row} is missing") from error


class DroppedFile:
    """A file that is said to have `size_bytes`, read once from its start."""

    def __init__(self, file: BinaryIO, *, size_bytes: int) -> None:
        start = file.read(len(BOM_UTF8))
        self._file = file
        self._size_bytes = size_bytes
        self._digest = hashlib.sha256(start)
        self._start = start.removeprefix(BOM_UTF8)
        self._read_bytes = len(start)
        self.document_bytes = size_bytes - len(start) + len(self._start)

    def chunks(self) -> Iterator[bytes]:
        """Yield the file without its BOM, up to one byte more than it should have."""
        if self._start:
            yield self._start
        while chunk := self._file.read(min(CHUNK_BYTES, self._size_bytes + 1 - self._read_bytes)):
            self._read_bytes += len(chunk)
            self._digest.update(chunk)
            yield chunk

    def is_as_checked(self, sha256: str) -> bool:
        """Say, after all chunks were read, whether the whole file has its size and this hash."""
        return self._read_bytes == self._size_bytes and self._digest.hexdigest() == sha256
