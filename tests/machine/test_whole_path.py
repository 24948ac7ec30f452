"""The whole path on a real systemd, from a dropped file to the library and back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import make_service
from .image import Image
from .machine import Machine

ROOT = "/var/lib/scenariod"
SAMPLES = Path(__file__).parents[2] / "samples"
REAL_DATA = os.environ.get("SCENARIOD_REAL_DATA")
"""The folder of real scenarios, where there are some; their test is there only then."""
A_SCOPE_RUNS = "find /sys/fs/cgroup -name 'scenariod-b*.scope' | grep -q ."


@dataclass(frozen=True)
class Day:
    """An ordinary day: five files dropped and processed, and what was seen meanwhile."""

    machine: Machine
    users: set[str]
    entries: list[dict[str, str]]


@pytest.fixture(scope="module")
def day(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """One machine for all tests that only look at what an ordinary day leaves."""
    with Machine(image) as machine:
        machine.boot()
        make_service(machine)
        watcher = machine.start(
            "until [ -e /tmp/enough ]; do "
            "ps -eo user=,args= | grep '[s]cenariod.worker' | sed 's/ .*//; s/^/user /'; "
            "sleep 0.1; done | sort -u"
        )
        drop(machine, range(5), tmp_path_factory.mktemp("day"))
        wait_for(machine, scenarios=5)
        machine.check("touch /tmp/enough")
        lines = [line.split() for line in watcher.wait().output.splitlines()]
        yield Day(
            machine,
            users={words[1] for words in lines if words[0] == "user"},
            entries=journal(machine),
        )


def test_what_members_copy_and_move_in_is_added(day: Day) -> None:
    assert sorted(library_ids(day.machine)) == [f"machine-{n:03d}" for n in range(5)]
    assert day.machine.check(f"ls {ROOT}/done | wc -l").strip() == "5"
    assert names_in(day.machine, "inbox", "work", "failed") == []


def test_no_scope_is_left_once_all_is_settled(day: Day) -> None:
    assert day.machine.run(A_SCOPE_RUNS).exit_code != 0


def test_systemctl_status_shows_the_status_line(day: Day) -> None:
    end = time.monotonic() + 30
    shown = ""
    while "idle; 5 added" not in shown and time.monotonic() < end:
        shown = day.machine.check("systemctl status scenariod --no-pager")

    assert 'Status: "idle; 5 added, 0 refused, 0 waiting; library 5"' in shown


def test_the_journal_has_the_fields_of_each_batch_and_file(day: Day) -> None:
    settled = [e for e in day.entries if e.get("SCENARIOD_OUTCOME") == "ok"]
    added = [e for e in day.entries if e.get("SCENARIOD_VERDICT") == "added"]
    ours = [e for e in day.entries if e.get("SYSLOG_IDENTIFIER") == "scenariod"]

    assert len(settled) == 3
    assert {e["SCENARIOD_MEMORY_LIMIT_BYTES"] for e in settled} == {"3221225472"}
    assert all(1 << 20 < int(e["SCENARIOD_MEMORY_PEAK_BYTES"]) < 3 << 30 for e in settled)
    assert all(int(e["SCENARIOD_DURATION_MS"]) > 0 for e in settled)
    assert {e["SCENARIOD_FILE"] for e in added} == {f"scenario-{n}.json" for n in range(5)}
    assert len({e["MESSAGE_ID"] for e in added}) == 1
    assert all("MESSAGE_ID" in e for e in ours)


def test_the_catalog_explains_an_entry(day: Day) -> None:
    explained = day.machine.check("journalctl -u scenariod -x -n 30 --no-pager")

    assert "Documentation: man:scenariod" in explained


def test_no_worker_runs_as_root(day: Day) -> None:
    assert day.users in ({"scenari+"}, {"scenariod"})


def test_the_daemon_stays_small(day: Day) -> None:
    peak = day.machine.check("grep VmHWM /proc/$(systemctl show -P MainPID scenariod)/status")

    assert int(peak.split()[1]) < 64 * 1024


def test_a_restore_of_the_first_backup_brings_the_library_back(day: Day) -> None:
    first = json.loads(day.machine.check("scenariodctl backups --json"))[-1]["name"]

    restored = json.loads(day.machine.check(f"scenariodctl restore {first} --json"))
    emptied = library_ids(day.machine)
    safety = restored["safety_backup"]
    again = json.loads(day.machine.check(f"scenariodctl restore {safety} --json"))

    assert emptied == []
    assert (restored["removed"], again["added"]) == (5, 5)
    assert len(library_ids(day.machine)) == 5
    assert day.machine.check(f"find {ROOT} -user root").split() == []
    told = [e["MESSAGE"] for e in journal(day.machine)]
    assert any(message.startswith(f"restored {safety}") for message in told)


def test_restarts_in_the_middle_of_batches_lose_and_double_nothing(
    service: Machine, tmp_path: Path
) -> None:
    drop(service, range(6), tmp_path)

    for _ in range(2):
        service.check(f"until {A_SCOPE_RUNS}; do :; done")
        service.check("systemctl restart scenariod")
    wait_for(service, scenarios=6)

    assert sorted(library_ids(service)) == [f"machine-{n:03d}" for n in range(6)]
    assert service.check(f"ls {ROOT}/done | wc -l").strip() == "6"
    assert names_in(service, "inbox", "work", "failed") == []


def test_a_killed_daemon_loses_nothing_and_leaves_no_worker_scope_or_slice(
    service: Machine, tmp_path: Path
) -> None:
    drop(service, range(4), tmp_path)
    service.check(f"until {A_SCOPE_RUNS}; do :; done")

    service.check("systemctl kill --signal=KILL --kill-whom=main scenariod")
    wait_for(service, scenarios=4)
    service.check("systemctl stop scenariod")

    assert sorted(library_ids(service)) == [f"machine-{n:03d}" for n in range(4)]
    service.wait_until("! find /sys/fs/cgroup -name 'scenariod*.slice' | grep .")
    assert "scenariod.workers.worker" not in service.check("ps -eo args")


def test_a_library_that_was_damaged_is_mended_by_the_next_start_and_all_is_there_again(
    service: Machine, tmp_path: Path
) -> None:
    drop(service, range(2), tmp_path)
    wait_for(service, scenarios=2)
    damage_library(service)

    service.check("systemctl start scenariod")
    wait_for(service, scenarios=2)

    assert sorted(library_ids(service)) == [f"machine-{n:03d}" for n in range(2)]
    told = [e["MESSAGE"] for e in journal(service)]
    assert any("is damaged: file is not a database; it is rebuilt from" in m for m in told)
    assert any(m.startswith("the library was rebuilt from ") for m in told)
    assert service.check(f"ls {ROOT}/library/damaged-*/scenarios.db")
    assert service.check(f"find {ROOT} -user root").split() == []


def test_where_it_may_not_mend_itself_the_command_that_the_journal_names_does(
    service: Machine, tmp_path: Path
) -> None:
    drop(service, range(2), tmp_path)
    wait_for(service, scenarios=2)
    service.check(
        "sed -i 's/^# *auto_restore = .*/auto_restore = false/' /etc/scenariod/scenariod.toml"
        " && grep -q '^auto_restore = false' /etc/scenariod/scenariod.toml"
    )
    damage_library(service)

    assert service.run("systemctl start scenariod").exit_code != 0
    assert service.check("systemctl show -P ExecMainStatus scenariod").strip() == "12"
    hint = [e["MESSAGE"] for e in journal(service) if "auto_restore is off" in e["MESSAGE"]][-1]
    command = hint.split("`")[1]
    assert command.startswith("scenariodctl restore ")
    service.check(command)
    service.check("systemctl start scenariod")
    wait_for(service, scenarios=2)

    assert sorted(library_ids(service)) == [f"machine-{n:03d}" for n in range(2)]


def test_the_faulty_samples_are_refused_with_reasons_and_the_others_added(
    service: Machine,
) -> None:
    service.put_tree(SAMPLES, "/tmp/samples")
    total = len(list(SAMPLES.glob("scenario-*.json")))

    service.check(f"cp /tmp/samples/scenario-*.json {ROOT}/inbox/")
    wait_for(service, scenarios=total - 2)

    reasons = service.check(f"cat {ROOT}/failed/*.reason.json")
    assert reasons.count('"retry"') == 2


if REAL_DATA is not None:

    def test_real_scenarios_go_through_the_service(service: Machine, tmp_path: Path) -> None:
        some = tmp_path / "real"
        some.mkdir()
        for path in sorted(Path(str(REAL_DATA)).glob("scenario-*.json"))[:6]:
            (some / path.name).write_bytes(path.read_bytes())
        service.put_tree(some, "/tmp/real")

        service.check(f"cp /tmp/real/* {ROOT}/inbox/")
        wait_for(service, scenarios=6)

        assert len(library_ids(service)) == 6


def start_service(machine: Machine) -> Machine:
    """Start the service on a clean machine, with a user alice in its group."""
    machine.check("useradd -m alice && usermod -aG scenariod alice")
    machine.check("systemctl start scenariod")
    return machine


def damage_library(machine: Machine) -> None:
    """Stop the service, and write over the beginning of its library."""
    machine.check("systemctl stop scenariod")
    machine.check(
        f"printf 'not SQLite at all' | dd of={ROOT}/library/scenarios.db conv=notrunc status=none"
    )


def scenario(number: int) -> str:
    """Return a valid scenario of its own for each number."""
    return json.dumps(
        {
            "id": f"machine-{number:03d}",
            "title": f"Scenario {number}",
            "claim": "A claim.",
            "text": "A story.",
            "correctAnswer": "logic",
            "answerWeights": {"logic": 100, "emotion": 0, "balanced": 40, "agenda": 5},
        }
    )


def drop(machine: Machine, numbers: range, tmp_path: Path) -> None:
    """Let alice drop scenarios: one half with cp, the other with mv.

    One by one: having renamed a file of several, mv looks at it once more, and it may be taken up.
    """
    folder = tmp_path / "drop"
    folder.mkdir()
    for number in numbers:
        (folder / f"scenario-{number}.json").write_text(scenario(number))
    machine.put_tree(folder, "/home/alice/drop")
    machine.check(
        "chown -R alice /home/alice/drop && "
        f"runuser -u alice -- sh -c 'cp /home/alice/drop/scenario-*[02468].json {ROOT}/inbox/ && "
        f"for f in /home/alice/drop/scenario-*[13579].json; do mv $f {ROOT}/inbox/; done'"
    )


def wait_for(machine: Machine, *, scenarios: int) -> None:
    """Wait until the library holds so many and nothing is under way, as systemd was told."""
    told = "systemctl is-active scenariod && systemctl show --property=StatusText scenariod"
    machine.wait_until(f"{told} | grep -E '=idle.*; library {scenarios}(;|$)'")


def journal(machine: Machine) -> list[dict[str, str]]:
    """Return the journal's entries of scenariod, also the last ones of a process that has ended."""
    machine.check("journalctl --sync")
    lines = machine.check("journalctl -t scenariod -o json --no-pager").splitlines()
    return [json.loads(line) for line in lines]


def library_ids(machine: Machine) -> list[str]:
    """Return the ids of the published library."""
    published = json.loads(machine.check(f"cat {ROOT}/library/scenarios.json"))
    return [s["id"] for s in published["scenarios"]]


def names_in(machine: Machine, *folders: str) -> list[str]:
    """Return what is in some folders of the root."""
    paths = " ".join(f"{ROOT}/{folder}" for folder in folders)
    return machine.check(f"find {paths} -mindepth 1").split()
