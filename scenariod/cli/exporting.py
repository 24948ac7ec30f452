"""Writing the library out as packs, a folder of files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scenariod.backups import moments
from scenariod.base.errors import NotFoundError, RootUnusableError
from scenariod.base.faults import EnvironmentFault, Step, during
from scenariod.cli.answer import READ_TIMEOUT_S, Answer, require_root
from scenariod.library import Library
from scenariod.transfer import export as exporter

if TYPE_CHECKING:
    import argparse

    from scenariod.base.config import Config


def export(config: Config, asked: argparse.Namespace) -> Answer:
    """Write the library out as packs; answer where, and how many."""
    require_root(config)
    before = _batch_of(asked.at, config)
    folder = asked.output.absolute()
    try:
        with (
            Library.open_read_only(config.database, busy_timeout_s=READ_TIMEOUT_S) as library,
            library.snapshot() as snapshot,
            during(Step.EXPORTING, folder.parent),
        ):
            done = exporter.export(snapshot, folder, before=before, pack_size=asked.pack_size)
    except EnvironmentFault as error:
        if not isinstance(error.cause, (PermissionError, FileNotFoundError)):
            raise
        raise RootUnusableError(
            f"cannot write {folder} as user {os.geteuid()}: {error.cause.strerror}",
            hint="name a folder in one that this user may write to, with --output DIR",
        ) from error
    many = len(done.files)
    words = f"exported {done.scenarios} scenarios in {many} file{'' if many == 1 else 's'}"
    document = {"exported": str(folder), "scenarios": done.scenarios, "files": done.files}
    return Answer(document, lines=[f"{words} to {folder}"])


def _batch_of(at: str, config: Config) -> int | None:
    """Return the batch that `--at` names; None: now."""
    wanted = moments.parse(at, backups=config.backups)
    if isinstance(wanted, moments.InBackup):
        raise NotFoundError(
            f"{at} is a backup, which is a file of scenarios already",
            hint="name a batch as batch:N; `scenariodctl history` lists them",
        )
    return wanted.batch if isinstance(wanted, moments.BeforeBatch) else None
