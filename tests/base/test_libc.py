from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from scenariod.base import libc

if TYPE_CHECKING:
    from pathlib import Path


def test_a_call_returns_what_the_function_returns() -> None:
    assert libc.call("setfsuid", -1) == os.geteuid()


def test_a_call_that_fails_says_which_and_why(tmp_path: Path) -> None:
    missing = os.fsencode(tmp_path / "missing")

    with pytest.raises(FileNotFoundError, match="renameat2: No such file or directory"):
        libc.call("renameat2", -100, missing, -100, missing, 0)
