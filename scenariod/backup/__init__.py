"""Backups: each one whole JSON file of the library at one instant, verified.

`trailer.py` has the format, `reader.py` verifies and reads, `folder.py` writes, lists and finds.
"""

from scenariod.backup.folder import (
    PREPARED_FILE,
    BackupFile,
    Prepared,
    find,
    list_backups,
    prepare,
    take,
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
    "PREPARED_FILE",
    "BackupFile",
    "Defect",
    "DefectKind",
    "Prepared",
    "Verified",
    "documents",
    "find",
    "list_backups",
    "open_regular",
    "prepare",
    "take",
    "verify",
    "verify_file",
    "write",
]
