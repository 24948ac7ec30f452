"""The inbox and its disk fail under the running service: noticed, told, and got over by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from scenariod.monitoring.journal import Event

from . import told
from .acting import CONFIG
from .disk import Disk, format_disk_file
from .machine import Machine
from .test_whole_path import ROOT, library_ids, scenario

INBOX = f"{ROOT}/inbox"
NOTICED_WITHIN_S = 30.0
"""As long as `rescan_s` is by default."""
RESCAN_S = 8
"""For faults of whose kind another test has the default."""
MAKE_INBOX = f"install -d -o scenariod -g scenariod -m 2770 {INBOX}"

MANY = int(os.environ.get("SCENARIOD_FILES", "500"))
QUEUE = MANY // 8
"""So many events the kernel keeps for one who does not read them; by itself it keeps 16,384."""
DROP_MANY = f"""
import os
os.umask(0o007)
for n in range({MANY}):
    with open(f"{INBOX}/scenario-{{n:06d}}.json", "wb") as file:
        file.write(b"{{}}")
"""
MOVE_AWAY = f"""
import os
for name in os.listdir("{INBOX}"):
    if name.startswith("scenario-0"):
        try:
            os.rename("{INBOX}/" + name, "{ROOT}/aside/" + name)
        except FileNotFoundError:
            pass
"""


@dataclass(frozen=True)
class Fault:
    """Shell commands that break the inbox, and that mend it again."""

    breaks: str
    mends: str


FAULTS = {
    "deleted": Fault(f"rmdir {INBOX}", MAKE_INBOX),
    "unreadable": Fault(f"chmod 000 {INBOX}", f"chmod 2770 {INBOX}"),
    "a file": Fault(f"rmdir {INBOX} && touch {INBOX}", f"rm {INBOX} && {MAKE_INBOX}"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_inbox_that_cannot_be_read_is_noticed_told_and_taken_up_again(
    machine: Machine, fault: Fault
) -> None:
    machine.check(f"sed -i 's/^# rescan_s = .*/rescan_s = {RESCAN_S}/' {CONFIG}")
    start(machine)
    broken_at = now(machine)

    machine.check(fault.breaks)
    noticed = told.wait_for(machine, Event.WATCH_TROUBLE)
    status = json.loads(machine.check("scenariodctl status --json"))
    machine.check(fault.mends)
    told.wait_for(machine, Event.WATCH_RECOVERED)
    drop(machine, 1)

    assert told.at(noticed) - broken_at < NOTICED_WITHIN_S
    assert status["watch"] == "degraded"
    assert INBOX in status["watch_detail"]
    told.wait_for(machine, Event.FILE_ADDED, scenario="machine-001")


def test_an_inbox_that_was_replaced_is_noticed_and_the_new_one_is_served(machine: Machine) -> None:
    start(machine)
    broken_at = now(machine)

    machine.check(f"mv {INBOX} {ROOT}/old && {MAKE_INBOX}")
    noticed = told.wait_for(machine, Event.WATCH_TROUBLE)
    told.wait_for(machine, Event.WATCH_RECOVERED)
    drop(machine, 1)

    assert told.at(noticed) - broken_at < NOTICED_WITHIN_S
    assert "replaced" in noticed["MESSAGE"]
    told.wait_for(machine, Event.FILE_ADDED, scenario="machine-001")


def test_a_root_folder_that_was_unmounted_is_noticed_and_goes_on_when_it_is_back(
    machine: Machine, tmp_path: Path
) -> None:
    disk = Disk(format_disk_file(tmp_path / "disk", size="64M"), name="data")
    mount_root(machine, disk)
    start(machine)
    drop(machine, 1)
    told.wait_for(machine, Event.FILE_ADDED, scenario="machine-001")
    told.wait_for(machine, Event.PUBLISHED, scenarios=1)
    broken_at = now(machine)

    machine.check(f"umount --lazy {ROOT}")
    noticed = told.wait_for(machine, Event.WATCH_TROUBLE)
    machine.check(f"mount {disk.device} {ROOT}")
    told.wait_for(machine, Event.WATCH_RECOVERED)
    drop(machine, 2)
    told.wait_for(machine, Event.FILE_ADDED, scenario="machine-002")
    told.wait_for(machine, Event.PUBLISHED, scenarios=2)

    assert told.at(noticed) - broken_at < NOTICED_WITHIN_S
    assert library_ids(machine) == ["machine-001", "machine-002"]


@pytest.mark.longest
@pytest.mark.soak
def test_of_many_files_dropped_while_the_reader_stands_still_none_is_lost(
    machine: Machine, record_property: Callable[[str, object], None]
) -> None:
    # The watchdog would end a daemon that stands still for as long as that takes.
    drop_in(machine, "[Service]\nWatchdogSec=0\n")
    machine.check(f"install -d -o scenariod {ROOT}/aside")
    machine.check(f"sysctl --quiet --write fs.inotify.max_queued_events={QUEUE}")
    start(machine)

    machine.check("systemctl kill --kill-whom=main --signal=STOP scenariod")
    machine.check("python3 -", stdin=DROP_MANY.encode(), user="scenariod")
    drop(machine, *range(900_000, 900_004))
    machine.check("systemctl kill --kill-whom=main --signal=CONT scenariod")

    wait_until_all_are_known(machine, MANY + 4)
    machine.check("python3 -", stdin=MOVE_AWAY.encode(), user="scenariod")
    for number in range(900_000, 900_004):
        told.wait_for(machine, Event.FILE_ADDED, scenario=f"machine-{number}")
    record_property("files dropped on a reader that stood still, beyond its queue of events", MANY)


def wait_until_all_are_known(machine: Machine, count: int) -> None:
    """Wait until the daemon counts as many files as there are: waiting, at work or settled."""
    ask = (
        "import sys; from pathlib import Path; from scenariod.monitoring import status; "
        f"now = status.ask(Path('{ROOT}/library/scenariod.sock')); "
        "known = now['inbox'] + now['refused'] + sum(len(w['files']) for w in now['workers']); "
        f"print(known, now); sys.exit(known != {count})"
    )
    machine.wait_until(f'/opt/scenariod/bin/python3 -c "{ask}"')


def test_a_disk_that_gets_full_in_the_middle_fails_no_file_and_goes_on_when_it_is_freed(
    machine: Machine, tmp_path: Path
) -> None:
    disk = Disk(format_disk_file(tmp_path / "disk", size="16M"), name="small")
    mount_root(machine, disk)
    start(machine)
    sizes_kb = (0, 16, 64, 192)
    machine.check(f"install -d -o scenariod {ROOT}/staged")
    for number in range(2 * len(sizes_kb)):
        put(machine, number, folder=f"{ROOT}/staged")

    for place, size_kb in enumerate(sizes_kb):
        pair = [2 * place, 2 * place + 1]
        fill(machine, leaving_kb=size_kb)
        for n in pair:
            machine.check(f"mv {ROOT}/staged/{name(n)} {ROOT}/inbox/")
        if size_kb == 0:
            told.wait_for(machine, Event.PAUSED)
            assert told.of(machine, Event.FILE_ADDED) == []
        machine.wait_until(f"! ls {ROOT}/staged | grep -q {name(pair[0])}")
        machine.check(f"rm {ROOT}/ballast")
        for number in pair:
            told.wait_for(machine, Event.FILE_ADDED, scenario=f"machine-{number:03d}")

    told.wait_for(machine, Event.RESUMED)
    machine.wait_until(f'test -z "$(find {ROOT}/inbox {ROOT}/work -type f)"')
    assert machine.check(f"find {ROOT}/failed -type f") == ""
    assert told.of(machine, Event.FILE_REFUSED) == []


def start(machine: Machine) -> None:
    """Start the service, its journal being told."""
    machine.report_journal(told.JOURNAL)
    machine.check("systemctl start scenariod")
    machine.wait_until("""scenariodctl status --json | grep '"watch": "events"'""")


def drop_in(machine: Machine, text: str) -> None:
    """Change the unit as `systemctl edit --runtime` does."""
    folder = "/run/systemd/system/scenariod.service.d"
    machine.check(f"mkdir -p {folder} && cat > {folder}/test.conf", stdin=text.encode())
    machine.check("systemctl daemon-reload")


def mount_root(machine: Machine, disk: Disk) -> None:
    """Have the root folder on a disk of its own."""
    machine.plug(disk)
    machine.mount(disk, at=ROOT)
    machine.check(f"chown scenariod: {ROOT} && systemd-tmpfiles --create scenariod.conf")


def name(number: int) -> str:
    """Return the file name of a scenario."""
    return f"scenario-{number:03d}.json"


def put(machine: Machine, number: int, *, folder: str) -> None:
    """Have a scenario in a folder."""
    path = f"{folder}/{name(number)}"
    machine.put(scenario(number).encode(), path)
    machine.check(f"chown scenariod: {path}")


def drop(machine: Machine, *numbers: int) -> None:
    """Drop scenarios, as `mv` does."""
    for number in numbers:
        put(machine, number, folder=ROOT)
        machine.check(f"mv {ROOT}/{name(number)} {INBOX}/")


def fill(machine: Machine, *, leaving_kb: int) -> None:
    """Leave no more than so much of the disk to the service."""
    ballast = f"{ROOT}/ballast"
    machine.run(f"cat /dev/zero > {ballast}", user="scenariod")
    machine.check(f"truncate --size=-{leaving_kb}K {ballast} && sync {ballast}")


def now(machine: Machine) -> float:
    """Return the time by the machine's clock, in seconds."""
    return float(machine.check("date +%s.%N"))
