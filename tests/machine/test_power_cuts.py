"""Power cuts on a disk with a volatile write cache: what was reported is there, and work goes on.

What is reported leaves the machine at once (`Machine.report_journal`), so that it is known here
whatever the cut takes. After each cut the disk is read on the host (aftermath.py); the next
machine goes on with it. What the settler was doing when it was struck is told by its own entries,
the last that had left the machine; each kind of step must have been struck.
`make soak CUTS=1000` makes more of them.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenariod.monitoring.journal import Event

from . import aftermath, told
from .disk import VolatileDisk, format_disk_file
from .image import Image
from .machine import Machine
from .test_whole_path import ROOT, scenario
from .uml import Hardware

CUTS = int(os.environ.get("SCENARIOD_CUTS", "8"))
SERVICE_CUTS = max(CUTS // 5, 2)
CUTS_A_DISK = 25
FILES_A_CUT = 4
MOST_MORE = 100
"""Cuts after these, as long as chance has spared one of the steps; it never takes so many."""
LONGEST_ACTIVITY_S = 3.0
LONGEST_STEP_S = 0.2
SETTLED_S = 3600.0
"""How long all that the cuts have left may take: of 100 cuts, 40 batches on a busy machine."""
SEED = int(os.environ.get("SCENARIOD_SEED", str(random.SystemRandom().randrange(1 << 32))))
GUEST_SETTLER = Path(__file__).with_name("guest_settler.py")
READY, ORDERS = "/run/settler/ready", "/run/settler/orders"
JOURNAL = f"SYSLOG_IDENTIFIER=scenariod SYSLOG_IDENTIFIER=dropper SYSLOG_IDENTIFIER={told.SETTLER}"
STEPS = ("adding", "backing up", "publishing", "restoring", "importing")
"""What a cut is to fall into, each in its turn; each of them is to be struck by some."""
SERVICE_MOMENTS = (
    Event.FILE_ADDED,
    Event.BATCH_STARTED,
    Event.BACKUP_WRITTEN,
    Event.PUBLISHED,
    Event.STARTED,
)
KEEP_ALL_BACKUPS = (
    "s/^# keep_last = .*/keep_last = 1000000/; s/^# max_total_mb = .*/max_total_mb = 0/"
)
"""For sed: each backup that was reported is looked for after each cut."""
REPORTED = (
    Event.FILE_ADDED,
    Event.BACKUP_WRITTEN,
    Event.PUBLISHED,
    Event.RESTORED,
    Event.IMPORTED,
)
DISK_SIZE = "256M"
RecordProperty = Callable[[str, object], None]


class Cuts:
    """Cuts of one disk after another, each disk's library going on through all of its cuts."""

    def __init__(self, tmp_path: Path, *, seed: int) -> None:
        self.chance = random.Random(seed)
        self._folder = tmp_path
        self.reports = aftermath.Reports()
        self.disk = VolatileDisk(tmp_path / "none yet", name="volatile")
        self._disks = 0
        self._since = 0.0
        self.told: Counter[str] = Counter()
        print(f"SCENARIOD_SEED={seed}")  # noqa: T201 - shown where the test fails

    def new_disk(self) -> None:
        """Go on with an empty disk."""
        self.disk.path.unlink(missing_ok=True)
        self._disks += 1
        path = format_disk_file(self._folder / f"disk-{self._disks}", size=DISK_SIZE)
        self.disk = VolatileDisk(path, name="volatile")
        self.reports = aftermath.Reports()

    def mount(self, machine: Machine) -> None:
        """Have the machine find its root folder on the disk."""
        self._since = time.monotonic()
        machine.plug(self.disk)
        machine.mount(self.disk, at=ROOT)
        machine.check(f"chown scenariod: {ROOT} && systemd-tmpfiles --create scenariod.conf")

    def cut(self, machine: Machine) -> list[told.Entry]:
        """Take the power away, and see that what was reported is there; return what was."""
        machine.power_cut()
        entries = machine.reported()
        self.reports.note(entries)
        kinds = {event.message_id: event.name.lower() for event in REPORTED}
        self.told.update(kinds[e["MESSAGE_ID"]] for e in entries if e.get("MESSAGE_ID") in kinds)
        lit_s = time.monotonic() - self._since
        print(f"cut after {lit_s:.1f} s; reported: {told.summary(entries)}")  # noqa: T201
        with aftermath.read(self.disk, self._folder) as left:
            aftermath.check(left, self.reports)
        return entries


def aims(struck: Counter[str]) -> Iterator[tuple[int, str]]:
    """Yield each cut's number and the step it is for, in turn; then more for what none struck."""
    for number in range(CUTS):
        yield number, (*STEPS, "anything")[number % (len(STEPS) + 1)]
    for number in range(CUTS, CUTS + MOST_MORE):
        missed = [step for step in STEPS if not struck[step]]
        if not missed:
            return
        yield number, missed[0]


@pytest.mark.longest
@pytest.mark.soak
def test_cuts_while_batches_are_settled_backed_up_published_restored_and_imported_lose_nothing(
    image: Image, tmp_path: Path, record_property: RecordProperty
) -> None:
    cuts = Cuts(tmp_path, seed=SEED)
    struck: Counter[str] = Counter()

    for number, step in aims(struck):
        if number % CUTS_A_DISK == 0:
            cuts.new_disk()
        with Machine(image, hardware=Hardware(daemon=False)) as machine:
            machine.boot()
            start_settler(machine)
            machine.report_journal(JOURNAL)
            cuts.mount(machine)
            machine.check(f"echo {ROOT} cut{number} {step} > {ORDERS}")
            if step in STEPS:
                told.wait_for_step(machine, step)
                time.sleep(cuts.chance.uniform(0, LONGEST_STEP_S))  # the random moment itself
            else:  # may fall into the taking up of what the last cut left
                time.sleep(cuts.chance.uniform(0, LONGEST_ACTIVITY_S))
            struck.update(told.under_way(cuts.cut(machine)) or {"doing none of these"})

    assert cuts.told["file_added"]
    finish_by_itself(image, cuts)
    assert [step for step in STEPS if not struck[step]] == []
    record_property(
        "power cuts while settling, backing up, publishing, restoring, importing", number + 1
    )
    for step, count in struck.items():  # a cut may strike two at once
        record_property(f"power cuts that struck it {step}", count)
    for kind, count in sorted(cuts.told.items()):
        record_property(f"reported before power cuts, and there after them: {kind}", count)


@pytest.mark.longest
@pytest.mark.soak
def test_cuts_of_the_whole_service_lose_nothing_reported(
    image: Image, tmp_path: Path, record_property: RecordProperty
) -> None:
    cuts = Cuts(tmp_path, seed=SEED)
    cuts.new_disk()

    for number in range(SERVICE_CUTS):
        with Machine(image, hardware=Hardware(daemon=False)) as machine:
            machine.boot()
            machine.report_journal(JOURNAL)
            cuts.mount(machine)
            drop_synced(machine, f"service{number}", count=FILES_A_CUT)
            machine.check(f"sed -i '{KEEP_ALL_BACKUPS}' /etc/scenariod/scenariod.toml")
            machine.check("systemctl start --no-block scenariod")
            told.wait_for(machine, SERVICE_MOMENTS[number % len(SERVICE_MOMENTS)])
            time.sleep(cuts.chance.uniform(0, 1.5))  # the random moment itself
            cuts.cut(machine)

    assert len(cuts.reports.dropped) == FILES_A_CUT * SERVICE_CUTS
    finish_by_itself(image, cuts)
    record_property("power cuts of the whole service", SERVICE_CUTS)
    for number in range(SERVICE_CUTS):
        moment = SERVICE_MOMENTS[number % len(SERVICE_MOMENTS)].name.lower()
        record_property(f"power cuts of the whole service soon after {moment}", 1)


def start_settler(machine: Machine) -> None:
    """Have a settler wait for its order; it has rehearsed then, elsewhere."""
    machine.put(GUEST_SETTLER.read_bytes(), "/usr/local/lib/guest_settler.py")
    machine.check(
        "install -d -o scenariod /run/settler && systemd-run --quiet --unit=settler "
        "--uid=scenariod /opt/scenariod/bin/python3 /usr/local/lib/guest_settler.py "
        f"{READY} {ORDERS}"
    )
    machine.wait_until(f"test -e {READY} || ! systemctl is-active settler")
    machine.check(f"test -e {READY} || {{ journalctl -u settler --no-pager; false; }}")


def drop_synced(machine: Machine, name: str, *, count: int) -> None:
    """Drop scenarios whose dropper has synced them, and have that reported."""
    names = [f"scenario-{name}-{n}.json" for n in range(count)]
    for each in names:
        text = json.dumps(json.loads(scenario(1)) | {"id": each.removesuffix(".json")})
        machine.put(text.encode(), f"{ROOT}/.{each}")
    # At priority 5, notice: what is below that, the unit of the machine's agent may not log.
    entry = f"SYSLOG_IDENTIFIER={aftermath.DROPPED}\\nPRIORITY=5\\nSCENARIOD_FILE=%s\\n"
    machine.check(
        f"cd {ROOT} && for f in {' '.join(names)}; do chown scenariod .$f && sync .$f && "
        "mv .$f inbox/$f; done && sync inbox . && "
        f"for f in {' '.join(names)}; do printf '{entry}MESSAGE=dropped\\n' $f | "
        "logger --journald; done"
    )


def finish_by_itself(image: Image, cuts: Cuts) -> None:
    """Start the service on what the last cut left: it settles all of it, and nobody helps."""
    with Machine(image, hardware=Hardware(daemon=False)) as machine:
        machine.boot()
        machine.report_journal(JOURNAL)
        cuts.mount(machine)
        machine.check(f"sed -i '{KEEP_ALL_BACKUPS}' /etc/scenariod/scenariod.toml")
        machine.check("systemctl start scenariod")
        left = f"find {ROOT}/inbox {ROOT}/work -name 'scenario-*.json'"
        machine.wait_until(f'test -z "$({left})"', timeout_s=SETTLED_S)
        machine.check("systemctl stop scenariod")
        cuts.cut(machine)
