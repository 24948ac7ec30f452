"""Fixtures for all tests here, and hooks of pytest. What tests import is in support/."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import psutil
import pytest
from support import counters, mounts
from support.home import Home
from support.standstill import Standstill

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_S = 100.0
"""A step of a test that takes longer is told of."""


class AtOnce:
    """Tells of a test that failed, or took long, when it ends: a run that is cut off has told."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell of one step of a test."""
        if report.failed:
            self._tell(f"FAILED at {report.when}: {report.nodeid}\n{report.longreprtext[-4000:]}")
        elif report.duration > LONG_S:
            self._tell(f"{report.when} took {report.duration:.0f} s: {report.nodeid}")

    def _tell(self, words: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(words)


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests mount to this run; let a busy machine take its time with an example."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(AtOnce(config))
        if os.geteuid() == 0:
            mounts.begin()
    hear_signals()
    hypothesis.settings.register_profile("scenariod", deadline=None)
    hypothesis.settings.load_profile("scenariod")


def hear_signals() -> None:
    """Keep tests run by nohup, or behind a shell's `&`, from starting processes that are deaf.

    What ignores a signal starts processes that ignore it, too; what has a handler does not.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have those that take minutes come first, or one of them would run alone in the end."""
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what the tests have counted; append it to a table where one is asked for."""
    if hasattr(terminalreporter.config, "workerinput"):  # one of several: the first one says all
        return
    passed = terminalreporter.getreports("passed")
    tests = [counters.Told(r.user_properties, r.duration) for r in passed if r.when == "call"]
    for line in counters.lines(tests):
        terminalreporter.write_line(line)
    if (table := os.environ.get(counters.VARIABLE)) is not None:
        today = datetime.now(UTC).date().isoformat()
        commit = os.environ.get(counters.COMMIT_VARIABLE, "")
        with Path(table).open("a") as file:
            file.writelines(f"{r}\n" for r in counters.rows(tests, date=today, commit=commit))


@pytest.fixture(autouse=True)
def no_child_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves a process behind, not one that comes much later."""
    before = _children()
    yield
    if request.node.get_closest_marker("machine") is None:  # machines are shared by many tests
        left = [_command(pid) for pid in _children() - before]
        assert not left, f"left behind: {left}"


def _command(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:  # it has ended meanwhile, and nobody has waited for it
        return [f"PID {pid}"]


def _children() -> set[int]:
    """Return the processes that this one has started and not waited for; see proc(5)."""
    pids: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(FileNotFoundError):  # the thread has ended
            pids.update(map(int, path.read_text().split()))
    return pids


@pytest.fixture
def orders_folder() -> Iterator[Path]:
    """Return a folder of orders (`base/killpoint.py`) for any process, also one that was root."""
    with tempfile.TemporaryDirectory(prefix="scenariod-orders-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture
def still(orders_folder: Path) -> Standstill:
    """Return what has processes stand still at a kill point."""
    return Standstill(orders_folder)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return an empty root folder with the quick settings; leave no process behind."""
    made = Home(tmp_path / "root")
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Return a root folder for all tests of a module, which only look at what is there."""
    made = Home(tmp_path_factory.mktemp("shared") / "root")
    yield made
    made.close()
