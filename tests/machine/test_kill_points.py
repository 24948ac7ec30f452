"""Killed at kill points on a real systemd: no scope, slice or process stays, nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.counters import KILL
from support.kill_points import Kill

from scenariod.base.killpoint import VARIABLE, KillPoint, Order

from .machine import Machine
from .test_whole_path import (
    ROOT,
    drop,
    library_ids,
    names_in,
    start_service,
    wait_for,
)

ORDERS = f"{ROOT}/kill-orders"
DROP_IN = f"""[Unit]
StartLimitIntervalSec=0
[Service]
Environment={VARIABLE}={ORDERS}
RestartSec=0
"""

FEW = (
    (Kill(KillPoint.WORKER_LAUNCHED, Order.BOTH), Kill(KillPoint.COMMITTED)),
    (Kill(KillPoint.FILES_HANDED_OVER, Order.BOTH),),
    (Kill(KillPoint.FILE_READ, Order.OTHER),),
)
MANY = (
    (
        Kill(KillPoint.BATCH_RESERVED),
        Kill(KillPoint.FILE_CLAIMED),
        Kill(KillPoint.WORKER_LAUNCHED, Order.BOTH),
    ),
    (Kill(KillPoint.WORKER_READY), Kill(KillPoint.FILES_HANDED_OVER, Order.BOTH)),
    # A worker may outlive its supervisor by a moment: what comes next must not be its own affair.
    (Kill(KillPoint.FILE_READ, Order.OTHER), Kill(KillPoint.WORKER_ENDED)),
    (Kill(KillPoint.VERDICT_WRITTEN, Order.BOTH), Kill(KillPoint.SCENARIO_ADDED)),
    (
        Kill(KillPoint.COMMITTED),
        Kill(KillPoint.FILE_MOVED),
        Kill(KillPoint.LIBRARY_BEING_PUBLISHED),
    ),
)
WAVES = MANY if os.environ.get("SCENARIOD_KILL_POINTS") == "all" else FEW
"""Kills while one pair is processed; each is reached by the start after the one before."""


@pytest.mark.longest
@pytest.mark.soak
def test_killed_at_points_the_service_settles_every_file_and_leaves_nothing_running(
    machine: Machine, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    machine.check("mkdir -p /etc/systemd/system/scenariod.service.d")
    machine.put(DROP_IN.encode(), "/etc/systemd/system/scenariod.service.d/90-kill-points.conf")
    machine.check(f"install -d -o scenariod {ORDERS} && systemctl daemon-reload")
    start_service(machine)

    for number, kills in enumerate(WAVES):
        (tmp_path / str(number)).mkdir()
        for kill in kills:
            path = f"{ORDERS}/{kill.point}"
            machine.check(f"printf {kill.order} > {path} && chown scenariod {path}")
        machine.check("rm -rf /home/alice/drop")  # what was copied from it is still there
        drop(machine, range(2 * number, 2 * number + 2), tmp_path / str(number))
        machine.wait_until(f'test -z "$(ls {ORDERS})"')
        wait_for(machine, scenarios=2 * number + 2)
        for kill in kills:
            record_property(KILL, str(kill))

    files = 2 * len(WAVES)
    assert machine.check("find /sys/fs/cgroup -name 'scenariod-b*.scope'") == ""
    assert sorted(library_ids(machine)) == [f"machine-{n:03d}" for n in range(files)]
    assert sorted(names_in(machine, "done")) == sorted(
        f"{ROOT}/done/scenario-{n}.json" for n in range(files)
    )
    assert names_in(machine, "inbox", "work", "failed") == []
    restarts = machine.check("systemctl show --property=NRestarts --value scenariod")
    assert int(restarts) == sum(len(kills) for kills in WAVES)
    machine.check("systemctl stop scenariod")
    nothing_of_ours_runs(machine)


def nothing_of_ours_runs(machine: Machine) -> None:
    """Fail where the stopped service has left a scope, a slice or a worker behind."""
    assert machine.check("find /sys/fs/cgroup -name 'scenariod-b*.scope'") == ""
    # That of the account ends by itself a moment after the last one within it.
    machine.wait_until("! find /sys/fs/cgroup -name 'scenariod*.slice' | grep .")
    units = "systemctl --user list-units --all --plain --no-legend 'scenariod*'"
    assert machine.check(units, user="scenariod") == ""
    assert machine.run("pgrep --full [s]cenariod.worker").exit_code == 1
