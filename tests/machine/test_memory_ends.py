"""However a worker takes too much memory, or is killed: what becomes of its files, and of us."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenariod.workers.outcome import EXIT_SOFT_STOP

from . import acting
from .image import Image
from .machine import Completed, Machine
from .test_whole_path import ROOT, scenario
from .uml import Hardware

LIMIT_MB = 64
LIMIT = LIMIT_MB << 20
MEMORY = {"limit_mb": LIMIT_MB, "limit_max_mb": LIMIT_MB}
BENCH = Path(__file__).parents[2] / "bench" / "bench_launch.py"
CANARIES = "journalctl --no-pager | grep -c 'Started scenariod-b000000-'"


@pytest.fixture(scope="module")
def small(image: Image) -> Iterator[Machine]:
    """One machine for all tests here: workers with 64 MB, that act as their files are named."""
    with Machine(image, hardware=Hardware(daemon=False)) as machine:
        machine.boot()
        # A bomb must come to the limit within the grace, also where many machines share a core.
        acting.configure(machine, memory=MEMORY, stop_grace_s=300.0)
        acting.start_acting(machine)
        yield machine


def bomb(kind: str) -> str:
    """Return a valid scenario below 8 MiB that needs more than 64 MB to read."""
    chain = "[" * 60 + "]" * 60
    extra = {
        "many": "[" + ",".join(["[]"] * 1_200_000) + "]",
        "deep": "[" + ",".join([chain] * 12_000) + "]",
        "wide": "{" + ",".join(f'"k{n}":0' for n in range(250_000)) + "}",
        "string": '"\U0001f600' + "x" * 7_900_000 + '"',
    }
    return scenario(900).removesuffix("}") + f', "extra": {extra[kind]}' + "}"


def test_a_memory_bomb_fails_alone_and_the_daemon_stays_as_small(
    small: Machine, tmp_path: Path
) -> None:
    large, partner, later = (f"scenario-many-{n}.json" for n in range(1, 4))
    before = acting.daemon_memory_kb(small)

    acting.drop(small, tmp_path, {large: bomb("many"), partner: scenario(100)})
    acting.wait_for_files(small, "failed", large)
    acting.wait_for_files(small, "done", partner)
    (tmp_path / "later").mkdir()
    acting.drop(small, tmp_path / "later", {later: scenario(101)})
    acting.wait_for_files(small, "done", later)

    assert_out_of_memory(small, large)
    assert acting.daemon_memory_kb(small) < before + 8 * 1024


def test_memory_bombs_of_other_kinds_fail_too(small: Machine, tmp_path: Path) -> None:
    bombs = {f"scenario-{kind}.json": bomb(kind) for kind in ("deep", "wide", "string")}
    before = acting.daemon_memory_kb(small)

    acting.drop(small, tmp_path, bombs)
    acting.wait_for_files(small, "failed", *bombs)

    for name in bombs:
        assert_out_of_memory(small, name)
    assert acting.daemon_memory_kb(small) < before + 8 * 1024


def test_an_allocation_at_once_in_c_fails_alone(small: Machine, tmp_path: Path) -> None:
    acting.drop_acts(small, tmp_path, "scenario-allocate-201.json", "scenario-plain-202.json")

    acting.wait_for_files(small, "failed", "scenario-allocate-201.json")
    acting.wait_for_files(small, "done", "scenario-plain-202.json")

    assert_out_of_memory(small, "scenario-allocate-201.json")


def test_a_child_that_is_killed_for_memory_counts_though_its_worker_ends_well(
    small: Machine, tmp_path: Path
) -> None:
    acting.drop_acts(small, tmp_path, "scenario-child-211.json")
    scope = acting.wait_for_scope(small)
    small.check(f"echo 0 > {scope}/memory.oom.group")  # else all of the scope would die together

    small.check(f"touch {ROOT}/go")
    acting.wait_for_files(small, "failed", "scenario-child-211.json")

    assert_out_of_memory(small, "scenario-child-211.json")


def test_a_worker_that_is_killed_from_outside_is_not_the_fault_of_its_files(
    small: Machine, tmp_path: Path
) -> None:
    small.check(f"touch {ROOT}/linger")
    acting.drop_acts(small, tmp_path, "scenario-linger-221.json", "scenario-plain-222.json")

    small.wait_until(
        "scenariodctl status | grep -q 'scenario-linger-221.json.* MB of 64 MB'",
    )
    small.wait_until(f"rm {ROOT}/lingers")  # it has its files
    scope = acting.wait_for_scope(small)  # only now: before, it may be that of an earlier batch
    small.check(f"kill -KILL $(cat {scope}/cgroup.procs) && rm {ROOT}/linger")
    acting.wait_for_files(small, "done", "scenario-linger-221.json", "scenario-plain-222.json")

    assert acting.outcomes(small, "scenario-linger-221.json") == ["killed-from-outside", "ok"]


def test_a_worker_that_grows_slowly_ends_when_asked_and_its_partner_runs_next(
    small: Machine, tmp_path: Path
) -> None:
    acting.drop_acts(small, tmp_path, "scenario-grow-231.json", "scenario-plain-232.json")

    acting.wait_for_files(small, "done", "scenario-grow-231.json", "scenario-plain-232.json")

    held = int(small.check(f"cat {ROOT}/held"))
    assert 0.7 * LIMIT < held < 0.9 * LIMIT
    assert acting.outcomes(small, "scenario-grow-231.json") == ["soft-limit"]
    assert acting.outcomes(small, "scenario-plain-232.json") == ["soft-limit", "ok"]
    told = acting.story(small, "scenario-plain-232.json")
    ended = [e["SCENARIOD_EXIT_STATUS"] for e in told if "SCENARIOD_OUTCOME" in e]
    assert ended == [str(EXIT_SOFT_STOP), "0"]


def test_a_worker_that_does_not_hear_is_frozen_and_killed_after_the_grace(
    small: Machine, tmp_path: Path
) -> None:
    acting.reconfigure(small, memory=MEMORY, stop_grace_s=1.0)
    acting.drop_acts(small, tmp_path, "scenario-deaf-241.json")

    acting.wait_for_files(small, "failed", "scenario-deaf-241.json")
    acting.reconfigure(small, memory=MEMORY, stop_grace_s=300.0)

    why = acting.reason(small, "scenario-deaf-241.json")
    assert why["code"] == "soft-limit"
    assert why["message"].startswith("came near its limit and did not stop when asked")
    assert acting.outcomes(small, "scenario-deaf-241.json") == ["soft-limit"]


def test_a_worker_that_fills_the_page_cache_is_not_stopped(small: Machine, tmp_path: Path) -> None:
    acting.drop_acts(small, tmp_path, "scenario-cache-251.json", "scenario-plain-252.json")

    acting.wait_for_files(small, "done", "scenario-cache-251.json", "scenario-plain-252.json")

    assert acting.outcomes(small, "scenario-cache-251.json") == ["ok"]
    settled = acting.story(small, "scenario-cache-251.json")
    peaks = [int(e["SCENARIOD_MEMORY_PEAK_BYTES"]) for e in settled if "SCENARIOD_OUTCOME" in e]
    assert peaks[0] > 0.9 * LIMIT


def test_the_probe_is_sent_again_after_a_reload_of_the_service_manager(
    small: Machine, tmp_path: Path
) -> None:
    acting.drop_acts(small, tmp_path, "scenario-plain-261.json")
    acting.wait_for_files(small, "done", "scenario-plain-261.json")
    before = int(small.check(CANARIES))

    small.check("systemctl --user daemon-reload && sleep 6", user="scenariod")
    (tmp_path / "next").mkdir()
    acting.drop_acts(small, tmp_path / "next", "scenario-plain-262.json")
    acting.wait_for_files(small, "done", "scenario-plain-262.json")

    assert int(small.check(CANARIES)) == before + 1


def test_the_slice_above_the_workers_is_capped_again_when_somebody_has_lifted_it(
    small: Machine, tmp_path: Path
) -> None:
    slices = "find /sys/fs/cgroup -type d -name 'scenariod-????????.slice'"
    folder = small.check(slices).strip()
    cap = small.check(f"cat {folder}/memory.max")

    lift = f"systemctl --user set-property --runtime {Path(folder).name} MemoryMax=infinity"
    small.check(lift, user="scenariod")
    lifted = small.check(f"cat {folder}/memory.max")
    acting.drop_acts(small, tmp_path, "scenario-plain-271.json")
    acting.wait_for_files(small, "done", "scenario-plain-271.json")

    assert (int(cap) > 0, lifted) == (True, "max\n")
    assert small.check(f"cat {folder}/memory.max") == cap
    assert "has memory.max = " in small.check("journalctl -u scenariod --no-pager")


def test_the_daemon_is_protected_by_the_kernel(small: Machine) -> None:
    folder = "/sys/fs/cgroup/scenariod.slice"

    minima = small.check(f"cat {folder}/memory.min {folder}/scenariod.service/memory.min").split()

    pid = small.check("systemctl show -P MainPID scenariod").strip()
    assert minima == [str(64 << 20)] * 2
    assert small.check(f"cat /proc/{pid}/oom_score_adj").strip() == "-500"


def run_by_root(machine: Machine, folder: Path, *, at: str) -> Completed:
    """Have root process once what a folder of alice's holds; return how that ended."""
    machine.put_tree(folder, at)
    machine.check(f"chown -R alice {at}")
    return machine.run(f"scenariod --root {at} --once")


def test_run_by_root_the_system_manager_limits_workers_that_are_no_root(
    small: Machine, tmp_path: Path
) -> None:
    folder = tmp_path / "root"
    for name in ("inbox", "config"):
        (folder / name).mkdir(parents=True)
    settings = f"[memory]\nlimit_mb = {LIMIT_MB}\nlimit_max_mb = {LIMIT_MB}\n"
    settings += "[worker]\nstop_grace_s = 300\n"  # it grows to its limit at leisure
    (folder / "config" / "scenariod.toml").write_text(settings)
    (folder / "inbox" / "scenario-1.json").write_text(bomb("many"))
    (folder / "inbox" / "scenario-2.json").write_text(scenario(2))

    ended = run_by_root(small, folder, at="/srv/scenarios")

    assert ended.exit_code == 3, ended.output
    assert "by systemd (system manager)" in ended.output
    assert small.check("find /srv/scenarios ! -user alice") == ""
    assert "added machine-002 from scenario-2.json" in ended.output
    assert "refused scenario-1.json (out-of-memory): needed more than" in ended.output
    left = "systemctl list-units --all --plain --no-legend 'scenariod-*.slice' 'scenariod-*.scope'"
    assert small.check(left) == ""


def test_run_by_root_a_library_that_is_gone_is_rebuilt_for_its_owner(
    small: Machine, tmp_path: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "scenario-1.json").write_text(scenario(1))
    first = run_by_root(small, tmp_path, at="/srv/rebuilt")

    ended = small.run("rm /srv/rebuilt/library/scenarios.db; scenariod --root /srv/rebuilt --once")

    assert (first.exit_code, ended.exit_code) == (0, 0), ended.output
    assert "the library was rebuilt from" in ended.output
    assert "machine-001" in small.check("scenariodctl --root /srv/rebuilt list")
    assert small.check("find /srv/rebuilt ! -user alice") == ""


def test_the_time_of_a_launch_is_told_beside_that_of_a_bare_scope(
    small: Machine, record_property: Callable[[str, object], None]
) -> None:
    slices = "find /sys/fs/cgroup -type d -name 'scenariod-*.slice' | sort"
    before = small.check(slices)
    small.put(BENCH.read_bytes(), "/usr/local/lib/bench_launch.py")

    told = small.check(
        "/opt/scenariod/bin/python3 /usr/local/lib/bench_launch.py 5",
        user="scenariod",
    ).splitlines()

    assert told[0] == "launch to READY, by systemd (user manager)"
    assert told[1].startswith("`systemd-run --user --scope --quiet --collect true`: ")
    for line in told[2:]:
        way, ratio = line.partition(":")[0], float(line.partition("ratio: ")[2])
        assert ratio > 1
        what = f"launch to READY by {way}, in per cent of a bare scope"
        record_property(what, round(100 * ratio))
    assert len(told) == 4
    assert small.check(slices) == before


def test_a_single_file_that_needs_more_passes_with_the_larger_limit(
    machine: Machine, tmp_path: Path
) -> None:
    acting.configure(machine, memory={"limit_mb": LIMIT_MB, "limit_max_mb": 512})
    acting.start_acting(machine)

    acting.drop(
        machine, tmp_path, {"scenario-1.json": bomb("many"), "scenario-2.json": scenario(2)}
    )
    acting.wait_for_files(machine, "done", "scenario-1.json", "scenario-2.json")

    assert acting.outcomes(machine, "scenario-1.json")[-1] == "ok"
    settled = acting.story(machine, "scenario-1.json")
    limits = [
        e["SCENARIOD_MEMORY_LIMIT_BYTES"] for e in settled if e.get("SCENARIOD_OUTCOME") == "ok"
    ]
    assert str(512 << 20) in limits
    assert any("it gets one try with 512 MB" in e["MESSAGE"] for e in settled)


def assert_out_of_memory(machine: Machine, name: str) -> None:
    """See that a file was refused for its memory, in figures."""
    why = acting.reason(machine, name)
    assert why["code"] == "out-of-memory", why
    assert why["message"].startswith("needed more than "), why
    assert 0.85 * LIMIT < why["memory_peak_bytes"] < LIMIT + (1 << 20), why
    assert why["memory_limit_bytes"] == LIMIT, why
    assert "out-of-memory" in acting.outcomes(machine, name)  # told after the file was moved
    told = [e for e in acting.story(machine, name) if e.get("SCENARIOD_FILE") == name]
    assert json.dumps(why["message"])[1:40] in told[-1]["MESSAGE"], told
