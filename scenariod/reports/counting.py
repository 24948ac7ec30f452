"""Count the library, page by page: what was counted of a page before is not counted again.

Owns the order of reading and counting. Holds one document at a time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from scenariod.reports import facts
from scenariod.reports.folder import digest_of, page_of
from scenariod.reports.part import PHRASES_COUNTED, VERSION, Part, likenesses
from scenariod.reports.voiced import Voiced, voices_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scenariod.library import Likenesses, Snapshot, Version
    from scenariod.reports.folder import Folder


@dataclass(slots=True)
class Counted:
    """The library counted: all its scenarios together, the files of voices, and its pages.

    `pages` has for each page that there is a digest of its scenarios, and of their voices, speakers
    and packs.
    """

    whole: Part = field(default_factory=Part)
    voiced: Voiced = field(default_factory=Voiced)
    pages: dict[int, str] = field(default_factory=dict)
    counted_anew: int = 0


def count(snapshot: Snapshot, folder: Folder, *, voices: Path, likes: Likenesses) -> Counted:
    """Count all scenarios of the library, and add to `likes` what tells which are alike."""
    counted = Counted()
    for page, versions in pages(snapshot):
        digest = digest_of(VERSION, *(f"{each.row} {each.stored.sha256}" for each in versions))
        part = folder.part(page, digest=digest)
        if part is None:
            part = _counted(snapshot, versions).state()
            folder.keep_part(page, part, digest=digest)
            counted.counted_anew += 1
        counted.whole.merge(part)
        _compare(part, likes)
        there = [_voices(counted.voiced, each, voices) for each in versions]
        packs = [snapshot.pack_of(each.id) for each in versions]
        speakers = [snapshot.speakers(each.id) for each in versions]
        counted.pages[page] = digest_of(digest, *there, *packs, *speakers)
    folder.remove_others(folder.parts, {f"{page:06}.json" for page in counted.pages})
    return counted


def pages(snapshot: Snapshot) -> Iterator[tuple[int, list[Version]]]:
    """Yield the number of each page that has scenarios, and these in their order."""
    for page, versions in groupby(snapshot.scenarios(), key=lambda each: page_of(each.row)):
        yield page, list(versions)


def _counted(snapshot: Snapshot, versions: list[Version]) -> Part:
    part = Part(most_phrases=PHRASES_COUNTED)
    for version in versions:
        try:
            found = facts.read(snapshot.document(version))
        except facts.NotReadableError as error:
            part.leave_out((version.row, version.id), f"cannot be read: {error}"[:200])
        except MemoryError:
            part.leave_out((version.row, version.id), "too large for the report's memory")
        else:
            part.add(version.row, found)
    return part


def _compare(part: dict[str, Any], likes: Likenesses) -> None:
    for each in likenesses(part):
        names = {"title": each.title, "claim": each.claim, "text": each.story}
        kept = {kind: key for kind, key in names.items() if key}
        likes.add(each.row, each.id, names=kept, sketch=each.sketch)


def _voices(voiced: Voiced, version: Version, voices: Path) -> int:
    return voiced.add((version.row, version.id), voices_of(os.fspath(voices), version.id))
