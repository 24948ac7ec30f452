"""Read backup files: verify them, and give their documents back. Never writes."""

from __future__ import annotations

import hashlib
import os
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO

from scenariod.backups import file_format
from scenariod.base import safe_open
from scenariod.base.value import Value

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from scenariod.backups.file_format import Opening, SavedPack

_CHUNK_BYTES = 64 << 10
_FORMATS = (file_format.FORMAT, file_format.FORMAT_WITH_PACKS)


class DefectKind(StrEnum):
    """What is wrong with a backup."""

    CUT_OFF = "cut-off"
    ALTERED = "altered"
    WRONG_COUNT = "wrong-count"
    FOREIGN = "foreign"
    LATER_VERSION = "later-version"
    UNREADABLE = "unreadable"

    @property
    def words(self) -> str:
        """What a backup is that has this defect."""
        return _WORDS.get(self, self.value)


_WORDS = {
    DefectKind.FOREIGN: "not a backup of scenariod",
    DefectKind.LATER_VERSION: "of a later version of scenariod",
}


class Verified(Value):
    """A backup that is whole, every byte as it was written.

    It shows the library after its batch `batch`. `sha256` is the one in its trailer.
    """

    path: Path
    created: datetime
    batch: int
    count: int
    size_bytes: int
    sha256: str


class Defect(Value):
    """A file that cannot be used as a backup, and why; `message` is a clause: `it is cut off`."""

    path: Path
    kind: DefectKind
    message: str


def verify(path: Path) -> Verified | Defect:
    """Read all of the backup at `path`, and say whether it is whole."""
    try:
        with safe_open.open_named(path) as file:
            return verify_file(file, path=path)
    except OSError as error:
        return Defect(path, DefectKind.UNREADABLE, f"it cannot be read: {error.strerror or error}")


def verify_file(file: BinaryIO, *, path: Path) -> Verified | Defect:
    """Read all of an opened backup, and say whether it is whole; raise OSError if it can't be."""
    size_bytes = _size(file)
    trailer = _trailer(file, size_bytes)
    if trailer.is_later:
        return _of_later_version(path, trailer)
    if trailer.sha256 is None:
        return _without_digest(file, path, trailer, size_bytes=size_bytes)
    if _digest(file, up_to=size_bytes - file_format.TAIL_BYTES) != trailer.sha256:
        return Defect(
            path, DefectKind.ALTERED, "its content does not match its trailer: it was altered"
        )
    if trailer.opening is None:
        return _of_later_version(path, trailer)
    wrong = _wrong_count(file, trailer.opening, line_start=trailer.start)
    if wrong is not None:
        return Defect(path, DefectKind.WRONG_COUNT, wrong)
    opening = trailer.opening
    return Verified(path, opening.created, opening.batch, opening.count, size_bytes, trailer.sha256)


def documents(file: BinaryIO) -> Iterator[bytes]:
    """Yield the documents of an opened backup that was verified, exactly as they were stored."""
    line_start = last_line_start(file, _size(file))
    opening = file_format.parse_opening(_at(file, line_start, file_format.MAX_OPENING_BYTES))
    lengths = None if opening is None else _lengths(file, opening, line_start=line_start)
    offset = len(file_format.HEAD)
    for length in lengths or ():
        yield _at(file, offset, length)
        offset += length + len(file_format.SEPARATOR)


def packs(file: BinaryIO) -> Iterator[SavedPack]:
    """Yield the packs of an opened backup that was verified; none where it tells of none.

    The ids of each are gone once the next is asked for; nobody else may read the file meanwhile.
    """
    line_start = last_line_start(file, _size(file))
    opening = file_format.parse_opening(_at(file, line_start, file_format.MAX_OPENING_BYTES))
    lengths = None if opening is None else _lengths(file, opening, line_start=line_start)
    if opening is not None and lengths is not None:
        yield from _packs(file, opening, start=file_format.body_bytes(lengths), end=line_start)


def opening_of(file: BinaryIO, *, path: Path) -> Opening | Defect:
    """Return the opening of a backup's trailer, or what is wrong, from the trailer alone.

    One that begins and ends like ours and is not as this version writes it counts as a later one's.
    """
    size_bytes = _size(file)
    trailer = _trailer(file, size_bytes)
    if trailer.opening is not None:
        return trailer.opening
    if trailer.is_later or (trailer.format is not None and trailer.sha256 is not None):
        return _of_later_version(path, trailer)
    return _without_digest(file, path, trailer, size_bytes=size_bytes)


def last_line_start(file: BinaryIO, size_bytes: int) -> int:
    """Return where the last line of a file begins; its last byte may be a line break or not."""
    end = size_bytes - 1
    while end > 0:
        start = max(end - _CHUNK_BYTES, 0)
        found = _at(file, start, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


class _Trailer(Value):
    """The last line of a file, as far as it is a trailer.

    `opening` is None unless all of the line is as this version writes it. `format` and `sha256` are
    what any trailer says that begins or ends like ours.
    """

    start: int
    format: int | None
    opening: Opening | None
    sha256: str | None

    @property
    def is_later(self) -> bool:
        return self.format is not None and self.format > max(_FORMATS)


def _trailer(file: BinaryIO, size_bytes: int) -> _Trailer:
    start = last_line_start(file, size_bytes)
    line = _at(file, start, file_format.MAX_OPENING_BYTES)
    opening = file_format.parse_opening(line)
    sha256 = file_format.digest_in(_at(file, max(size_bytes - file_format.TAIL_BYTES, 0)))
    if opening is not None:
        lengths_end = size_bytes - file_format.TAIL_BYTES - len(file_format.BEFORE_DIGEST)
        between = _at(file, max(lengths_end, 0), len(file_format.BEFORE_DIGEST))
        lengths = _pieces(file, start=start + opening.size_bytes, end=lengths_end)
        is_ours = opening.format in _FORMATS and between == file_format.BEFORE_DIGEST
        if sha256 is None or not is_ours or not file_format.are_lengths(lengths):
            opening = None
    return _Trailer(start, file_format.format_in(line), opening, sha256)


def _of_later_version(path: Path, trailer: _Trailer) -> Defect:
    why = "its trailer is not in a form that this version writes"
    if trailer.is_later:
        why = f"its format is {trailer.format}; this version knows 1 and 2"
    return Defect(path, DefectKind.LATER_VERSION, f"a later version of scenariod wrote it: {why}")


def _without_digest(file: BinaryIO, path: Path, trailer: _Trailer, *, size_bytes: int) -> Defect:
    if trailer.format is not None:
        return _broken_tail(file, path, line_start=trailer.start, size_bytes=size_bytes)
    head = _at(file, 0, len(file_format.HEAD))
    if not file_format.HEAD.startswith(head):
        return Defect(path, DefectKind.FOREIGN, "it is not a backup of scenariod")
    if trailer.sha256 is not None:
        return Defect(path, DefectKind.ALTERED, "its trailer is altered")
    if _at(file, max(size_bytes - 3, 0)) == b"]}\n":
        return Defect(path, DefectKind.FOREIGN, "it is a list of scenarios without a trailer")
    return Defect(path, DefectKind.CUT_OFF, "it is cut off: its trailer is missing")


def _broken_tail(file: BinaryIO, path: Path, *, line_start: int, size_bytes: int) -> Defect:
    end = _at(file, max(line_start, size_bytes - 2 * file_format.TAIL_BYTES))
    if file_format.is_cut_tail(end):
        return Defect(path, DefectKind.CUT_OFF, "it is cut off in its trailer")
    return Defect(path, DefectKind.ALTERED, "its trailer is altered")


def _wrong_count(file: BinaryIO, opening: Opening, *, line_start: int) -> str | None:
    lengths = _lengths(file, opening, line_start=line_start)
    if lengths is None or len(lengths) != opening.count:
        return f"its header does not give the lengths of {opening.count} scenarios"
    body_bytes = file_format.body_bytes(lengths)
    if (body_bytes != line_start) if opening.packs == 0 else (body_bytes > line_start):
        return f"the lengths of its {opening.count} scenarios do not match its content"
    try:
        found = sum(1 for _ in _packs(file, opening, start=body_bytes, end=line_start))
    except ValueError:
        found = -1
    return (
        None
        if found == opening.packs
        else f"its header counts {opening.packs} packs, but it does not hold them"
    )


def _packs(file: BinaryIO, opening: Opening, *, start: int, end: int) -> Iterator[SavedPack]:
    if opening.packs:
        file.seek(start)
        yield from file_format.parse_packs(_lines(file, end=end))


def _lines(file: BinaryIO, *, end: int) -> Iterator[bytes]:
    while file.tell() < end and (line := file.readline()):
        yield line


def _lengths(file: BinaryIO, opening: Opening, *, line_start: int) -> array[int] | None:
    start = line_start + opening.size_bytes
    end = _size(file) - file_format.TAIL_BYTES - len(file_format.BEFORE_DIGEST)
    return file_format.parse_lengths(_pieces(file, start=start, end=end))


def _digest(file: BinaryIO, *, up_to: int) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(file, start=0, end=up_to):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(file: BinaryIO, *, start: int, end: int) -> Iterator[bytes]:
    while start < end and (piece := _at(file, start, min(_CHUNK_BYTES, end - start))):
        yield piece
        start += len(piece)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _at(file: BinaryIO, offset: int, length: int = file_format.MAX_OPENING_BYTES) -> bytes:
    """Return up to `length` bytes at `offset`, fewer only at the end of the file."""
    file.seek(offset)
    return file.read(length)
