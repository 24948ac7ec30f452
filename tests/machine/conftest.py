"""Fixtures of the test machine: `machine` is a clean booted Debian with scenariod installed.

All tests in this folder carry the marker `machine`. A failed test shows the console and the
journal of its machines, and keeps them in the folder `failed` of the machine's cache.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from .disk import Disk
from .image import Image, cache_directory, exclusive_lock, image_in_use
from .machine import Frozen, Machine, MachineError
from .qemu import Hardware

HERE = Path(__file__).parent
MACHINES = pytest.StashKey[list[Machine]]()
LONGEST_S = 3600.0
"""How long one that is marked so may take, where the command line sets no other `--timeout`."""
SHARED = {"day", "forking", "settling", "small", "tight"}
"""Fixtures that are one machine for all tests of a module: one process runs them all."""


class BootMachine(Protocol):
    """Make a machine of the given parts and boot it: for what a thawed one cannot be."""

    def __call__(
        self, *, hardware: Hardware | None = None, disks: Iterable[Disk] = ()
    ) -> Machine: ...


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


@pytest.fixture(scope="session")
def frozen(image: Image) -> Frozen:
    """A machine that has booted; the user manager of scenariod runs, the daemon does not."""
    hardware = Hardware()
    directory = image.directory / f"frozen-{_freeze_key(hardware)}"
    with exclusive_lock(image.directory / "frozen.lock"):
        if not directory.exists():
            with Machine(image, hardware=hardware) as machine:
                machine.boot()
                machine.wait_until_up()
                machine.check("systemctl stop scenariod; systemctl reset-failed")
                machine.check("systemctl start user@$(id -u scenariod)")
                _freeze(machine, directory)
    return Frozen(directory, image, hardware)


@pytest.fixture(scope="session")
def warm(frozen: Frozen) -> Frozen:
    """The same machine with the daemon running, idle, and alice, who may drop files."""
    directory = frozen.directory / "warm"
    with exclusive_lock(frozen.image.directory / "frozen.lock"):
        if not directory.exists():
            with Machine.thaw(frozen) as machine:
                machine.check("useradd -m alice && usermod -aG scenariod alice")
                machine.check("systemctl start scenariod")
                machine.wait_until('scenariodctl status --json | grep \'"state": "idle"\'')
                _freeze(machine, directory)
    return Frozen(directory, frozen.image, frozen.hardware)


@pytest.fixture
def service(warm: Frozen, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine whose daemon runs and is idle; alice is in its group."""
    with Machine.thaw(warm) as machine:
        _remember(machine, request.node)
        yield machine


@pytest.fixture
def thaw(frozen: Frozen, request: pytest.FixtureRequest) -> Iterator[Callable[[], Machine]]:
    """Make clean booted machines, a second each."""
    with ExitStack() as stack:

        def thaw_machine() -> Machine:
            machine = stack.enter_context(Machine.thaw(frozen))
            _remember(machine, request.node)
            return machine

        yield thaw_machine


@pytest.fixture
def machine(thaw: Callable[[], Machine]) -> Machine:
    """A clean booted machine: scenariod is installed and enabled, but not started."""
    return thaw()


@pytest.fixture
def boot(image: Image, request: pytest.FixtureRequest) -> Iterator[BootMachine]:
    """Make machines with other hardware or other kernel arguments, ten seconds each."""
    with ExitStack() as stack:

        def boot_machine(
            *, hardware: Hardware | None = None, disks: Iterable[Disk] = ()
        ) -> Machine:
            machine = stack.enter_context(Machine(image, hardware=hardware, disks=disks))
            _remember(machine, request.node)
            machine.boot()
            return machine

        yield boot_machine


def _remember(machine: Machine, item: pytest.Item) -> None:
    item.stash.setdefault(MACHINES, []).append(machine)


def _freeze(machine: Machine, directory: Path) -> None:
    # Under another name first: one that was cut off halfway is never taken for a whole one.
    unfinished = directory.with_name("freezing")
    shutil.rmtree(unfinished, ignore_errors=True)
    machine.freeze(unfinished)
    unfinished.rename(directory)


def _freeze_key(hardware: Hardware) -> str:
    key = hashlib.sha256(repr(hardware).encode())
    key.update(subprocess.check_output(["qemu-system-x86_64", "--version"]))
    for source in ("qemu.py", "machine.py", "conftest.py"):
        key.update((HERE / source).read_bytes())
    return key.hexdigest()[:16]


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
