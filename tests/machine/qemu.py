"""Owns one QEMU process and its two channels: QMP, and the agent of the guest in it.

Knows nothing of what runs in the guest. It dies with the process that started it.
"""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .channel import Channel, ChannelError
from .disk import Disk, DiskServer, FailingDisk, SlowDisk, VolatileDisk, block_device
from .image import Image

KERNEL_ARGS = "root=/dev/vda rw console=ttyS0 panic=-1 quiet systemd.show_status=0 mitigations=off"
# Where disks can be plugged in: a thawed machine has as many as the frozen one had.
PORTS = ("port0", "port1", "port2")
ANSWER_TIMEOUT_S = 240.0
REPORTS_FILE = "reports.jsonl"


class QemuError(Exception):
    """QEMU ended, refused a command or did not answer in time."""


@dataclass(frozen=True)
class Hardware:
    """What a machine is made of: the same for a frozen machine and those thawed from it.

    `kernel_args` come after the machine's own on the kernel's command line.
    """

    memory: str = "6G"
    cpus: int = 1
    kernel_args: str = ""


class Qemu:
    """A running QEMU, whose guest has the read-write `root` as its disk."""

    def __init__(
        self, image: Image, hardware: Hardware, *, root: Path, work: Path, incoming: Path | None
    ) -> None:
        self._work = work
        self._log_path = work / "qemu.log"
        self._servers: list[DiskServer] = []
        self._free_ports = list(PORTS)
        qmp, qmp_far = socket.socketpair()
        agent, agent_far = socket.socketpair()
        self._qmp, self.agent = Channel(qmp), Channel(agent)
        command = command_line(
            image,
            hardware,
            root=root,
            qmp_fd=qmp_far.fileno(),
            agent_fd=agent_far.fileno(),
            incoming=incoming,
        )
        with self._log_path.open("ab") as log, qmp_far, agent_far:
            self._process = subprocess.Popen(
                command,
                cwd=work,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(qmp_far.fileno(), agent_far.fileno()),
            )
        self.call("qmp_capabilities")

    def call(self, command: str, **arguments: Any) -> Any:
        """Give QEMU a command and return its answer."""
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        try:
            return self._qmp.call(command, deadline=deadline, **arguments)
        except (ChannelError, EOFError, TimeoutError) as error:
            raise QemuError(f"QEMU: {command}: {error!r}\n{self._log()}") from error

    def wait_for_event(self, name: str, *, deadline: float) -> None:
        """Return when QEMU has reported the event."""
        try:
            self._qmp.wait_for_event(name, deadline=deadline)
        except (EOFError, TimeoutError) as error:
            raise QemuError(f"QEMU reported no {name} in time\n{self._log()}") from error

    def attach(self, disk: Disk) -> None:
        """Plug in a disk, with the process or limit that makes its fault."""
        socket_name = None
        if isinstance(disk, VolatileDisk | FailingDisk):
            self._servers.append(server := DiskServer(disk, work=self._work))
            socket_name = server.socket
        if isinstance(disk, SlowDisk):
            limits = {"bps-total": disk.bytes_per_second}
            limit = f"{disk.name}-limit"
            self.call("object-add", **{"qom-type": "throttle-group", "id": limit, "limits": limits})
        block = block_device(disk, socket=socket_name)
        self.call("blockdev-add", **{"node-name": disk.name, **block})
        self.call(
            "device_add",
            driver="virtio-blk-pci",
            id=disk.name,
            drive=disk.name,
            serial=disk.name,
            bus=self._free_ports.pop(0),
            # Without it the guest would think the disk has no cache, and never flush.
            **{"write-cache": "on"},
        )

    def save_memory(self, file: Path) -> None:
        """Stop the guest and write its memory and devices to the file."""
        self.call("stop")
        # No bandwidth limit: the guest stands still meanwhile.
        self.call("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.call("migrate", uri=f"exec:cat > {file}")
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while (status := self.call("query-migrate").get("status")) != "completed":
            if status in ("failed", "cancelled") or time.monotonic() > deadline:
                raise QemuError(f"QEMU did not save the guest: {status}\n{self._log()}")
            time.sleep(0.02)

    def resume_saved(self) -> None:
        """Wait until the saved guest is read in, and let it go on."""
        while self.call("query-status")["status"] == "inmigrate":
            time.sleep(0.02)
        self.call("cont")

    def kill(self) -> None:
        """End it at once, with the caches of its disks."""
        for server in self._servers:
            server.kill()
        self._process.kill()
        self._process.wait()
        self._qmp.close()
        self.agent.close()

    def _log(self) -> str:
        return self._log_path.read_text(errors="replace")[-2000:]


def command_line(
    image: Image,
    hardware: Hardware,
    *,
    root: Path,
    qmp_fd: int,
    agent_fd: int,
    incoming: Path | None,
) -> list[str]:
    """Return the command that starts the machine, or goes on with the one saved as `incoming`."""
    options = [
        ("-machine", "q35"),
        ("-accel", "tcg,thread=multi,tb-size=512"),
        # Emulated, what newer processors have costs time: a boot takes a third longer with "max".
        ("-cpu", "Nehalem"),
        ("-m", hardware.memory),
        ("-smp", str(hardware.cpus)),
        ("-display", "none"),
        ("-serial", "file:console.log"),
        ("-kernel", str(image.kernel)),
        ("-initrd", str(image.initrd)),
        ("-append", f"{KERNEL_ARGS} {hardware.kernel_args}"),
        ("-drive", f"file={root},format=qcow2,if=none,id=root,cache=writeback"),
        ("-device", "virtio-blk-pci,drive=root"),
        ("-device", "virtio-rng-pci"),
        ("-device", "virtio-serial-pci"),
        ("-chardev", f"socket,id=agent,fd={agent_fd}"),
        ("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
        # What the machine tells here has left it: a power cut takes nothing back.
        ("-chardev", f"file,id=reports,append=on,path={REPORTS_FILE}"),
        ("-device", "virtserialport,chardev=reports,name=reports"),
        ("-chardev", f"socket,id=qmp,fd={qmp_fd}"),
        ("-mon", "chardev=qmp,mode=control"),
    ]
    for slot, port in enumerate(PORTS, start=1):
        options.append(("-device", f"pcie-root-port,id={port},chassis={slot},slot={slot}"))
    if incoming is not None:
        options.append(("-incoming", f"exec:cat {incoming}"))
    # --pdeathsig: a test run that is killed leaves no machine behind.
    command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults"]
    return [*command, "-no-user-config", *(word for option in options for word in option)]
