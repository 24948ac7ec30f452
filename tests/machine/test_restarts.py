"""The service is restarted and killed, over and over, while somebody drops files all the time."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

from scenariod.journal import Event

from . import told
from .machine import Machine
from .test_faults_of_the_inbox import drop_in
from .test_power_cuts import SEED
from .test_whole_path import DEADLINE_S, ROOT, library_ids, names_in, scenario

RESTARTS = int(os.environ.get("SCENARIOD_RESTARTS", "40"))
LONGEST_LIFE_S = 5.0
CONFIG = "/etc/scenariod/scenariod.toml"

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


def test_restarts_under_a_continuous_writer_lose_and_double_nothing(
    machine: Machine, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    print(f"SCENARIOD_SEED={SEED}")  # noqa: T201 - shown where the test fails
    drop_in(machine, "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=100ms\n")
    machine.check(f"sed -i 's/^# batch_size = 2/batch_size = 8/' {CONFIG}")
    machine.check("useradd -m alice && usermod -aG scenariod alice")
    machine.put(scenario(0).encode(), "/tmp/scenario.json")
    machine.put(WRITER.encode(), "/tmp/writer")
    machine.report_journal(told.JOURNAL)
    machine.check("systemctl start scenariod", timeout_s=DEADLINE_S)
    writer = machine.start("sh /tmp/writer", user="alice")

    for restart in range(1, RESTARTS + 1):
        time.sleep(chance.uniform(0, LONGEST_LIFE_S))  # the random moment itself
        if restart % 2:
            machine.check("systemctl kill --signal=KILL --kill-whom=main scenariod")
        else:
            machine.check("systemctl restart scenariod", timeout_s=DEADLINE_S)
        told.wait_for(machine, Event.STARTED, times=restart + 1)
    machine.check("touch /tmp/enough")
    written = int(writer.wait().output)
    left = f"find {ROOT}/inbox {ROOT}/work -name 'scenario-*.json'"
    machine.wait_until(f'test -z "$({left})"', timeout_s=4 * DEADLINE_S)
    machine.check("systemctl stop scenariod", timeout_s=DEADLINE_S)

    assert sorted(library_ids(machine)) == sorted(f"writer-{n}" for n in range(1, written + 1))
    assert machine.check(f"ls {ROOT}/done | wc -l").strip() == str(written)
    assert names_in(machine, "inbox", "work", "failed") == []
    record_property("restarts and kills under a writer", RESTARTS)
