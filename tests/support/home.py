"""A root folder, with the daemon and scenariodctl as real processes on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from scenariod.base.errors import NotAnsweringError
from scenariod.monitoring import status
from support.scenarios import scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


FILES = int(os.environ.get("SCENARIOD_FILES", "10000"))
"""How many files "any number" means; a look at the inbox takes in a tenth of them closely."""
DEADLINE_S = 600.0 if FILES <= 10_000 else 3600.0
"""How long a test waits for what must happen; only a defect makes it wait so long."""
START = os.environ.get("SCENARIOD_START", "auto")
"""How workers are started where a test says nothing of it: "fork", "exec", or "auto"."""
PLACES = int(os.environ.get("SCENARIOD_PLACES", "3"))
"""In how many places what may break anywhere is broken: bytes of a page, pages, free space."""
QUICK: dict[str, dict[str, object]] = {
    "intake": {"settle_s": 0.2, "pair_wait_s": 0.3},
    "worker": {
        "stop_grace_s": DEADLINE_S,
        "timeout_s": 2 * DEADLINE_S,
        "workers": 1,
        "start": START,
    },
    "memory": {"limit_mb": 512, "limit_max_mb": 64, "reserve_mb": 0},
    "library": {"busy_timeout_s": DEADLINE_S},
}
"""Settings of the tests: one at a time, no file waits for long, nothing is slow enough to end."""
IMPATIENT = {"busy_timeout_s": 0.3}
"""Settings of `[library]` where a test locks it, and nobody need wait for that."""
SCENARIOD = (sys.executable, "-m", "scenariod")
SCENARIODCTL = (
    sys.executable,
    "-c",
    "import sys; from scenariod.cli.main import main; sys.exit(main())",
)
POWERLESS: tuple[str, ...] = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-lease,-sys_admin", "--")
    if os.geteuid() == 0
    else ()
)
"""Before a command: run it without root's power over the files and locks of others."""
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def wait_until(condition: Callable[[], bool], what: str, *, timeout_s: float = DEADLINE_S) -> None:
    """Return as soon as `condition` holds; fail the test where it does not in time."""
    deadline = time.monotonic() + timeout_s
    tick = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s:g} s in vain until {what}")
        tick.wait(0.02)


def is_alive(pid: int) -> bool:
    """Say whether a process has not ended yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a command to its end."""
    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=2 * DEADLINE_S,
        env=environment_with(environment or {}),
        cwd=cwd,
        check=False,
    )
    out, err = (s.decode("utf-8", "surrogateescape") for s in (ended.stdout, ended.stderr))
    return Finished(ended.returncode, out, err)


@contextmanager
def mounted(*what: str, at: Path) -> Iterator[None]:
    """Have `what` (arguments of mount(8)) be mounted at `at`; nothing is in the end, ever."""
    ended = run(["mount", *what, str(at)])
    assert ended.code == 0, ended.err
    try:
        yield
    finally:
        while run(["umount", "--lazy", str(at)]).code == 0:
            pass


class Daemon:
    """A running scenariod."""

    def __init__(self, home: Home, process: subprocess.Popen[bytes], log: Path) -> None:
        self.home = home
        self.process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    def journal(self) -> str:
        return self._log.read_text(errors="replace")

    def status(self) -> dict[str, Any]:
        with suppress(ConnectionError, NotAnsweringError, json.JSONDecodeError):
            return status.ask(self.home.socket) or {}
        return {}

    def wait_for(self, text: str, *, times: int = 1) -> None:
        def told() -> bool:
            if self.process.poll() is not None and self.journal().count(text) < times:
                pytest.fail(f"ended before it said {text!r}:\n{self.journal()}")
            return self.journal().count(text) >= times

        try:
            wait_until(told, f"the daemon says {text!r}")
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}\n{self.journal()}")

    def wait_for_status(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def asked() -> bool:
            nonlocal found
            found = self.status()
            return bool(found) and wanted(found)

        try:
            wait_until(asked, "the status is as wanted")
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}\n{found}\n{self.journal()}")
        return found

    def wait_for_worker(self) -> psutil.Process:
        """Return a worker of this daemon, as soon as there is one."""
        found: list[psutil.Process] = []

        def there() -> bool:
            with suppress(psutil.Error):
                found[:] = [
                    p for p in self._children() if "scenariod.workers.worker" in p.cmdline()
                ]
            return bool(found)

        wait_until(there, "a worker runs")
        return found[0]

    def templates(self) -> list[psutil.Process]:
        """Return the templates of which this daemon's workers are forks."""
        found = []
        for child in self._children():
            with suppress(psutil.NoSuchProcess):
                found += [child] if "scenariod.workers.template" in child.cmdline() else []
        return found

    def _children(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stand_still(self) -> None:
        """Stop it until SIGCONT; return once no thread runs: one that syncs a file stops late."""
        self.signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self.pid}/task")

        def stopped() -> bool:
            with suppress(FileNotFoundError):  # a thread may end meanwhile
                states = [(t / "stat").read_text() for t in threads.iterdir()]
                return all(state.rpartition(") ")[2].startswith("T") for state in states)
            return False

        wait_until(stopped, "no thread of the daemon runs")

    def wait(self) -> int:
        return self.process.wait(timeout=DEADLINE_S)

    def terminate(self) -> int:
        """End it as systemd does; return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it as a power cut does, and see that its worker has died with it."""
        self.process.kill()
        self.process.wait(timeout=DEADLINE_S)
        wait_until(lambda: not self.home.processes(), "the worker has died with its supervisor")


class Home:
    """A root folder, and what a user does with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inbox = path / "inbox"
        self.work = path / "work"
        self.done = path / "done"
        self.failed = path / "failed"
        self.backups = path / "backups"
        self.library = path / "library"
        self.database = self.library / "scenarios.db"
        self.published = self.library / "scenarios.json"
        self.socket = self.library / "scenariod.sock"
        self._daemons: list[Daemon] = []
        self.inbox.mkdir(parents=True, exist_ok=True)
        self.configure()

    # What a user does

    def configure(self, **sections: Mapping[str, object]) -> Path:
        """Write config/scenariod.toml: the quick settings, with these over them."""
        lines = []
        for name in dict.fromkeys([*QUICK, *sections]):
            lines.append(f"[{name}]")
            for key, value in {**QUICK.get(name, {}), **sections.get(name, {})}.items():
                lines.append(f"{key} = {_as_toml(value)}")
        return self.configure_with("\n".join(lines) + "\n")

    def configure_with(self, text: str) -> Path:
        file = self.path / "config" / "scenariod.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    def drop(self, name: str | bytes, content: bytes | None = None) -> Path:
        """Drop a file as `mv` does; without content, a scenario whose id is its name."""
        path = self.inbox / os.fsdecode(name)
        if content is None:
            content = scenario(path.name.removesuffix(".json"))
        aside = self.path / "aside"
        aside.write_bytes(content)
        aside.rename(path)
        return path

    def drop_many(self, numbers: range) -> dict[str, bytes]:
        """Drop scenario-N.json for each number; return what was dropped, by name."""
        contents = {f"scenario-{n}.json": scenario(f"s-{n}") for n in numbers}
        self.drop_all(contents)
        return contents

    def drop_all(self, contents: Mapping[str, bytes]) -> None:
        """Drop each of these, by name."""
        for name, content in contents.items():
            self.drop(name, content)

    def once(
        self,
        *arguments: str,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run `scenariod --once` to its end."""
        command = [*before, *SCENARIOD, "--root", str(self.path), "--once", *arguments]
        return run(command, environment=environment)

    def ctl(
        self,
        *arguments: str,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run `scenariodctl` to its end."""
        command = [*before, *SCENARIODCTL, "--root", str(self.path), *arguments]
        return run(command, environment=environment)

    def start(
        self, *, before: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> Daemon:
        """Start the daemon; return once it says that it watches the inbox."""
        daemon = self.launch(before=before, environment=environment)
        daemon.wait_for("scenariod 0")
        return daemon

    def launch(
        self,
        arguments: Sequence[str] | None = None,
        *,
        before: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Daemon:
        """Start the daemon without waiting for anything; by default with `--root` alone."""
        given = ["--root", str(self.path)] if arguments is None else arguments
        log = self.path / f"journal-{len(self._daemons)}.txt"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*before, *SCENARIOD, *given],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=environment_with(environment or {}),
            )
        self._daemons.append(Daemon(self, process, log))
        return self._daemons[-1]

    # What a user finds

    def names(self, folder: str) -> list[str]:
        """Return the names of the dropped files in `inbox`, `work`, `done` or `failed`."""
        found: list[str] = []
        for _, folders, files in os.walk(self.path / folder):  # passes over what vanishes meanwhile
            found += [name for name in [*folders, *files] if name.startswith("scenario-")]
        return sorted(name for name in found if not name.endswith(".reason.json"))

    def everywhere(self) -> list[str]:
        """Return the names of all dropped files, wherever they are, one for each time."""
        folders = ("inbox", "work", "done", "failed")
        return sorted(name for folder in folders for name in self.names(folder))

    def reason(self, name: str) -> dict[str, Any]:
        """Return what NAME.reason.json in failed/ says."""
        content = json.loads((self.failed / f"{name}.reason.json").read_bytes())
        assert isinstance(content, dict)
        return content

    def scenarios(self) -> list[dict[str, Any]]:
        """Return what library/scenarios.json holds."""
        found = json.loads(self.published.read_bytes())["scenarios"]
        assert isinstance(found, list)
        return found

    def ids(self) -> list[str]:
        """Return the ids in library/scenarios.json, in its order."""
        return [found["id"] for found in self.scenarios()]

    def processes(self) -> list[psutil.Process]:
        """Return the processes that were started for this root folder and still run."""
        return [p for p in psutil.process_iter() if _is_of(p, self.path)]

    def close(self) -> None:
        """End what still runs; fail where something outlives its supervisor."""
        for daemon in self._daemons:
            with suppress(ProcessLookupError):
                daemon.process.kill()
            daemon.process.wait()
        try:
            wait_until(lambda: not self.processes(), "no process is left")
        finally:
            for left in self.processes():
                with suppress(psutil.NoSuchProcess):
                    left.kill()


def _as_toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(k)} = {json.dumps(v)}' for k, v in value.items())}}}"
    return json.dumps(value)


def _is_of(process: psutil.Process, path: Path) -> bool:
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return any(str(path) in word for word in process.cmdline())
    except psutil.Error:
        return False


def environment_with(changes: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process of ours: no service manager of these tests is its own."""
    ours = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM"}
    return {**{k: v for k, v in os.environ.items() if k not in ours}, **changes}


def copy_of(made: Path, folder: Path) -> Home:
    """Return a root folder of one's own, below `folder`, that is as `made`."""
    shutil.copytree(made, folder / "root", dirs_exist_ok=True)
    return Home(folder / "root")
