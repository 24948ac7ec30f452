"""Dropping, replacing, killing and starting in any order, against a model of what must come of it.

`make soak` lets it run for long; `SCENARIOD_SOAK` is how many stories it then tells.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.home import Daemon, Home, wait_until
from support.scenarios import scenario

from scenariod import backups
from scenariod.base.names import REASON_SUFFIX

pytestmark = pytest.mark.slow

SOAK = int(os.environ.get("SCENARIOD_SOAK", "0"))
MOST_KILLS = 2
"""Kills between two drains; a third cut-off attempt may count against a file (docs/MEMORY.md)."""

names = st.sampled_from(
    [
        *(f"scenario-{number}.json".encode() for number in range(12)),
        b"scenario-two words.json",
        b"scenario-new\nline.json",
        b"scenario-\xff\xfe.json",
        b"scenario-\x1b[31m.json",
        "scenario-ä🤖\u202e.json".encode(),
        b"scenario-" + b"x" * 241 + b".json",
    ]
)
goods = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["told", "told", "told otherwise"]))
bads = st.sampled_from(
    [
        (b"{", "not-json"),
        (b"null", "not-an-object"),
        (b'{"id": "a"}', "missing-field"),
        (b"\xff", "not-utf8"),
    ]
)
moments = st.floats(0.0, 0.8)
"""Seconds from what came before to a kill: a start, or a batch, takes about half of that."""
drops = st.lists(st.tuples(names, goods | bads), min_size=1, max_size=5)


@dataclass(frozen=True)
class Dropped:
    """A file that somebody has dropped: a scenario told in a way, or what it is refused for."""

    scenario_id: str | None
    title: str | None
    code: str | None


class Story(RuleBasedStateMachine):
    """One root folder and its daemon; each file has bytes of its own, so it is known anywhere."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="scenariod-model-")
        self.home = Home(Path(self.folder.name) / "root")
        self.daemon: Daemon | None = None
        self.numbers = count(1)
        self.dropped: dict[bytes, Dropped] = {}
        self.library: dict[str, str] = {}
        self.kills = 0
        self.pending = False

    # What people do

    @initialize()
    def begin(self) -> None:
        self.start()

    @rule(files=drops)
    def drop(self, files: list[tuple[bytes, tuple[str, str] | tuple[bytes, str]]]) -> None:
        """Move files in, over whatever has the same name."""
        self.pending = True
        for name, (first, second) in files:
            Story.steps += 1
            if isinstance(first, str):
                content = scenario(first, title=second)
                made = Dropped(first, second, None)
            else:
                content, made = first, Dropped(None, None, second)
            content += b" " * next(self.numbers) + b"\n"
            (self.home.path / "aside").write_bytes(content)
            self._move(self.home.path / "aside", name)
            self.dropped[content] = made

    @precondition(lambda self: self.pending)
    @rule(old=names, new=names)
    def rename(self, old: bytes, new: bytes) -> None:
        Story.steps += 1
        with suppress(FileNotFoundError):
            self._move(self.home.inbox / os.fsdecode(old), new)

    @precondition(lambda self: self.pending)
    @rule(name=names)
    def delete(self, name: bytes) -> None:
        Story.steps += 1
        path = self.home.inbox / os.fsdecode(name)
        with suppress(FileNotFoundError), path.open("rb") as file:
            path.unlink()
            self._forget_if_gone(file.fileno(), file.read())

    def _move(self, source: Path, name: bytes) -> None:
        """Rename as `mv` does; what it replaces is gone, unless the daemon has just taken it."""
        target = self.home.inbox / os.fsdecode(name)
        try:
            with target.open("rb") as replaced:
                source.rename(target)
                self._forget_if_gone(replaced.fileno(), replaced.read())
        except FileNotFoundError:
            source.rename(target)

    def _forget_if_gone(self, file: int, content: bytes) -> None:
        if os.fstat(file).st_nlink == 0:
            del self.dropped[content]

    # What happens to the daemon

    @precondition(lambda self: self.daemon is None)
    @rule()
    def start(self) -> None:
        Story.steps += 1
        self.daemon = self.home.start()

    @precondition(lambda self: self.daemon and self.pending and self.kills < MOST_KILLS)
    @rule(moment=moments)
    def kill(self, moment: float) -> None:
        daemon = self._at(moment)
        daemon.kill()
        self.daemon = None
        self.kills += 1
        self.check_nothing_is_lost_or_twice()

    @precondition(lambda self: self.daemon and self.pending and self.kills < MOST_KILLS)
    @rule(moment=moments)
    def kill_worker(self, moment: float) -> None:
        self._at(moment)
        self.kills += 1
        for process in self.home.processes():
            with suppress(psutil.Error):
                if "scenariod.workers.worker" in process.cmdline():
                    process.kill()

    @precondition(lambda self: self.daemon and self.pending)
    @rule(moment=moments)
    def terminate(self, moment: float) -> None:
        daemon = self._at(moment)
        assert daemon.terminate() == 0, daemon.journal()
        self.daemon = None
        self.check_nothing_is_lost_or_twice()

    def _at(self, moment: float) -> Daemon:
        """Let the daemon go on until some moment in the middle of its work."""
        Story.steps += 1
        assert self.daemon is not None
        threading.Event().wait(moment)
        return self.daemon

    @precondition(lambda self: self.pending)
    @rule()
    def drain(self) -> None:
        Story.steps += 1
        daemon = self.daemon = self.daemon or self.home.start()
        try:
            wait_until(self._is_drained, "all is settled and published")
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure}\n{daemon.status()}\n{daemon.journal()}")
        self.kills = 0
        self.pending = False
        self.check_nothing_is_lost_or_twice()
        self.check_everything_is_where_it_belongs()

    def _is_drained(self) -> bool:
        assert self.daemon is not None
        assert self.daemon.process.poll() is None, self.daemon.journal()
        if os.listdir(self.home.inbox) or os.listdir(self.home.work):
            return False
        return self.home.published.exists() and sorted(self.home.ids()) == sorted(self._titles())

    def teardown(self) -> None:
        try:
            self.drain()
            self.terminate(0.0)
        finally:
            self.home.close()
            self.folder.cleanup()

    # What must be so

    def check_nothing_is_lost_or_twice(self) -> None:
        there = [path.read_bytes() for path in self._files("inbox", "work", "done", "failed")]
        assert sorted(there) == sorted(self.dropped)
        paths = [found.path for found in backups.list_backups(self.home.backups)]
        assert [d for p in paths if isinstance(d := backups.verify(p), backups.Defect)] == []

    def check_everything_is_where_it_belongs(self) -> None:
        titles = self._titles()
        assert titles.items() >= self.library.items()
        told = {(d.scenario_id, d.title) for d in self.dropped.values() if d.code is None}
        assert titles.items() <= told | self.library.items()
        assert titles.keys() == {scenario_id for scenario_id, _ in told} | self.library.keys()
        done = {path.read_bytes() for path in self._files("done")}
        failed = {path.read_bytes() for path in self._files("failed")}
        codes = self._reasons()
        for content, dropped in self.dropped.items():
            code = dropped.code
            if code is None and titles[str(dropped.scenario_id)] != dropped.title:
                code = "conflict"
            assert content in (done if code is None else failed), (dropped, code)
            assert codes.get(hashlib.sha256(content).hexdigest()) == code
        self.library = titles

    def _titles(self) -> dict[str, str]:
        """Return what the library holds; see that it holds nothing, and settled nothing, twice."""
        with closing(sqlite3.connect(f"file:{self.home.database}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT id, title FROM scenario").fetchall()
            settled = [sha for (sha,) in db.execute("SELECT sha256 FROM file")]
        assert len(rows) == len({scenario_id for scenario_id, _ in rows})
        assert len(settled) == len(set(settled))
        return dict(rows)

    def _files(self, *folders: str) -> list[Path]:
        found = (p for f in folders for p in (self.home.path / f).rglob("scenario-*"))
        return [path for path in found if not path.name.endswith(REASON_SUFFIX)]

    def _reasons(self) -> dict[str, str]:
        reasons = [json.loads(p.read_bytes()) for p in self.home.failed.glob(f"*{REASON_SUFFIX}")]
        return {reason["sha256"]: reason["code"] for reason in reasons}


@pytest.mark.soak
def test_any_story_of_drops_and_kills_ends_as_the_model_says(
    record_property: Callable[[str, object], None],
) -> None:
    Story.steps = 0

    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=SOAK or 3,
            stateful_step_count=60 if SOAK else 25,
            derandomize=not SOAK,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )

    record_property("steps of stories against the model", Story.steps)
