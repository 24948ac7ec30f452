from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.makers import CHILD, TESTS, add, document, held, kill, open_library, results_of, sql

from scenariod.library import (
    Result,
)

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    pass


@pytest.mark.parametrize(
    ("module", "attribute", "call"),
    [
        ("scenariod.library.blob", "store", 1),
        ("scenariod.library.blob", "DroppedFile.is_as_checked", 1),
        ("scenariod.library.scenarios", "add", 2),
        ("scenariod.library.settlement", "_record_file", 2),
        ("scenariod.library.history", "record", 1),
    ],
)
def test_killed_before_the_commit_nothing_of_the_batch_is_there(
    tmp_path: Path, module: str, attribute: str, call: int
) -> None:
    with open_library(tmp_path) as library:
        add(library, document("old"))

    kill(tmp_path, "settle", module, attribute, call)

    with open_library(tmp_path) as library:
        assert list(held(library)) == ["old"]
        assert sql(library.path, "PRAGMA integrity_check") == [("ok",)]
        add(library, document("new-1"), document("new-2"))


def test_killed_after_the_commit_the_whole_batch_is_there(tmp_path: Path) -> None:
    kill(tmp_path, "settle", "scenariod.library", "Library.close", 1)

    with open_library(tmp_path) as library:
        assert list(held(library)) == ["new-1", "new-2"]
        assert results_of(library.settled(1) or []) == [Result.ADDED] * 2


def test_killed_at_random_moments_everything_that_was_reported_is_there(tmp_path: Path) -> None:
    moments = random.Random(20260314)
    for round_number in range(8):
        root = tmp_path / str(round_number)
        root.mkdir()
        child = subprocess.Popen(
            [*CHILD, str(root), "settle-on"], stdout=subprocess.PIPE, text=True, cwd=TESTS
        )
        assert child.stdout is not None
        reported = [child.stdout.readline() for _ in range(moments.randrange(1, 200))]
        child.kill()
        reported += child.stdout.readlines()
        child.stdout.close()
        child.wait()

        with open_library(root) as library:
            there = held(library)
            assert {line.strip() for line in reported if line.endswith("\n")} <= there.keys()
            assert len(there) == library.count()
            assert len(there) % 2 == 0
            assert sql(library.path, "PRAGMA integrity_check") == [("ok",)]
