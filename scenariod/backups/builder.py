"""The process that makes a new library of a backup, when the one there was is damaged.

Has a limit of its own, and all its memory goes back when it ends: a document may be anything that
was ever accepted. Writes the new database beside the old one, and moves files from done/ back into
inbox/; never touches the library that is in force.
"""

from __future__ import annotations

import argparse
import errno
import json
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod.backups import moments, requeue
from scenariod.base import clock
from scenariod.base.errors import BackupUnusableError, ExitCode
from scenariod.base.killpoint import KillPoint, reached
from scenariod.library import Digests, Library, traces
from scenariod.workers.privileges import die_with, drop_capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scenariod.backups.reader import Verified
    from scenariod.library import NewScenario, Traces

BUSY_TIMEOUT_S = 30.0
SPARE_NUMBERS = 1000
"""How many batch numbers are passed over where the damaged library cannot tell which it gave."""
_TELL_EVERY = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the library that is asked for; say how far it is, and what came of it, on stdout."""
    asked = _parser().parse_args(arguments)
    die_with(asked.parent)
    drop_capabilities()
    resource.setrlimit(resource.RLIMIT_AS, (asked.limit_bytes, asked.limit_bytes))
    try:
        return _build(asked)
    except BackupUnusableError as error:
        _say(words=str(error))
        return error.exit_code
    except MemoryError:
        _say(errno=errno.ENOMEM, path=str(asked.backup))
    except OSError as error:
        path = error.filename if isinstance(error.filename, str) else str(asked.target)
        _say(errno=error.errno or errno.EIO, path=path)
    return ExitCode.PAUSED


def _build(asked: argparse.Namespace) -> int:
    for leftover in asked.target.parent.glob(f"{asked.target.name}*"):
        leftover.unlink()
    told = traces(asked.damaged)
    with (
        moments.opened_backup(asked.backup) as (file, checked),
        Library.open(asked.target, busy_timeout_s=BUSY_TIMEOUT_S) as library,
    ):
        above = max(asked.above, told.highest_batch, checked.batch)
        library.reserve_batch(above=above if told.complete else above + SPARE_NUMBERS)
        documents = _counted(moments.saved_scenarios(file, asked.backup), of=checked.count)
        library.restore(
            documents,
            packs=moments.saved_packs(file, asked.backup),
            unless_changed_since=0,
            clock=clock.now,
            note=f"restore {asked.backup.name}",
        )
        there = _digests(library)
        library.fold()
        library.check()
    reached(KillPoint.LIBRARY_REBUILT)
    returned = requeue.requeue(
        done=asked.done,
        inbox=asked.inbox,
        there=there,
        told=told,
        unknown_since=_unknown_since(asked, told, checked),
    )
    _say(scenarios=checked.count, taken_back=returned.moved, unreadable=returned.unreadable)
    return ExitCode.OK


def _unknown_since(asked: argparse.Namespace, told: Traces, checked: Verified) -> float:
    """Return since when a file unknown to the library must be in done/ to be requeued.

    Seconds since 1970. If the library's history was recovered completely, an unknown file is either
    older than the history, left there by an earlier rebuild, or newer than the last known batch. If
    it was not, an older version must not replace a newer one; if conflicts are refused it cannot.
    """
    since = told.until if told.complete else 0.0
    return max(since, checked.created.timestamp()) if asked.replaces else since


def _digests(library: Library) -> Digests:
    with library.snapshot() as snapshot:
        return Digests(version.stored.sha256 for version in snapshot.versions())


def _counted(documents: Iterable[NewScenario], *, of: int) -> Iterator[NewScenario]:
    for number, each in enumerate(documents):
        if number % _TELL_EVERY == 0:
            _say(done=number, of=of)
        yield each


def _say(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scenariod.backups.builder", allow_abbrev=False)
    for name in ("backup", "target", "damaged", "done", "inbox"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("parent", "above", "limit-bytes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--replaces", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
