"""Backups: each one whole JSON file of the library at one instant, verified.

Others use what is named here, of the files; what restores and rebuilds is imported by module.

- `builder`: the process that makes a new library of a backup
- `damage`: a damaged library: finding and marking it
- `file_format`: the format of a backup file
- `folder`: write, list and find backups
- `ledger`: what the last check of each backup found
- `moments`: a state of the library as people name it
- `pruning`: remove the backups that no rule keeps
- `reader`: verify a backup, and read it
- `rebuild`: put a new library in the place of a damaged one
- `requeue`: files of done/ that a rebuilt library does not hold
- `restore`: verify, back up, change, publish, in this order; undo
- `retention`: which backups to keep
- `schedule`: the daemon's own backups: when one is due
"""

from scenariod.backups.folder import (
    LATEST,
    BackupFile,
    find,
    is_backed_up,
    list_backups,
    newest,
    remember,
    write,
)
from scenariod.backups.ledger import Check
from scenariod.backups.pruning import planned, prune
from scenariod.backups.reader import (
    Defect,
    DefectKind,
    Verified,
    documents,
    packs,
    verify,
    verify_file,
)
from scenariod.backups.retention import Decision, Plan, Rules

__all__ = [
    "LATEST",
    "BackupFile",
    "Check",
    "Decision",
    "Defect",
    "DefectKind",
    "Plan",
    "Rules",
    "Verified",
    "documents",
    "find",
    "is_backed_up",
    "list_backups",
    "newest",
    "packs",
    "planned",
    "prune",
    "remember",
    "verify",
    "verify_file",
    "write",
]
