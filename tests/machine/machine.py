"""Owns one Debian machine: boots it, runs commands, cuts its power.

Never touches the host but for files in the machine's work folder. See README.md beside this.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shlex
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .channel import ChannelError
from .disk import Disk, DiskServer, VolatileDisk
from .image import Image, cache_directory
from .uml import CONSOLE_FILE, REPORTS_FILE, SHARED_FOLDER, Hardware, Uml

DEADLINE_S = 600.0
"""How long whatever is asked of a machine may take: only a defect, or a host that is ten times
slower than usual, makes it wait so long."""
LONGEST_PAUSE_S = 1.0
"""Between two questions of `wait_until`: each takes the machine from what it is to do."""
RESTARTING = "reboot: Restarting system"
"""What the kernel prints last."""
SHARED = "/run/shared"
"""Where the machine has the folder that it shares with the host."""
REPORTS_PORT = "/dev/ttyS1"
BEGINNING = "reports-begin"
"""The journal's identifier of what is written only to see whether the journal is reported."""


class MachineError(Exception):
    """The machine did not do what was asked; the message ends with the end of its console."""


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
        (self._work / SHARED_FOLDER).mkdir()
        self._uml: Uml | None = None
        self._servers: list[DiskServer] = []
        self._told_bytes = 0
        self._told_entries: list[dict[str, Any]] = []

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
        """Switch the machine on, also after a power cut; on return it runs commands.

        Without the daemon all that is to start has started; with it, it may be starting.
        """
        self._uml = Uml(self.image, self.hardware, work=self._work)
        self._wait_for_agent(timeout_s=timeout_s)
        for disk in self._disks:
            self.plug(disk)
        if not self.hardware.daemon:
            self.wait_until_up(timeout_s=timeout_s)

    def wait_until_up(self, *, timeout_s: float = DEADLINE_S) -> str:
        """Wait until systemd has started all it should; return "running" or "degraded"."""
        return self.run("systemctl is-system-running --wait", timeout_s=timeout_s).output.strip()

    def reboot(self, *, timeout_s: float = DEADLINE_S) -> None:
        """Shut down in order and start again; on return it runs commands."""
        deadline, before = time.monotonic() + timeout_s, self.console().count(RESTARTING)
        self.start("systemctl reboot")
        while self.console().count(RESTARTING) == before:
            if time.monotonic() > deadline:
                raise self._error("it does not restart")
            time.sleep(0.02)
        self._wait_for_agent(timeout_s=deadline - time.monotonic())

    def power_cut(self) -> None:
        """Take the power away: lost are the memory, and what a volatile disk had not flushed."""
        if self._uml is not None:
            self._uml.kill()
            self._uml = None
        while self._servers:
            self._servers.pop().kill()

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
        # The line to the agent takes no more than 4 KiB at once: it is told which files to use.
        script = self._share(shell_script(command, user=user).encode())
        from_file = f" <{self._share(stdin)}" if stdin else ""
        started = self._call_agent(
            "guest-exec",
            path="/bin/sh",
            arg=["-c", f"exec sh {script}{from_file}"],
            **{"capture-output": True},
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
        self.check(f"cat > {shlex.quote(remote)}", stdin=content)

    def get(self, remote: str) -> bytes:
        """Return the content of a file in the machine."""
        at = self._share(b"")
        self.check(f"cat {shlex.quote(remote)} > {at} && sync {at}")
        return (self._work / SHARED_FOLDER / Path(at).name).read_bytes()

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
        if isinstance(disk, VolatileDisk):
            # A loop device, since those of User Mode Linux do not flush what they are given.
            self._servers.append(server := DiskServer(disk, work=self._work))
            module = self._share((self.image.kernel / "loop.ko").read_bytes())
            mount = f"/run/disk-{disk.name}"
            device = self.check(
                f"mkdir {mount} && mount -t hostfs -o {server.folder} none {mount} && "
                f"{{ [ -e /sys/module/loop ] || insmod {module}; }} && "
                f"losetup --find --show {mount}/disk"
            ).strip()
        else:
            device = self._running().attach(disk.path)
        self.check(f"ln -s {device} {disk.device}")

    def mount(self, disk: Disk, at: str) -> None:
        """Mount a disk that is plugged in."""
        folder = shlex.quote(at)
        self.check(f"mkdir -p {folder} && mount {shlex.quote(disk.device)} {folder}")

    def report_journal(self, match: str) -> None:
        """From now on, tell the outside of every new entry of the journal that matches."""
        self.check(
            f"stty -F {REPORTS_PORT} raw && systemd-run --quiet --unit=reports "
            f"--property=StandardOutput=file:{REPORTS_PORT} "
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
        """Return what the machine's console and its kernel have printed."""
        return (self._work / CONSOLE_FILE).read_text(errors="replace")

    def _share(self, content: bytes) -> str:
        """Write a file that the machine sees, and return where."""
        # Each has a new name: the machine may remember what it knew of an old one.
        name = f"{time.monotonic_ns()}"
        (self._work / SHARED_FOLDER / name).write_bytes(content)
        return f"{SHARED}/{name}"

    def _running(self) -> Uml:
        if self._uml is None:
            raise MachineError("the machine is switched off: boot() it first")
        return self._uml

    def _wait_for_agent(self, *, timeout_s: float) -> None:
        """Wait until the guest's agent answers, and with it whatever was said to it before."""
        agent, deadline = self._running().agent, time.monotonic() + timeout_s
        token, patience_s = time.monotonic_ns(), 0.5
        while time.monotonic() < deadline:
            # 0xff makes the agent forget half a line.
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
                raise self._error("it ended while it started") from error
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
