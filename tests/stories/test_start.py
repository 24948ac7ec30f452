"""What each command loads before it does its work: on a small machine, most of the time it takes.

No clock here. What a command must do without is a module that once took long and was not needed.
"""

from __future__ import annotations

import re
import sys

import pytest
from support.home import SCENARIOD, SCENARIODCTL, Home, run

from scenariod.base.errors import ExitCode

LARGE = {"asyncio", "logging", "psutil", "pydantic", "ssl", "watchdog"}
LIBRARY = {"scenariod.backups", "scenariod.library", "sqlite3", "subprocess"}
RARE = {"ctypes", "secrets", "shutil", "systemd.journal", "tempfile", "uuid"}
"""What a few functions need, or one that few commands reach."""
WORDS_ONLY = LARGE | LIBRARY | RARE | {"dataclasses", "hashlib", "inspect", "json", "socket"}
"""What no program needs to explain itself, or to refuse a mistyped option."""

WORKER = (sys.executable, "-I", "-m", "scenariod.workers.worker")
UNPACKER = (sys.executable, "-I", "-m", "scenariod.transfer.unpacker")


def loaded(told: str) -> set[str]:
    """Return the modules that `-X importtime` has told of."""
    return set(re.findall(r"^import time: .*\| +(\S+)$", told, re.MULTILINE))


def with_importtime(command: tuple[str, ...]) -> list[str]:
    python, *rest = command
    return [python, "-X", "importtime", *rest]


@pytest.mark.parametrize(
    ("words", "code", "absent"),
    [
        (["--version"], ExitCode.OK, WORDS_ONLY | {"tomli"}),
        (["--help"], ExitCode.OK, WORDS_ONLY | {"tomli"}),
        (["restore", "--help"], ExitCode.OK, WORDS_ONLY | {"tomli"}),
        (["statsu"], ExitCode.USAGE, WORDS_ONLY | {"tomli"}),
        (["status"], ExitCode.NOT_RUNNING, LARGE | RARE),
        (["list"], ExitCode.NOT_FOUND, LARGE | RARE | {"scenariod.backups", "subprocess"}),
        (["explain", "scenario-1.json"], ExitCode.NOT_FOUND, LARGE | RARE | {"scenariod.backups"}),
    ],
)
def test_a_command_loads_nothing_large_that_it_does_not_need(
    home: Home, words: list[str], code: ExitCode, absent: set[str]
) -> None:
    told = run([*with_importtime(SCENARIODCTL), "--root", str(home.path), *words])

    assert told.code == code, told.err
    assert "scenariod.cli.main" in loaded(told.err)
    assert not loaded(told.err) & absent


@pytest.mark.slow
def test_a_status_loads_next_to_nothing_where_a_daemon_answers(home: Home) -> None:
    daemon = home.start()

    told = run([*with_importtime(SCENARIODCTL), "--root", str(home.path), "status"])

    daemon.terminate()
    assert told.code == ExitCode.OK, told.err
    assert "scenariod.monitoring.status" in loaded(told.err)
    assert not loaded(told.err) & (LARGE | LIBRARY | RARE | {"dataclasses", "hashlib"})


@pytest.mark.parametrize("words", ["--help", "--version"])
def test_the_daemon_explains_itself_without_what_it_runs_on(words: str) -> None:
    told = run([*with_importtime(SCENARIOD), words])

    assert told.code == ExitCode.OK, told.err
    assert "scenariod.daemon.main" in loaded(told.err)
    assert not loaded(told.err) & (WORDS_ONLY - {"json"})


@pytest.mark.slow
def test_the_daemon_runs_without_what_it_may_never_need(home: Home) -> None:
    told = run([*with_importtime(SCENARIOD), "--root", str(home.path), "--once"])

    assert told.code == ExitCode.OK, told.err
    assert "scenariod.daemon.supervisor" in loaded(told.err)
    assert not loaded(told.err) & {"pydantic", "secrets", "systemd.journal", "uuid"}


@pytest.mark.parametrize("command", [WORKER, UNPACKER], ids=["worker", "unpacker"])
def test_a_limited_process_starts_without_what_it_may_never_need(
    command: tuple[str, ...],
) -> None:
    told = run([*with_importtime(command), "--help"])

    assert told.code == ExitCode.OK, told.err
    assert "scenariod.base.errors" in loaded(told.err)
    assert not loaded(told.err) & (LARGE | LIBRARY | RARE) - {"shutil"}


@pytest.mark.parametrize("module", ["cli.main", "daemon.main"])
def test_a_command_searches_for_no_garbage_as_it_ends(module: str) -> None:
    # Of these functions, the first that is registered is the last to be called.
    code = (
        "import atexit, gc; atexit.register(lambda: print('frozen', gc.get_freeze_count() > 0)); "
        f"from scenariod.{module} import main; main(['--version'])"
    )

    ended = run([sys.executable, "-c", code])

    assert "frozen True" in ended.out, ended.err


def test_what_a_worker_loads_is_left_alone_by_the_garbage_collector() -> None:
    code = (
        "import gc; from scenariod.workers.confinement import load_judge; load_judge(); "
        "print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    )

    ended = run([sys.executable, "-I", "-c", code])

    assert ended.out == "True True\n", ended.err
