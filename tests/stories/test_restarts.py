"""The daemon is killed and restarted, over and over, while somebody drops files all the time.

The same on a real systemd is tests/machine/test_restarts.py.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from support.home import Home
from support.scenarios import scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.home import Daemon

pytestmark = pytest.mark.slow

RESTARTS = int(os.environ.get("SCENARIOD_RESTARTS", "10"))
SEED = int(os.environ.get("SCENARIOD_SEED", str(random.SystemRandom().randrange(1 << 32))))
LONGEST_LIFE_S = 1.0
"""So long after its process began a daemon is killed at most; it takes a third of that to start.

Nothing fails where a slow machine takes longer: then it strikes earlier moments."""

WRITER = """
n=0
until [ -e enough ]; do
    n=$((n + 1))
    sed "s/writer-0/writer-$n/g" template > scenario-$n.json
    if [ $((n % 4)) = 0 ]
    then cp scenario-$n.json ../inbox/
    else mv scenario-$n.json ../inbox/
    fi
    sleep 0.3
done
echo $n > written
"""
STATES = {
    "collecting": (" watches ", "published ", ": ok; "),
    "running a worker": (": scenario-",),
    "settling": ("backup ", "added "),
}
"""What the daemon does, by what it has told last; before it tells anything, it starts."""


@pytest.mark.soak
@pytest.mark.longest
def test_restarts_under_a_continuous_writer_lose_and_double_nothing(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    print(f"SCENARIOD_SEED={SEED}")  # noqa: T201 - shown where the test fails
    home.configure(intake={"batch_size": 8, "settle_s": 0.2, "pair_wait_s": 2.0})
    struck: Counter[str] = Counter()

    with writing(home) as writer:
        for restart in range(RESTARTS):
            daemon = home.launch()
            end = (terminate_after, kill_after, kill_settling)[restart % 3]
            end(daemon, chance.uniform(0, LONGEST_LIFE_S))
            struck[state_of(daemon)] += 1
            assert home.processes() == []
        assert writer.poll() is None, "it has dropped files all along"
    written = int((home.path / "theirs" / "written").read_text())
    ended = home.once()

    dropped = [f"scenario-{n}.json" for n in range(1, written + 1)]
    assert ended.code == 0, ended.err
    assert sorted(home.ids()) == sorted(f"writer-{n}" for n in range(1, written + 1))
    assert home.everywhere() == home.names("done") == sorted(dropped)
    for n in range(1, written + 1):
        path = home.done / f"scenario-{n}.json"
        assert path.read_bytes() == scenario("writer-0").replace(b"writer-0", b"writer-%d" % n)
    assert os.listdir(home.work) == []
    record_property("restarts and kills under a writer", RESTARTS)
    record_property("files dropped under restarts, each added once", written)
    for state in ("starting", *STATES):
        record_property(f"restarts and kills under a writer while {state}", struck[state])


@contextmanager
def writing(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """Have files dropped all the time; at the end `written` says how many."""
    theirs = home.path / "theirs"
    theirs.mkdir()
    (theirs / "template").write_bytes(scenario("writer-0"))
    # In the folder, so that its command line does not make it one of the daemon's processes.
    writer = subprocess.Popen(["sh", "-c", WRITER], cwd=theirs)
    try:
        yield writer
    finally:
        (theirs / "enough").touch()
        writer.wait()


def kill_after(daemon: Daemon, life_s: float) -> None:
    """Kill the daemon so long after its process began, whatever it is at."""
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.process.wait(life_s)
    daemon.kill()


def kill_settling(daemon: Daemon, life_s: float) -> None:
    """Kill the daemon soon after it has begun to tell of settled files, the others to follow."""
    daemon.wait_for("added writer-")
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.process.wait(life_s / 100)
    daemon.kill()


def terminate_after(daemon: Daemon, life_s: float) -> None:
    """End the daemon as systemd does, so long after it began to watch."""
    daemon.wait_for(" watches ")
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.process.wait(life_s)
    assert daemon.terminate() == 0


def state_of(daemon: Daemon) -> str:
    """Return what a daemon was doing when it was asked to end, or killed."""
    state = "starting"
    for line in daemon.journal().partition(f"{signal.SIGTERM.name} received")[0].splitlines():
        for its_state, words in STATES.items():
            if any(word in line for word in words):
                state = its_state
    return state
