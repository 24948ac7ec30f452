"""Remove the backups that the plan does not keep, the oldest first. Decides nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.backups import ledger, retention
from scenariod.backups.folder import LOCK_FILE, list_backups
from scenariod.backups.reader import DefectKind
from scenariod.base import durable, lock
from scenariod.base.killpoint import KillPoint, reached

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from scenariod.backups.folder import BackupFile


def planned(folder: Path, rules: retention.Rules) -> retention.Plan:
    """Return what `prune` would do now; removes nothing, and reads no more than trailers.

    Their order is that of the names, their hours and days are those of the trailers: once the
    clock was ahead, all names come after the one from then.
    """
    found = list_backups(folder)
    return retention.plan((_candidate(each, rank) for rank, each in enumerate(found)), rules)


def prune(folder: Path, rules: retention.Rules, *, now: datetime) -> retention.Plan:
    """Remove what the rules do not keep; durable on return. Raises OSError.

    Killed at any point, some of those that were to go are gone, and no other.
    """
    with lock.held(folder / LOCK_FILE):
        plan = planned(folder, rules)
        if not plan.remove:
            return plan
        for decision in reversed(plan.remove):
            (folder / decision.backup.name).unlink(missing_ok=True)
            reached(KillPoint.BACKUP_REMOVED)
        durable.sync_folder(folder)
        ledger.note(folder, (), now=now)
        reached(KillPoint.BACKUPS_PRUNED)
    return plan


def _candidate(found: BackupFile, rank: int) -> retention.Candidate:
    return retention.Candidate(
        found.path.name, rank, found.created, found.size_bytes, _standing(found)
    )


def _standing(found: BackupFile) -> retention.Standing:
    """Return what is known of a backup; only one of our own trailer can be damaged.

    A link is not ours: what it leads to may be one of these files, and go.
    """
    is_foreign = found.batch is None or found.path.is_symlink()
    if is_foreign or found.defect not in {None, DefectKind.ALTERED}:
        return retention.Standing.NOT_OURS
    if found.defect is DefectKind.ALTERED:
        return retention.Standing.DAMAGED
    return retention.Standing.VERIFIED if found.is_verified else retention.Standing.UNKNOWN
