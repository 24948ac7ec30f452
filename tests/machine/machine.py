"""Owns one emulated Debian machine: boots, freezes and thaws it, runs commands, cuts its power.

Never touches the host but for files in the machine's work folder. See README.md beside this.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .channel import ChannelError
from .disk import Disk
from .image import Image, cache_directory
from .qemu import REPORTS_FILE, Hardware, Qemu, QemuError

DEADLINE_S = 600.0
"""How long whatever is asked of a machine may take: only a defect, or a host that is ten times
slower than usual, makes it wait so long."""
CHUNK_BYTES = 1 << 20
LONGEST_BOOT_S = 120.0
"""A boot takes 10 to 30 s. Now and then one hangs under emulation before the kernel says a word:
one that takes longer is begun again, and then has twice as long."""
LONGEST_PAUSE_S = 1.0
"""Between two questions of `wait_until`: each takes the machine from what it is to do."""
REPORTS_PORT = "/dev/virtio-ports/reports"
BEGINNING = "reports-begin"
"""The journal's identifier of what is written only to see whether the journal is reported."""


class MachineError(Exception):
    """The machine did not do what was asked; the message ends with the end of its console."""


@dataclass(frozen=True)
class Frozen:
    """A booted machine, stopped and kept in a folder; any number of machines start from it."""

    directory: Path
    image: Image
    hardware: Hardware

    @property
    def memory(self) -> Path:
        """Return the file with its memory and devices."""
        return self.directory / "memory"

    @property
    def disk(self) -> Path:
        """Return its root disk."""
        return self.directory / "root.qcow2"


@dataclass(frozen=True)
class Completed:
    """A command that has run: its exit code (128 + signal if killed), stdout and stderr as one."""

    exit_code: int
    output: str


class Machine:
    """A machine of one's own; its memory and root disk are gone when it is closed.

    `disks` are there from the first boot on. A command's user other than root has to exist in
    the machine, and finds its service manager if that runs.
    """

    def __init__(
        self, image: Image, *, hardware: Hardware | None = None, disks: Iterable[Disk] = ()
    ) -> None:
        self.image = image
        self.hardware = hardware or Hardware()
        self._disks = tuple(disks)
        self._work = new_work_folder()
        self._root = self._work / "root.qcow2"
        self._base, self._base_format = image.disk, "raw"
        self._qemu: Qemu | None = None
        self._told_bytes = 0
        self._told_entries: list[dict[str, Any]] = []

    @classmethod
    def thaw(cls, frozen: Frozen) -> Self:
        """Return a machine that goes on where the frozen one stopped, its clock set to now."""
        machine = cls(frozen.image, hardware=frozen.hardware)
        try:
            machine._base, machine._base_format = frozen.disk, "qcow2"
            machine._create_root()
            machine._switch_on(incoming=frozen.memory)
            machine._running().resume_saved()
            machine._wait_for_agent(timeout_s=DEADLINE_S)
            machine._call_agent("guest-set-time", time=time.time_ns())
        except BaseException:
            machine.close()
            raise
        return machine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def boot(self, *, timeout_s: float = DEADLINE_S) -> None:
        """Switch the machine on, also after a power cut; on return it runs commands."""
        if not self._root.exists():
            self._create_root()
        self._switch_on(incoming=None)
        for disk in self._disks:
            self._running().attach(disk)
        self._wait_for_boot(timeout_s=timeout_s)

    def wait_until_up(self, *, timeout_s: float = DEADLINE_S) -> str:
        """Wait until systemd has started all it should; return "running" or "degraded"."""
        return self.run("systemctl is-system-running --wait", timeout_s=timeout_s).output.strip()

    def reboot(self, *, timeout_s: float = DEADLINE_S) -> None:
        """Shut down in order and start again; on return it runs commands."""
        deadline = time.monotonic() + timeout_s
        # The agent is stopped on the way down: no answer is awaited.
        arguments = {"path": "/usr/bin/systemctl", "arg": ["reboot"]}
        self._running().agent.send(
            {"execute": "guest-exec", "arguments": arguments}, deadline=deadline
        )
        try:
            self._running().wait_for_event("RESET", deadline=deadline)
        except QemuError as error:
            raise self._error(str(error)) from error
        self._wait_for_boot(timeout_s=deadline - time.monotonic())

    def power_cut(self) -> None:
        """Take the power away: lost are the memory, and what a volatile disk had not flushed."""
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu = None

    def freeze(self, directory: Path) -> Frozen:
        """Stop here and keep the machine in `directory`, a new folder on the cache's file system.

        This machine is switched off then.
        """
        self.check("sync")
        frozen = Frozen(directory, self.image, self.hardware)
        directory.mkdir()
        self._running().save_memory(frozen.memory)
        self.power_cut()
        shutil.move(self._root, frozen.disk)
        # A relative name, so that the cache can be moved.
        base = os.path.relpath(self._base, directory)
        _qemu_img("rebase", "-u", "-F", self._base_format, "-b", base, str(frozen.disk))
        return frozen

    def close(self) -> None:
        """Switch the machine off and forget it."""
        self.power_cut()
        shutil.rmtree(self._work, ignore_errors=True)

    def run(
        self,
        command: str,
        *,
        user: str = "root",
        stdin: bytes = b"",
        timeout_s: float = DEADLINE_S,
    ) -> Completed:
        """Run a shell command to its end."""
        return self.start(command, user=user, stdin=stdin).wait(timeout_s=timeout_s)

    def check(
        self,
        command: str,
        *,
        user: str = "root",
        stdin: bytes = b"",
        timeout_s: float = DEADLINE_S,
    ) -> str:
        """Run a shell command and return what it printed; raise MachineError if it fails."""
        done = self.run(command, user=user, stdin=stdin, timeout_s=timeout_s)
        if done.exit_code != 0:
            raise self._error(f"exit code {done.exit_code} from: {command}\n{done.output}")
        return done.output

    def start(self, command: str, *, user: str = "root", stdin: bytes = b"") -> RunningCommand:
        """Start a shell command and leave it running."""
        started = self._call_agent(
            "guest-exec",
            path="/bin/sh",
            arg=["-c", shell_script(command, user=user)],
            **{"capture-output": True, "input-data": base64.b64encode(stdin).decode()},
        )
        return RunningCommand(self, pid=started["pid"], command=command)

    def wait_until(self, command: str, *, timeout_s: float = DEADLINE_S) -> str:
        """Run a shell command again and again until it succeeds; return what it printed then."""
        deadline, pause_s = time.monotonic() + timeout_s, 0.1
        while (done := self.run(command, timeout_s=timeout_s)).exit_code != 0:
            if time.monotonic() > deadline:
                raise self._error(f"not within {timeout_s:.0f} s: {command}\n{done.output}")
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        return done.output

    def put(self, content: bytes, remote: str) -> None:
        """Write a file in the machine, as root."""
        handle = self._call_agent("guest-file-open", path=remote, mode="w")
        for start in range(0, len(content), CHUNK_BYTES):
            chunk = base64.b64encode(content[start : start + CHUNK_BYTES]).decode()
            self._call_agent("guest-file-write", handle=handle, **{"buf-b64": chunk})
        self._call_agent("guest-file-close", handle=handle)

    def get(self, remote: str) -> bytes:
        """Return the content of a file in the machine."""
        handle = self._call_agent("guest-file-open", path=remote, mode="r")
        content = bytearray()
        while True:
            read = self._call_agent("guest-file-read", handle=handle, count=CHUNK_BYTES)
            content += base64.b64decode(read["buf-b64"])
            if read["eof"]:
                break
        self._call_agent("guest-file-close", handle=handle)
        return bytes(content)

    def put_tree(self, local: Path, remote: str, *, user: str = "root") -> None:
        """Copy what is in the local folder into the remote one, as the user, who owns it then."""
        archive = f"/run/tree-{time.monotonic_ns()}.tar"
        self.put(tar_of(local), archive)
        folder = shlex.quote(remote)
        self.check(f"mkdir -p {folder}", user=user)
        self.check(f"tar -xf {archive} -C {folder} --no-same-owner", user=user)
        self.check(f"rm {archive}")

    def plug(self, disk: Disk) -> None:
        """Plug in a disk; on return the machine has it as `disk.device`."""
        self._running().attach(disk)
        self.check(f"udevadm wait --timeout={DEADLINE_S:.0f} {shlex.quote(disk.device)}")

    def mount(self, disk: Disk, at: str) -> None:
        """Mount a disk that is plugged in."""
        folder = shlex.quote(at)
        self.check(f"mkdir -p {folder} && mount {shlex.quote(disk.device)} {folder}")

    def report_journal(self, match: str) -> None:
        """From now on, tell the outside of every new entry of the journal that matches."""
        self.check(
            f"systemd-run --quiet --unit=reports --property=StandardOutput=file:{REPORTS_PORT} "
            "journalctl --follow --lines=0 --output=json --quiet "
            f"{match} SYSLOG_IDENTIFIER={BEGINNING}"
        )
        # It tells of what comes once it has found the end: then it has told of one of these.
        deadline = time.monotonic() + DEADLINE_S
        while not self._told():
            if time.monotonic() > deadline:
                raise self._error("the journal is not reported")
            self.check(f"logger --tag {BEGINNING} begun")

    def reported(self) -> list[dict[str, Any]]:
        """Return the entries that had reached the outside, the machine being on or off."""
        return [each for each in self._told() if each.get("SYSLOG_IDENTIFIER") != BEGINNING]

    def _told(self) -> list[dict[str, Any]]:
        with (self._work / REPORTS_FILE).open("rb") as file:
            file.seek(self._told_bytes)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._told_bytes += len(whole)
        self._told_entries += [json.loads(line) for line in whole.splitlines()]
        return self._told_entries

    def console(self) -> str:
        """Return what the machine's console and QEMU have printed."""
        logs = [self._work / "console.log", self._work / "qemu.log"]
        return "\n".join(log.read_text(errors="replace") for log in logs if log.exists())

    def _create_root(self) -> None:
        base = str(self._base)
        _qemu_img("create", "-f", "qcow2", "-F", self._base_format, "-b", base, str(self._root))

    def _switch_on(self, *, incoming: Path | None) -> None:
        self._qemu = Qemu(
            self.image, self.hardware, root=self._root, work=self._work, incoming=incoming
        )

    def _running(self) -> Qemu:
        if self._qemu is None:
            raise MachineError("the machine is switched off: boot() it first")
        return self._qemu

    def _wait_for_boot(self, *, timeout_s: float) -> None:
        """Wait until the guest has booted; reset it where it hangs."""
        deadline, patience_s = time.monotonic() + timeout_s, LONGEST_BOOT_S
        while (left_s := deadline - time.monotonic()) > patience_s:
            with suppress(MachineError):
                self._wait_for_agent(timeout_s=patience_s)
                return
            self._running().call("system_reset")
            patience_s *= 2
        self._wait_for_agent(timeout_s=left_s)

    def _wait_for_agent(self, *, timeout_s: float) -> None:
        """Wait until the guest's agent answers, and with it whatever was said to it before."""
        agent, deadline = self._running().agent, time.monotonic() + timeout_s
        token, patience_s = time.monotonic_ns(), 2.0
        while time.monotonic() < deadline:
            # 0xff makes the agent forget half a line; few of them, or its queue is full at boot.
            token += 1
            sync = {"execute": "guest-sync", "arguments": {"id": token}}
            next_try = min(time.monotonic() + patience_s, deadline)
            try:
                agent.send(sync, deadline=deadline, prefix=b"\xff")
                while agent.receive(deadline=next_try).get("return") != token:
                    pass
            except TimeoutError:
                patience_s *= 1.2
                continue
            except EOFError as error:
                raise self._error("QEMU ended while the machine started") from error
            return
        raise self._error(f"the guest agent did not answer within {timeout_s:.0f} s")

    def _call_agent(self, command: str, **arguments: Any) -> Any:
        deadline = time.monotonic() + DEADLINE_S
        try:
            return self._running().agent.call(command, deadline=deadline, **arguments)
        except (ChannelError, EOFError, TimeoutError) as error:
            raise self._error(f"the guest agent: {command}: {error!r}") from error

    def _error(self, message: str) -> MachineError:
        return MachineError(f"{message}\n--- end of the console ---\n{self.console()[-3000:]}")


class RunningCommand:
    """A command that was started in a machine."""

    def __init__(self, machine: Machine, *, pid: int, command: str) -> None:
        self.pid = pid
        self._machine = machine
        self._command = command

    def poll(self) -> Completed | None:
        """Return how it ended, or None; once it has been told, the machine forgets it."""
        status = self._machine._call_agent("guest-exec-status", pid=self.pid)
        if not status["exited"]:
            return None
        exit_code = status.get("exitcode", 128 + status.get("signal", 0))
        output = base64.b64decode(status.get("out-data", "")).decode(errors="replace")
        return Completed(exit_code, output)

    def wait(self, *, timeout_s: float = DEADLINE_S) -> Completed:
        """Return when it has ended; raise MachineError if it has not in time, and leave it."""
        deadline, pause_s = time.monotonic() + timeout_s, 0.005
        while (done := self.poll()) is None:
            if time.monotonic() > deadline:
                raise self._machine._error(
                    f"still running after {timeout_s:.0f} s: {self._command}"
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.2)
        return done


def shell_script(command: str, *, user: str) -> str:
    """Return a script for the machine's root that runs the command as the user."""
    if user == "root":
        return f"exec 2>&1; {command}"
    return (
        f"exec 2>&1; HOME=~{user} XDG_RUNTIME_DIR=/run/user/$(id -u {user}); "
        f"export HOME XDG_RUNTIME_DIR; exec runuser -u {user} -- sh -c {shlex.quote(command)}"
    )


def tar_of(folder: Path) -> bytes:
    """Return a tar archive of what is in the folder."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)
    return archive.getvalue()


def new_work_folder() -> Path:
    """Make a folder in the cache; what is left in it when this process ends is removed later."""
    parent = cache_directory() / "running"
    parent.mkdir(parents=True, exist_ok=True)
    for folder in parent.iterdir():
        # Left by a test run that was killed; its machine died with it.
        if not Path("/proc", folder.name.partition("-")[0]).exists():
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))


def _qemu_img(*arguments: str) -> None:
    subprocess.run(["qemu-img", *arguments], check=True, stdout=subprocess.DEVNULL)
