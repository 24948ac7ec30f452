r"""The format of a backup file: documents, then one line that tells what they must be. Pure.

    {"scenarios":[
    <document exactly as stored>,
    <document>
    ],
    "backup":{"format":1,"created":"…Z","batch":7,"count":2,"lengths":[123,456],"sha256":"<hex>"}}

Where there are packs, `format` is 2, `count` is followed by `"packs":1`, their number, and between
the documents and the trailer stands the section that tells which pack a scenario came in:

    "packs":[
    {"name":"pack.json","about":{…},"scenarios":[
    "id-1",
    "id-2"
    ]
    },
    …
    ],

`about` is what the pack says beside its scenarios, exactly as the library has it. Each id has a
line of its own, so that a pack of any size is written and read with flat memory.

The whole is one JSON document. The last line, the trailer,
has no line break but its last byte.
`lengths` are the documents' in bytes. `sha256` is of all bytes before the digest itself, and all
that follows the digest is `"}}\n`: so any byte that is flipped or missing shows.
"""

from __future__ import annotations

import json
import re
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scenariod.library import Pack

    SavedPack = tuple[str, str, Iterator[str]]

FORMAT, FORMAT_WITH_PACKS = 1, 2
"""A backup without packs is the one that the first scenariod wrote, byte for byte."""
HEAD = b'{"scenarios":[\n'
SEPARATOR = b",\n"
FOOT = b"],\n"
BEFORE_DIGEST = b'],"sha256":"'
AFTER_DIGEST = b'"}}\n'
DIGEST_BYTES = 64
TAIL_BYTES = DIGEST_BYTES + len(AFTER_DIGEST)
MAX_OPENING_BYTES = 256
"""No opening is longer: five numbers and a time."""

_OPENING = re.compile(
    rb'"backup":\{"format":(?P<format>[0-9]{1,9}),"created":"(?P<created>[0-9TZ:.-]{1,40})",'
    rb'"batch":(?P<batch>[0-9]{1,19}),"count":(?P<count>[0-9]{1,19}),'
    rb'(?:"packs":(?P<packs>[0-9]{1,19}),)?"lengths":\['
)
_BEGINNING = re.compile(rb'"backup":\{"format":(?P<format>[0-9]{1,9}),')
_TAIL = re.compile(rb'(?P<sha256>[0-9a-f]{64})"\}\}\n')
_LENGTHS = re.compile(rb"[0-9,]*")
_LENGTHS_AT_ONCE = 8192
PACKS_HEAD = b'"packs":[\n'
_PACKS_FOOT = b"],\n"
_NAME, _ABOUT, _SCENARIOS = '{"name":', ',"about":', ',"scenarios":['
_END_OF_IDS = b"]"
_END_OF_PACK = b"}"


class Opening(Value):
    """The trailer up to its lengths; `size_bytes` is its own."""

    format: int
    created: datetime
    batch: int
    count: int
    packs: int
    size_bytes: int


def opening(*, created: datetime, batch: int, count: int, packs: int) -> bytes:
    """Return the trailer up to its lengths."""
    moment = created.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    number = FORMAT_WITH_PACKS if packs else FORMAT
    also = f'"packs":{packs},' if packs else ""
    return (
        f'"backup":{{"format":{number},"created":"{moment}","batch":{batch},"count":{count},'
        f'{also}"lengths":['
    ).encode("ascii")


def parse_opening(line: bytes) -> Opening | None:
    """Return the opening that `line` begins with, or None."""
    found = _OPENING.match(line)
    if found is None:
        return None
    try:
        created = datetime.fromisoformat(found["created"].decode("ascii"))
    except ValueError:
        return None
    return Opening(
        format=int(found["format"]),
        created=created,
        batch=int(found["batch"]),
        count=int(found["count"]),
        packs=int(found["packs"] or 0),
        size_bytes=found.end(),
    )


def format_in(line: bytes) -> int | None:
    """Return the format that a trailer names, whatever else it says; None if it is no trailer."""
    found = _BEGINNING.match(line)
    return None if found is None else int(found["format"])


def are_lengths(pieces: Iterable[bytes]) -> bool:
    """Return whether `pieces` of a trailer hold only numbers and commas."""
    return all(_LENGTHS.fullmatch(piece) for piece in pieces)


def written_lengths(lengths: array[int]) -> Iterator[bytes]:
    """Yield the lengths as the trailer has them, in pieces."""
    for start in range(0, len(lengths), _LENGTHS_AT_ONCE):
        piece = ",".join(map(str, lengths[start : start + _LENGTHS_AT_ONCE]))
        yield (("," if start else "") + piece).encode("ascii")


def parse_lengths(pieces: Iterable[bytes]) -> array[int] | None:
    """Return the lengths that `pieces` of the trailer say; None if they are not numbers."""
    lengths = array("Q")
    cut_off = b""
    try:
        for piece in pieces:
            *whole, cut_off = (cut_off + piece).split(b",")
            lengths.extend(map(int, whole))
        lengths.extend([int(cut_off)] if cut_off or lengths else [])
    except (ValueError, OverflowError):
        return None
    return lengths


def digest_in(tail: bytes) -> str | None:
    """Return the SHA-256 that the last `TAIL_BYTES` of a backup say, or None."""
    found = _TAIL.fullmatch(tail)
    return None if found is None else found["sha256"].decode("ascii")


def body_bytes(lengths: array[int]) -> int:
    """Return how many bytes come before the trailer when the documents have these lengths."""
    # Each document is followed by a separator, the last by a line break.
    between = len(SEPARATOR) * len(lengths) - (len(SEPARATOR) - 1 if lengths else 0)
    return len(HEAD) + sum(lengths) + between + len(FOOT)


def is_cut_tail(end: bytes) -> bool:
    """Say whether `end`, the last bytes of a trailer, are too few after the digest's name."""
    _, found, rest = end.rpartition(BEFORE_DIGEST)
    return not found or len(rest) < TAIL_BYTES


def written_pack(pack: Pack, ids: Iterable[str], *, is_first: bool) -> Iterator[bytes]:
    """Yield a pack as the section has it; `ids` are those of its scenarios in the backup."""
    yield PACKS_HEAD if is_first else b",\n"
    name = json.dumps(pack.name, ensure_ascii=False)
    yield f"{_NAME}{name}{_ABOUT}{_one_line(pack.about)}{_SCENARIOS}\n".encode()
    between = b""
    for scenario_id in ids:
        yield between + json.dumps(scenario_id, ensure_ascii=False).encode()
        between = b",\n"
    yield (b"\n" if between else b"") + _END_OF_IDS + b"\n" + _END_OF_PACK


def closing_packs() -> bytes:
    """Return what ends the section."""
    return b"\n" + _PACKS_FOOT


def parse_packs(lines: Iterator[bytes]) -> Iterator[SavedPack]:
    """Yield the packs of a section's lines; the ids of each are gone once the next is asked for.

    Raises ValueError where they are no such section.
    """
    if next(lines, b"") != PACKS_HEAD:
        raise ValueError("it has no packs")
    line = b","
    while line.endswith(b","):
        name, about = _header(next(lines, b""))
        ids = _ids(lines)
        yield name, about, ids
        for _ in ids:  # those that nobody has asked for
            pass
        line = next(lines, b"").rstrip(b"\n")
        if line.rstrip(b",") != _END_OF_PACK:
            raise ValueError("a pack is cut off")
    if next(lines, b"") != _PACKS_FOOT:
        raise ValueError("the list of packs is cut off")


def _header(line: bytes) -> tuple[str, str]:
    text = line.decode()
    decoder = json.JSONDecoder()
    name, name_end = decoder.raw_decode(text, len(_NAME))
    about_start = name_end + len(_ABOUT)
    about, about_end = decoder.raw_decode(text, about_start)
    if not isinstance(name, str) or not isinstance(about, dict):
        raise ValueError("a pack has no pack info")
    if text[about_end:] != f"{_SCENARIOS}\n":
        raise ValueError("a pack has no list of scenarios")
    return name, text[about_start:about_end]


def _ids(lines: Iterator[bytes]) -> Iterator[str]:
    for line in lines:
        if line == _END_OF_IDS + b"\n":
            return
        found = json.loads(line.rstrip(b",\n"))
        if not isinstance(found, str):
            raise ValueError("a scenario of a pack has no id")
        yield found
    raise ValueError("the scenarios of a pack are cut off")


def _one_line(about: str) -> str:
    """Return a JSON object without line breaks; the importer writes none."""
    return about if "\n" not in about else json.dumps(json.loads(about), ensure_ascii=False)
