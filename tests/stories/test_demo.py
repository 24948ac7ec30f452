"""`make run`: a newcomer's first command, run again, and what it says to try next."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from support.home import Finished, run

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SAMPLES = sorted(path.name for path in (TOP / "samples").glob("scenario-*.json"))
FAULTY = "scenario-12-loudest-guest-incomplete.json"


def make_run(demo: Path) -> Finished:
    return run(["sh", "samples/demo.sh", str(BIN), str(demo)], cwd=TOP)


def dropped_files(demo: Path) -> dict[str, list[str]]:
    return {name: sorted(os.listdir(demo / name)) for name in ("inbox", "work", "done", "failed")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    """Return a demo folder, with a copy of it beside, and how its first run ended."""
    demo = tmp_path_factory.mktemp("first") / "demo"
    ended = make_run(demo)
    shutil.copytree(demo, demo.with_name("copy"))
    return demo, ended


def test_the_samples_are_processed(made: tuple[Path, Finished]) -> None:
    demo, ended = made

    found = dropped_files(demo)

    assert ended.code == 0, ended.err
    assert len(found["done"]) == 10
    assert sorted(found["done"] + [n for n in found["failed"] if n in SAMPLES]) == SAMPLES
    assert "Two of the samples are faulty on purpose." in ended.out
    assert f"The report on them: {demo}/reports/index.html" in ended.out
    assert "10 scenarios" in (demo / "reports" / "index.html").read_text()


def test_the_commands_that_it_ends_with_can_be_pasted_and_show_what_was_done(
    made: tuple[Path, Finished],
) -> None:
    _, ended = made
    commands = [line.strip() for line in ended.out.partition("Try next:\n")[2].splitlines()[:3]]

    shown = [run(["sh", "-c", command], cwd=TOP) for command in commands]

    assert [(each.code, each.err) for each in shown] == [(0, "")] * 3
    assert "office-plant-001" in shown[0].out
    assert "claim is missing" in shown[1].out
    assert "10 removed" in shown[2].out


def test_a_second_run_adds_nothing_and_keeps_what_the_user_has_put_there(
    made: tuple[Path, Finished], tmp_path: Path
) -> None:
    demo = shutil.copytree(made[0].with_name("copy"), tmp_path / "demo")
    shutil.copy(demo / "done" / SAMPLES[0], demo / "inbox" / "scenario-mine.json")
    (demo / "inbox" / "notes.txt").write_text("mine")
    (demo / "failed" / FAULTY).rename(demo / "inbox" / FAULTY)

    first = make_run(demo)
    before = dropped_files(demo)
    second = make_run(demo)

    assert (first.code, second.code) == (0, 0)
    assert "1 already added" in first.out
    assert "the inbox was empty" in second.out
    assert f"To start over: rm -r {demo}" in second.out
    assert dropped_files(demo) == before
    assert {"scenario-mine.json", *SAMPLES[:10]} == {*before["done"]}
    assert (demo / "inbox" / "notes.txt").read_text() == "mine"


def test_make_run_runs_it() -> None:
    shown = run(["make", "--dry-run", "--always-make", "run"], cwd=TOP)

    assert "sh samples/demo.sh .venv/bin demo" in shown.out
