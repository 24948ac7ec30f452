"""A machine with little memory never runs out: workers wait for room, a neighbour is survived."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import acting
from .conftest import BootMachine
from .image import Image
from .machine import Machine
from .test_whole_path import ROOT, names_in, scenario
from .uml import Hardware

RESERVE_MB = 512
NEIGHBOUR = """
def kills():
    return next(line for line in open("/proc/vmstat") if line.startswith("oom_kill "))

open("/proc/self/oom_score_adj", "w").write("-900")
held, before = [], kills()
while kills() == before:
    held.append(b"x" * (1 << 20))
"""
SAMPLER = (
    "until [ -e /tmp/enough ]; do "
    "echo available $(grep MemAvailable /proc/meminfo | tr -dc 0-9); "
    f"echo workers $({acting.SCOPES} | grep -vc b000000); sleep 0.3; done | sort | uniq"
)


@pytest.fixture(scope="module")
def tight(image: Image) -> Iterator[Machine]:
    """A machine with 1 GB, of which 512 MB are kept free; two workers at most, 200 MB each."""
    with Machine(image, hardware=Hardware(memory="1G", daemon=False)) as machine:
        machine.boot()
        memory = {"limit_mb": 200, "limit_max_mb": 200, "reserve_mb": RESERVE_MB}
        acting.configure(machine, memory=memory, workers=2)
        acting.start_acting(machine)
        yield machine


def test_a_fresh_install_on_a_machine_with_2_gb_takes_files(boot: BootMachine) -> None:
    machine = boot(hardware=Hardware(memory="2G"))
    machine.wait_until_up()
    machine.wait_until("systemctl is-active scenariod")

    machine.put(scenario(1).encode(), "/tmp/dropped")
    machine.check(f"install -o scenariod /tmp/dropped {ROOT}/inbox/scenario-1.json")
    machine.wait_until(f"test -e {ROOT}/done/scenario-1.json")

    checked = json.loads(machine.check("scenariodctl config check --json"))
    limit_mb = checked["settings"]["memory.limit_mb"]
    reserve_mb = checked["settings"]["memory.reserve_mb"]
    assert {"memory.limit_mb", "memory.reserve_mb"} <= set(checked["chosen"])
    assert (reserve_mb, 1000 < limit_mb < 1300) == (512, True)
    said = machine.check("journalctl -u scenariod --no-pager")
    assert f"workers under {limit_mb} MB (auto) by systemd" in said
    assert f"{reserve_mb} MB (auto) kept free" in machine.check("scenariodctl status")


def test_batches_that_do_not_fit_together_never_overlap_and_the_reserve_is_kept(
    tight: Machine, tmp_path: Path
) -> None:
    names = [f"scenario-hold-{number}.json" for number in range(1, 5)]
    sampler = tight.start(SAMPLER)

    acting.drop_acts(tight, tmp_path, *names)
    acting.wait_for_files(tight, "done", *names)
    tight.check("touch /tmp/enough")

    lines = [line.split() for line in sampler.wait().output.splitlines()]
    available_kb = [int(words[1]) for words in lines if words[0] == "available"]
    at_once = [int(words[1]) for words in lines if words[0] == "workers"]
    assert min(available_kb) > RESERVE_MB * 1024
    assert max(at_once) == 1


def test_a_neighbour_that_exhausts_the_machine_fails_no_file(
    tight: Machine, tmp_path: Path
) -> None:
    tight.check(f"touch {ROOT}/linger")
    acting.drop_acts(tight, tmp_path, "scenario-rest-21.json", "scenario-plain-22.json")
    tight.wait_until(f"rm {ROOT}/lingers")  # it has its files; asking costs next to no memory
    tight.check("scenariodctl status | grep -q 'scenario-rest-21.json.* MB of 200 MB'")

    tight.put(NEIGHBOUR.encode(), "/tmp/neighbour.py")
    tight.check(f"python3 /tmp/neighbour.py && rm {ROOT}/linger")
    acting.wait_for_files(tight, "done", "scenario-rest-21.json", "scenario-plain-22.json")

    assert acting.outcomes(tight, "scenario-rest-21.json") == ["host-out-of-memory", "ok"]
    assert names_in(tight, "failed") == []
