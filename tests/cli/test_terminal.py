"""A terminal that goes away while a command runs, or that answers what is no text."""

from __future__ import annotations

import os
import pty
from typing import TYPE_CHECKING

import pytest

from scenariod.base import streams
from scenariod.cli import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return the person's end of a terminal that stdin and stderr are; the test closes it."""
    ours, theirs = pty.openpty()
    with (
        os.fdopen(theirs, "r", encoding="utf-8") as stdin,
        os.fdopen(os.dup(theirs), "w", encoding="utf-8") as stderr,
    ):
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr("sys.stderr", stderr)
        yield ours
        streams.finish()


def test_progress_goes_on_without_the_terminal_that_showed_it(person: int) -> None:
    progress = terminal.Progress()
    os.close(person)

    progress.show("1 of 2")
    progress.clear()


def test_a_question_that_nobody_can_answer_any_more_is_not_confirmed(person: int) -> None:
    os.close(person)

    assert not terminal.confirms(["it would change"], "go on?")


@pytest.mark.parametrize("answer", [b"\xff\xfe\n", b"ja\n", b"\n"])
def test_only_yes_is_a_yes(person: int, answer: bytes) -> None:
    streams.repair()
    os.write(person, answer)

    assert not terminal.confirms([], "go on?")

    os.close(person)
