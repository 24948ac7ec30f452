"""What an MP3 file says of itself: an ID3v2.3 tag, written and read back.

Owns the tag's form (id3.org, id3v2.3.0). Reads only tags of ours, as far as a tag of ours reaches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base.value import Value, as_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = b"ID3\x03\x00"
_NO_FLAGS = b"\x00"
_LANGUAGE = b"eng"
_MOST_CHARACTERS = 1000
"""Of each text. A title may be a book; this keeps a tag below 64 KiB."""
_MOST_BYTES = 65536
_HEADER_BYTES = 10
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_LATIN_1, _UTF_16 = 0, 1
_COUNT_DIGITS = 12


class Tags(Value):
    """What a tag says. `sound_bytes` is the length of what follows it: so a cut file is found."""

    title: str
    artist: str
    album: str
    comment: str
    text_sha256: str
    sound_bytes: int = 0


_TEXTS = {"TIT2": "title", "TPE1": "artist", "TALB": "album"}
_OWN_TEXTS = {"text-sha256": "text_sha256", "sound-bytes": "sound_bytes"}


def to_bytes(tags: Tags) -> bytes:
    """Return the tag, as long whatever `sound_bytes` is: it can be written again in its place."""
    said = as_dict(tags) | {"sound_bytes": f"{tags.sound_bytes:0{_COUNT_DIGITS}}"}
    frames = [_frame(name, _encoded(said[field])) for name, field in _TEXTS.items()]
    frames.append(_frame("COMM", _encoded("", tags.comment, language=_LANGUAGE)))
    frames += [_frame("TXXX", _encoded(name, said[field])) for name, field in _OWN_TEXTS.items()]
    body = b"".join(frames)
    return _VERSION + _NO_FLAGS + _to_syncsafe(len(body)) + body


def read(file: BinaryIO) -> Tags | None:
    """Return what a tag of ours at the beginning of `file` says; None for any other.

    On return `file` stands at the first byte of sound. Raises OSError where it cannot be read.
    """
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(_VERSION + _NO_FLAGS):
        return None
    length = _from_syncsafe(header[6:])
    if length > _MOST_BYTES:
        return None
    try:
        return _parse(file.read(length))
    except (ValueError, KeyError, TypeError):  # another program's, or damaged
        return None


def _parse(body: bytes) -> Tags:
    """Return what the frames say; raise one of several errors unless they are all ours."""
    found: dict[str, str] = {}
    for name, content in _frames(body):
        if name in _TEXTS:
            (found[_TEXTS[name]],) = _decoded(content)
        elif name == "COMM":
            _, found["comment"] = _decoded(content[:1] + content[1 + len(_LANGUAGE) :])
        else:
            own, value = _decoded(content)
            found[_OWN_TEXTS[own]] = value
    count = int(found.pop("sound_bytes"))
    return Tags(**found, sound_bytes=count)


def _frames(body: bytes) -> Iterator[tuple[str, bytes]]:
    start = 0
    while start < len(body):
        name = body[start : start + 4].decode("ascii")
        length = int.from_bytes(body[start + 4 : start + 8])
        start += _HEADER_BYTES
        content = body[start : start + length]
        if not content or len(content) < length:
            raise ValueError(name)
        yield name, content
        start += length


def _frame(name: str, content: bytes) -> bytes:
    return name.encode() + len(content).to_bytes(4) + b"\x00\x00" + content


def _encoded(*texts: str, language: bytes = b"") -> bytes:
    """Return texts in the first encoding that has all letters, a zero between two of them."""
    clean = [_UNWRITABLE.sub(" ", text)[:_MOST_CHARACTERS] for text in texts]
    try:
        encoded = [text.encode("latin-1") for text in clean]
        return bytes([_LATIN_1]) + language + b"\x00".join(encoded)
    except UnicodeEncodeError:
        encoded = [b"\xff\xfe" + text.encode("utf-16-le") for text in clean]
        return bytes([_UTF_16]) + language + b"\x00\x00".join(encoded)


def _decoded(content: bytes) -> list[str]:
    """Return the texts of a frame; raise ValueError where they are not encoded as ours are."""
    encoding, encoded = content[0], content[1:]
    if encoding == _LATIN_1:
        return encoded.decode("latin-1").split("\x00")
    if encoding != _UTF_16:
        raise ValueError(encoding)
    return [text.removeprefix("\ufeff") for text in encoded.decode("utf-16-le").split("\x00")]


def _to_syncsafe(number: int) -> bytes:
    """Return four bytes of seven bits each: the eighth would look like sound to a player."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _from_syncsafe(encoded: bytes) -> int:
    return sum(byte << shift for byte, shift in zip(encoded, (21, 14, 7, 0), strict=True))
