"""What memory batches needed, what they are allowed, and what would fit. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base.errors import NotFoundError
from scenariod.base.units import MIB
from scenariod.base.value import as_dict
from scenariod.cli import memory_advice
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, require_root
from scenariod.library import Library
from scenariod.workers import admission, host
from scenariod.workers.budget import sizes_here

if TYPE_CHECKING:
    import argparse

    from scenariod.base.config import Config
    from scenariod.cli.memory_advice import Needed
    from scenariod.library import Peak
    from scenariod.workers.sizes import Sizes

MOST_BATCHES = 10_000
"""Older ones say little of what is dropped today."""


def memory(config: Config, _: argparse.Namespace) -> Answer:
    """Answer the recorded peaks by size of input, the limit, and what limit would fit."""
    require_root(config)
    peaks = _peaks(config)
    groups = memory_advice.by_input(peaks)
    everything = memory_advice.needed(peaks) if peaks else None
    fitting = _fitting_limit_mb(config, everything)
    sizes = sizes_here(config.memory)
    now = _workers(config, sizes.in_mb()["limit_mb"])
    document = {
        "batches": len(peaks),
        "by_input": [as_dict(group) for group in groups],
        "all": as_dict(everything) if everything else None,
        **sizes.in_mb(),
        "chosen": list(sizes.chosen),
        "total_mb": host.look().total_bytes // MIB,
        "workers": now,
        "fitting_limit_mb": fitting,
        "fitting_workers": _workers(config, fitting) if fitting else None,
    }
    lines = [*_table(groups, everything), _limit_line(sizes, workers=now)]
    return Answer(document, lines=[*lines, _advice_line(config, sizes, everything, fitting)])


def _peaks(config: Config) -> list[Peak]:
    try:
        with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
            return library.memory_peaks(most=MOST_BATCHES)
    except NotFoundError:
        return []


def _fitting_limit_mb(config: Config, everything: Needed | None) -> int | None:
    if everything is None:
        return None
    return memory_advice.fitting_limit_mb(
        everything, soft_limit_percent=config.memory.soft_limit_percent
    )


def _workers(config: Config, limit_mb: int) -> int:
    return memory_advice.workers(
        limit_bytes=limit_mb * MIB,
        total_bytes=host.look().total_bytes,
        reserve_bytes=sizes_here(config.memory).reserve_bytes,
        most=admission.most_workers(config.worker.workers, processors=host.processors()),
    )


def _table(groups: list[Needed], everything: Needed | None) -> list[str]:
    if everything is None:
        return ["no batch has run yet"]
    lines = [f"{'Input':<16}{'Batches':>9}{'p50':>10}{'p95':>10}{'max':>10}"]
    lines += [_row(_size(group.up_to_bytes), group) for group in groups]
    return [*lines, _row("all", everything)]


def _row(label: str, needed: Needed) -> str:
    peaks = (needed.p50_bytes, needed.p95_bytes, needed.max_bytes)
    cells = "".join(f"{f'{peak / MIB:.0f} MB':>10}" for peak in peaks)
    return f"{label:<16}{needed.batches:>9}{cells}"


def _size(up_to_bytes: int | None) -> str:
    if up_to_bytes is None:
        return "larger"
    return f"to {up_to_bytes // MIB} MB" if up_to_bytes >= MIB else f"to {up_to_bytes >> 10} KB"


def _limit_line(sizes: Sizes, *, workers: int) -> str:
    has_more = sizes.limit_max_bytes > sizes.limit_bytes
    more = f", {sizes.shown('limit_max_mb')} for one more try" if has_more else ""
    now = host.look()
    return (
        f"Limit: {sizes.shown('limit_mb')} per worker{more}; it allows {_many(workers)} at once on "
        f"{now.name} of {now.total_bytes // MIB} MB, {sizes.shown('reserve_mb')} of it kept free"
    )


def _advice_line(
    config: Config, sizes: Sizes, everything: Needed | None, fitting: int | None
) -> str:
    if everything is None or everything.batches < memory_advice.FEWEST_BATCHES:
        return f"Advice: none before {memory_advice.FEWEST_BATCHES} batches have run"
    seen = f"p95 of {everything.batches} batches is {everything.p95_bytes / MIB:.0f} MB"
    if fitting is None:
        return f"Advice: {seen}, which is too close to any limit; drop smaller files"
    if fitting == sizes.in_mb()["limit_mb"]:
        return f"Advice: {seen}: the limit fits"
    allowed = _many(_workers(config, fitting))
    return f"Advice: {seen}: memory.limit_mb = {fitting} would fit, and allow {allowed} at once"


def _many(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"
