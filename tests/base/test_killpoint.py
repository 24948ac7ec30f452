from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.home import wait_until

from scenariod.base.killpoint import VARIABLE, KillPoint, reached

REACHES = "from scenariod.base.killpoint import *; reached(KillPoint.CLAIMED); print('alive')"
REACHES_WITH_A_PARENT = (
    "import os; from scenariod.base.killpoint import *; "
    "reached(KillPoint.CLAIMED, other=os.getppid()); print('child', flush=True)"
)
IN_A_CHILD = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]]); print('parent')"
)


def reach(
    orders: Path | None, *arguments: str, code: str = REACHES
) -> subprocess.CompletedProcess[str]:
    environment = {} if orders is None else {VARIABLE: str(orders)}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_orders_a_kill_point_does_nothing() -> None:
    assert reach(None).stdout == "alive\n"


def test_an_empty_variable_does_not_mean_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / KillPoint.CLAIMED).touch()
    monkeypatch.setenv(VARIABLE, "")

    reached(KillPoint.CLAIMED)

    assert (tmp_path / KillPoint.CLAIMED).exists()


def test_an_order_for_another_point_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / KillPoint.COMMITTED).touch()

    assert reach(tmp_path).stdout == "alive\n"
    assert (tmp_path / KillPoint.COMMITTED).exists()


def test_an_order_kills_once(tmp_path: Path) -> None:
    (tmp_path / KillPoint.CLAIMED).touch()

    first, second = reach(tmp_path), reach(tmp_path)

    assert (first.returncode, first.stdout) == (-signal.SIGKILL, "")
    assert second.stdout == "alive\n"


@pytest.mark.parametrize(
    ("order", "survivors"),
    [("", "parent\n"), ("here", "parent\n"), ("other\n", "child\n"), ("both", "")],
)
def test_an_order_says_who_of_the_two_dies(tmp_path: Path, order: str, survivors: str) -> None:
    (tmp_path / KillPoint.CLAIMED).write_text(order)

    ended = reach(tmp_path, REACHES_WITH_A_PARENT, code=IN_A_CHILD)

    assert ended.stdout == survivors


def test_an_order_to_hold_has_the_process_stand_still_until_it_is_told_to_go_on(
    tmp_path: Path,
) -> None:
    (tmp_path / KillPoint.CLAIMED).write_text("hold")
    with subprocess.Popen(
        [sys.executable, "-c", REACHES],
        env={VARIABLE: str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        held = psutil.Process(process.pid)
        wait_until(lambda: held.status() == psutil.STATUS_STOPPED, "it stands still")

        held.resume()
        out, _ = process.communicate()

    assert (process.returncode, out) == (0, "alive\n")
    assert not (tmp_path / KillPoint.CLAIMED).exists()


@pytest.mark.parametrize("order", ["other", "both", "nobody"])
def test_an_order_that_cannot_be_followed_is_an_error(tmp_path: Path, order: str) -> None:
    (tmp_path / KillPoint.CLAIMED).write_text(order)

    ended = reach(tmp_path)

    assert "ValueError" in ended.stderr
    assert ended.stdout == ""
