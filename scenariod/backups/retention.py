"""Which backups to keep: the last ones, then one an hour, a day, a week, a month, within a size.

Pure: records in, a plan with reasons out. Never touches a file or a clock.

The rule is that of `restic forget`: for each kind of period, the newest backup of each of the last
N periods *that have one* is kept, and one backup may be kept by several rules. Periods without a
backup don't count, so a machine that was off for a month loses nothing by it, and no clock is
asked. Hours and days are those of UTC, weeks those of ISO 8601.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from scenariod.base.units import MIB
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime


class Standing(StrEnum):
    """What is known of a backup.

    NOT_OURS is a file that this version did not write, or cannot read: one of a later version, one
    that is cut off, something else.
    """

    VERIFIED = "verified"
    UNKNOWN = "not verified"
    DAMAGED = "damaged"
    NOT_OURS = "not ours"


class Candidate(Value):
    """A backup that may be kept or removed; `created` is aware.

    `rank` is its place by their names, 0 the newest: a clock that was wrong has no part in it.
    """

    name: str
    rank: int
    created: datetime
    size_bytes: int
    standing: Standing


class Rules(Value):
    """How many to keep of each kind; `max_total_bytes` is 0 where there is no cap."""

    last: int
    hourly: int
    daily: int
    weekly: int
    monthly: int
    max_total_bytes: int


class Decision(Value):
    """Whether one backup is kept, and why: clauses for people, at least one."""

    backup: Candidate
    keep: bool
    reasons: tuple[str, ...]


class Plan(Value):
    """What is kept and what is removed, each newest first; together all there are."""

    keep: tuple[Decision, ...]
    remove: tuple[Decision, ...]

    @property
    def decisions(self) -> list[Decision]:
        """All of them, newest first."""
        return sorted((*self.keep, *self.remove), key=lambda each: each.backup.rank)


_PERIODS: dict[str, tuple[str, Callable[[datetime], str]]] = {
    "hourly": ("hour", lambda moment: f"{moment:%Y-%m-%d %H}:00"),
    "daily": ("day", lambda moment: f"{moment:%Y-%m-%d}"),
    "weekly": ("week", lambda moment: "{}-W{:02}".format(*moment.isocalendar())),
    "monthly": ("month", lambda moment: f"{moment:%Y-%m}"),
}
_NEWEST_VERIFIED = "the newest verified one"
_NOT_OURS = "this version cannot read it: never removed, never counted"


def plan(backups: Iterable[Candidate], rules: Rules) -> Plan:
    """Decide over each backup. The newest one and the newest verified one are always kept.

    A damaged one takes no other's place; it goes once any other is verified. What is not ours is
    kept, and neither counts nor takes a place.
    """
    newest_first = sorted(backups, key=lambda each: each.rank)
    out_of_count = {Standing.DAMAGED, Standing.NOT_OURS}
    usable = [each for each in newest_first if each.standing not in out_of_count]
    reasons = _reasons(usable, rules)
    protected = {each.name for each in usable[:1]}
    verified = next((b for b in usable if b.standing is Standing.VERIFIED), None)
    if verified is not None:
        protected.add(verified.name)
        reasons.setdefault(verified.name, []).append(_NEWEST_VERIFIED)
    over = _over_the_cap(usable, kept=reasons.keys(), protected=protected, rules=rules)

    def decided(each: Candidate) -> Decision:
        if each.standing is Standing.NOT_OURS:
            return Decision(each, keep=True, reasons=(_NOT_OURS,))
        if each.standing is Standing.DAMAGED:
            return _of_damaged(each, any_verified=verified is not None)
        return _decided(each, reasons.get(each.name, []), over=over, rules=rules)

    decisions = [decided(each) for each in newest_first]
    return Plan(
        keep=tuple(d for d in decisions if d.keep),
        remove=tuple(d for d in decisions if not d.keep),
    )


def _reasons(usable: Sequence[Candidate], rules: Rules) -> dict[str, list[str]]:
    """Return why the rules keep those that they keep, by name."""
    found: dict[str, list[str]] = {}
    for each in usable[: max(rules.last, 1)]:
        found[each.name] = [f"one of the last {max(rules.last, 1)}"]
    for rule, (period, key_of) in _PERIODS.items():
        seen: set[str] = set()
        for each in usable:
            key = key_of(each.created)
            if key not in seen and len(seen) < getattr(rules, rule):
                found.setdefault(each.name, []).append(f"the newest of {period} {key}")
                seen.add(key)
    return found


def _over_the_cap(
    usable: Sequence[Candidate], *, kept: Iterable[str], protected: set[str], rules: Rules
) -> set[str]:
    """Return those that go although a rule keeps them: the oldest, until the others fit."""
    names = set(kept)
    staying = [each for each in usable if each.name in names]
    total = sum(each.size_bytes for each in staying)
    over: set[str] = set()
    for each in reversed(staying):
        if not rules.max_total_bytes or total <= rules.max_total_bytes:
            break
        if each.name not in protected:
            over.add(each.name)
            total -= each.size_bytes
    return over


def _decided(each: Candidate, reasons: list[str], *, over: set[str], rules: Rules) -> Decision:
    if each.name in over:
        cap = f"the backups that are kept would exceed {rules.max_total_bytes // MIB} MB"
        return Decision(each, keep=False, reasons=(cap,))
    return Decision(each, keep=bool(reasons), reasons=tuple(reasons) or ("no rule keeps it",))


def _of_damaged(each: Candidate, *, any_verified: bool) -> Decision:
    why = (
        "damaged, and another one is verified"
        if any_verified
        else "damaged, but no other is intact"
    )
    return Decision(each, keep=not any_verified, reasons=(why,))
