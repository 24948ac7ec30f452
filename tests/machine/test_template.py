"""Workers that are forks of a template, in the service's sandbox and under real limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import acting
from .image import Image
from .machine import Machine
from .test_whole_path import ROOT
from .uml import Hardware

LIMIT_MB = 64
MEMORY = {"limit_mb": LIMIT_MB, "limit_max_mb": LIMIT_MB}
TEMPLATE_SCOPE = "find /sys/fs/cgroup -type d -name 'scenariod-*-template-*.scope'"
OPEN_MEMORY = "/opt/scenariod/bin/python3 -I -c 'import sys; open(sys.argv[1], \"r+b\")'"


@pytest.fixture(scope="module")
def forking(image: Image) -> Iterator[Machine]:
    """One machine for all tests here: two workers with 64 MB, that act as their files are named."""
    with Machine(image, hardware=Hardware(daemon=False)) as machine:
        machine.boot()
        acting.configure(machine, memory=MEMORY, workers=2, stop_grace_s=300.0)
        acting.start_acting(machine)
        yield machine


def template(machine: Machine) -> str:
    """Return the process number of the template, as soon as there is one."""
    # In one command: a used template may be replaced at any moment.
    found = machine.wait_until(f"cat $({TEMPLATE_SCOPE} | head -1)/cgroup.procs | grep .")
    return found.strip()


@pytest.mark.parametrize("start", ["exec", "fork"])
def test_however_it_was_started_a_worker_is_in_a_scope_whose_limit_the_kernel_has(
    forking: Machine, tmp_path: Path, start: str
) -> None:
    acting.reconfigure(forking, memory=MEMORY, workers=2, stop_grace_s=300.0, start=start)
    number = {"exec": 321, "fork": 322}[start]
    forking.check(f"touch {ROOT}/linger")
    acting.drop_acts(forking, tmp_path, f"scenario-linger-{number}.json")
    forking.wait_until(f"rm {ROOT}/lingers")  # it has its file
    scope = acting.wait_for_scope(forking)

    assert forking.check(f"cat {scope}/memory.max").strip() == str(LIMIT_MB << 20)
    assert forking.check(f"cat {scope}/memory.swap.max").strip() == "0"
    assert "/user@" in scope

    forking.check(f"rm {ROOT}/linger")
    acting.wait_for_files(forking, "done", f"scenario-linger-{number}.json")
    said = {"exec": 'started anew: worker.start = "exec"', "fork": "forked from a template"}
    assert said[start] in forking.check("scenariodctl status")


def test_a_fork_cannot_reach_its_template(forking: Machine, tmp_path: Path) -> None:
    template(forking)
    forking.check(f"touch {ROOT}/linger")
    acting.drop_acts(forking, tmp_path, "scenario-linger-301.json")
    forking.wait_until(f"rm {ROOT}/lingers")  # it has its file
    scope = acting.wait_for_scope(forking)
    of_all = template(forking)
    worker = forking.check(f"cat {scope}/cgroup.procs").strip()

    assert "forked from a template" in forking.check("scenariodctl status")
    opened = f"{OPEN_MEMORY} /proc/%s/mem"
    assert forking.run(opened % worker, user="scenariod").exit_code == 0
    assert forking.run(opened % of_all, user="scenariod").exit_code != 0

    forking.check(f"rm {ROOT}/linger")
    acting.wait_for_files(forking, "done", "scenario-linger-301.json")


def test_a_fork_that_is_killed_for_memory_harms_neither_its_template_nor_another_fork(
    forking: Machine, tmp_path: Path
) -> None:
    forking.check(f"touch {ROOT}/linger")
    acting.drop_acts(forking, tmp_path, "scenario-linger-311.json", "scenario-plain-312.json")
    forking.wait_until(f"rm {ROOT}/lingers")
    of_all = template(forking)
    (tmp_path / "second").mkdir()
    acting.drop_acts(forking, tmp_path / "second", "scenario-allocate-313.json")

    acting.wait_for_files(forking, "failed", "scenario-allocate-313.json")
    forking.check(f"rm {ROOT}/linger")
    acting.wait_for_files(forking, "done", "scenario-linger-311.json", "scenario-plain-312.json")

    assert acting.outcomes(forking, "scenario-linger-311.json") == ["ok"]
    killed = forking.check("journalctl -k --no-pager | grep 'Killed process'")
    assert f"Killed process {of_all} " not in killed


def test_a_unit_is_stopped_over_the_managers_own_socket(forking: Machine) -> None:
    own = "XDG_RUNTIME_DIR=/run/user/$(id -u)"
    stop = (
        "import asyncio, sys; from scenariod.workers.launchers import manager_bus; "
        "asyncio.run(manager_bus.stop(sys.argv[1]))"
    )
    forking.check(f"{own} systemd-run --user --unit=probe sleep 10000", user="scenariod")

    python = "/opt/scenariod/bin/python3 -I -c"
    forking.check(f"{own} {python} '{stop}' probe.service", user="scenariod")
    missing = forking.run(f"{own} {python} '{stop}' missing.service", user="scenariod")

    assert forking.run("pgrep -x sleep").exit_code != 0
    assert "NoSuchUnit" in missing.output
