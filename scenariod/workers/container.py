"""How much memory the container that we are in may use: the limits of our own control groups.

Reads only, cgroup v2 and v1. Never looks at the groups of workers: `launchers/cgroup.py` does.
"""

from __future__ import annotations

from pathlib import Path

from scenariod.base.value import Value

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


class Room(Value):
    """What processes in our control groups may use together, and how much of it is not in use.

    Page cache that the kernel could take back is not in use.
    """

    limit_bytes: int
    free_bytes: int


class _Version(Value):
    """The files of a version of control groups, and what its memory.stat calls the cache."""

    limit: str
    usage: str
    cache: str
    shared: str
    slab: str


_V2 = _Version("memory.max", "memory.current", "file", "shmem", "slab_reclaimable")
_V1 = _Version(
    "memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache", "total_shmem", "absent"
)

_NO_LIMIT_BYTES = 1 << 62
"""Version 1 has no word for it: a group without a limit has the largest whole number of pages."""


def rooms(*, membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> list[Room]:
    """Return the room of our own control group and of each above it, where they have limits.

    In a container the names of groups may be those outside, and what is not mounted here has no
    room of its own.
    """
    version, top, name = _memory_group(membership, mount)
    own = top / name.lstrip("/")
    folders = [folder for folder in (own, *own.parents) if folder.is_relative_to(top)]
    return [room for folder in folders if (room := _room(folder, version)) is not None]


def outermost_rooms(*, membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> list[Room]:
    """Return the room of the topmost group alone, if it has a limit: a container's own."""
    version, top, _ = _memory_group(membership, mount)
    room = _room(top, version)
    return [] if room is None else [room]


def _memory_group(membership: Path, mount: Path) -> tuple[_Version, Path, str]:
    """Return the version that limits memory here, where it is mounted, and our group's name."""
    try:
        lines = membership.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # a kernel without control groups
        lines = []
    groups = {kinds: name for _, kinds, name in (line.split(":", 2) for line in lines)}
    for kinds, name in groups.items():
        if "memory" in kinds.split(","):
            return _V1, mount / "memory", name
    return _V2, mount, groups.get("", "/")


def _room(folder: Path, version: _Version) -> Room | None:
    try:
        limit = (folder / version.limit).read_text().strip()
        if limit == "max" or int(limit) >= _NO_LIMIT_BYTES:
            return None
        used = int((folder / version.usage).read_text())
        lines = (folder / "memory.stat").read_text().splitlines()
        stat = {name: int(value) for name, value in (line.split() for line in lines)}
    except OSError:  # the root of all groups has no such files
        return None
    cache = stat.get(version.cache, 0) - stat.get(version.shared, 0)
    in_use = max(used - cache - stat.get(version.slab, 0), 0)
    return Room(int(limit), max(int(limit) - in_use, 0))
