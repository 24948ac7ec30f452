"""Owns one User Mode Linux process and the channel of the guest's agent.

User Mode Linux is Linux as a program: its kernel is one process of the host, each process of the
guest another, at nearly the host's own speed. Knows nothing of what runs in the guest. All of it
dies with the process that started it.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .channel import Channel
from .image import Image

KERNEL_ARGS = "root=/dev/ubda rw quiet panic=-1 selinux=0 systemd.show_status=0"
ANSWER_TIMEOUT_S = 240.0
ROOT_FILE = "root.cow"
CONSOLE_FILE = "console.log"
REPORTS_FILE = "reports.jsonl"
SHARED_FOLDER = "shared"
_NAME = "guest"
_DISK_LETTERS = "bcdefgh"
_MCONSOLE = struct.Struct("=III")
_MCONSOLE_TEXT_BYTES = 512
"""A request to the management console, or a part of its answer: magic or error, version or whether
more follows, and the length of the text after it (arch/um/drivers/mconsole.h)."""
_MCONSOLE_MAGIC, _MCONSOLE_VERSION = 0xCAFEBABE, 2


class UmlError(Exception):
    """The management console of User Mode Linux refused a command."""


@dataclass(frozen=True)
class Hardware:
    """What a machine is made of.

    `daemon`: whether scenariod starts with it, as after an install; its user manager runs anyway.
    `kernel_args` come after the machine's own on the kernel's command line.
    """

    memory: str = "6G"
    daemon: bool = True
    kernel_args: str = ""


class Uml:
    """A running User Mode Linux; what differs from the image is kept in `work`."""

    def __init__(self, image: Image, hardware: Hardware, *, work: Path) -> None:
        self._work = work
        self._letters = iter(_DISK_LETTERS)
        agent, agent_far = socket.socketpair()
        self.agent = Channel(agent)
        # The names in it are short: sockets are made in `work`, and their paths may have 107 bytes.
        kernel = work / "kernel"
        if not kernel.exists():
            kernel.symlink_to(image.kernel)
        with (
            (work / CONSOLE_FILE).open("ab") as console,
            (work / REPORTS_FILE).open("ab") as reports,
            agent_far,
        ):
            self._process = subprocess.Popen(
                command_line(
                    image,
                    hardware,
                    shared=work / SHARED_FOLDER,
                    agent_fd=agent_far.fileno(),
                    reports_fd=reports.fileno(),
                ),
                cwd=work,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(agent_far.fileno(), reports.fileno()),
            )

    def attach(self, file: Path) -> str:
        """Plug in a file as a disk; return the guest's device."""
        name = f"ubd{next(self._letters)}"
        self._manage(f"config {name}={file}")
        return f"/dev/{name}"

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self.agent.close()

    def _manage(self, command: str) -> None:
        """Give the management console a command; raise UmlError if it is refused."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as console:
            console.bind("")
            console.settimeout(ANSWER_TIMEOUT_S)
            folder = os.open(self._work / _NAME, os.O_PATH)
            try:
                console.connect(f"/proc/self/fd/{folder}/mconsole")
            finally:
                os.close(folder)
            text = command.encode()
            head = _MCONSOLE.pack(_MCONSOLE_MAGIC, _MCONSOLE_VERSION, len(text))
            console.send(head + text.ljust(_MCONSOLE_TEXT_BYTES, b"\0"))
            said, more, refused = b"", 1, 0
            while more:
                part = console.recv(_MCONSOLE.size + _MCONSOLE_TEXT_BYTES)
                refused, more, _ = _MCONSOLE.unpack(part[: _MCONSOLE.size])
                said += part[_MCONSOLE.size :]
        if refused:
            raise UmlError(f"{command}: {said.decode(errors='replace')}")


def command_line(
    image: Image, hardware: Hardware, *, shared: Path, agent_fd: int, reports_fd: int
) -> list[str]:
    """Return the command that starts the machine in its work folder."""
    return [
        # --pdeathsig: a test run that is killed leaves no machine behind.
        *("setpriv", "--pdeathsig", "KILL", "env", "LD_LIBRARY_PATH=kernel", "kernel/linux"),
        f"mem={hardware.memory}",
        # Several times as fast as ptrace. A guest could break out of it: ours has no reason to.
        "seccomp=on",
        f"umid={_NAME}",
        "uml_dir=./",
        f"ubd0={ROOT_FILE},{image.disk}",
        "con=null",
        "con0=null,fd:2",
        "ssl=null",
        f"ssl0=fd:{agent_fd}",
        # What the machine tells here has left it: a power cut takes nothing back.
        f"ssl1=null,fd:{reports_fd}",
        *KERNEL_ARGS.split(),
        f"shared={shared}",
        *([] if hardware.daemon else ["systemd.unit=without-scenariod.target"]),
        *hardware.kernel_args.split(),
    ]
