"""Very many files at once: their order, the memory they take, and the status meanwhile."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.home import FILES, POWERLESS, Home, wait_until
from support.scenarios import scenario
from support.status_client import Asker

from scenariod.intake.inbox import MOST_HELD, WINDOW

BATCHES = 10
STALL_S = 30.0
"""For so long a machine may stand still by itself; what takes longer is shown by many files."""
MEMORY_OF_DAEMON_BYTES = 64 << 20


@pytest.mark.soak
@pytest.mark.slow
def test_any_number_of_files_at_once_are_taken_in_turn_and_the_status_answers_all_along(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    home.configure(intake={"rescan_s": 5.0})
    daemon = home.start()
    asker = Asker(home.socket)
    asker.start()
    began = time.monotonic()

    for number in range(FILES):
        content = scenario(f"s-{number}") if number < 1000 else b"{}"
        (home.inbox / f"scenario-{number}.json").write_bytes(content)
    daemon.wait_for_status(lambda s: int(s["inbox"]) > FILES * 9 // 10)
    daemon.wait_for(": ok; ", times=BATCHES)
    took_s = time.monotonic() - began
    answers = asker.end()

    claimed = [int(n) for n in re.findall(r"scenario-(\d+)\.json", batches(daemon.journal()))]
    assert claimed[: 2 * BATCHES] == list(range(2 * BATCHES))
    assert max(answers) < max(took_s / 3, STALL_S), "an answer has waited for what was going on"
    assert peak_bytes(daemon.pid) < MEMORY_OF_DAEMON_BYTES
    daemon.wait_for_status(lambda s: s["watch"] == "events")
    record_property("files in the inbox at once", FILES)
    record_property("ms for the slowest status beside them", round(max(answers) * 1000))


@pytest.mark.soak
@pytest.mark.slow
def test_removing_any_number_of_old_files_holds_up_neither_intake_nor_status(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    home.configure(retention={"failed_count": 10})
    home.failed.mkdir()
    for number in range(FILES):
        (home.failed / f"scenario-{number}.json").touch()
    daemon = home.launch()
    wait_until(lambda: count(home.failed) < FILES, "old files are being removed")
    asker = Asker(home.socket)
    asker.start()

    began = time.monotonic()
    home.drop_many(range(1, 3))
    daemon.wait_for(": ok; ")
    took_s = time.monotonic() - began
    daemon.wait_for(f"removed {FILES - 10} files ")  # of a moment, or of two
    answers = asker.end()

    assert max(answers) < max((time.monotonic() - began) / 3, STALL_S)
    assert peak_bytes(daemon.pid) < MEMORY_OF_DAEMON_BYTES
    assert count(home.failed) == 10
    record_property("ms for a pair while old files are removed", round(took_s * 1000))
    record_property("ms for the slowest status meanwhile", round(max(answers) * 1000))
    record_property("bytes of the daemon at its peak meanwhile", peak_bytes(daemon.pid))


@pytest.mark.soak
@pytest.mark.slow
def test_any_number_of_files_that_may_not_be_read_holds_up_neither_others_nor_what_is_published(
    home: Home,
) -> None:
    home.configure(intake={"rescan_s": 1.0})
    home.inbox.mkdir(exist_ok=True)
    many = MOST_HELD + 3 * WINDOW // 2
    for number in range(many):
        (home.inbox / f"scenario-{number}.json").touch(mode=0)
    home.drop(f"scenario-{many}.json", scenario("another"))

    daemon = home.launch(before=POWERLESS)
    daemon.wait_for("published 1 scenarios")

    assert home.ids() == ["another"]
    assert count(home.inbox) == many


def count(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)


def batches(journal: str) -> str:
    """Return the lines that say which files a batch has."""
    return "\n".join(line for line in journal.splitlines() if re.match(r"batch \d+: scen", line))


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
