"""Why a file waits in the inbox: as status and `explain` tell it, and that it goes on by itself."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from support.file_lease import write_lease
from support.home import AS_ROOT, POWERLESS, Home, wait_until
from support.scenarios import scenario
from support.standstill import Standstill

from scenariod.base.killpoint import KillPoint
from scenariod.intake.readiness import Hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.slow, AS_ROOT]

NOBODY = 65534
ALONE = scenario("alone")


@dataclass(frozen=True)
class Case:
    """How a file comes to be held, what ends that, and whether the journal tells of it."""

    begin: Callable[[Path], object]
    end: Callable[[Path], object]
    told: bool = False
    settle_s: float = 100.0
    """Such that it is not over by itself before the test has seen it."""


def of_somebody_else(path: Path) -> None:
    """Make it a file that only its owner may move, though everybody may read it."""
    os.chown(path.parent, NOBODY, NOBODY)
    path.parent.chmod(0o1777)
    os.chown(path, NOBODY, NOBODY)


def cut_off(path: Path) -> None:
    """Leave it in the middle, as somebody of whom no lease can tell whether he still writes."""
    os.chown(path, NOBODY, NOBODY)
    path.write_bytes(ALONE[:-2])


def mended(path: Path) -> None:
    """Have it be whole, as by an editor: in place of what was there."""
    (path.parent.parent / "whole").write_bytes(ALONE)
    (path.parent.parent / "whole").rename(path)


CASES = {
    Hold.HALF_WRITTEN: Case(cut_off, mended, settle_s=6.0),
    Hold.LINKED: Case(
        lambda path: (path.parent.parent / "other").hardlink_to(path),
        lambda path: (path.parent.parent / "other").unlink(),
    ),
    Hold.UNREADABLE: Case(lambda path: path.chmod(0), lambda path: path.chmod(0o640), told=True),
    Hold.UNMOVABLE: Case(
        of_somebody_else, lambda path: os.chown(path.parent, 0, 0), told=True, settle_s=0.2
    ),
}
"""The others are tested where they are made: WRITING in cli/test_files.py, DAMAGED in
stories/test_environment.py, SETTLING in intake/test_readiness.py."""


@pytest.mark.parametrize("hold", CASES, ids=lambda hold: hold.name.lower())
def test_a_file_that_waits_is_told_with_the_reason_and_taken_once_that_is_over(
    home: Home, hold: Hold
) -> None:
    case = CASES[hold]
    home.configure(intake={"settle_s": case.settle_s, "rescan_s": 1.0})
    aside = home.path / "scenario-1.json"
    aside.write_bytes(ALONE)
    dropped = home.inbox / aside.name
    daemon = home.start(before=POWERLESS)
    daemon.stand_still()  # it sees the file only once that is as it is to be
    aside.rename(dropped)
    case.begin(dropped)
    daemon.signal(signal.SIGCONT)

    shown = daemon.wait_for_status(lambda s: [w["reason"] for w in s["waiting"]] == [hold])
    waits = (
        f"inbox/{dropped.name}: waits: {hold}\n"  # for an instant at most, it may be tried again
    )
    wait_until(lambda: waits in home.ctl("explain", dropped.name).out, "it is explained")
    case.end(dropped)
    daemon.wait_for_status(lambda s: s["added"] == 1)

    assert shown["waiting"][0]["file"] == dropped.name
    assert (f"{dropped.name} waits in the inbox: {hold}" in daemon.journal()) is case.told
    assert home.everywhere() == home.names("done") == [dropped.name]


def test_a_file_that_a_file_server_holds_for_its_client_holds_up_no_other(home: Home) -> None:
    daemon = home.start()
    daemon.stand_still()
    home.drop_all({"scenario-1.json": ALONE, "scenario-2.json": scenario("two")})

    with write_lease(home.inbox / "scenario-1.json"):
        daemon.signal(signal.SIGCONT)
        daemon.wait_for("added two from scenario-2.json")
        shown = daemon.wait_for_status(lambda s: s["state"] == "waiting")
    daemon.wait_for("added alone from scenario-1.json")

    assert shown["waiting"] == [{"file": "scenario-1.json", "reason": Hold.WRITING}]
    assert "intake pauses" not in daemon.journal()


def test_a_file_that_is_held_once_it_is_claimed_goes_back_and_its_partner_goes_on(
    home: Home, still: Standstill
) -> None:
    home.drop_all({"scenario-1.json": ALONE, "scenario-2.json": scenario("two")})
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)
    worker = still.wait_for(daemon.pid)

    with write_lease(home.work / "000001" / "scenario-1.json"):
        worker.resume()
        daemon.wait_for("added two from scenario-2.json")
        daemon.wait_for_status(lambda s: bool(s["waiting"]))
        inbox = home.names("inbox")
    home.drop("scenario-1.json", ALONE)  # in its place: not left alone for a minute
    daemon.wait_for("added alone from scenario-1.json")

    assert inbox == ["scenario-1.json"]
    assert "intake pauses" not in daemon.journal()
    assert home.names("failed") == []


def test_a_file_refused_for_its_other_name_is_added_by_a_retry_once_that_is_gone(
    home: Home,
) -> None:
    daemon = home.start()
    kept = home.path / "kept.json"
    kept.write_bytes(ALONE)
    (home.inbox / "scenario-1.json").hardlink_to(kept)
    daemon.wait_for("refused scenario-1.json (hard-linked)")
    wait_until(lambda: home.names("work") == [], "the batch is over")

    explained = home.ctl("explain", "scenario-1.json")
    kept.unlink()
    retried = home.ctl("retry", "scenario-1.json")
    daemon.wait_for("added alone from scenario-1.json")

    assert "hard-linked" in explained.out
    assert "scenariodctl retry scenario-1.json" in explained.out
    assert retried.code == 0
    assert list(home.failed.iterdir()) == []
