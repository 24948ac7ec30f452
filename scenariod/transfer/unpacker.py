"""The limited process that takes apart what is imported: files in, verdicts and documents out.

Reads hostile input under a memory limit of its own. Never opens the library, the inbox or the
network; writes nothing but its standard output.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scenariod.base import safe_open, streams
from scenariod.base.errors import ExitCode
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.value import Value, replace
from scenariod.transfer import folder, protocol
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import MAX_MESSAGE, Rejected, Verdict
from scenariod.workers.confinement import Stop, load_judge, set_rlimits, yield_to_others
from scenariod.workers.outcome import EXIT_NO_LIMIT
from scenariod.workers.privileges import (
    NOBODY,
    become_nobody,
    die_with,
    drop_capabilities,
    is_root,
)

# Imports up here stay light: no limit is in force yet. See load_judge() for the rest.

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scenariod.transfer.shape import Survey
    from scenariod.transfer.slices import Slice

    Judge = Callable[[str, bytes], Verdict]

STANDARD_INPUT = "-"
OPEN_AT_ONCE = 500
"""So many files are opened by root, to be read by nobody: most shells allow 1024 to be open."""
_NUMBER_ROOM = 24
_SHOWN_KEY = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Take apart the source; return the exit status. `protocol.py` has what is said."""
    stop = Stop()
    orders = _parser().parse_args(arguments)
    die_with(orders.parent_pid)
    if not is_root():
        drop_capabilities()
    limit = set_rlimits(orders.limit_bytes)
    if isinstance(limit, str):
        streams.to_stderr(f"{limit}\n")
        return EXIT_NO_LIMIT
    yield_to_others()
    unpacker = _Unpacker(
        judge=load_judge(),  # only now: what parsers and files take, they take under the limit
        most_bytes=orders.max_scenario_bytes,
        after=(orders.after_file, orders.after_number),
    )
    _load_readers()
    files = [_Source(index, path) for index, path in enumerate(_files(orders.source))]
    files = files[orders.after_file :]
    try:
        at_hand = _opened_by_root(files, orders.parent_pid) if is_root() else files
    except OSError as error:
        streams.to_stderr(f"nothing is read as root, and this cannot be user {NOBODY}: {error}\n")
        return EXIT_NO_LIMIT
    try:
        for source in at_hand:
            if not stop.asked:
                unpacker.take_apart(source)
        if stop.asked or len(at_hand) == len(files):
            say(protocol.Done())  # else another process goes on from here
    except _UnheardError:
        streams.silence(sys.stdout)
    return ExitCode.OK


class _Source(Value):
    """A file to take apart, by its index and path; `opened` has come of opening it before."""

    index: int
    path: str
    opened: BinaryIO | OSError | None = None

    @property
    def name(self) -> str:
        """Its name, short enough for a verdict with a number behind it."""
        if self.path == STANDARD_INPUT:
            return "standard input"
        return Path(self.path).name[: MAX_MESSAGE - _NUMBER_ROOM]

    def file(self) -> BinaryIO:
        """Return the file, open at its start; raise OSError if it is not a regular file."""
        if isinstance(self.opened, OSError):
            raise self.opened
        return self.opened or _opened(self.path)


def _opened_by_root(files: list[_Source], parent_pid: int) -> list[_Source]:
    """Open the first files, stop being root, return them; raise OSError where this stays root."""
    opened = [replace(source, opened=_tried(source.path)) for source in files[:OPEN_AT_ONCE]]
    become_nobody(parent_pid)
    return opened


class _UnheardError(Exception):
    """Nobody reads any more what is said: the importer has enough, or has ended."""


def say(frame: protocol.Message) -> None:
    """Tell the importer."""
    try:
        sys.stdout.buffer.write(protocol.encode(frame))
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        raise _UnheardError from error


class _Unpacker:
    """Takes files apart, beginning after the place `after`: a file's index, and a number in it."""

    def __init__(self, *, judge: Judge, most_bytes: int, after: tuple[int, int]) -> None:
        self._judge = judge
        self._most_bytes = most_bytes
        self._after = after

    def take_apart(self, source: _Source) -> None:
        """Say what is in a file."""
        index, name = source.index, source.name
        skip = self._after[1] if index == self._after[0] else -1
        try:
            with source.file() as file:
                self._read(file, name, index, skip=skip)
        except OSError as error:
            self._refuse(index, name, 0, _not_opened(error, source.path))

    def _read(self, file: BinaryIO, name: str, index: int, *, skip: int) -> None:
        from scenariod.transfer.shape import Shape, survey

        if skip < 0:
            say(protocol.Judging(index, name, 0))
        found = survey(file)
        if found.left_out and skip < 0:
            self._refuse(index, name, 0, _left_out(found.left_out))
        say(protocol.FileBegun(index, name, found.count, found.about))
        if found.lists > 1:
            message = f"it has {found.lists} lists of scenarios; put each into a file of its own"
            self._refuse(index, name, 0, Problem(Reason.DUPLICATE_KEY, message))
            return
        file.seek(0)
        if found.shape is Shape.SINGLE:
            if skip < 1:
                self._read_single(file, name, index, found=found)
            return
        self._read_list(file, name, index, found=found, skip=skip)

    def _read_single(self, file: BinaryIO, name: str, index: int, *, found: Survey) -> None:
        from scenariod.validation.document import mistakes

        content = file.read(self._most_bytes + 1)
        if len(content) > self._most_bytes:
            size_bytes = os.fstat(file.fileno()).st_size
            problem = mistakes.opening(content) or found.fault or self._too_large(size_bytes)
            self._refuse(index, name, 1, problem, size_bytes=size_bytes)
            return
        say(protocol.Judging(index, name, 1))
        self._tell(index, 1, self._verdict(content, name), content)

    def _read_list(
        self, file: BinaryIO, name: str, index: int, *, found: Survey, skip: int
    ) -> None:
        from scenariod.transfer.shape import SCENARIOS, Shape
        from scenariod.transfer.slices import Slicer
        from scenariod.validation.document.mistakes import EXTRA_COMMA, NO_VALUE

        member = SCENARIOS if found.shape is Shape.MEMBER else None
        slicer = Slicer(file, member=member, most_bytes=self._most_bytes)
        number = 0
        for piece in slicer:
            number = piece.number
            if number > skip:
                if piece.content == b"":
                    words = EXTRA_COMMA if slicer.whole else NO_VALUE
                    problem = Problem(Reason.NOT_JSON, words, line=piece.line, column=piece.column)
                    self._refuse(index, f"{name}[{number}]", number, problem)
                else:
                    self._read_slice(piece, f"{name}[{number}]", index, name)
        if not slicer.whole:
            message = f"the file ends within its list of scenarios, after {number}: it is cut off"
            end = Problem(Reason.NOT_JSON, message, line=slicer.line, column=slicer.column)
            self._refuse(index, name, number + 1, end)
        elif found.fault is not None and number >= skip:  # else it was said before
            self._refuse(index, name, number + 1, found.fault)

    def _read_slice(self, piece: Slice, place: str, index: int, name: str) -> None:
        if piece.content is None:
            problem = self._too_large(piece.size_bytes)
            problem = replace(problem, line=piece.line, column=piece.column)
            self._refuse(index, place, piece.number, problem, size_bytes=piece.size_bytes)
            return
        say(protocol.Judging(index, name, piece.number))
        verdict = _placed(self._verdict(piece.content, place), piece)
        self._tell(index, piece.number, verdict, piece.content)

    def _verdict(self, content: bytes, place: str) -> Verdict:
        try:
            return self._judge(place, content)
        except MemoryError:
            pass  # the traceback holds on to all that fills the memory: speak once it is gone
        message = "reading it takes more memory than the limit"
        problem = Problem(Reason.OUT_OF_MEMORY, message)
        return Rejected(place, len(content), hashlib.sha256(content).hexdigest(), (problem,))

    def _tell(self, index: int, number: int, verdict: Verdict, content: bytes) -> None:
        sent = b"" if isinstance(verdict, Rejected) else content
        say(protocol.Judged(index, number, verdict, sent))
        reached(KillPoint.SCENARIO_UNPACKED, other=os.getppid())

    def _refuse(
        self, index: int, place: str, number: int, problem: Problem, *, size_bytes: int = 0
    ) -> None:
        say(protocol.Judged(index, number, Rejected(place, size_bytes, None, (problem,)), b""))

    def _too_large(self, size_bytes: int) -> Problem:
        message = f"it has {size_bytes} bytes; at most {self._most_bytes} are allowed"
        return Problem(Reason.TOO_LARGE, message)


def _left_out(keys: tuple[str, ...]) -> Problem:
    """Return what is told of a pack that says more of itself than is kept."""
    from scenariod.transfer.pack_info import MOST_CHARACTERS, MOST_DEPTH
    from scenariod.validation.readable import LONGEST_NUMBER

    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    message = (
        f'"{keys[0][:_SHOWN_KEY]}"{more} is not kept: pack info may have'
        f" {MOST_CHARACTERS} characters, {MOST_DEPTH} levels, and numbers up to 1.8e308 with at"
        f" most {LONGEST_NUMBER} characters"
    )
    return Problem(Reason.TOO_LARGE, message)


def _placed(verdict: Verdict, piece: Slice) -> Verdict:
    """Return the verdict with its problems' places in the file, that of the slice at least."""
    if not isinstance(verdict, Rejected):
        return verdict
    return replace(verdict, problems=tuple(_in_file(each, piece) for each in verdict.problems))


def _in_file(problem: Problem, piece: Slice) -> Problem:
    line, column = problem.line or 1, problem.column or 1
    before = piece.column - 1 if line == 1 else 0
    return replace(problem, line=piece.line + line - 1, column=before + column)


def _files(source: str) -> list[str]:
    """Return the files to take apart: `source` itself, or those of that folder, in order."""
    if source == STANDARD_INPUT or not Path(source).is_dir():
        return [source]
    return [str(path) for path in folder.files(Path(source))]


def _opened(path: str) -> BinaryIO:
    """Open a regular file at its start; raise OSError if it is another kind of file."""
    if path == STANDARD_INPUT:
        file = safe_open.from_descriptor(os.dup(sys.stdin.fileno()))
        file.seek(0)
        return file
    return safe_open.open_named(Path(path))


def _not_opened(error: OSError, path: str) -> Problem:
    if not isinstance(error, safe_open.NotAFileError):
        return Problem(Reason.UNREADABLE, f"it cannot be read: {error.strerror or error}")
    way = ": save what it holds in a file, and import that" if path == STANDARD_INPUT else ""
    return Problem(Reason.NOT_A_REGULAR_FILE, f"{error.strerror}{way}")


def _tried(path: str) -> BinaryIO | OSError:
    try:
        return _opened(path)
    except OSError as error:
        return error


def _load_readers() -> None:
    """Load what is used later, under the limit and while our code can be read."""
    from scenariod.transfer import pack_info, shape, slices  # noqa: F401


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scenariod.transfer.unpacker", allow_abbrev=False)
    parser.add_argument("--limit-bytes", type=int, required=True)
    parser.add_argument("--max-scenario-bytes", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    parser.add_argument("--after-file", type=int, default=0)
    parser.add_argument("--after-number", type=int, default=-1)
    parser.add_argument("source")
    return parser


if __name__ == "__main__":
    sys.exit(main())
