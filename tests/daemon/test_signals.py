"""What a process inherits of whoever starts it: signals that are ignored, or blocked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.home import SCENARIODCTL, Home, run
from support.scenarios import scenario
from support.standstill import Standstill

from scenariod.base.killpoint import KillPoint

pytestmark = pytest.mark.slow


def test_a_good_file_is_added_also_where_whoever_starts_it_ignores_sigchld(home: Home) -> None:
    home.drop("scenario-1.json", scenario("one"))

    ended = home.once(before=["env", "--ignore-signal=CHLD"])

    assert (ended.code, home.ids()) == (0, ["one"]), ended.err
    assert "Unknown child process" not in ended.err


def test_scenariodctl_learns_how_its_child_ended_where_whoever_starts_it_ignores_sigchld(
    home: Home, still: Standstill
) -> None:
    source = home.path / "to-import"
    source.mkdir()
    (source / "scenario-1.json").write_bytes(scenario("one"))
    still.order(KillPoint.IMPORT_COMMITTED)

    with subprocess.Popen(
        ["env", "--ignore-signal=CHLD", *SCENARIODCTL, "--root", home.path, "import", source],
        env={**os.environ, **still.environment},
        stdout=subprocess.DEVNULL,
    ) as process:
        importing = still.wait_until_still(process.pid)
        ignored = ignored_signals(process.pid)
        importing.resume()

    assert process.returncode == 0
    assert signal.SIGCHLD not in ignored


def ignored_signals(pid: int) -> set[int]:
    """Return the numbers of the signals that a process ignores."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = re.findall(r"^SigIgn:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return {n + 1 for n in range(64) if int(mask, 16) >> n & 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_daemon_hears_a_signal_that_was_blocked_where_it_was_started(
    home: Home, number: signal.Signals
) -> None:
    blocked = f"--block-signal={number.name.removeprefix('SIG')}"
    daemon = home.start(before=["env", blocked])

    daemon.signal(number)

    daemon.wait_for(f"{number.name} received")
    assert daemon.wait() == 0


def test_a_program_may_call_a_command_in_a_thread_of_its_own(home: Home) -> None:
    calls = (
        "import sys, threading; from scenariod.cli import main as ctl; "
        "thread = threading.Thread(target=lambda: print('code', ctl.main(sys.argv[1:]))); "
        "thread.start(); thread.join()"
    )

    ended = run([sys.executable, "-c", calls, "--root", str(home.path), "status"])

    assert "code 19" in ended.out, ended.err
