"""Importing what users have: files of many scenarios, or folders of them."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenariod.backups import damage
from scenariod.base import causes, faults, process
from scenariod.base.errors import ExitCode, NotFoundError
from scenariod.base.faults import Step, during
from scenariod.base.names import printable, printable_line, shell_word
from scenariod.base.root import prepare
from scenariod.base.value import as_dict
from scenariod.cli import terminal
from scenariod.cli.answer import READ_TIMEOUT_S, Stream, require_root
from scenariod.library import Library, OnConflict, Result
from scenariod.monitoring import status as live
from scenariod.monitoring.journal import CommandJournal, Event
from scenariod.transfer import folder, importing
from scenariod.transfer.unpack import Bounds, unpack
from scenariod.validation import reason_file
from scenariod.workers import start_check
from scenariod.workers.budget import sizes_here, spare_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from scenariod.base.config import Config
    from scenariod.library import SettledFile
    from scenariod.transfer.importing import Summary

STANDARD_INPUT = "-"


def import_(config: Config, asked: argparse.Namespace) -> Stream:
    """Bring in what a file or a folder holds; answer what became of it, each refusal by place."""
    require_root(config)
    start_check.refuse_to_stay_root(config.root)
    damage.refuse_damaged(config)
    source = _source(asked.source)
    bounds = _bounds(config)
    refusals = tempfile.TemporaryFile()  # noqa: SIM115  handed on to who prints the answer
    listener = _Listener(refusals, source=_shown(source))
    try:
        with _stop_on_signal() as stopping, closing(unpack(source, bounds=bounds)) as frames:
            if asked.dry_run:
                with _library_to_read(config) as library:
                    summary = importing.foresee(
                        library,
                        frames,
                        on_conflict=OnConflict(config.library.on_conflict),
                        listener=listener,
                        stopping=stopping,
                    )
            else:
                prepare(config)
                busy_s = config.library.busy_timeout_s
                with Library.open(config.database, busy_timeout_s=busy_s) as library:
                    summary = importing.bring_in(
                        config,
                        library,
                        frames,
                        source=_shown(source),
                        listener=listener,
                        stopping=stopping,
                    )
    finally:
        listener.clear()
    told = _Told(source, summary, dry_run=asked.dry_run, published=config.published)
    pieces = told.as_json(refusals) if asked.json else told.as_lines(refusals)
    return Stream(pieces, code=told.code)


class _Listener:
    """Writes down each refusal as it comes, tells the journal of batches, shows progress."""

    def __init__(self, refusals: BinaryIO, *, source: str) -> None:
        self._refusals = refusals
        self._source = source
        self._progress = terminal.Progress()
        self._name = source
        self._files = 0
        self._count = 0
        self._done = 0

    def begun(self, name: str, count: int) -> None:
        """See `importing.Listener`."""
        self._name = name
        self._files += 1
        self._count += count
        self._show()

    def settled(self, files: Iterable[SettledFile], *, batch: int | None) -> None:
        """See `importing.Listener`."""
        added = 0
        with during(Step.LISTING, Path(tempfile.gettempdir())):
            for file in files:
                self._done += 1
                added += file.result.changes
                if file.result is Result.REFUSED:
                    self._refusals.write(json.dumps(_refusal(file)).encode() + b"\n")
            self._refusals.flush()
        if batch is not None:
            words = f"imported {added} scenarios from {self._source} as batch {batch}"
            CommandJournal().tell(
                Event.IMPORTED, words, batch=batch, scenarios=added, source=self._source
            )
        self._show()

    def clear(self) -> None:
        """Take the line of progress away."""
        self._progress.clear()

    def _show(self) -> None:
        # Of a folder only the files so far have been counted.
        of = f" of {self._count}" if self._files == 1 else ""
        self._progress.show(f"{self._done}{of} scenarios done; reading {self._name}")


def _refusal(file: SettledFile) -> dict[str, Any]:
    return {
        "place": printable(file.name),
        "scenario": file.scenario_id,
        "problems": [as_dict(reason_file.shown(problem)) for problem in file.problems],
        "words": [reason_file.shown(problem).words() for problem in file.problems],
    }


class _Told:
    """An import in words, and as a document."""

    def __init__(self, source: str, summary: Summary, *, dry_run: bool, published: Path) -> None:
        self._source = _shown(source)
        self._folder = Path(source)
        self._left_alone = folder.left_alone(self._folder) if self._folder.is_dir() else []
        self._summary = summary
        self._dry_run = dry_run
        self._published = published

    @property
    def code(self) -> ExitCode:
        """The exit code of the command."""
        if self._summary.fault is not None:
            return getattr(self._summary.fault, "exit_code", ExitCode.PAUSED)
        if self._summary.stopped:
            return ExitCode.INTERRUPTED
        return ExitCode.SOME_REFUSED if self._summary.counts.refused else ExitCode.OK

    def as_lines(self, refusals: BinaryIO) -> Iterator[str]:
        """Yield what people read: each refusal, then the counts, then how to go back."""
        for refusal in _read_back(refusals):
            which = f" {refusal['scenario']}" if refusal["scenario"] else ""
            for problem, words in zip(refusal["problems"], refusal["words"], strict=True):
                line = f"refused {refusal['place']}{which} ({problem['code']}): {words}"
                yield printable_line(line) + "\n"
        for line in self._closing():
            yield printable_line(line) + "\n"

    def as_json(self, refusals: BinaryIO) -> Iterator[str]:
        """Yield one JSON document; the refusals stream, however many they are."""
        head = json.dumps(self._document(), indent=2).removesuffix("\n}")
        yield f'{head},\n  "refusals": ['
        separator = "\n    "
        for refusal in _read_back(refusals):
            kept = {key: refusal[key] for key in ("place", "scenario", "problems")}
            yield separator + json.dumps(kept)
            separator = ",\n    "
        yield "]\n}\n"

    def _document(self) -> dict[str, Any]:
        summary = self._summary
        return {
            "import" if not self._dry_run else "would_import": self._source,
            **as_dict(summary.counts),
            "left_alone": len(self._left_alone),
            "left_alone_files": folder.shown(self._left_alone, self._folder),
            "batches": summary.batches,
            "backup": _name_of(summary.backup),
            "closing_backup": _name_of(summary.closing_backup),
            "interrupted": summary.stopped,
            "fault": None if summary.fault is None else str(faults.of(summary.fault)),
        }

    def _closing(self) -> Iterator[str]:
        summary, what = self._summary, self._summary.counts.words()
        left_alone = folder.shown(self._left_alone, self._folder)
        yield from live.left_alone(len(self._left_alone), left_alone)
        if self._dry_run:
            yield f"would import {self._source}: {what}"
            yield "nothing was changed: this was a dry run"
            return
        many = len(summary.batches)
        yield f"imported {self._source}: {what}, in {many} batch{'' if many == 1 else 'es'}"
        if summary.fault is not None:
            yield f"stopped before the end: {faults.of(summary.fault)}"
            yield "what was added stays; the same command continues"
        elif summary.stopped:
            yield "stopped before the end: what was added stays; the same command continues"
        if summary.batches:
            first = summary.batches[0]
            backup = (
                "" if summary.backup is None else f", or scenariodctl restore {summary.backup.name}"
            )
            if summary.published:
                yield f"published {self._published}"
            later = f"after later changes: scenariodctl restore batch:{first}{backup}"
            yield f"to go back: scenariodctl undo last; {later}"


def _name_of(backup: Path | None) -> str | None:
    return None if backup is None else backup.name


@contextmanager
def _library_to_read(config: Config) -> Iterator[Library]:
    """Yield the library, or an empty one if it does not exist yet."""
    if config.database.exists():
        with Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library:
            yield library
        return
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, config.database.name)
        with Library.open(empty, busy_timeout_s=READ_TIMEOUT_S) as library:
            yield library


def _source(asked: str) -> str:
    """Return the source as the unpacker is told it; raise NotFoundError where it is not there."""
    if asked == STANDARD_INPUT:
        return asked
    path, word = Path(asked), shell_word(asked)
    as_yourself = f"to read it as yourself: `sudo scenariodctl import - < {word}`"
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        cause = causes.find(error, path)
        cure = cause.cure if cause.why else f"`ls -ld {word}`"
        hint = as_yourself if isinstance(error, PermissionError) else cure
        raise NotFoundError(f"cannot import: {faults.of(error).words}", hint=hint or "") from error
    if not os.access(path, os.R_OK):
        raise NotFoundError(
            f"{asked} cannot be read by user {os.geteuid()}, which owns the library",
            hint=as_yourself,
        )
    return str(path.absolute())


def _shown(source: str) -> str:
    return "standard input" if source == STANDARD_INPUT else Path(source).name or source


def _bounds(config: Config) -> Bounds:
    """Return what the unpacker may use: a worker's limit, or what the machine can spare now."""
    spare = spare_bytes(config.memory, what="an import")
    limit_bytes = sizes_here(config.memory).limit_bytes
    return Bounds(
        limit_bytes=min(limit_bytes, spare, process.most_allowed_bytes()),
        max_scenario_bytes=config.intake.max_scenario_bytes,
        timeout_s=config.worker.timeout_s,
    )


@contextmanager
def _stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Yield a question: has Ctrl-C or SIGTERM come? The first one waits for the batch at hand."""
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        asked.append(number)
        signal.signal(number, signal.SIG_DFL)  # the second one ends it at once

    former = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _read_back(refusals: BinaryIO) -> Iterator[dict[str, Any]]:
    with refusals:
        refusals.seek(0)
        for line in refusals:
            yield json.loads(line)
