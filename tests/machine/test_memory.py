"""Memory limits on a real kernel: in force or no worker, watched, and survived."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from . import acting
from .conftest import BootMachine
from .machine import Machine
from .test_machine import EAT_MEMORY
from .test_whole_path import ROOT, names_in, scenario, start_service
from .uml import Hardware

KILLS = int(os.environ.get("SCENARIOD_KILLS", "3"))


def test_without_the_memory_controller_nothing_starts_and_the_cure_is_named(
    boot: BootMachine,
) -> None:
    machine = boot(hardware=Hardware(kernel_args="cgroup_disable=memory"))
    machine.wait_until("test $(systemctl show -P ExecMainStatus scenariod) = 14")
    machine.check("systemctl stop scenariod")
    controllers = machine.check("cat /sys/fs/cgroup/cgroup.controllers")
    eater = machine.run(f"systemd-run --scope -p MemoryMax=64M -- {EAT_MEMORY}")

    machine.check(f"echo '{scenario(1)}' > {ROOT}/inbox/scenario-1.json")
    machine.run("systemctl start scenariod")
    machine.check("systemctl stop scenariod")

    assert "memory" not in controllers.split()
    assert eater.exit_code == 0, "the service manager takes the limit, and nobody puts it in force"
    said = machine.check("journalctl -u scenariod --no-pager")
    assert "the kernel runs without its memory controller" in said
    assert "append `cgroup_enable=memory` to the one line of /boot/firmware/cmdline.txt" in said
    assert "scenario-1.json" in machine.check(f"ls {ROOT}/inbox")


def test_the_probe_dies_of_its_limit_and_leaves_nothing(machine: Machine) -> None:
    start_service(machine)

    killed = machine.check("journalctl -k --no-pager").count("Memory cgroup out of memory")

    assert killed >= 1
    assert "scenariod-b000000" in machine.check("journalctl --no-pager")
    assert machine.check("find /sys/fs/cgroup -name 'scenariod-*-b*.slice'").strip() == ""


def test_the_real_limit_is_survived_too(machine: Machine, tmp_path: Path) -> None:
    memory = {"limit_mb": 3072, "limit_max_mb": 3072}
    acting.configure(machine, memory=memory, stop_grace_s=300.0)
    acting.start_acting(machine)
    before = acting.daemon_memory_kb(machine)

    acting.drop_acts(machine, tmp_path, "scenario-allocate-1.json", "scenario-plain-2.json")
    acting.wait_for_files(machine, "failed", "scenario-allocate-1.json")
    acting.wait_for_files(machine, "done", "scenario-plain-2.json")

    why = acting.reason(machine, "scenario-allocate-1.json")
    assert why["code"] == "out-of-memory"
    assert why["memory_limit_bytes"] == 3072 << 20
    assert why["memory_peak_bytes"] > 0.9 * (3072 << 20)
    assert acting.daemon_memory_kb(machine) < before + 8 * 1024


@pytest.mark.longest
@pytest.mark.soak
def test_kills_of_the_daemon_leave_no_scope_slice_or_worker(
    machine: Machine, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    acting.configure(machine, memory={"limit_mb": 256, "limit_max_mb": 256})
    acting.start_acting(machine, unit="RestartSec=0\n[Unit]\nStartLimitIntervalSec=0\n")

    restarts = "systemctl show -P NRestarts scenariod"
    files = range(1, KILLS + 1, 2)
    for number in files:
        machine.check(f"touch {ROOT}/linger")
        (tmp_path / f"kill-{number}").mkdir()
        acting.drop_acts(machine, tmp_path / f"kill-{number}", f"scenario-linger-{number}.json")
        # Two kills a file at most: a third would have it tried alone.
        for kill in range(number, min(number + 2, KILLS + 1)):
            acting.wait_for_scope(machine)
            machine.check("systemctl kill --signal=KILL --kill-whom=main scenariod")
            machine.wait_until(f"test $({restarts}) = {kill}")
        machine.check(f"rm {ROOT}/linger")
        acting.wait_for_files(machine, "done", f"scenario-linger-{number}.json")

    assert int(machine.check(restarts)) == KILLS
    machine.check("systemctl stop scenariod")
    assert len(names_in(machine, "done")) == len(files)
    assert names_in(machine, "inbox", "work", "failed") == []
    # The slice of the account ends by itself a moment after the last one within it.
    machine.wait_until("! find /sys/fs/cgroup -name 'scenariod*' | grep .")
    units = "systemctl --user list-units --all --plain --no-legend 'scenariod*'"
    assert machine.check(units, user="scenariod") == ""
    assert machine.run("pgrep --full [g]uest_memory.py").exit_code == 1
    record_property("kills of the daemon beside a worker, nothing left of it", KILLS)
