"""Owns extra disks of a machine; never the machine's root disk.

A disk is a file on the host. It outlives a power cut, and can be plugged into the next machine.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

READY_TIMEOUT_S = 240.0


@dataclass(frozen=True)
class Disk:
    """A disk that keeps what reached it, flushed or not, even through a power cut."""

    path: Path
    name: str

    @property
    def device(self) -> str:
        """Return its path in the machine."""
        return f"/dev/disk-{self.name}"


@dataclass(frozen=True)
class VolatileDisk(Disk):
    """A disk with a volatile write cache: a power cut loses all that was not flushed."""


def format_disk_file(path: Path, *, size: str) -> Path:
    """Create the file of a disk with an empty ext4 file system, of size "16M" say."""
    with path.open("xb"):
        pass
    subprocess.run(["truncate", "--size", size, path], check=True)
    subprocess.run(["/sbin/mkfs.ext4", "-q", path], check=True)
    return path


class DiskServer:
    """The processes between a machine and the file of a volatile disk.

    nbdkit has its cache; nbdfuse makes a file of it again, which is what a machine can use.
    """

    def __init__(self, disk: VolatileDisk, *, work: Path) -> None:
        # Both run in `work`: a socket's path may have no more than 107 bytes.
        self._work, self._name = work, disk.name
        self.folder = work / f"{disk.name}.mount"
        self.folder.mkdir()
        socket = f"{disk.name}.socket"
        cached = ("--filter=cache", "file", str(disk.path), "cache=writeback")
        self._nbdkit = self._start("KILL", "nbdkit", "--foreground", "--unix", socket, *cached)
        mounted = f"{self.folder.name}/disk"
        # Ended in order, it takes its mount away.
        self._nbdfuse = self._start("TERM", "nbdfuse", mounted, "--unix", socket)

    def kill(self) -> None:
        """End it at once: what it had not written to the file is lost."""
        self._nbdkit.kill()
        self._nbdkit.wait()
        self._nbdfuse.terminate()
        self._nbdfuse.wait()

    def _start(self, signal: str, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one of the two, and wait until it is ready: it writes its PID file then."""
        log_path, ready = self._work / f"{self._name}.log", self._work / f"{self._name}.{program}"
        command = ["setpriv", "--pdeathsig", signal, program, "--pidfile", ready.name, *arguments]
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self._work, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"{program} did not start:\n{log_path.read_text()}")
            time.sleep(0.01)
        return process
