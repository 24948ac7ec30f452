"""The page reports/index.html: what needs a person first, then the twelve subjects.

Pure: from the document of analytics.json to a page of bounded size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scenariod.base.value import Value
from scenariod.reports import charts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenariod.reports.html import Templates

ROWS = 10
"""Of a list on the page; analytics.json has more."""
LINKS = 4
"""Scenarios that one row of a table names."""


class Card(Value):
    """One of the first figures of the page; `link` leads to the rest."""

    figure: str
    words: str
    link: str


class Concern(Value):
    """Something that needs a person: what it is, what to do, and a command that helps."""

    words: str
    advice: str
    command: str = ""


def page(templates: Templates, document: dict[str, Any]) -> Iterator[str]:
    """Yield the page."""
    return templates.render(
        "index.html",
        said=document,
        cards=cards(document),
        concerns=concerns(document),
        answers=charts.stacked(list(document["answers"]["counts"].values())),
        lengths=_lengths(document["length"]["words_columns"]),
        memory=charts.memory(document["batches"]),
        rows=ROWS,
        links_shown=LINKS,
    )


def cards(document: dict[str, Any]) -> list[Card]:
    """Return the figures that come first."""
    scenarios, batches = document["scenarios"], document["batches"]
    needs = len(concerns(document))
    ended_well = batches["outcomes"].get("ok", 0)
    return [
        Card(str(scenarios), "scenarios", "library/index.html"),
        Card(
            str(needs) if needs else "no",
            f"concern{'' if needs == 1 else 's'} for a person",
            "#attention",
        ),
        Card(f"{ended_well} of {batches['count']}", "batches ended well", "#batches"),
        Card(f"{document['voices']['complete']} of {scenarios}", "with all voices", "#voices"),
    ]


def concerns(document: dict[str, Any]) -> list[Concern]:
    """Return what needs a person, the most urgent first."""
    attention, found = document["attention"], []
    if attention["backup"]["doubt"]:
        words = f"The newest backup is doubtful: {attention['backup']['doubt']}"
        command = "scenariodctl backups verify --all"
        found.append(Concern(words, "Check the backups.", command))
    if refused := attention["refused"]["count"]:
        words = f"{_many(refused, 'refused file')} in failed/"
        advice = "Fix each file, then retry it. The list below shows the newest ones."
        found.append(Concern(words, advice, "scenariodctl failed"))
    if paused := attention["pauses"]["count"]:
        words = f"Intake paused {paused} time{'' if paused == 1 else 's'} in seven days"
        advice = "It has resumed by itself. The list below shows why it paused; fix what recurs."
        found.append(Concern(words, advice, "scenariodctl status"))
    if left_out := attention["left_out"]["scenarios"]:
        words = f"{_many(left_out, 'scenario')} could not be counted"
        advice = "No figure below counts them. Look at them, and split the large ones."
        found.append(Concern(words, advice, "scenariodctl library verify"))
    if failed := document["voices"]["failed"]["scenarios"]:
        words = f"{_many(failed, 'scenario')} could not be spoken"
        advice = "The reasons are with the voices below; change the text, or speak it again."
        found.append(Concern(words, advice, "scenariodctl voices --failed"))
    if partial := document["voices"]["partial"]["scenarios"]:
        words = f"{_many(partial, 'scenario')} with some voices only"
        advice = "See the voices below; the next run of voices makes those that are missing."
        found.append(Concern(words, advice, "scenariodctl status"))
    return found


def _lengths(found: list[list[int]]) -> list[charts.Bar]:
    counts = [count for _, _, count in found]
    return charts.columns(counts, highest=max(counts, default=0))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
