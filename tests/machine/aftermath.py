"""What a power cut has left on a disk, read from the host, and held against what was reported.

Reads a copy of the disk: the machine that goes on with it finds it as the cut left it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenariod import backups
from scenariod.monitoring.journal import Event

from .disk import Disk

DROPPED = "dropper"
"""The journal's identifier of one who has synced a file and dropped it."""


@dataclass
class Reports:
    """What has been reported so far, over all cuts of one disk."""

    dropped: set[str] = field(default_factory=set)
    added: set[tuple[int, str]] = field(default_factory=set)
    backups: set[str] = field(default_factory=set)
    restored: set[int] = field(default_factory=set)
    imported: dict[int, int] = field(default_factory=dict)

    def note(self, entries: list[dict[str, Any]]) -> None:
        """Take in journal entries."""
        for entry in entries:
            kind = entry.get("MESSAGE_ID")
            if entry.get("SYSLOG_IDENTIFIER") == DROPPED:
                self.dropped.add(entry["SCENARIOD_FILE"])
            elif kind == Event.FILE_ADDED.message_id:
                self.added.add((int(entry["SCENARIOD_BATCH"]), entry["SCENARIOD_SCENARIO"]))
            elif kind == Event.BACKUP_WRITTEN.message_id:
                self.backups.add(Path(entry["SCENARIOD_BACKUP"]).name)
            elif kind == Event.IMPORTED.message_id:
                self.imported[int(entry["SCENARIOD_BATCH"])] = int(entry["SCENARIOD_SCENARIOS"])
            elif kind == Event.RESTORED.message_id:
                self.restored.add(int(entry["SCENARIOD_BATCH"]))
                self.backups.add(entry["SCENARIOD_SAFETY_BACKUP"])


@contextmanager
def read(disk: Disk, scratch: Path) -> Iterator[Path]:
    """Give a folder with what is on the disk after its file system's journal was replayed."""
    copy, folder = scratch / "copy", scratch / "content"
    subprocess.run(["cp", "--sparse=always", disk.path, copy], check=True)
    folder.mkdir()
    try:
        replayed = _run("/sbin/e2fsck", "-y", "-E", "journal_only", str(copy))
        assert replayed.returncode in (0, 1), replayed.stdout
        extracted = _run("/sbin/debugfs", "-R", f"rdump / {folder}", str(copy))
        assert extracted.returncode == 0, extracted.stdout
        yield folder
    finally:
        shutil.rmtree(folder)
        copy.unlink()


def check(root: Path, reports: Reports) -> None:
    """Fail where anything that was reported is not so, or anything else is not whole."""
    if not (root / "library" / "scenarios.db").exists():
        assert reports == Reports(dropped=reports.dropped)
        return
    db = sqlite3.connect(root / "library" / "scenarios.db")
    try:
        assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        history = History(db)
        check_scenarios(history, reports)
        backups = check_backups(root / "backups", history, reports)
        check_restores(history, backups, reports)
        check_published(root / "library" / "scenarios.json", history)
        check_files(root, db, reports)
    finally:
        db.close()


class History:
    """The library as it was after each of its batches."""

    def __init__(self, db: sqlite3.Connection) -> None:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
        batches, rows, marks = [], [], []
        if "scenario" in tables:
            batches = db.execute("SELECT id, kind, note FROM batch ORDER BY position").fetchall()
            rows = db.execute("SELECT id, added_batch, removed_batch FROM scenario").fetchall()
            marks = db.execute("SELECT batch FROM mark WHERE name = 'published'").fetchall()
        self.kinds: dict[int, str] = {batch: kind for batch, kind, _ in batches}
        self.notes: dict[int, str] = {batch: note for batch, _, note in batches}
        self.rows: list[tuple[str, int, int | None]] = rows
        self.published: int | None = marks[0][0] if marks else None
        self._position = {batch: place for place, batch in enumerate(self.kinds, start=1)}

    def ids_after(self, batch: int) -> list[str]:
        """Return the scenarios right after a batch, 0 for the beginning, sorted."""
        place = self._position[batch] if batch else 0
        return sorted(
            scenario
            for scenario, added, removed in self.rows
            if self._position[added] <= place
            and (removed is None or self._position[removed] > place)
        )

    def latest_change(self) -> int:
        """Return the batch that last added or removed something; 0 if none has."""
        changes = {batch for _, *both in self.rows for batch in both if batch is not None}
        return max(changes, key=lambda batch: self._position[batch], default=0)

    def ids(self) -> list[str]:
        """Return the scenarios that are there now."""
        return self.ids_after(self.latest_change())


def check_scenarios(history: History, reports: Reports) -> None:
    """Every scenario that was reported is there, or a restore removed it; none is twice."""
    added = Counter((batch, scenario) for scenario, batch, _ in history.rows)
    assert {reported: added[reported] for reported in reports.added} == dict.fromkeys(
        reports.added, 1
    )
    removers = {removed for _, _, removed in history.rows if removed is not None}
    assert {history.kinds[remover] for remover in removers} <= {"restore"}
    assert max(Counter(history.ids()).values(), default=1) == 1
    imports = {batch for batch, kind in history.kinds.items() if kind == "import"}
    rows = Counter(batch for _, batch, _ in history.rows)
    assert reports.imported.keys() <= imports
    assert {batch: rows[batch] for batch in reports.imported} == reports.imported
    brought = {batch for batch, kind in history.kinds.items() if kind in {"intake", "import"}}
    by_files = Counter(scenario for scenario, batch, _ in history.rows if batch in brought)
    assert max(by_files.values(), default=1) == 1


def check_backups(folder: Path, history: History, reports: Reports) -> dict[str, list[str]]:
    """Every backup verifies and holds the library as of its batch; return their scenarios."""
    found = {}
    for path in folder.glob("scenarios-backup-*.json"):
        verified = backups.verify(path)
        assert isinstance(verified, backups.Verified), verified
        held = sorted(s["id"] for s in json.loads(path.read_bytes())["scenarios"])
        assert held == history.ids_after(verified.batch), path.name
        found[path.name] = held
    assert reports.backups <= set(found)
    return found


def check_restores(history: History, backups: dict[str, list[str]], reports: Reports) -> None:
    """Every restore has made the library exactly what its backup holds."""
    restores = {batch for batch, kind in history.kinds.items() if kind == "restore"}
    assert reports.restored <= restores
    for batch in restores:
        source = history.notes[batch].removeprefix("restore ")
        assert history.ids_after(batch) == backups[source], history.notes[batch]


def check_published(path: Path, history: History) -> None:
    """What is published is whole, the library as it was once; the latest, where it says so."""
    if not path.exists():
        assert history.published is None
        return
    shown = sorted(s["id"] for s in json.loads(path.read_bytes())["scenarios"])
    if history.published == history.latest_change():
        assert shown == history.ids()
    assert any(shown == history.ids_after(batch) for batch in [0, *history.kinds])


def check_files(root: Path, db: sqlite3.Connection, reports: Reports) -> None:
    """Each dropped file is in one place; in done/ byte for byte as the library recorded it."""
    recorded = {}
    if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'file'").fetchone():
        recorded = dict(db.execute("SELECT cast(name AS TEXT), sha256 FROM file").fetchall())
    places = [
        path
        for folder in ("inbox", "work", "done", "failed")
        for path in (root / folder).rglob("scenario-*.json")
    ]
    assert {name: n for name, n in Counter(p.name for p in places).items() if n > 1} == {}
    assert reports.dropped <= {path.name for path in places}
    assert [path.name for path in places if path.parent.name == "failed"] == []
    for path in places:
        if path.parent.name == "done":
            assert recorded[path.name] == hashlib.sha256(path.read_bytes()).hexdigest(), path.name


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
