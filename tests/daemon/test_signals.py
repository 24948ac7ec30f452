"""What a process inherits of whoever starts it: signals that are ignored, or blocked."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from support.home import Home, run
from support.scenarios import scenario

pytestmark = pytest.mark.slow

MAY_RAISE_NO_LIMIT: tuple[str, ...] = (
    ("setpriv", "--bounding-set=-sys_resource", "--") if os.geteuid() == 0 else ()
)
"""Before a command: run it without root's power to raise a limit."""


def test_a_good_file_is_added_also_where_whoever_starts_it_ignores_sigchld(home: Home) -> None:
    home.drop("scenario-1.json", scenario("one"))

    ended = home.once(before=["env", "--ignore-signal=CHLD"])

    assert (ended.code, home.ids()) == (0, ["one"]), ended.err
    assert "Unknown child process" not in ended.err


def test_scenariodctl_learns_how_its_child_ended_where_whoever_starts_it_ignores_sigchld(
    home: Home,
) -> None:
    source = home.path / "to-import"
    source.mkdir()
    (source / "scenario-1.json").write_bytes(scenario("one"))
    no_limit_can_be_set = [*MAY_RAISE_NO_LIMIT, "prlimit", f"--as={300 << 20}", "--"]

    ended = home.ctl(
        "import", str(source), before=[*no_limit_can_be_set, "env", "--ignore-signal=CHLD"]
    )

    assert "cannot run: no memory limit is in force" in ended.out + ended.err


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
