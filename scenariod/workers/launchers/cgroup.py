"""The kernel's own files about a control group: limits in force, use, and events.

Reads cgroup v2 only. systemd's properties say what was asked for; these files say what is in force.
"""

from __future__ import annotations

from pathlib import Path

from scenariod.base.value import Value

MOUNT = Path("/sys/fs/cgroup")
UNLIMITED = 1 << 63


class Counters(Value):
    """The counters of a slice: its peak in bytes (None before Linux 5.19), and memory.events."""

    peak_bytes: int | None
    oom_kills: int
    limit_hits: int


def of_process(pid: int) -> Path:
    """Return the folder of the control group that holds `pid`; raise OSError if it is gone."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return MOUNT / line.removeprefix("0::").lstrip("/")
    raise FileNotFoundError(f"process {pid} is in no cgroup v2")


def limit(folder: Path, file: str) -> int | None:
    """Return a limit in bytes, `UNLIMITED` for none, or None if the kernel has no such file."""
    try:
        text = (folder / file).read_text().strip()
    except FileNotFoundError:
        return None
    return UNLIMITED if text == "max" else int(text)


def unreclaimable(folder: Path) -> int:
    """Return the bytes that cannot be reclaimed: page cache is not what a worker needs.

    `memory.current - (file - shmem) - slab_reclaimable`; a 64 MB scope that reads a large file
    sits at its limit with a few MB of its own.
    """
    current = int((folder / "memory.current").read_text())
    figures = _figures(folder / "memory.stat")
    cache = figures.get("file", 0) - figures.get("shmem", 0)
    return max(current - cache - figures.get("slab_reclaimable", 0), 0)


def parts(folder: Path) -> dict[str, int]:
    """Return the parts of a group's memory in bytes, the largest first."""
    stat = _figures(folder / "memory.stat")
    shared = stat.get("shmem", 0)
    found = {
        "anonymous": stat.get("anon", 0),
        "shared": shared,
        "page cache": stat.get("file", 0) - shared,
        "kernel": stat.get("kernel", stat.get("slab", 0)),
    }
    return dict(sorted(found.items(), key=lambda part: part[1], reverse=True))


def freeze(folder: Path) -> bool:
    """Stop all processes of a group; return False if that is not permitted, or it is gone."""
    return _set(folder / "cgroup.freeze")


def kill(folder: Path) -> bool:
    """Kill all processes of a group, frozen or not; return False as `freeze` does."""
    return _set(folder / "cgroup.kill")


def counters(folder: Path) -> Counters:
    """Return the counters of `folder` and below; raise OSError if it is gone."""
    events = _figures(folder / "memory.events")
    return Counters(
        peak_bytes=limit(folder, "memory.peak"),
        oom_kills=events.get("oom_kill", 0),
        limit_hits=events.get("max", 0),
    )


def missing() -> str | None:
    """Return why this kernel cannot enforce a memory limit, or None."""
    if not (MOUNT / "cgroup.controllers").exists():
        return (
            "this system runs cgroup v1, which does not report whether a worker ran out of memory"
        )
    if "memory" not in (MOUNT / "cgroup.controllers").read_text().split():
        return "the kernel runs without its memory controller"
    return None


def cure() -> str:
    """Return the command or edit that enables the memory controller."""
    if not (MOUNT / "cgroup.controllers").exists():
        return "boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line"
    return (
        "append `cgroup_enable=memory` to the one line of /boot/firmware/cmdline.txt (on other "
        "machines than a Raspberry Pi: take `cgroup_disable=memory` off the kernel command line), "
        "then reboot"
    )


def _set(switch: Path) -> bool:
    try:
        switch.write_text("1")
    except OSError:  # read-only for the service (ProtectControlGroups=): its manager does it then
        return False
    return True


def _figures(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in path.read_text().splitlines())
    return {name: int(value) for name, value in pairs}
