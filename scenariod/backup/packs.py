r"""The section of a backup that tells which pack a scenario came in. Pure.

    "packs":[
    {"name":"pack.json","about":{…},"scenarios":[
    "id-1",
    "id-2"
    ]
    },
    …
    ],

It stands between the documents and the trailer, and only where there are packs. `about` is what the
pack says beside its scenarios, exactly as the library has it. Each id has a line of its own, so
that a pack of any size is written and read with flat memory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD = b'"packs":[\n'
_FOOT = b"],\n"
_NAME, _ABOUT, _SCENARIOS = '{"name":', ',"about":', ',"scenarios":['
_END_OF_IDS = b"]"
_END_OF_PACK = b"}"


class Pack(Protocol):
    """A pack: the file it came in, the JSON object it says of itself, and its scenarios' ids."""

    @property
    def name(self) -> str:
        """The name of its file."""

    @property
    def about(self) -> str:
        """A JSON object."""

    @property
    def ids(self) -> Iterable[str]:
        """Of its scenarios in the backup."""


@dataclass(frozen=True, slots=True)
class SavedPack:
    """A pack as a backup has it."""

    name: str
    about: str
    ids: Iterable[str]


def written(pack: Pack, *, is_first: bool) -> Iterator[bytes]:
    """Yield a pack as the section has it."""
    yield HEAD if is_first else b",\n"
    name = json.dumps(pack.name, ensure_ascii=False)
    yield f"{_NAME}{name}{_ABOUT}{_one_line(pack.about)}{_SCENARIOS}\n".encode()
    between = b""
    for scenario_id in pack.ids:
        yield between + json.dumps(scenario_id, ensure_ascii=False).encode()
        between = b",\n"
    yield (b"\n" if between else b"") + _END_OF_IDS + b"\n" + _END_OF_PACK


def closing() -> bytes:
    """Return what ends the section."""
    return b"\n" + _FOOT


def parse(lines: Iterator[bytes]) -> Iterator[SavedPack]:
    """Yield the packs of a section's lines; the `ids` of each are gone once the next is asked for.

    Raises ValueError where they are no such section.
    """
    if next(lines, b"") != HEAD:
        raise ValueError("it has no packs")
    line = b","
    while line.endswith(b","):
        name, about = _header(next(lines, b""))
        ids = _ids(lines)
        yield SavedPack(name, about, ids)
        for _ in ids:  # those that nobody has asked for
            pass
        line = next(lines, b"").rstrip(b"\n")
        if line.rstrip(b",") != _END_OF_PACK:
            raise ValueError("a pack does not end")
    if next(lines, b"") != _FOOT:
        raise ValueError("the packs do not end")


def _header(line: bytes) -> tuple[str, str]:
    text = line.decode()
    decoder = json.JSONDecoder()
    name, name_end = decoder.raw_decode(text, len(_NAME))
    about_start = name_end + len(_ABOUT)
    about, about_end = decoder.raw_decode(text, about_start)
    if not isinstance(name, str) or not isinstance(about, dict):
        raise ValueError("what a pack says of itself is not told")
    if text[about_end:] != f"{_SCENARIOS}\n":
        raise ValueError("the scenarios of a pack are not told")
    return name, text[about_start:about_end]


def _ids(lines: Iterator[bytes]) -> Iterator[str]:
    for line in lines:
        if line == _END_OF_IDS + b"\n":
            return
        found = json.loads(line.rstrip(b",\n"))
        if not isinstance(found, str):
            raise ValueError("the id of a scenario is not told")
        yield found
    raise ValueError("the scenarios of a pack do not end")


def _one_line(about: str) -> str:
    """Return a JSON object without line breaks; the importer writes none."""
    return about if "\n" not in about else json.dumps(json.loads(about), ensure_ascii=False)
