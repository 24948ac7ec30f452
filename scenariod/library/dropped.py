"""A dropped file on its way into the library: one pass over it, without its BOM.

Never opens a file, never touches the database.
"""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, BinaryIO

from scenariod.library.blob import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


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
