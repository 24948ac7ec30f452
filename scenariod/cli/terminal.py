"""The person at the terminal: a question before what matters, a word on how far something is.

Owns stderr while a command runs, so that stdout stays the answer's. Never asks a program.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scenariod.base import streams
from scenariod.base.errors import CommandInterruptedError
from scenariod.base.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROGRESS_EVERY_S = 0.5


def is_there() -> bool:
    """Say whether a person can be asked: what we read and where we write are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirms(lines: Iterable[str], question: str) -> bool:
    """Show `lines` and ask `question`; only `y` or `yes` is a yes."""
    with changing_nothing():
        for line in lines:
            streams.to_stderr(f"{printable(line)}\n")
        streams.to_stderr(f"{printable(question)} [y/N] ")
        try:
            answer = sys.stdin.readline()
        except OSError:  # the terminal is gone, and with it the user
            return False
    return answer.strip().lower() in {"y", "yes"}


@contextmanager
def changing_nothing() -> Iterator[None]:
    """Have Ctrl-C in the body, which only reads or asks, say that nothing was changed."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        streams.to_stderr("\n" if is_there() else "")  # after `^C`
        raise CommandInterruptedError(
            "interrupted: nothing was changed", hint="run it again to complete it"
        ) from interrupt


class Progress:
    """One line on a terminal that is overwritten; nothing if stderr is not a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._next_s = 0.0
        self._written = False

    def show(self, words: str) -> None:
        """Say how far it is, at most twice a second."""
        now_s = time.monotonic()
        if self._shown and now_s >= self._next_s:
            self._next_s = now_s + PROGRESS_EVERY_S
            self._written = True
            streams.to_stderr(f"\r\x1b[K{printable(words)}")

    def clear(self) -> None:
        """Take the line away."""
        if self._written:
            self._written = False
            streams.to_stderr("\r\x1b[K")
