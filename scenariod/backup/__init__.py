"""Backups: each one whole JSON file of the library at one instant, verified.

`trailer.py` has the format, `reader.py` verifies and reads, `folder.py` writes, lists and finds,
`ledger.py` remembers what was verified.
"""

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
    remember,
    take,
    write,
)
from scenariod.backup.ledger import Check
from scenariod.backup.reader import (
    Defect,
    DefectKind,
    Verified,
    documents,
    open_regular,
    verify,
    verify_file,
)

__all__ = [
    "LATEST",
    "PREPARED_FILE",
    "BackupFile",
    "Check",
    "Defect",
    "DefectKind",
    "Prepared",
    "Verified",
    "documents",
    "find",
    "list_backups",
    "newest",
    "open_regular",
    "prepare",
    "prepared_count",
    "remember",
    "take",
    "verify",
    "verify_file",
    "write",
]
