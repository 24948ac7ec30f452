"""The process that makes the report: the library in, the files of reports/ out, then its end.

Has a memory limit of its own, and is the first to go where the machine runs short. Reads the
library, never changes it; may be killed at any point: the next one goes on from what is there.
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenariod.base import clock, config, lock
from scenariod.base.errors import ExitCode, ScenariodError
from scenariod.library import Library, Likenesses
from scenariod.reports import analytics, attention, batches, browse, counting, index, listing
from scenariod.reports.folder import ANALYTICS, INDEX, LOCK_FILE, Folder, page_name
from scenariod.reports.html import Templates
from scenariod.workers.confinement import set_rlimits, yield_to_others
from scenariod.workers.outcome import EXIT_NO_LIMIT
from scenariod.workers.privileges import die_with, drop_capabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenariod.base.config import Config
    from scenariod.library import Snapshot
    from scenariod.reports.counting import Counted

LONGEST_WAIT_S = 1.0
"""For another builder: what that one makes is as good."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the report; say what was made, or what went wrong, in a line of JSON on stdout."""
    asked = _parser().parse_args(arguments)
    die_with(asked.parent)
    drop_capabilities()
    limit = set_rlimits(asked.limit_bytes)
    if isinstance(limit, str):
        _say(words=limit)
        return EXIT_NO_LIMIT
    yield_to_others()
    loaded = config.load(config=asked.config, root=asked.root, cwd=Path.cwd())
    try:
        _say(**make(loaded))
    except ScenariodError as error:
        _say(words=str(error), hint=error.hint)
        return error.exit_code
    except MemoryError:
        _say(errno=errno.ENOMEM, path=str(loaded.reports))
        return ExitCode.PAUSED
    except OSError as error:
        path = error.filename if isinstance(error.filename, str) else str(loaded.reports)
        _say(errno=error.errno or errno.EIO, path=path)
        return ExitCode.PAUSED
    return ExitCode.OK


def make(config: Config) -> dict[str, Any]:
    """Make the report of the library as it is now; return how much there was to do.

    First the figures, then the page, then the scenarios to browse.
    """
    folder = Folder(config.reports)
    folder.path.mkdir(exist_ok=True)
    busy_s = config.library.busy_timeout_s
    with (
        lock.held(folder.path / LOCK_FILE, longest_wait_s=LONGEST_WAIT_S),
        Library.open_read_only(config.database, busy_timeout_s=busy_s) as library,
        library.snapshot() as snapshot,
    ):
        folder.prepare()
        with Likenesses() as likes:
            counted = counting.count(snapshot, folder, voices=config.voices, likes=likes)
            document = _document(config, snapshot, counted, likes.indexed())
        folder.write(ANALYTICS, [json.dumps(document, indent=1, ensure_ascii=True), "\n"])
        templates = Templates()
        folder.write(INDEX, index.page(templates, document))
        made = browse.write_pages(
            snapshot, folder, templates, pages=counted.pages, voices=config.voices
        )
        lists = listing.write_lists(snapshot, folder, templates, pages=counted.pages)
        folder.remove_others(folder.library, lists | {page_name(page) for page in counted.pages})
    return {"scenarios": counted.whole.count, "counted": counted.counted_anew, "pages": made}


def _document(
    config: Config, snapshot: Snapshot, counted: Counted, likes: Likenesses
) -> dict[str, Any]:
    soft_percent = config.memory.soft_limit_percent
    summary = batches.summarize(*snapshot.measures(), soft_limit_percent=soft_percent)
    subjects = analytics.subjects(counted.whole, likes, counted.voiced, snapshot.heard())
    voices = subjects.pop("voices")
    return {
        "version": analytics.VERSION,
        "made": clock.now().isoformat(timespec="seconds"),
        "scenarios": counted.whole.count,
        "last_change": snapshot.batch,
        "attention": {
            "refused": attention.refused_files(config.failed),
            "backup": attention.backup(config, scenarios=snapshot.count),
            "left_out": analytics.left_out(counted.whole),
            "pauses": attention.pauses(snapshot),
        },
        **subjects,
        "batches": batches.as_document(
            summary, snapshot.refused(), soft_limit_percent=soft_percent
        ),
        "voices": voices
        | {
            "credits_per_month": config.voice_rules.credits_per_month,
            "price_per_1000": config.voice_rules.price_per_1000,
        },
    }


def _say(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scenariod.reports.builder", allow_abbrev=False)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--limit-bytes", type=int, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
