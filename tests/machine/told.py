"""What a machine's journal has told the outside (`Machine.report_journal`), counted or awaited."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from scenariod.monitoring.journal import Event

from .machine import DEADLINE_S, Machine

Entry = dict[str, Any]

JOURNAL = "SYSLOG_IDENTIFIER=scenariod"
SETTLER = "settler"
"""The journal's identifier of what guest_settler.py tells of its steps."""
_NAMES = {event.message_id: event.name for event in Event}


def of(machine: Machine, event: Event, **fields: object) -> list[Entry]:
    """Return the entries of an event that have these values in SCENARIOD_<NAME>, oldest first."""
    wanted = {f"SCENARIOD_{name.upper()}": str(value) for name, value in fields.items()}
    wanted["MESSAGE_ID"] = event.message_id
    return [entry for entry in machine.reported() if wanted.items() <= entry.items()]


def wait_for(machine: Machine, event: Event, *, times: int = 1, **fields: object) -> Entry:
    """Wait until so many of such entries have been told; return that one."""
    end = time.monotonic() + DEADLINE_S
    while len(found := of(machine, event, **fields)) < times:
        if time.monotonic() > end:
            told = summary(machine.reported())
            pytest.fail(f"no {event.name} {fields} for the time no. {times}; told: {told}")
        time.sleep(0.02)
    return found[times - 1]


def wait_for_any(machine: Machine) -> None:
    """Wait until anything has been told."""
    end = time.monotonic() + DEADLINE_S
    while not machine.reported():
        if time.monotonic() > end:
            pytest.fail("nothing was told")
        time.sleep(0.02)


def wait_for_step(machine: Machine, step: str) -> None:
    """Wait until the guest's settler has told that it is doing this."""
    end = time.monotonic() + DEADLINE_S
    while step not in under_way(machine.reported()):
        if time.monotonic() > end:
            pytest.fail(f"no {step}; told: {summary(machine.reported())}")
        time.sleep(0.005)


def under_way(entries: Iterable[Entry]) -> set[str]:
    """Return what the threads of the guest's settler were doing by the last that each told."""
    last = {
        entry["SCENARIOD_THREAD"]: entry["SCENARIOD_STEP"]
        for entry in entries
        if entry.get("SYSLOG_IDENTIFIER") == SETTLER
    }
    return set(last.values()) - {"nothing"}


def at(entry: Entry) -> float:
    """Return when it was told, in seconds of the machine's clock."""
    return int(entry["__REALTIME_TIMESTAMP"]) / 1e6


def summary(entries: Iterable[Entry]) -> str:
    """Return how many events of each kind these are."""
    counts = Counter(_NAMES.get(str(entry.get("MESSAGE_ID")), "others") for entry in entries)
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
