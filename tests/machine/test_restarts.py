"""The service is restarted and killed, over and over, while somebody drops files all the time.

The same without a machine is tests/stories/test_restarts.py. `make soak` does it two hundred times.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import pytest

from scenariod.monitoring.journal import Event

from .machine import DEADLINE_S, Machine
from .test_faults_of_the_inbox import drop_in
from .test_kill_points import nothing_of_ours_runs
from .test_power_cuts import SEED
from .test_whole_path import ROOT, journal, library_ids, names_in, scenario

RESTARTS = int(os.environ.get("SCENARIOD_RESTARTS", "5"))
LONGEST_LIFE_S = 6.0
"""So long after its process began a daemon is killed at most: it takes half of that to start."""
CONFIG = "/etc/scenariod/scenariod.toml"
SETTINGS = "s/^# batch_size = .*/batch_size = 8/; s/^# settle_s = .*/settle_s = 0.2/"

WRITER = f"""
n=0
until [ -e /tmp/enough ]; do
    n=$((n + 1))
    sed "s/machine-000/writer-$n/" /tmp/scenario.json > /home/alice/scenario-$n.json
    if [ $((n % 4)) = 0 ]
    then cp /home/alice/scenario-$n.json {ROOT}/inbox/
    else mv /home/alice/scenario-$n.json {ROOT}/inbox/
    fi
    sleep 2
done
echo $n
"""

MAIN = "systemctl show --property=MainPID --value scenariod"
KILL = f"""
sleep $LIFE
old=$({MAIN})
systemctl kill --signal=KILL --kill-whom=main scenariod
until new=$({MAIN}) && [ $new != 0 ] && [ $new != $old ]; do sleep 0.02; done
echo $old
"""
RESTART = f"""
systemctl is-active --quiet scenariod || systemctl start scenariod
sleep $LIFE
old=$({MAIN})
systemctl restart scenariod
echo $old
"""
SETTLING = {Event.BACKUP_WRITTEN, Event.FILE_ADDED, Event.FILE_ALREADY_ADDED}
STATES = ("starting", "collecting", "running a worker", "settling")


@pytest.mark.longest
@pytest.mark.soak
def test_restarts_under_a_continuous_writer_lose_and_double_nothing(
    machine: Machine, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    print(f"SCENARIOD_SEED={SEED}")  # noqa: T201 - shown where the test fails
    drop_in(machine, "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=100ms\n")
    machine.check(f"sed -i '{SETTINGS}' {CONFIG}")
    machine.check("useradd -m alice && usermod -aG scenariod alice")
    machine.put(scenario(0).encode(), "/tmp/scenario.json")
    machine.put(WRITER.encode(), "/tmp/writer")
    machine.check("systemctl start scenariod")
    writer = machine.start("sh /tmp/writer", user="alice")

    struck = []
    for restart in range(RESTARTS):
        script = KILL if restart % 3 else RESTART
        life_s = chance.uniform(0, LONGEST_LIFE_S)
        struck += machine.check(f"LIFE={life_s:.3f}; {script}").split()
    assert writer.poll() is None, "it has dropped files all along"
    machine.check("touch /tmp/enough")
    written = int(writer.wait().output)
    left = f"find {ROOT}/inbox {ROOT}/work -name 'scenario-*.json'"
    machine.wait_until(f'test -z "$({left})"', timeout_s=4 * DEADLINE_S)
    machine.check("systemctl stop scenariod")

    numbers = range(1, written + 1)
    assert sorted(library_ids(machine)) == sorted(f"writer-{n}" for n in numbers)
    assert sorted(names_in(machine, "done")) == sorted(
        f"{ROOT}/done/scenario-{n}.json" for n in numbers
    )
    assert names_in(machine, "inbox", "work", "failed") == []
    nothing_of_ours_runs(machine)
    assert len(struck) == len(set(struck)) == RESTARTS
    entries = journal(machine)
    states = Counter(state_of(pid, entries) for pid in struck)
    print(f"{written} files; struck while {dict(states)}")  # noqa: T201 - shown where it fails
    record_property("restarts and kills under a writer", RESTARTS)
    record_property("files dropped meanwhile, each added once", written)
    for state in STATES:
        record_property(f"restarts and kills under a writer, struck while {state}", states[state])


def state_of(pid: str, entries: Iterable[Mapping[str, str]]) -> str:
    """Return what the daemon was doing when it was struck, by what it had told until then."""
    state = "starting"
    events = {event.message_id: event for event in Event}
    for entry in entries:
        if entry["_PID"] != pid:
            continue
        event = events.get(entry.get("MESSAGE_ID", ""))
        if event is Event.STOPPING:
            break
        if event is Event.BATCH_STARTED:
            state = "running a worker"
        elif event in SETTLING:
            state = "settling"
        elif event is not Event.RECOVERED:
            state = "collecting"
    return state
