"""A hundred thousand files at once: their order, the memory they take, and the status meanwhile."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from asker import Asker
from conftest import POWERLESS, Home, scenario, wait_until

from scenariod.inbox import MOST_HELD, WINDOW

MANY = 100_000
STATUS_S = 0.5
MEMORY_OF_DAEMON_BYTES = 64 << 20


@pytest.fixture
def noise(tmp_path: Path) -> Iterator[Asker]:
    """Ask an idle daemon too: how late it answers is what this machine does to any process."""
    with closing(Home(tmp_path / "idle")) as idle:
        idle.start()
        asker = Asker(idle.socket)
        asker.start()
        yield asker
        asker.end()


@pytest.mark.slow
def test_a_hundred_thousand_files_at_once_are_taken_in_turn_and_the_status_answers_all_along(
    home: Home, noise: Asker
) -> None:
    home.configure(intake={"rescan_s": 5.0})
    daemon = home.start()
    asker = Asker(home.socket)
    asker.start()

    for number in range(MANY):
        content = scenario(f"s-{number}") if number < 1000 else b"{}"
        (home.inbox / f"scenario-{number}.json").write_bytes(content)
    daemon.wait_for_status(lambda s: int(s["inbox"]) > MANY * 9 // 10)
    daemon.wait_for(": ok; ", times=50)
    answers = asker.end()

    claimed = [int(n) for n in re.findall(r"scenario-(\d+)\.json", batches(daemon.journal()))]
    assert claimed[:100] == list(range(100))
    assert len(answers) > 20
    assert max(answers) < STATUS_S + max(noise.end())
    assert peak_bytes(daemon.pid) < MEMORY_OF_DAEMON_BYTES
    assert daemon.status()["watch"] == "events"


@pytest.mark.slow
def test_removing_a_hundred_thousand_old_files_holds_up_neither_intake_nor_status(
    home: Home, noise: Asker, record_property: Callable[[str, object], None]
) -> None:
    home.configure(retention={"failed_count": 10})
    home.failed.mkdir()
    for number in range(MANY):
        (home.failed / f"scenario-{number}.json").touch()
    daemon = home.launch()
    wait_until(lambda: count(home.failed) < MANY, "old files are being removed")
    asker = Asker(home.socket)
    asker.start()

    began = time.monotonic()
    home.drop_many(range(1, 3))
    daemon.wait_for(": ok; ")
    took_s = time.monotonic() - began
    daemon.wait_for(f"removed {MANY - 10} files from ")
    answers = asker.end()

    assert took_s < 60
    assert max(answers) < STATUS_S + max(noise.end())
    assert peak_bytes(daemon.pid) < MEMORY_OF_DAEMON_BYTES
    assert count(home.failed) == 10
    record_property("ms for a pair while old files are removed", round(took_s * 1000))
    record_property("ms for the slowest status meanwhile", round(max(answers) * 1000))
    record_property("bytes of the daemon at its peak meanwhile", peak_bytes(daemon.pid))


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
