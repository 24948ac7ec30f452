"""Fixtures of the test machine: `machine` is a clean booted Debian with scenariod installed.

All tests in this folder carry the marker `machine`. A failed test shows the console and the
journal of its machines, and keeps them in the folder `failed` of the machine's cache.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from .disk import Disk
from .image import Image, cache_directory, image_in_use
from .machine import Machine, MachineError
from .uml import Hardware

HERE = Path(__file__).parent
MACHINES = pytest.StashKey[list[Machine]]()
LONGEST_S = 3600.0
"""How long one that is marked so may take, where the command line sets no other `--timeout`."""
NO_DAEMON = Hardware(daemon=False)
SHARED = {"day", "forking", "small", "tight"}
"""Fixtures that are one machine for all tests of a module: one process runs them all."""


class BootMachine(Protocol):
    """Make a machine of the given parts and boot it."""

    def __call__(self, *, hardware: Hardware = ..., disks: Iterable[Disk] = ()) -> Machine: ...


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder, before `-m` chooses among them; group those that share."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        item.add_marker(pytest.mark.machine)
        if item.get_closest_marker("longest") and item.config.getoption("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST_S))
        if SHARED & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add console and journal of its machines to the report of a failed test."""
    report = yield
    if report.failed:
        for machine in item.stash.get(MACHINES, []):
            story = _story(machine)
            report.sections.append(("the machine", story[-20_000:]))
            _keep(story, name=item.nodeid)
    return report


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The disk with scenariod installed; made of the work tree as it is."""
    with image_in_use() as image:
        yield image


@pytest.fixture
def boot(image: Image, request: pytest.FixtureRequest) -> Iterator[BootMachine]:
    """Make machines and boot them, four seconds each."""
    with ExitStack() as stack:

        def boot_machine(*, hardware: Hardware = NO_DAEMON, disks: Iterable[Disk] = ()) -> Machine:
            machine = stack.enter_context(Machine(image, hardware=hardware, disks=disks))
            _remember(machine, request.node)
            machine.boot()
            return machine

        yield boot_machine


@pytest.fixture
def machine(boot: BootMachine) -> Machine:
    """A clean booted machine: scenariod is installed and enabled, but not started."""
    return boot()


@pytest.fixture
def service(boot: BootMachine) -> Machine:
    """A machine whose daemon runs and is idle; alice is in its group."""
    machine = boot(hardware=Hardware())
    make_service(machine)
    return machine


def make_service(machine: Machine) -> None:
    """Wait until the daemon is idle, and have alice, who may drop files."""
    machine.check("useradd -m alice && usermod -aG scenariod alice")
    machine.wait_until('scenariodctl status --json | grep \'"state": "idle"\'')


def _remember(machine: Machine, item: pytest.Item) -> None:
    item.stash.setdefault(MACHINES, []).append(machine)


def _story(machine: Machine) -> str:
    try:
        journal = machine.run("journalctl -b --no-pager -n 200", timeout_s=20).output
    except MachineError as error:
        journal = f"cannot be read: {error}"
    return f"--- journal ---\n{journal}\n--- console ---\n{machine.console()}"


def _keep(story: str, *, name: str) -> None:
    kept = cache_directory() / "failed"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)}.log").write_text(story)
