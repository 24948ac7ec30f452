"""Owns extra disks of a machine and the faults they can have; never the machine's root disk.

A disk is a file on the host. It outlives a power cut, and can be plugged into the next machine.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_TIMEOUT_S = 240.0


@dataclass(frozen=True)
class Disk:
    """A disk that keeps what reached it, flushed or not, even through a power cut.

    `name`, at most 20 characters, is its serial number.
    """

    path: Path
    name: str

    @property
    def device(self) -> str:
        """Return its path in the machine."""
        return f"/dev/disk/by-id/virtio-{self.name}"


@dataclass(frozen=True)
class VolatileDisk(Disk):
    """A disk with a volatile write cache: a power cut loses all that was not flushed."""


@dataclass(frozen=True)
class FailingDisk(Disk):
    """A disk whose writes fail with an I/O error for as long as the file `failing` exists."""

    @property
    def failing(self) -> Path:
        """Return the file that makes it fail."""
        return self.path.with_suffix(".failing")


@dataclass(frozen=True)
class SlowDisk(Disk):
    """A disk that moves no more than so many bytes a second."""

    bytes_per_second: int


def format_disk_file(path: Path, *, size: str) -> Path:
    """Create the file of a disk with an empty ext4 file system, of size "16M" say."""
    with path.open("xb"):
        pass
    subprocess.run(["truncate", "--size", size, path], check=True)
    subprocess.run(["/sbin/mkfs.ext4", "-q", path], check=True)
    return path


class DiskServer:
    """The nbdkit process that stands between QEMU and the file of a disk with a fault."""

    def __init__(self, disk: VolatileDisk | FailingDisk, *, work: Path) -> None:
        # QEMU runs in `work` too: a socket's path may have no more than 107 bytes.
        self.socket = f"{disk.name}.socket"
        self._log_path = work / f"{disk.name}.log"
        ready = work / ready_file(self.socket)
        ready.unlink(missing_ok=True)
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                server_command(disk, socket=self.socket),
                cwd=work,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready(ready)

    def kill(self) -> None:
        """End it at once: what it had not written to the file is lost."""
        self._process.kill()
        self._process.wait()

    def _wait_until_ready(self, ready: Path) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"nbdkit did not start:\n{self._log_path.read_text()}")
            time.sleep(0.01)


def ready_file(socket: str) -> str:
    """Return the file that nbdkit writes once it listens: its socket is there before that."""
    return socket.removesuffix(".socket") + ".pid"


def server_command(disk: VolatileDisk | FailingDisk, *, socket: str) -> list[str]:
    """Return nbdkit's command line for the disk."""
    command = ["setpriv", "--pdeathsig", "KILL", "nbdkit", "--foreground", "--unix", socket]
    command += ["--pidfile", ready_file(socket)]
    if isinstance(disk, VolatileDisk):
        return [*command, "--filter=cache", "file", str(disk.path), "cache=writeback"]
    return [
        *command,
        "--filter=error",
        "file",
        str(disk.path),
        "error-pwrite=EIO",
        "error-pwrite-rate=100%",
        f"error-pwrite-file={disk.failing}",
    ]


def block_device(disk: Disk, *, socket: str | None) -> dict[str, Any]:
    """Return the disk as QEMU's blockdev-add takes it; `socket` is that of its server."""
    if socket is not None:
        return {"driver": "nbd", "server": {"type": "unix", "path": socket}}
    raw = {"driver": "raw", "file": {"driver": "file", "filename": str(disk.path)}}
    if isinstance(disk, SlowDisk):
        return {"driver": "throttle", "throttle-group": f"{disk.name}-limit", "file": raw}
    return raw
