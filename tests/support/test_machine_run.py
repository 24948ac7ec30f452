"""`python -m tests.machine`: a test that fails is run once more, and named if it passes then."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.home import Finished, run

CHECKOUT = Path(__file__).parents[2]
PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert False\n"
UNSTABLE = """
import pathlib, pytest
@pytest.mark.parametrize("n", range({count}))
@pytest.mark.xdist_group("shared")
def test_is_unstable(n):
    ran = pathlib.Path(__file__).with_name(f"ran-{{n}}")
    before = ran.exists()
    ran.touch()
    assert before
"""

pytestmark = pytest.mark.slow


def run_tests(tmp_path: Path, text: str) -> Finished:
    """Run a file of tests as those in the machine are run."""
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_it.py").write_text(text)
    path = {"PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "tests.machine", "-n", "2", "--dist", "loadgroup", "-q"]
    return run([*command, "test_it.py"], cwd=tmp_path, environment=path)


def test_where_all_pass_nothing_is_run_again(tmp_path: Path) -> None:
    ended = run_tests(tmp_path, PASSES)

    assert ended.code == 0, ended.out
    assert "once more" not in ended.out


def test_one_that_passes_alone_is_named_in_the_last_line_of_a_green_run(tmp_path: Path) -> None:
    ended = run_tests(tmp_path, PASSES + UNSTABLE.format(count=1))

    assert ended.code == 0, ended.out
    assert ended.out.splitlines()[-1] == "unstable: test_it.py::test_is_unstable[0]"


def test_one_that_fails_again_fails_the_run(tmp_path: Path) -> None:
    ended = run_tests(tmp_path, FAILS + UNSTABLE.format(count=1))

    assert ended.code == 1, ended.out
    assert "unstable:" not in ended.out


def test_three_unstable_ones_fail_the_run(tmp_path: Path) -> None:
    ended = run_tests(tmp_path, UNSTABLE.format(count=3))

    assert ended.code == 1, ended.out
    assert ended.out.splitlines()[-1] == "3 failed: too many to be run once more"


def test_a_run_that_collects_nothing_is_no_success(tmp_path: Path) -> None:
    ended = run_tests(tmp_path, "")

    assert ended.code == 5, ended.out
