"""The pages of reports/library/ with the scenarios themselves: only those that changed are made.

Holds the scenarios of one page, each cut to what a page shows.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scenariod.reports import counting, display, facts
from scenariod.reports.folder import digest_of, mark, page_name
from scenariod.reports.voiced import voices_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scenariod.library import Snapshot, Version
    from scenariod.reports.display import Displayed
    from scenariod.reports.folder import Folder
    from scenariod.reports.html import Templates

MOST_EVENTS = 10


def write_pages(
    snapshot: Snapshot,
    folder: Folder,
    templates: Templates,
    *,
    pages: Mapping[int, str],
    voices: Path,
) -> int:
    """Make the pages whose digest in `pages` is not what is there; return how many those are."""
    made, before, numbers = 0, {}, sorted(pages)
    for at, number in enumerate(numbers):
        before[number] = numbers[at - 1] if at else None
    after = {former: number for number, former in before.items() if former is not None}
    version = templates.digest
    for number, versions in counting.pages(snapshot):
        if number not in pages:
            continue
        former, later = before[number], after.get(number)
        digest = digest_of(pages[number], version, former, later)
        name = f"library/{page_name(number)}"
        if folder.shows(name, digest=digest):
            continue
        shown = [_displayed(snapshot, each, voices) for each in versions]
        links = [page_name(each) if each else None for each in (former, later)]
        folder.write(
            name,
            templates.render(
                "page.html", mark=mark(digest), scenarios=shown, former=links[0], later=links[1]
            ),
        )
        made += 1
    return made


def _displayed(snapshot: Snapshot, version: Version, voices: Path) -> Displayed:
    try:
        found = facts.read(snapshot.document(version))
        return display.displayed(
            found,
            scenario_id=version.id,
            voices=voices_of(os.fspath(voices), version.id),
            speakers=snapshot.speakers(version.id),
            pack=snapshot.pack_of(version.id),
            events=snapshot.events(version.id, most=MOST_EVENTS),
        )
    except facts.NotReadableError as error:
        return display.unreadable(version.id, version.title, str(error)[:200])
    except MemoryError:
        return display.unreadable(version.id, version.title, "it is too large")
