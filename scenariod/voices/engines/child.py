"""A program that an engine has work for it: no shell, no descriptor of ours, and it ends with us.

Owns how such a program is started, read and ended. Knows no program.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from scenariod.voices.engines.engine import EngineUnavailableError, UnspeakableError
from scenariod.workers.privileges import die_with

if TYPE_CHECKING:
    from collections.abc import Generator

HANG_S = 60.0
"""So long a program may be silent; it takes a second for a few sentences, ten on a busy Pi."""
_CHUNK_BYTES = 65536
_ERROR_BYTES = 2000


def output_of(
    command: list[str], *, package: str, hang_s: float = HANG_S
) -> Generator[bytes, None, None]:
    """Run `command`, of the Debian package `package`; yield what it writes to stdout, as it comes.

    Raises EngineUnavailableError where it cannot be run, UnspeakableError where it hangs or
    crashes. It is killed when this generator is closed.
    """
    with _start(command, package) as process:
        try:
            while chunk := _next_chunk(process, hang_s):
                yield chunk
            _check_end(process, package, hang_s)
        finally:
            process.kill()


def _start(command: list[str], package: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509  # of one thread, see Engine
        )
    except FileNotFoundError as error:
        raise EngineUnavailableError(
            f"cannot speak: {command[0]} is not installed", hint=f"sudo apt install {package}"
        ) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineUnavailableError(
            f"cannot speak: {command[0]} cannot be started: {error}", hint="see `free -m`"
        ) from error


def _next_chunk(process: subprocess.Popen[bytes], hang_s: float) -> bytes:
    """Return what comes next, at its end nothing."""
    assert process.stdout is not None  # noqa: S101  asked for with PIPE
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    if not poll.poll(hang_s * 1000):
        raise _hangs(process, hang_s)
    return os.read(process.stdout.fileno(), _CHUNK_BYTES)


def _check_end(process: subprocess.Popen[bytes], package: str, hang_s: float) -> None:
    assert process.stderr is not None  # noqa: S101  asked for with PIPE
    try:
        status = process.wait(hang_s)
    except subprocess.TimeoutExpired:
        raise _hangs(process, hang_s) from None
    program = _name(process)
    if status == -signal.SIGKILL:  # by somebody, or for memory: no text does that
        raise EngineUnavailableError(
            f"{program} was killed from outside", hint="see `dmesg`: memory may have run out"
        )
    if status < 0:
        raise UnspeakableError(f"{program} was ended by signal {-status}", hint="see `dmesg`")
    if status > 0:
        said = os.read(process.stderr.fileno(), _ERROR_BYTES).decode(errors="replace").strip()
        raise EngineUnavailableError(
            f"cannot speak: {program} failed with exit code {status}: {said or 'no message'}",
            hint=f"sudo apt install --reinstall {package}",
        )


def _hangs(process: subprocess.Popen[bytes], hang_s: float) -> UnspeakableError:
    return UnspeakableError(
        f"{_name(process)} did not answer within {hang_s:g} s", hint="see `top` for what is busy"
    )


def _name(process: subprocess.Popen[bytes]) -> str:
    assert isinstance(process.args, list)  # noqa: S101  `_start` gives one
    return str(process.args[0])
