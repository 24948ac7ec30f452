"""Standard input, output and error of this process: there, and able to take any text.

Owns what happens where one of them is closed, full or broken. Never decides what is written.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from scenariod.base.errors import ExitCode, ScenariodError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMES = {"stdin": "r", "stdout": "w", "stderr": "w"}
"""The streams of descriptors 0, 1 and 2, and how each is opened."""


class OutputError(ScenariodError):
    """What a command printed cannot be written to stdout; the command itself is done."""

    exit_code = ExitCode.PAUSED


def repair() -> None:
    """Open closed streams on /dev/null, and have all of them take what their encoding lacks.

    Called before anything else is opened: the next file would take the free number, and what is
    written to stderr would end up in the database.
    """
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)
    for number, (name, mode) in enumerate(_NAMES.items()):
        if getattr(sys, name) is None:  # so Python has found it
            opened_again = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, opened_again)
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace" if mode == "r" else "backslashreplace")


def to_stdout(pieces: Iterable[str | bytes]) -> None:
    """Write pieces to stdout as they come, all text or all bytes; raise OutputError."""
    for piece in pieces:
        with _writing():
            if isinstance(piece, bytes):
                sys.stdout.buffer.write(piece)
            else:
                sys.stdout.write(piece)
    flush()


def flush() -> None:
    """Have what was written to stdout read now, before something long; raise OutputError."""
    with _writing():
        sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[None]:
    """Raise OutputError for an error of the body; what comes after it goes to /dev/null.

    That nobody reads any more is not an error.
    """
    try:
        yield
    except BrokenPipeError:  # as with `… | head`
        silence(sys.stdout)
    except OSError as error:
        ours = _output_error(error)
        silence(sys.stdout)
        raise ours from error


def to_stderr(text: str) -> None:
    """Write to stderr, now, where that can be done: what a program does counts, not the line."""
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def finish() -> None:
    """Drop what stdout and stderr still hold and cannot write: Python would exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            silence(stream)


def silence(stream: TextIO) -> None:
    """Have a stream lead to /dev/null from now on, with what it still holds."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
    with suppress(OSError):
        stream.flush()


def _output_error(error: OSError) -> OutputError:
    from scenariod.base import faults  # only a failure needs its words

    with suppress(OSError):  # no /proc here, or closed: then the error names no path
        led_to = os.readlink("/proc/self/fd/1")
        if led_to.startswith("/"):  # else a pipe or a socket
            error.filename = led_to
    fault = faults.of(error)
    hint = fault.cure or "write the output elsewhere"
    return OutputError(f"done, but the output cannot be written: {fault.words}", hint=hint)
