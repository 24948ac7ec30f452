"""Named moments at which a test can have a process killed, or stand still.

The one shows what a crash there leaves, the other gives the test all the time that it needs.

Owns the table of moments. Does nothing unless the environment names a folder of orders.
"""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from pathlib import Path

VARIABLE = "SCENARIOD_KILL_ORDERS"
"""Names a folder; a file in it that is named like a kill point is an `Order`, for once."""


class KillPoint(StrEnum):
    """The moments, each named for what has just been done, in the order of a file's story.

    `tests/support/kill_points.py` says which test has processes killed at which of them.
    """

    # From the inbox to a launch
    RECOVERED = "recovered"
    BATCH_RESERVED = "batch-reserved"
    FOLDER_MADE = "folder-made"
    FILE_CLAIMED = "file-claimed"
    CLAIMED = "claimed"
    VERDICT_FORGOTTEN = "verdict-forgotten"
    ATTEMPT_COUNTED = "attempt-counted"

    # A worker, as its supervisor sees it
    WORKER_LAUNCHED = "worker-launched"
    WORKER_READY = "worker-ready"
    FILES_HANDED_OVER = "files-handed-over"
    WORKER_ENDED = "worker-ended"
    VERDICT_READ = "verdict-read"
    BATCH_SPARED = "batch-spared"
    MORE_ALLOWED = "more-allowed"

    # In the worker
    FILE_READ = "file-read"
    VERDICT_BEING_WRITTEN = "verdict-being-written"
    VERDICT_WRITTEN = "verdict-written"

    # In the unpacker
    SCENARIO_UNPACKED = "scenario-unpacked"

    # A backup
    BACKUP_BEING_WRITTEN = "backup-being-written"
    BACKUP_WRITTEN = "backup-written"
    BACKUP_VERIFIED = "backup-verified"
    BACKUP_NOTED = "backup-noted"

    # Settling
    SCENARIO_ADDED = "scenario-added"
    BATCH_RECORDED = "batch-recorded"
    COMMITTED = "committed"
    REASON_BEING_WRITTEN = "reason-being-written"
    REASON_WRITTEN = "reason-written"
    FILE_MOVED = "file-moved"
    FILES_MOVED = "files-moved"
    FILE_GIVEN_BACK = "file-given-back"
    FOLDER_EMPTIED = "folder-emptied"
    FOLDER_REMOVED = "folder-removed"

    # A batch taken apart
    BATCH_APART_RESERVED = "batch-apart-reserved"
    FOLDER_APART_MADE = "folder-apart-made"
    FILE_SET_APART = "file-set-apart"

    # After the drain
    LIBRARY_BEING_PUBLISHED = "library-being-published"
    LIBRARY_PUBLISHED = "library-published"
    PUBLISHED_MARKED = "published-marked"

    # Removing old files
    CUT_OFF_FOUND = "cut-off-found"
    OLD_FILE_REMOVED = "old-file-removed"
    OLD_REASON_REMOVED = "old-reason-removed"
    TIDIED = "tidied"

    # Pruning
    BACKUP_REMOVED = "backup-removed"
    BACKUPS_PRUNED = "backups-pruned"

    # Rebuilding a damaged library
    DAMAGE_MARKED = "damage-marked"
    LIBRARY_REBUILT = "library-rebuilt"
    FILE_TAKEN_BACK = "file-taken-back"
    DAMAGED_SET_ASIDE = "damaged-set-aside"
    WAL_SET_ASIDE = "wal-set-aside"
    REBUILT_IN_PLACE = "rebuilt-in-place"
    DAMAGE_UNMARKED = "damage-unmarked"

    # What a person asks for
    RESTORE_VERIFIED = "restore-verified"
    SAFETY_BACKED_UP = "safety-backed-up"
    RESTORE_RECORDED = "restore-recorded"
    RESTORED = "restored"
    UNDO_RECORDED = "undo-recorded"
    UNDONE = "undone"
    IMPORT_BACKED_UP = "import-backed-up"
    IMPORT_COMMITTED = "import-committed"
    IMPORTED = "imported"
    EXPORT_BEING_WRITTEN = "export-being-written"
    EXPORT_WRITTEN = "export-written"
    EXPORTED = "exported"


class Order(StrEnum):
    """What an order file may say: who dies, or that nobody does. An empty one means `HERE`.

    A worker's other is its supervisor, and a supervisor's the worker that it has. `HOLD` has the
    process stand still until SIGCONT.
    """

    HERE = "here"
    OTHER = "other"
    BOTH = "both"
    HOLD = "hold"


def reached(point: KillPoint, *, other: int | None = None) -> None:
    """Kill this process with SIGKILL, or stop it, where an order says so; else return at once.

    `other` is the process ID of the other one that an order may mean. The order is taken away
    first, so that the next process lives.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    file = Path(folder, point)
    try:
        order = Order(file.read_text(encoding="ascii").strip() or Order.HERE)
        file.unlink()
    except (FileNotFoundError, PermissionError):  # no order, or none that reaches this user
        return
    if order is Order.HOLD:
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    if order is not Order.HERE:
        if other is None:
            raise ValueError(f"nobody but this process can die at {point}")
        os.kill(other, signal.SIGKILL)
    if order is not Order.OTHER:
        os.kill(os.getpid(), signal.SIGKILL)
