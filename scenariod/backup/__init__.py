"""Backups: each one whole JSON file of the library at one instant, verified.

`trailer.py` has the format, `reader.py` verifies and reads, `folder.py` writes, lists and finds.
"""

from scenariod.backup.folder import (
    BackupFile,
    find,
    list_backups,
    prepare,
    prepared_batch,
    take_prepared,
    write,
)
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
    "BackupFile",
    "Defect",
    "DefectKind",
    "Verified",
    "documents",
    "find",
    "list_backups",
    "open_regular",
    "prepare",
    "prepared_batch",
    "take_prepared",
    "verify",
    "verify_file",
    "write",
]
