from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.backups.retention import Candidate, Decision, Rules, Standing, plan
from scenariod.base.value import replace

NONE = Rules(last=1, hourly=0, daily=0, weekly=0, monthly=0, max_total_bytes=0)
NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def made(moment: str, *, size: int = 10, standing: Standing = Standing.VERIFIED) -> Candidate:
    created = datetime.fromisoformat(f"{moment}:00+00:00")
    return Candidate(moment, -int(created.timestamp()), created, size, standing)


def kept(moments: list[str], rules: Rules) -> list[str]:
    return [d.backup.name for d in plan(map(made, moments), rules).keep]


DAY = ["2026-03-14 08:10", "2026-03-14 08:50", "2026-03-14 11:00", "2026-03-14 11:59"]


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ({"last": 3}, ["2026-03-14 11:59", "2026-03-14 11:00", "2026-03-14 08:50"]),
        ({"hourly": 1}, ["2026-03-14 11:59"]),
        ({"hourly": 2}, ["2026-03-14 11:59", "2026-03-14 08:50"]),
        ({"hourly": 9}, ["2026-03-14 11:59", "2026-03-14 08:50"]),
        ({"daily": 5}, ["2026-03-14 11:59"]),
    ],
)
def test_within_a_day_the_newest_of_each_hour_is_kept(
    rules: dict[str, int], names: list[str]
) -> None:
    assert kept(DAY, replace(NONE, **rules)) == names


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ({"daily": 2}, ["2026-03-09 09:00", "2026-02-28 23:59"]),
        ({"weekly": 2}, ["2026-03-09 09:00", "2026-02-28 23:59"]),
        ({"weekly": 3}, ["2026-03-09 09:00", "2026-02-28 23:59", "2026-01-01 00:00"]),
        ({"monthly": 3}, ["2026-03-09 09:00", "2026-02-28 23:59", "2026-01-01 00:00"]),
        ({"monthly": 9}, ["2026-03-09 09:00", "2026-02-28 23:59", "2026-01-01 00:00"]),
    ],
)
def test_periods_without_a_backup_do_not_count(rules: dict[str, int], names: list[str]) -> None:
    moments = ["2025-12-31 23:59", "2026-01-01 00:00", "2026-02-28 23:59", "2026-03-09 09:00"]
    if "monthly" in rules and rules["monthly"] == 9:
        names = [*names, "2025-12-31 23:59"]

    assert kept(moments, replace(NONE, **rules)) == names


def test_the_last_day_of_a_year_and_the_first_of_the_next_are_in_one_iso_week() -> None:
    moments = ["2025-12-28 12:00", "2025-12-29 12:00", "2026-01-01 12:00"]

    assert kept(moments, replace(NONE, weekly=2)) == ["2026-01-01 12:00", "2025-12-28 12:00"]


def test_each_decision_says_why() -> None:
    backups = [
        made("2026-03-14 12:00"),
        made("2026-03-14 11:00"),
        made("2026-03-13 11:00"),
        made("2026-03-13 10:00", standing=Standing.DAMAGED),
    ]

    decided = plan(backups, replace(NONE, hourly=1, daily=2))

    assert [(d.backup.name, d.keep, d.reasons) for d in decided.decisions] == [
        (
            "2026-03-14 12:00",
            True,
            (
                "one of the last 1",
                "the newest of hour 2026-03-14 12:00",
                "the newest of day 2026-03-14",
                "the newest verified one",
            ),
        ),
        ("2026-03-14 11:00", False, ("no rule keeps it",)),
        ("2026-03-13 11:00", True, ("the newest of day 2026-03-13",)),
        ("2026-03-13 10:00", False, ("damaged, and another one is verified",)),
    ]


def test_beyond_the_cap_the_oldest_go_and_say_so() -> None:
    moments = [f"2026-03-14 {hour:02}:00" for hour in range(6)]
    backups = [made(moment, size=4 << 20) for moment in moments]

    decided = plan(backups, replace(NONE, last=5, max_total_bytes=9 << 20))

    assert [d.backup.name for d in decided.keep] == ["2026-03-14 05:00", "2026-03-14 04:00"]
    assert decided.remove[0].reasons == ("the backups that are kept would exceed 9 MB",)
    assert decided.remove[-1].reasons == ("no rule keeps it",)


def test_the_newest_verified_one_stays_whatever_rules_and_cap_say() -> None:
    backups = [
        made("2026-03-14 12:00", size=100, standing=Standing.UNKNOWN),
        made("2026-03-14 11:00", size=100, standing=Standing.DAMAGED),
        made("2026-03-14 10:00", size=100),
        made("2026-03-14 09:00", size=100),
    ]

    decided = plan(backups, replace(NONE, max_total_bytes=1))

    assert [d.backup.name for d in decided.keep] == ["2026-03-14 12:00", "2026-03-14 10:00"]


def test_where_none_is_verified_a_damaged_one_stays_and_takes_no_place() -> None:
    backups = [
        made("2026-03-14 12:00", standing=Standing.DAMAGED),
        made("2026-03-14 11:00", standing=Standing.UNKNOWN),
        made("2026-03-14 10:00", standing=Standing.UNKNOWN),
    ]

    decided = plan(backups, NONE)

    assert [d.backup.name for d in decided.keep] == ["2026-03-14 12:00", "2026-03-14 11:00"]


def test_what_is_not_ours_stays_and_neither_counts_nor_takes_a_place() -> None:
    backups = [
        made("2026-03-14 12:00", standing=Standing.NOT_OURS, size=100),
        made("2026-03-14 11:00", size=4),
        made("2026-03-14 10:00", standing=Standing.NOT_OURS, size=100),
        made("2026-03-14 09:00", size=4),
        made("2026-03-14 08:00", size=4),
    ]

    decided = plan(backups, replace(NONE, last=2, max_total_bytes=9))

    assert [d.backup.name for d in decided.remove] == ["2026-03-14 08:00"]
    assert decided.keep[0].reasons == ("this version cannot read it: never removed, never counted",)


def test_of_no_backups_nothing_is_decided() -> None:
    assert plan([], NONE).decisions == []


# Whatever there is, and whatever the rules are


counts = st.integers(0, 6)
rules_of_any_kind = st.builds(
    Rules,
    last=st.integers(1, 6),
    hourly=counts,
    daily=counts,
    weekly=counts,
    monthly=counts,
    max_total_bytes=st.one_of(st.just(0), st.integers(1, 300)),
)


@st.composite
def any_backups(draw: st.DrawFn) -> list[Candidate]:
    spread_s = draw(st.sampled_from([3600, 86_400, 86_400 * 40, 86_400 * 800]))
    ages_s = draw(st.lists(st.integers(0, spread_s), max_size=25))
    ranks = draw(st.permutations(range(len(ages_s))))  # a clock may have gone wrong in any way
    return [
        Candidate(
            name=f"backup-{number}",
            rank=rank,
            created=NOON - timedelta(seconds=age_s),
            size_bytes=draw(st.integers(0, 100)),
            standing=draw(st.sampled_from(Standing)),
        )
        for number, (age_s, rank) in enumerate(zip(ages_s, ranks, strict=True))
    ]


def counted(backups: list[Candidate]) -> list[Candidate]:
    return [b for b in backups if b.standing in {Standing.VERIFIED, Standing.UNKNOWN}]


def newest_verified(backups: list[Candidate]) -> Candidate | None:
    verified = [b for b in backups if b.standing is Standing.VERIFIED]
    return min(verified, key=lambda b: b.rank, default=None)


def names(decisions: tuple[Decision, ...]) -> set[str]:
    return {d.backup.name for d in decisions}


@given(any_backups(), rules_of_any_kind)
def test_each_backup_is_decided_once_with_a_reason(backups: list[Candidate], rules: Rules) -> None:
    decided = plan(backups, rules)

    assert sorted(d.backup.name for d in decided.decisions) == sorted(b.name for b in backups)
    assert names(decided.keep).isdisjoint(names(decided.remove))
    assert all(d.reasons and all(d.reasons) for d in decided.decisions)


@given(any_backups(), rules_of_any_kind)
def test_the_newest_verified_one_is_never_removed(backups: list[Candidate], rules: Rules) -> None:
    newest = newest_verified(backups)

    assert newest is None or newest.name in names(plan(backups, rules).keep)


@given(any_backups(), rules_of_any_kind)
def test_what_is_not_ours_is_never_removed_and_changes_no_other_decision(
    backups: list[Candidate], rules: Rules
) -> None:
    ours = [b for b in backups if b.standing is not Standing.NOT_OURS]

    decided = plan(backups, rules)

    assert decided.remove == plan(ours, rules).remove


@given(any_backups(), rules_of_any_kind)
def test_pruning_twice_removes_nothing_more(backups: list[Candidate], rules: Rules) -> None:
    once = plan(backups, rules)

    assert plan([d.backup for d in once.keep], rules).remove == ()


@given(any_backups(), rules_of_any_kind, st.data())
def test_a_removal_cut_off_anywhere_leads_to_the_same_in_the_end(
    backups: list[Candidate], rules: Rules, data: st.DataObject
) -> None:
    whole = plan(backups, rules)
    oldest_first = [d.backup for d in reversed(whole.remove)]
    done = data.draw(st.integers(0, len(oldest_first)))
    left = [b for b in backups if b not in oldest_first[:done]]

    assert names(plan(left, rules).keep) == names(whole.keep)


@given(any_backups(), rules_of_any_kind)
def test_what_is_kept_fits_under_the_cap_or_cannot_be_less(
    backups: list[Candidate], rules: Rules
) -> None:
    usable = counted([d.backup for d in plan(backups, rules).keep])

    total = sum(each.size_bytes for each in usable)
    assert not rules.max_total_bytes or total <= rules.max_total_bytes or len(usable) <= 2


@given(any_backups(), rules_of_any_kind)
def test_the_last_ones_are_kept_where_there_is_no_cap(
    backups: list[Candidate], rules: Rules
) -> None:
    newest_first = sorted(counted(backups), key=lambda b: b.rank)

    keep = names(plan(backups, replace(rules, max_total_bytes=0)).keep)

    assert {b.name for b in newest_first[: rules.last]} <= keep


@given(any_backups(), rules_of_any_kind, rules_of_any_kind)
def test_who_asks_for_more_never_keeps_less(
    backups: list[Candidate], rules: Rules, more: Rules
) -> None:
    fewer = replace(rules, max_total_bytes=0)
    larger = Rules(
        last=fewer.last + more.last,
        hourly=fewer.hourly + more.hourly,
        daily=fewer.daily + more.daily,
        weekly=fewer.weekly + more.weekly,
        monthly=fewer.monthly + more.monthly,
        max_total_bytes=0,
    )

    assert names(plan(backups, fewer).keep) <= names(plan(backups, larger).keep)


@given(any_backups(), rules_of_any_kind)
def test_the_order_in_which_they_are_given_changes_nothing(
    backups: list[Candidate], rules: Rules
) -> None:
    assert plan(backups, rules) == plan(reversed(backups), rules)
