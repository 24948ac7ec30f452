"""Have the report made, by a process of its own under a memory limit.

Owns that process from start to end. Never reads the library.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from scenariod.base import process
from scenariod.base.errors import ExitCode, NoLimitError, ScenariodError
from scenariod.base.owner import start_as_owner
from scenariod.base.units import MIB
from scenariod.base.value import Value
from scenariod.workers.budget import sizes_here, spare_bytes
from scenariod.workers.outcome import EXIT_NO_LIMIT

if TYPE_CHECKING:
    import subprocess

    from scenariod.base.config import Config

LIMIT_BYTES = 256 * MIB
"""Of address space; what it holds at 100,000 scenarios is a third of that (bench_report.py)."""


class ReportError(ScenariodError):
    """The report was not made; the one that is there stays."""

    def __init__(self, message: str, *, hint: str, code: ExitCode) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = code


class Made(Value):
    """What was made: the report on so many scenarios, of which so many pages were new."""

    scenarios: int
    pages: int


class Making:
    """One making of the report. Any thread may stop it, before or while it runs."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(self) -> Made | None:
        """Make the report; return what was made, None if it was stopped.

        Raises ReportError, NotEnoughMemoryError, NoLimitError, and OSError where the disk fails.
        """
        with self._lock:
            if self._stopped:
                return None
            self._process = start_as_owner(
                _command(self._config, limit_bytes=_limit_bytes(self._config)), self._config.root
            )
        try:
            said, _ = self._process.communicate()
        except BaseException:
            self.stop()
            self._process.wait()
            raise
        if self._stopped:
            return None
        return _outcome(self._config, self._process.returncode, said)

    def stop(self) -> None:
        """End it at once: the next one goes on from what is there."""
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()


def _command(config: Config, *, limit_bytes: int) -> list[str]:
    command = [sys.executable, "-I", "-m", "scenariod.reports.builder"]
    command += ["--root", str(config.root), "--parent", str(os.getpid())]
    command += ["--limit-bytes", str(limit_bytes)]
    return command if config.source is None else [*command, "--config", str(config.source)]


def _limit_bytes(config: Config) -> int:
    spare_bytes(config.memory, what="a report")
    return min(LIMIT_BYTES, sizes_here(config.memory).limit_bytes, process.most_allowed_bytes())


def _outcome(config: Config, status: int, said: str) -> Made:
    told = _told(said)
    if status == ExitCode.OK:
        return Made(scenarios=int(told["scenarios"]), pages=int(told["pages"]))
    if status == EXIT_NO_LIMIT:
        raise NoLimitError(
            f"the report's process cannot be limited: {told.get('words', '')}",
            hint="see `ulimit -a`; memory.limit_mb of the configuration is its limit",
        )
    if "errno" in told:
        number = int(told["errno"])
        raise OSError(number, os.strerror(number), str(told.get("path", config.reports)))
    if "words" in told:
        code = ExitCode(status) if status in set(ExitCode) else ExitCode.INTERNAL
        raise ReportError(str(told["words"]), hint=str(told["hint"]), code=code)
    if status == -signal.SIGKILL:
        raise OSError(errno.ENOMEM, "the report's process was killed", str(config.reports))
    raise ReportError(
        f"the report's process ended with status {status}",
        hint="its output above, or `journalctl -u scenariod -n 20`, shows more",
        code=ExitCode.INTERNAL,
    )


def _told(said: str) -> dict[str, Any]:
    """Return the last line that the process said; nothing where it said none."""
    try:
        told = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError):
        return {}
    return told if isinstance(told, dict) else {}
