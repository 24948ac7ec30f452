from __future__ import annotations

import io

import pytest

from scenariod.base.errors import (
    ConfigError,
    LibraryDamagedError,
    LibraryLockedError,
    NoLimitError,
    ScenariodError,
)
from scenariod.base.faults import Fault, Step
from scenariod.daemon.error_policy import (
    MOST_WITHOUT_LIMIT,
    Backoff,
    End,
    ErrorPolicy,
    Pause,
    Rebuild,
)
from scenariod.library import Paused
from scenariod.monitoring.journal import TextJournal

NO_LIMIT = NoLimitError("no limit", hint="h")
DAMAGED = LibraryDamagedError("damaged", hint="h")


def policy(
    *, rebuilds_library: bool = True, is_service: bool = True, said: io.StringIO | None = None
) -> ErrorPolicy:
    return ErrorPolicy(
        journal=TextJournal(said or io.StringIO()),
        rebuilds_library=rebuilds_library,
        is_service=is_service,
    )


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left"), LibraryLockedError("locked", hint="h"), NO_LIMIT],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_a_pause(error: Exception) -> None:
    follows = policy().take(error, batch=1, is_paused=False)

    assert isinstance(follows, Pause)
    assert str(error).rpartition("] ")[2] in follows.fault.words


@pytest.mark.parametrize(
    ("rebuilds_library", "follows"), [(True, Rebuild(DAMAGED)), (False, End(DAMAGED))]
)
def test_a_damaged_library_is_rebuilt_where_that_is_allowed(
    *, rebuilds_library: bool, follows: Rebuild | End
) -> None:
    taken = policy(rebuilds_library=rebuilds_library).take(DAMAGED, batch=1, is_paused=False)

    assert taken == follows


def test_what_can_only_get_worse_is_an_end() -> None:
    error: ScenariodError = ConfigError("wrong", hint="h")

    assert policy().take(error, batch=None, is_paused=False) == End(error)


@pytest.mark.parametrize(("is_service", "last"), [(True, End), (False, Pause)])
def test_a_service_without_a_limit_several_times_in_a_row_ends(
    *, is_service: bool, last: type[Pause | End]
) -> None:
    errors = policy(is_service=is_service)

    first = errors.take(NO_LIMIT, batch=1, is_paused=False)
    more = [errors.take(NO_LIMIT, batch=1, is_paused=True) for _ in range(MOST_WITHOUT_LIMIT - 1)]

    assert [type(follows) for follows in (first, *more[:-1])] == [Pause] * (MOST_WITHOUT_LIMIT - 1)
    assert type(more[-1]) is last


def test_what_has_gone_well_in_between_ends_the_row() -> None:
    errors = policy()
    for _ in range(MOST_WITHOUT_LIMIT - 1):
        errors.take(NO_LIMIT, batch=1, is_paused=True)

    follows = errors.take(NO_LIMIT, batch=1, is_paused=False)

    assert isinstance(follows, Pause)


def test_a_defect_of_ours_is_told_with_its_place_and_is_a_pause() -> None:
    said = io.StringIO()

    follows = policy(said=said).take(KeyError("x"), batch=7, is_paused=False)

    assert isinstance(follows, Pause)
    assert "error: batch 7: a defect in scenariod: KeyError: 'x'" in said.getvalue()


def test_pauses_that_end_are_handed_over_to_be_recorded() -> None:
    ended: list[Paused] = []
    backoff = Backoff(journal=TextJournal(io.StringIO()), longest_s=9, on_end=ended.append)
    full, locked = Fault("full", step=Step.RECORDING), Fault("locked")

    for fault in (full, full, locked):
        backoff.begin(fault)
    assert [(each.step, each.reason) for each in ended] == [("recording in the library", "full")]
    backoff.end_if_over()
    assert len(ended) == 1  # its time is not over
    backoff.cut_short()
    backoff.end_if_over()
    backoff.end_if_over()

    assert [(each.step, each.reason) for each in ended[1:]] == [("", "locked")]
    assert all(each.begun_at <= each.ended_at for each in ended)
