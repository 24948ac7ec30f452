"""How the daemon is, right now: the record, its one line, and asking for it over a socket.

Owns the status document that `scenariodctl status --json` prints. Never changes anything.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from scenariod.base.errors import NotAnsweringError
from scenariod.base.names import shell_word
from scenariod.base.units import MIB
from scenariod.base.value import Mutable, as_dict
from scenariod.monitoring.counts import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ADDRESS_BYTES = 108
"""The size of `sun_path` in unix(7), the zero byte at its end included."""
ASK_TIMEOUT_S = 5.0
MOST_WAITING = 100
"""How many waiting files the document lists."""
_CREDENTIALS = struct.Struct("3i")
"""What SO_PEERCRED returns: PID, user and group of the one that listens (unix(7))."""
_MOST_NAMED = 5
MOST_LEFT_ALONE = 1000
"""So many misnamed files are counted: that is part of each look, on small machines too."""
DEGRADED = "degraded"
"""What `watch` says when arrivals are noticed late; `watch_detail` says why."""


class State(StrEnum):
    """What the supervisor is doing."""

    STARTING = "starting"
    IDLE = "idle"
    WORKING = "working"
    WAITING = "waiting"
    PUBLISHING = "publishing"
    SPEAKING = "speaking"
    PAUSED = "paused"
    REBUILDING = "rebuilding"
    RELOADING = "reloading"
    STOPPING = "stopping"


class Running(TypedDict):
    """The part of the document about a worker: its batch, and its memory in bytes."""

    batch: int
    files: list[str]
    used_bytes: int
    limit_bytes: int
    used_percent: float
    peak_bytes: int
    stalled_percent: float | None


class Memory(TypedDict):
    """The part of the document about the machine's memory, in bytes.

    `stalled_percent`: for how much of the last 10 s all tasks stalled for lack of memory; None
    where the kernel does not report it. `chosen` names the settings that are "auto", as `limit_mb`.
    """

    total_bytes: int
    available_bytes: int
    reserve_bytes: int
    limit_bytes: int
    limit_max_bytes: int
    chosen: list[str]
    stalled_percent: float | None


class VoiceProgress(Mutable):
    """How far the voices have come; `done` counts scenarios that have nothing to say, too.

    `waits` says what they wait for; `left_s` is an estimate, None where there is none.
    """

    engine: str
    scenarios: int = 0
    done: int = 0
    failed: int = 0
    waits: str = ""
    left_s: float | None = None

    def words(self) -> str:
        """Return it for people: `12 of 27 scenarios, 1 failed, flite, about 3 min left`."""
        failed = f", {self.failed} failed" if self.failed else ""
        left = "" if self.left_s is None else f", about {rough(self.left_s)} left"
        waits = f"; paused: {self.waits}" if self.waits else ""
        return f"{self.done} of {self.scenarios} scenarios{failed}, {self.engine}{left}{waits}"


def rough(seconds: float) -> str:
    """Return about how long something takes, for people."""
    if seconds < 90:
        return f"{max(round(seconds / 10), 1) * 10} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Status(Mutable):
    """Everything that `scenariodctl status` shows. Counts are since the start."""

    root: str
    pid: int
    version: str
    launcher: str
    started_at: str
    user: str = ""
    worker_user: str = ""
    worker_start: str = ""
    state: State = State.STARTING
    detail: str = ""
    scenarios: int = 0
    counts: Counts = Counts()
    batches: int = 0
    inbox: int = 0
    waiting: Sequence[dict[str, str]] = ()
    left_alone: int = 0
    left_alone_files: Sequence[dict[str, str]] = ()
    workers: Sequence[Running] = ()
    most_workers: int = 1
    next_waits: str = ""
    memory: Memory | None = None
    watch: str = "starting"
    watch_detail: str = ""
    newest_backup: str | None = None
    backup_doubt: str = ""
    clock_doubt: str = ""
    voices: VoiceProgress | None = None
    speaker: Running | None = None

    def document(self) -> dict[str, object]:
        """Return it as one JSON object, its counts among the other members."""
        document: dict[str, Any] = as_dict(self)
        counts: dict[str, object] = document.pop("counts")
        return document | counts

    def line(self) -> str:
        """Return the one line of `systemctl status`: state, counts, and the worker's memory."""
        counts = f"{self.counts.words()}, {self.inbox} waiting"
        if self.workers and self.memory and self.state is State.WORKING:
            free = f"{self.memory['available_bytes'] // MIB} MB available"
            return f"{_at_work(self.workers, counts=counts)}; {free}{self._warnings()}"
        what = f"{self.state}: {self.detail}" if self.detail else str(self.state)
        voices = f"; voices: {self.voices.words()}" if self.voices else ""
        return f"{what}; {counts}; library {self.scenarios}{voices}{self._warnings()}"

    def _warnings(self) -> str:
        """Return the warnings about watch, newest backup and clock, for the end of the line."""
        blind = f"; {self.watch}: {self.watch_detail}" if self.watch == DEGRADED else ""
        backup = f"; backup: {self.backup_doubt}" if self.backup_doubt else ""
        return blind + backup + (f"; {self.clock_doubt}" if self.clock_doubt else "")


def _at_work(workers: Sequence[Running], *, counts: str) -> str:
    fullest = max(workers, key=lambda worker: worker["used_percent"])
    if len(workers) == 1:
        many = "1 file" if len(fullest["files"]) == 1 else f"{len(fullest['files'])} files"
        return f"batch {fullest['batch']}: {many}; {counts}; worker {memory(fullest)}"
    numbers = ", ".join(str(worker["batch"]) for worker in workers)
    fullness = f"the fullest, of batch {fullest['batch']}, {memory(fullest)}"
    return f"batches {numbers}; {counts}; {len(workers)} workers, {fullness}"


def memory(running: Running) -> str:
    """Return a worker's memory for people: `45 MB of 3072 MB (1 %), peak 60 MB`."""
    used = f"{running['used_bytes'] // MIB} MB of {running['limit_bytes'] // MIB} MB"
    percent = int(running["used_percent"])
    return f"{used} ({percent} %), peak {running['peak_bytes'] // MIB} MB"


def left_alone(count: int, files: Sequence[dict[str, str]]) -> list[str]:
    """Return lines for people: how many files are left alone, why, and the commands that help."""
    if not count:
        return []
    many = f"{count} or more" if count == MOST_LEFT_ALONE else f"{count}"
    lines = ["1 file is left alone:" if count == 1 else f"{many} files are left alone:"]
    for told in files[:_MOST_NAMED]:
        lines.append(f"  {told['file']}: {told['reason']}")
        lines += [f"    {told['command']}"] if told["command"] else []
    more = count - len(files[:_MOST_NAMED])
    return [*lines, f"  and {more} more"] if more else lines


def ask(path: Path) -> dict[str, object] | None:
    """Return the status document of the running daemon, or None where none runs.

    Raises NotAnsweringError where it does not answer in time, and OSError where it may not be
    asked.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ASK_TIMEOUT_S)
        try:
            with short(path) as name:
                connection.connect(name)
            with connection.makefile("rb") as answer:
                text = answer.read()
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
            return None
        except (TimeoutError, BlockingIOError) as error:  # the latter: too many wait for an answer
            raise _not_answering(connection, path) from error
    return dict(json.loads(text)) if text.endswith(b"\n") else None  # it ended as it was asked


def wake(path: Path) -> None:
    """Have the daemon, if one runs, see at once what a command has changed in the library."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ASK_TIMEOUT_S)
        with suppress(OSError), short(path) as name:  # it also looks by itself, only later
            connection.connect(name)


def _not_answering(connection: socket.socket, path: Path) -> NotAnsweringError:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, _, _ = _CREDENTIALS.unpack(credentials)
    if not pid:
        words = "scenariod does not answer"
        hint = f"find its process with `fuser -v {shell_word(path.with_name('scenariod.lock'))}`"
        return NotAnsweringError(words, hint=hint, pid=pid)
    why, hint = _silence(_state_of(pid))
    words = f"scenariod (PID {pid}) does not answer: {why}"
    return NotAnsweringError(words, hint=hint.format(pid=pid), pid=pid)


def _state_of(pid: int) -> str:
    """Return the state of a process, as in proc_pid_stat(5); "" where it cannot be seen."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return ""


def _silence(state: str) -> tuple[str, str]:
    """Return why a process in this state does not answer, and what helps."""
    if state in {"T", "t"}:
        return "it was stopped by a signal", "`kill -CONT {pid}` resumes it"
    if state == "D":
        return "it waits for a disk", "see what the disk reports: `journalctl -k -p warning`"
    hint = (
        "try again; if there is still no answer, run `kill -9 {pid}`: nothing is lost, and a"
        " service restarts automatically"
    )
    return f"no answer within {ASK_TIMEOUT_S:g} s", hint


@contextmanager
def short(path: Path) -> Iterator[str]:
    """Yield a name for `path` that fits a socket address, however deep `path` is."""
    if len(os.fsencode(path)) < _ADDRESS_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
