"""The lists of reports/library/: where each scenario is, by id, by right answer, by pack.

A list is cut where an id's hash says so, not after a fixed number: so one more scenario changes
one piece of each list, and leaves all the others as they are.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from zlib import crc32

from scenariod.base.value import Value
from scenariod.library import Order
from scenariod.reports.folder import PAGE_ROWS, anchor, digest_of, mark, page_name, page_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scenariod.library import Listed, Snapshot
    from scenariod.reports.folder import Folder
    from scenariod.reports.html import Templates

_EVERY = 100
"""Of so many ids one begins a new piece, on average."""
_TITLES = {
    Order.ID: "All scenarios by id",
    Order.ANSWER: "Scenarios by right answer",
    Order.PACK: "Scenarios by pack",
}


class Stretch(Value):
    """A piece of a list: its file, the group it belongs to, its first and last id."""

    name: str
    group: str
    first: str
    last: str
    count: int


class Entry(Value):
    """A scenario in a list."""

    id: str
    title: str
    answer: str
    link: str


def write_lists(
    snapshot: Snapshot, folder: Folder, templates: Templates, *, pages: Mapping[int, str]
) -> set[str]:
    """Write what changed of all lists and of the first page; return the names of all of them."""
    writer = _Writer(folder, templates)
    known = {}
    for order, title in _TITLES.items():
        found = [writer.piece(order, piece) for piece in pieces(snapshot.listed(order))]
        groups = [(group, list(each)) for group, each in groupby(found, key=lambda s: s.group)]
        writer.write(f"by-{order}.html", "contents.html", title=title, groups=groups)
        known[order] = len(groups) if order is not Order.ID else len(found)
    numbers = sorted(pages)
    writer.write(
        "index.html",
        "library.html",
        count=snapshot.count,
        pages=[
            (page_name(number), (number - 1) * PAGE_ROWS + 1, number * PAGE_ROWS)
            for number in numbers
        ],
        has_packs=bool(known[Order.PACK]),
    )
    return writer.names


def pieces(listed: Iterable[Listed]) -> Iterator[list[Listed]]:
    """Yield a sorted list in pieces of one group each, of at most `PAGE_ROWS`."""
    piece: list[Listed] = []
    for each in listed:
        begins = crc32(each.id.encode()) % _EVERY == 0 or len(piece) == PAGE_ROWS
        if piece and (begins or each.group != piece[0].group):
            yield piece
            piece = []
        piece.append(each)
    if piece:
        yield piece


class _Writer:
    """Writes lists of one report, and remembers the names of all that belong to it."""

    def __init__(self, folder: Folder, templates: Templates) -> None:
        self.names: set[str] = set()
        self._folder = folder
        self._templates = templates
        self._version = templates.digest

    def piece(self, order: Order, piece: list[Listed]) -> Stretch:
        """Write a piece of a list; return where it is."""
        first, last = piece[0], piece[-1]
        name = f"by-{order}-{digest_of(first.group, first.id)[:12]}.html"
        entries = [
            Entry(each.id, each.title, each.correct_answer, _link(each.row, each.id))
            for each in piece
        ]
        title = _TITLES[order]
        self.write(
            name, "list.html", title=title, group=first.group, entries=entries, up=f"by-{order}"
        )
        return Stretch(name, first.group, first.id, last.id, len(piece))

    def write(self, name: str, template: str, **values: object) -> None:
        """Write a file, unless it shows just this."""
        self.names.add(name)
        digest = digest_of(self._version, template, *values.values())
        path = f"library/{name}"
        if not self._folder.shows(path, digest=digest):
            pieces = self._templates.render(template, mark=mark(digest), **values)
            self._folder.write(path, pieces)


def _link(row: int, scenario_id: str) -> str:
    return f"{page_name(page_of(row))}{anchor(scenario_id)}"
