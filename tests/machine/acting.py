"""A machine whose daemon has workers that act (`guest_memory.py`), and what tests ask of it."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .machine import DEADLINE_S, Machine
from .test_whole_path import ROOT, journal, scenario, start_service

CONFIG = "/etc/scenariod/scenariod.toml"
GUEST = Path(__file__).with_name("guest_memory.py")
DROP_IN = "/etc/systemd/system/scenariod.service.d/90-acting.conf"
SCOPES = "find /sys/fs/cgroup -type d -name 'scenariod-b*.scope'"


def configure(machine: Machine, *, memory: Mapping[str, object], **worker: object) -> None:
    """Write the configuration; a running service takes it up with its next start."""
    sections = {"memory": memory, "worker": {"workers": 1, "stop_grace_s": 3.0, **worker}}
    lines = []
    for name, settings in sections.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
    machine.put(("\n".join(lines) + "\n").encode(), CONFIG)


def reconfigure(machine: Machine, *, memory: Mapping[str, object], **worker: object) -> None:
    """Have a running service go on by another configuration."""
    configure(machine, memory=memory, **worker)
    ready = "journalctl -u scenariod --output=cat | grep -c 'scenariod .* watches '"
    before = int(machine.check(ready))
    machine.check("systemctl reload scenariod")
    machine.wait_until(f"test $({ready}) -gt {before}")


def start_acting(machine: Machine, *, unit: str = "") -> None:
    """Start the service with workers that act; `unit` is more for its drop-in."""
    machine.put(GUEST.read_bytes(), "/usr/local/lib/guest_memory.py")
    command = f"/opt/scenariod/bin/python3 -I /usr/local/lib/guest_memory.py --config {CONFIG}"
    machine.put(f"[Service]\nExecStart=\nExecStart={command}\n{unit}".encode(), DROP_IN)
    machine.check("systemctl daemon-reload")
    start_service(machine)


def drop(machine: Machine, tmp_path: Path, files: Mapping[str, str]) -> None:
    """Let alice move these files into the inbox together."""
    folder = tmp_path / "dropped"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    aside = f"/tmp/{tmp_path.name}"
    machine.put_tree(folder, aside)
    machine.check(f"chown alice {aside}/* && for f in {aside}/*; do mv $f {ROOT}/inbox/; done")


def drop_acts(machine: Machine, tmp_path: Path, *names: str) -> None:
    """Drop a good scenario under each of these names; the number at its end makes its id."""
    numbers = {name: int(name.removesuffix(".json").split("-")[-1]) for name in names}
    drop(machine, tmp_path, {name: scenario(number) for name, number in numbers.items()})


def wait_for_files(machine: Machine, folder: str, *names: str) -> None:
    """Wait until all of these are in a folder of the root."""
    there = " && ".join(f"test -e {ROOT}/{folder}/{shlex.quote(name)}" for name in names)
    machine.wait_until(there)


def wait_for_scope(machine: Machine) -> str:
    """Wait until a worker has its files; return the folder of its scope."""
    machine.wait_until(f"{SCOPES} | grep -v b000000 | grep -q .")
    return machine.check(f"{SCOPES} | grep -v b000000 | head -1").strip()


def reason(machine: Machine, name: str) -> dict[str, Any]:
    """Return the reason that lies beside a refused file."""
    return dict(json.loads(machine.check(f"cat {ROOT}/failed/{name}.reason.json")))


def story(machine: Machine, name: str) -> list[dict[str, str]]:
    """Return the journal's entries on all batches that a file was in, in their order."""
    entries = journal(machine)
    batches = [e["SCENARIOD_BATCH"] for e in entries if _is_start_of(e, name)]
    return [e for e in entries if e.get("SCENARIOD_BATCH") in batches]


def outcomes(machine: Machine, name: str) -> list[str]:
    """Return how the workers ended that had this file, in their order, once each has.

    A file is moved before the end of its batch is told.
    """
    deadline = time.monotonic() + DEADLINE_S
    while True:
        told = story(machine, name)
        ended = [e for e in told if "SCENARIOD_OUTCOME" in e]
        batches = {e["SCENARIOD_BATCH"] for e in told if _is_start_of(e, name)}
        if batches == {e["SCENARIOD_BATCH"] for e in ended} or time.monotonic() > deadline:
            return [e["SCENARIOD_OUTCOME"] for e in ended]


def daemon_memory_kb(machine: Machine) -> int:
    """Return what the daemon holds, in KiB."""
    status = machine.check("grep VmRSS /proc/$(systemctl show -P MainPID scenariod)/status")
    return int(status.split()[1])


def _is_start_of(entry: Mapping[str, str], name: str) -> bool:
    message = str(entry.get("MESSAGE"))
    return message.startswith("batch ") and name in message.partition(": ")[2].split(", ")
