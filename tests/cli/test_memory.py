from __future__ import annotations

from typing import TYPE_CHECKING

from support.makers import batch, entry
from support.scenarios import scenario

from scenariod.base.value import replace
from scenariod.library import Kind, Library

if TYPE_CHECKING:
    from support.home import Home


def record(home: Home, *peaks_mb: int, kind: Kind = Kind.INTAKE) -> None:
    """Record a batch of one file for each peak."""
    home.library.mkdir(exist_ok=True)
    with Library.open(home.database, busy_timeout_s=5) as library:
        for number, peak_mb in enumerate(peaks_mb):
            batch_id = library.reserve_batch()
            settled = replace(batch(batch_id), memory_peak_bytes=peak_mb << 20, kind=kind)
            library.settle(settled, [entry(scenario(f"{kind}-{batch_id}-{number}"))])


def test_before_anything_has_run_only_the_limit_is_told(home: Home) -> None:
    told = home.ctl("memory")
    answer = home.ctl("memory", "--json").json()

    assert told.code == 0
    assert told.out.splitlines()[0] == "no batch has run yet"
    assert (answer["batches"], answer["all"], answer["fitting_limit_mb"]) == (0, None, None)
    assert answer["limit_mb"] == 512


def test_recorded_peaks_are_told_with_the_limit_that_would_fit(home: Home) -> None:
    home.configure(memory={"limit_mb": 3072}, worker={"workers": 1})
    record(home, *([40] * 19), 61)

    told = home.ctl("memory").out.splitlines()
    answer = home.ctl("memory", "--json").json()

    assert [line.split() for line in told[1:3]] == [
        ["to", "16", "KB", "20", "40", "MB", "40", "MB", "61", "MB"],
        ["all", "20", "40", "MB", "40", "MB", "61", "MB"],
    ]
    assert told[3].startswith(
        "Limit: 3072 MB per worker; it allows 1 worker at once on this machine"
    )
    assert told[4] == (
        "Advice: p95 of 20 batches is 40 MB: memory.limit_mb = 128 would fit, "
        "and allow 1 worker at once"
    )
    assert answer["all"] == {
        "up_to_bytes": None,
        "batches": 20,
        "p50_bytes": 40 << 20,
        "p95_bytes": 40 << 20,
        "max_bytes": 61 << 20,
    }
    assert (answer["fitting_limit_mb"], answer["fitting_workers"]) == (128, 1)


def test_what_was_no_intake_says_nothing_of_workers(home: Home) -> None:
    record(home, 40)
    record(home, 4000, kind=Kind.IMPORT)

    assert home.ctl("memory", "--json").json()["all"]["max_bytes"] == 40 << 20


def test_a_batch_that_really_ran_is_told_with_its_peak(home: Home) -> None:
    home.drop("scenario-1.json")
    home.once()

    answer = home.ctl("memory", "--json").json()

    assert answer["batches"] == 1
    assert 10 << 20 < answer["all"]["max_bytes"] < 512 << 20
