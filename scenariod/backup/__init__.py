"""Backups: each one whole JSON file of the library at one instant, verified.

`file_format.py` has the format, `reader.py` verifies and reads, `folder.py` writes,
lists and finds, `ledger.py` remembers what was verified, `retention.py` says which to keep,
`pruning.py` removes the others.
"""

from scenariod.backup.file_format import SavedPack
from scenariod.backup.folder import (
    LATEST,
    PREPARED_FILE,
    BackupFile,
    Prepared,
    find,
    list_backups,
    newest,
    prepare,
    prepared_count,
    prepared_one,
    remember,
    take,
    write,
)
from scenariod.backup.ledger import Check
from scenariod.backup.pruning import planned, prune
from scenariod.backup.reader import (
    Defect,
    DefectKind,
    Verified,
    documents,
    packs,
    verify,
    verify_file,
)
from scenariod.backup.retention import Decision, Plan, Rules

__all__ = [
    "LATEST",
    "PREPARED_FILE",
    "BackupFile",
    "Check",
    "Decision",
    "Defect",
    "DefectKind",
    "Plan",
    "Prepared",
    "Rules",
    "SavedPack",
    "Verified",
    "documents",
    "find",
    "list_backups",
    "newest",
    "packs",
    "planned",
    "prepare",
    "prepared_count",
    "prepared_one",
    "prune",
    "remember",
    "take",
    "verify",
    "verify_file",
    "write",
]
