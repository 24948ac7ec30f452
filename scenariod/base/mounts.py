"""On what kind of file system a folder is, and whether that announces what is done in it.

Owns the table of those that do not. Never looks at what is in the folder.
"""

from __future__ import annotations

from pathlib import Path

from scenariod.base.value import Value

_SILENT = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse", "gfs2", "glusterfs", "gpfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2"),
        *("smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"),
    }
)
"""Shared with other machines, which change it without the kernel of this one taking part."""


class Mount(Value):
    """The mount that a folder is on: its number in this run of the kernel, and its type's name."""

    id: int
    kind: str


def mount_of(folder: int) -> Mount | None:
    """Return the mount of an open folder; None where the kernel does not list it.

    By the number of the mount, which the kernel tells of a descriptor (proc_pid_fdinfo(5)): so
    neither links in the path nor mounts over mounts nor device numbers that btrfs makes up matter.
    """
    wanted = _mount_id(folder)
    # Mount points are bytes that anyone chooses: only the fields around them are read.
    listed = Path("/proc/self/mountinfo").read_bytes().decode("utf-8", "surrogateescape")
    for line in listed.split("\n"):
        place, _, source = line.partition(" - ")
        if place.split(" ", 1)[0] == str(wanted):
            return Mount(wanted, source.split(" ", 1)[0])
    return None


def same_mount(one: int, other: int) -> bool:
    """Say whether two open folders are on one mount, so that files can be renamed between them."""
    return _mount_id(one) == _mount_id(other)


def announces(kind: str) -> bool:
    """Say whether inotify tells of everything that is done on a file system of this type.

    FUSE counts as silent, for most of it is shared (sshfs, rclone, gluster); `fuseblk` is a disk
    of this machine. What is done through an overlay is announced.
    """
    return kind not in _SILENT and not kind.startswith("fuse.")


def _mount_id(descriptor: int) -> int:
    told = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("mnt_id:"))
