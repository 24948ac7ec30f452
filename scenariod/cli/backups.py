"""Which backups there are, whether they are whole, and which of them are kept."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, assert_never

from scenariod import backups as backup
from scenariod.backups.schedule import rules_of
from scenariod.base import clock
from scenariod.base.errors import ExitCode, UsageError
from scenariod.base.names import shell_word
from scenariod.base.units import size
from scenariod.cli.answer import Answer, require_root
from scenariod.cli.terminal import Progress

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from scenariod.backups import Decision
    from scenariod.base.config import Config

_NOT_WRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
ADVICE = {
    backup.DefectKind.CUT_OFF: "an interrupted copy: copy it again from an intact original",
    backup.DefectKind.ALTERED: "a disk or a program has changed it: copy it again from an intact"
    " original; `journalctl -k -p warning` shows what the disk reports",
    backup.DefectKind.WRONG_COUNT: "scenariod did not write it:"
    " `jq '.scenarios | length' {path}` shows how many are in it",
    backup.DefectKind.FOREIGN: "not a backup of scenariod: `head -c 200 {path}` shows what it is",
    backup.DefectKind.LATER_VERSION: "it is kept; the version that wrote it, or a newer one, can"
    " restore it",
    backup.DefectKind.UNREADABLE: "see its owner and mode, and what the disk reports:"
    " `ls -l {path}; journalctl -k -p warning`",
}
"""What helps against each defect."""


def backups(config: Config, _: argparse.Namespace) -> Answer:
    """Answer which backups there are, newest first."""
    require_root(config)
    found = backup.list_backups(config.backups) if config.backups.is_dir() else []
    document = [
        {
            "name": b.path.name,
            "created": b.created.isoformat(timespec="seconds"),
            "scenarios": b.count,
            "batch": b.batch,
            "size_bytes": b.size_bytes,
            "verified": b.check.checked_at.isoformat(timespec="seconds")
            if b.check is not None and b.check.defect is None
            else None,
            "defect": b.defect,
        }
        for b in found
    ]
    lines = [
        f"{b.path.name}  {b.created:%Y-%m-%d %H:%M:%S} UTC  "
        f"{_content(b)}  {size(b.size_bytes)}  {_known(b)}"
        for b in found
    ]
    return Answer(document, lines=lines or ["there is no backup yet"])


def verify(config: Config, asked: argparse.Namespace) -> Answer:
    """Read all of the backups that are asked for, and answer whether they are whole."""
    require_root(config)
    paths = _asked_for(config, asked)
    progress = Progress()
    found = []
    try:
        for number, path in enumerate(paths, 1):
            progress.show(f"reading {path.name}, {number} of {len(paths)}")
            found.append(backup.verify(path))
    finally:
        progress.clear()
    remembered = _remembered(config, found)
    whole = next((f for f in found if isinstance(f, backup.Verified)), None)
    broken = [f for f in found if isinstance(f, backup.Defect)]
    lines = [line for each in found for line in _lines(each)]
    if broken and whole is not None:
        lines.append(f"the newest intact one: `scenariodctl restore {whole.path.name}`")
    if not remembered:
        lines.append("result not saved: backups/ is not writable")
    code = ExitCode.BACKUP_UNUSABLE if broken else ExitCode.OK
    kept_of = config.backups if remembered else None
    return Answer([_entry(f, kept_of=kept_of) for f in found], lines=lines, code=code)


def prune(config: Config, asked: argparse.Namespace) -> Answer:
    """Remove the backups that no rule keeps, or only say what would go; answer why."""
    require_root(config)
    rules = rules_of(config)
    if not config.backups.is_dir():
        plan = backup.Plan((), ())
    elif asked.dry_run:
        plan = backup.planned(config.backups, rules)
    else:
        plan = backup.prune(config.backups, rules, now=clock.now())
    document = {
        "dry_run": asked.dry_run,
        "backups": [
            {
                "name": d.backup.name,
                "keep": d.keep,
                "reasons": d.reasons,
                "size_bytes": d.backup.size_bytes,
                "standing": d.backup.standing,
            }
            for d in plan.decisions
        ],
    }
    freed = sum(d.backup.size_bytes for d in plan.remove)
    done = "would remove" if asked.dry_run else "removed"
    total = f"{done} {len(plan.remove)} of {len(plan.decisions)} backups, {size(freed)}"
    return Answer(document, lines=[*(_decision_line(d) for d in plan.decisions), total])


def _content(found: backup.BackupFile) -> str:
    """Return how many scenarios a backup holds, or what it is if its trailer cannot be read."""
    if found.count is not None:
        return f"{found.count} scenarios"
    named = {backup.DefectKind.FOREIGN, backup.DefectKind.LATER_VERSION}
    return found.defect.words if found.defect in named else "not whole"


def _known(found: backup.BackupFile) -> str:
    """Say what the last reading of a backup has found."""
    if found.check is None:
        return "not verified"
    when = f"{found.check.checked_at:%Y-%m-%d %H:%M:%S} UTC"
    what = "verified" if found.check.defect is None else f"found {found.check.defect}"
    return f"{what} {when}"


def _decision_line(decision: Decision) -> str:
    found = decision.backup
    what = "keep  " if decision.keep else "remove"
    why = "; ".join(decision.reasons)
    return f"{what}  {found.name}  {size(found.size_bytes)}  {found.standing}  {why}"


def _asked_for(config: Config, asked: argparse.Namespace) -> list[Path]:
    if not asked.all:
        return [backup.find(config.backups, asked.name or backup.LATEST)]
    if asked.name is not None:
        raise UsageError(
            f"either --all or {asked.name!r}", hint="`scenariodctl backups verify --all`"
        )
    return [b.path for b in backup.list_backups(config.backups)] if config.backups.is_dir() else []


def _remembered(config: Config, found: list[backup.Verified | backup.Defect]) -> bool:
    """Remember what was found of those in backups/; say whether that could be done."""
    ours = [each for each in found if each.path.parent == config.backups]
    if not ours:
        return True
    try:
        backup.remember(config.backups, ours, now=clock.now())
    except OSError as error:
        if error.errno not in _NOT_WRITABLE:
            raise
        return False
    return True


def _lines(found: backup.Verified | backup.Defect) -> list[str]:
    name = found.path.name
    if isinstance(found, backup.Verified):
        return [f"{name}  intact: {found.count} scenarios, every byte as it was written"]
    if isinstance(found, backup.Defect):
        return [
            f"{name}  {found.kind}: {found.message}",
            f"    {_advice(found)}",
        ]
    assert_never(found)


def _entry(found: backup.Verified | backup.Defect, *, kept_of: Path | None) -> dict[str, object]:
    defect = found if isinstance(found, backup.Defect) else None
    return {
        "name": found.path.name,
        "path": str(found.path),
        "whole": defect is None,
        "scenarios": found.count if isinstance(found, backup.Verified) else None,
        "defect": None if defect is None else defect.kind,
        "message": None if defect is None else defect.message,
        "advice": None if defect is None else _advice(defect),
        "remembered": found.path.parent == kept_of,
    }


def _advice(defect: backup.Defect) -> str:
    return ADVICE[defect.kind].format(path=shell_word(defect.path))
