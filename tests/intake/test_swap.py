"""A name in the inbox that is exchanged for something else, again and again, while we claim it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.home import wait_until
from support.scenarios import scenario
from watchdog.events import FileOpenedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from scenariod.intake.inbox import Inbox
from scenariod.validation.verdict import Rejected
from scenariod.workers import worker

pytestmark = pytest.mark.slow

EXCHANGES = 10_000
CLAIMS = 1500
NAME = "scenario-1.json"
SECRET = scenario("secret")
DECOY = scenario("decoy")
RACER = """
import ctypes, sys, time
libc = ctypes.CDLL(None)
one, other, told = (word.encode() for word in sys.argv[1:])
AT_FDCWD, RENAME_EXCHANGE, count = -100, 2, 0
while True:
    count += libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0
    if count % 1000 == 0:
        with open(told, "w") as file:
            file.write(str(count))
"""


class Opened(FileSystemEventHandler):
    """Notes what was opened in a folder."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def on_any_event(self, event: FileSystemEvent) -> None:
        self.paths.append(os.fsdecode(event.src_path))


@contextmanager
def opens_of(folder: Path) -> Iterator[Opened]:
    opened, observer = Opened(), Observer()
    observer.schedule(opened, str(folder), event_filter=[FileOpenedEvent], recursive=True)
    observer.start()
    try:
        yield opened
        (folder / "last").touch()
        wait_until(lambda: str(folder / "last") in opened.paths, "all opens were announced")
    finally:
        observer.stop()
        observer.join()


@contextmanager
def exchanging(one: Path, other: Path, *, told: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", RACER, str(one), str(other), str(told)]) as racer:
        try:
            yield racer
        finally:
            racer.send_signal(signal.SIGKILL)


def count_in(told: Path) -> int:
    text = told.read_text() if told.exists() else ""
    return int(text or 0)


def set_trap(trap: Path, kind: str, *, outside: Path) -> None:
    if kind == "a link to a file":
        trap.symlink_to(outside / "secret.json")
    elif kind == "a link to a folder":
        trap.symlink_to(outside / "folder")
    elif kind == "a hard link":
        trap.hardlink_to(outside / "secret.json")
    elif kind == "a folder":
        trap.mkdir()
    else:
        os.mkfifo(trap)


def snapshot(outside: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what is outside of the inbox: inode, time of last change of content, content."""
    files = [p for p in outside.rglob("*") if p.is_file()]
    return {p.name: (p.stat().st_ino, p.stat().st_mtime_ns, p.read_bytes()) for p in files}


@pytest.mark.parametrize(
    "kind", ["a link to a file", "a link to a folder", "a hard link", "a folder", "a pipe"]
)
def test_a_name_exchanged_ten_thousand_times_while_it_is_claimed_never_leads_out_of_the_inbox(
    tmp_path: Path, kind: str
) -> None:
    folder, batch, outside, aside = (tmp_path / n for n in ("inbox", "batch", "outside", "aside"))
    for made in (folder, batch, outside, outside / "folder", aside):
        made.mkdir()
    (outside / "secret.json").write_bytes(SECRET)
    (outside / "folder" / NAME).write_bytes(SECRET)
    before = snapshot(outside)
    (folder / NAME).write_bytes(DECOY)
    set_trap(aside / "trap", kind, outside=outside)
    inbox, seen, now = Inbox(folder, settle_s=0.0), Counter[str](), 0.0

    with (
        opens_of(outside) as opened,
        exchanging(folder / NAME, aside / "trap", told=tmp_path / "count") as racer,
    ):
        while count_in(tmp_path / "count") < EXCHANGES or seen["decoy"] < CLAIMS:
            assert racer.poll() is None, "the racer has ended"
            now += 100.0
            inbox.look(now=now)
            for name in inbox.claim([NAME], into=batch, now=now):
                seen[judged(batch, name)] += 1
                (batch / name).rename(folder / name)
    opens = [path for path in opened.paths if path != str(outside / "last")]
    (outside / "last").unlink()

    assert opens == []
    assert snapshot(outside) == before
    assert set(seen) <= {"decoy", "not-a-regular-file", "hard-linked"}
    assert sorted(os.listdir(outside)) == ["folder", "secret.json"]
    assert os.listdir(outside / "folder") == [NAME]


def judged(batch: Path, name: str) -> str:
    """Return what the worker finds under a claimed name: an id, or why it is refused."""
    claimed = os.open(batch, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = worker.open_file(name, folder=claimed, max_bytes=1 << 20)
    finally:
        os.close(claimed)
    content = worker.read_file(name, found, max_bytes=1 << 20) if isinstance(found, int) else found
    if isinstance(content, Rejected):
        return str(content.problems[0].code)
    assert content is not None
    return str(json.loads(content)["id"])


def test_the_exchange_that_the_race_is_made_of_works_here(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.symlink_to("2")
    libc = ctypes.CDLL(None)

    result = libc.renameat2(-100, bytes(one), -100, bytes(other), 2)

    assert result == 0
    assert one.is_symlink()
    assert other.read_text() == "1"
