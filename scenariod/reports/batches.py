"""What batches took: memory against its limits, time, how they ended, and what was refused.

Pure but for what it iterates. Of any number of batches it keeps a bounded summary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scenariod.library import Kind
from scenariod.reports.tallies import Spread, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenariod.library import Measure

MOST_COLUMNS = 120
"""More are too narrow to be seen on a phone."""
STAGES = ("waiting", "starting", "checking", "settling")
"""Of a batch of dropped files, in their order; together they are its time from claim to record."""
NOT_RECORDED = "not recorded"
_WITH_A_PROCESS = frozenset({Kind.INTAKE, Kind.VOICES})
_MOST_LISTED = 10
_OK = "ok"


@dataclass(slots=True)
class Column:
    """Batches in sequence, as one column of a chart: their highest peak, and what went wrong."""

    first: int
    last: int = 0
    batches: int = 0
    peak_bytes: int | None = None
    limit_bytes: int | None = None
    ended_badly: int = 0
    refused: int = 0
    until: str = ""

    def add(self, each: Measure) -> None:
        """Add a batch."""
        self.first, self.last = min(self.first, each.batch), max(self.last, each.batch)
        self.until = each.settled_at
        self.batches += 1
        self.refused += each.refused
        self.ended_badly += each.outcome != _OK
        if each.memory_peak_bytes is not None:
            self.peak_bytes = max(self.peak_bytes or 0, each.memory_peak_bytes)
        if each.memory_limit_bytes is not None:
            self.limit_bytes = max(self.limit_bytes or 0, each.memory_limit_bytes)


@dataclass(slots=True)
class Batches:
    """All batches together."""

    count: int = 0
    unmeasured: int = 0
    columns: list[Column] = field(default_factory=list)
    outcomes: Tally = field(default_factory=Tally)
    kinds: Tally = field(default_factory=Tally)
    launchers: Tally = field(default_factory=Tally)
    durations_ms: dict[str, Spread] = field(default_factory=dict)
    stages_ms: dict[str, Spread] = field(default_factory=lambda: {s: Spread() for s in STAGES})
    without_stages: int = 0
    started_by: Tally = field(default_factory=Tally)
    peaks: Spread = field(default_factory=Spread)
    over_soft_limit: int = 0
    highest: list[tuple[int, int]] = field(default_factory=list)
    badly_ended: list[tuple[int, str, str]] = field(default_factory=list)


def summarize(count: int, measures: Iterator[Measure], *, soft_limit_percent: int) -> Batches:
    """Return the summary of so many batches.

    Only those that a worker ran have a peak: an import, a restore and an undo have none.
    """
    found = Batches()
    a_column = max(1, -(-count // MOST_COLUMNS))
    for number, each in enumerate(measures):
        if number % a_column == 0:
            found.columns.append(Column(each.batch))
        found.columns[-1].add(each)
        _add(found, each, soft_limit_percent)
    return found


def _add(found: Batches, each: Measure, soft_limit_percent: int) -> None:
    ref = (each.batch, "")
    found.count += 1
    found.outcomes.add(each.outcome, ref)
    found.kinds.add(each.kind.value, ref)
    if each.kind is Kind.INTAKE:
        found.launchers.add(each.launcher, ref)
        _add_stages(found, each)
    if each.kind in _WITH_A_PROCESS:
        found.started_by.add(each.started_by or NOT_RECORDED, ref)
    found.durations_ms.setdefault(each.kind.value, Spread()).add(each.duration_ms)
    if each.outcome != _OK:
        found.badly_ended.append((each.batch, each.outcome, each.settled_at))
        del found.badly_ended[:-_MOST_LISTED]
    if each.memory_peak_bytes is None:
        found.unmeasured += each.kind is Kind.INTAKE
        return
    found.peaks.add(each.memory_peak_bytes)
    limit_bytes = each.memory_limit_bytes
    if limit_bytes is not None and each.memory_peak_bytes * 100 > limit_bytes * soft_limit_percent:
        found.over_soft_limit += 1
    found.highest.append((-each.memory_peak_bytes, each.batch))
    found.highest = sorted(found.highest)[:_MOST_LISTED]


def _add_stages(found: Batches, each: Measure) -> None:
    """Add what is known of its stages: what was not recorded is in none of them, not nought."""
    checking_ms = None if each.ready_ms is None else max(each.duration_ms - each.ready_ms, 0)
    for stage, took_ms in zip(
        STAGES, (each.waited_ms, each.ready_ms, checking_ms, each.settling_ms), strict=True
    ):
        if took_ms is not None:
            found.stages_ms[stage].add(took_ms)
    found.without_stages += each.ready_ms is None


def as_document(
    found: Batches, refused: list[tuple[str, int, int]], *, soft_limit_percent: int
) -> dict[str, Any]:
    """Return the summary as analytics.json has it; sizes in bytes, times in milliseconds."""
    return {
        "count": found.count,
        "kinds": _counts(found.kinds),
        "outcomes": _counts(found.outcomes),
        "launchers": _counts(found.launchers),
        "without_measured_memory": found.unmeasured,
        "soft_limit_percent": soft_limit_percent,
        "over_soft_limit": found.over_soft_limit,
        "peak_bytes": three(found.peaks),
        "highest": [{"batch": batch, "peak_bytes": -peak} for peak, batch in found.highest],
        "columns": [
            {
                "first": each.first,
                "last": each.last,
                "until": each.until,
                "batches": each.batches,
                "peak_bytes": each.peak_bytes,
                "limit_bytes": each.limit_bytes,
                "ended_badly": each.ended_badly,
                "refused": each.refused,
            }
            for each in found.columns
        ],
        "ended_badly": [
            {"batch": batch, "outcome": outcome, "settled_at": settled_at}
            for batch, outcome, settled_at in reversed(found.badly_ended)
        ],
        "duration_ms": {kind: three(each) for kind, each in sorted(found.durations_ms.items())},
        "stages_ms": {stage: three(each) for stage, each in found.stages_ms.items()},
        "without_stages": found.without_stages,
        "started_by": _counts(found.started_by),
        "refused": [
            {"code": code, "files": files, "last_batch": last} for code, files, last in refused
        ],
    }


def three(spread: Spread) -> dict[str, int | None]:
    """Return least, middle and largest of a figure, and the one that only a tenth exceeds."""
    return {
        "count": spread.count,
        "least": spread.at(0),
        "middle": spread.at(0.5),
        "nine_tenths": spread.at(0.9),
        "largest": spread.at(1),
    }


def _counts(tally: Tally) -> dict[str, int]:
    return {key: count for key, count, _ in tally.top()}
