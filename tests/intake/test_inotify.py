from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.home import AS_ROOT, DEADLINE_S, mounted, run, wait_until

from scenariod.intake.inotify import MOST_EVENTS, PROBE_FILE, InotifyWatch


@dataclass
class Heard:
    """What a watch has told."""

    changed: threading.Event = field(default_factory=threading.Event)
    probe: threading.Event = field(default_factory=threading.Event)
    renamed_in: list[str] = field(default_factory=list)

    def event(self, name: str) -> None:
        if name == PROBE_FILE:
            self.probe.set()

    def change(self, name: str | None) -> None:
        if name is not None:
            self.renamed_in.append(name)
        self.changed.set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watch(folder: Path, heard: Heard) -> Iterator[InotifyWatch]:
    made = InotifyWatch(folder, on_change=heard.change, on_event=heard.event)
    assert made.begin() is None
    yield made
    made.end()


@pytest.mark.parametrize("way", ["written", "moved in", "linked in", "renamed", "folder made"])
def test_every_way_to_arrive_is_announced(
    folder: Path, tmp_path: Path, watch: InotifyWatch, heard: Heard, way: str
) -> None:
    aside = tmp_path / "aside"
    aside.write_text("{}")
    within = folder / "hidden.part"

    if way == "written":
        (folder / "scenario-1.json").write_text("{}")
    elif way == "moved in":
        aside.rename(folder / "scenario-1.json")
    elif way == "linked in":
        (folder / "scenario-1.json").hardlink_to(aside)
    elif way == "renamed":
        within.touch()
        assert heard.changed.wait(DEADLINE_S)
        heard.changed.clear()
        within.rename(folder / "scenario-1.json")
    else:
        (folder / "scenario-1.json").mkdir()
        (folder / "scenario-1.json" / "x").touch()
        (folder / "scenario-2.json").touch()

    assert heard.changed.wait(DEADLINE_S)


def test_a_file_that_was_renamed_in_is_told_from_one_that_is_written(
    folder: Path, tmp_path: Path, watch: InotifyWatch, heard: Heard
) -> None:
    (folder / "scenario-1.json").write_text("{}")
    (tmp_path / "aside").write_text("{}")
    (tmp_path / "aside").rename(folder / "scenario-2.json")
    (folder / "scenario-3.json.part").write_text("{}")
    (folder / "scenario-3.json.part").rename(folder / "scenario-3.json")

    wait_until(lambda: "scenario-3.json" in heard.renamed_in, "all was announced")

    assert heard.renamed_in == ["scenario-2.json", "scenario-3.json"]


def test_what_leaves_the_folder_is_no_reason_to_look(
    folder: Path, tmp_path: Path, watch: InotifyWatch, heard: Heard
) -> None:
    (folder / "scenario-1.json").write_text("{}")
    wait_until(heard.changed.is_set, "its arrival was announced")
    settle(watch, heard)
    heard.changed.clear()

    (folder / "scenario-1.json").rename(tmp_path / "claimed")
    settle(watch, heard)

    assert not heard.changed.is_set()


def settle(watch: InotifyWatch, heard: Heard) -> None:
    """Return when everything that was done so far has been announced."""
    heard.probe.clear()

    def probed() -> bool:
        assert watch.probe() is None
        return heard.probe.wait(2.0)  # in a flood a song may be forgotten with all that waits

    wait_until(probed, "the probe was heard")


def test_a_living_watch_is_heard_and_nothing_else_comes_of_it(
    folder: Path, watch: InotifyWatch, heard: Heard
) -> None:
    assert heard.probe.wait(DEADLINE_S)
    before = folder.stat()

    for _ in range(3):
        settle(watch, heard)

    after = folder.stat()
    assert os.listdir(folder) == []
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
    assert not heard.changed.is_set()


def test_a_watch_whose_threads_have_died_is_not_heard(
    folder: Path, watch: InotifyWatch, heard: Heard
) -> None:
    assert heard.probe.wait(DEADLINE_S)
    observer = watch._observer
    assert observer is not None
    inotify = observer._inotify_fd
    inotify.stop()
    inotify.join()
    heard.probe.clear()

    song, looks = watch.probe(), watch.fault()

    assert (song, looks) == (None, None)
    assert not heard.probe.wait(1.0)
    assert watch.begin() is None
    assert heard.probe.wait(DEADLINE_S)


def test_a_watch_sees_that_a_thread_of_it_has_died(watch: InotifyWatch) -> None:
    observer = watch._observer
    assert observer is not None
    emitter = next(iter(observer.emitters))
    emitter.stop()
    emitter.join()

    assert watch.fault() == "a thread of the watch has died"


def test_a_watch_tells_what_is_wrong_with_its_folder(
    folder: Path, tmp_path: Path, watch: InotifyWatch, heard: Heard
) -> None:
    fresh = InotifyWatch(folder, on_change=heard.change, on_event=heard.event)
    before = watch.fault()

    folder.rename(tmp_path / "elsewhere")
    gone = watch.fault()
    folder.write_text("a file")
    file = watch.fault()
    folder.unlink()
    folder.mkdir()
    replaced = watch.fault()

    assert fresh.fault() == "the inbox is not watched"
    assert before is None
    assert gone == f"the inbox {folder} does not exist; `mkdir {folder}`, or mount its file system"
    assert file is not None
    assert "is not a folder" in file
    assert replaced == "the inbox was replaced by another folder"


def test_a_watch_that_cannot_begin_says_why(folder: Path, heard: Heard) -> None:
    nowhere = InotifyWatch(folder / "none", on_change=heard.change, on_event=heard.event)
    (folder / PROBE_FILE).mkdir()
    taken = InotifyWatch(folder, on_change=heard.change, on_event=heard.event)

    assert "does not exist" in (nowhere.begin() or "")
    assert "cannot create a file in" in (taken.begin() or "")


def test_a_probe_that_a_crash_left_is_removed(folder: Path, heard: Heard) -> None:
    (folder / PROBE_FILE).write_text("left")
    watch = InotifyWatch(folder, on_change=heard.change, on_event=heard.event)

    fault = watch.begin()
    watch.end()

    assert fault is None
    assert os.listdir(folder) == []


def test_a_watch_can_be_ended_and_begun_anew_and_leaves_nothing_open(
    folder: Path, watch: InotifyWatch, heard: Heard
) -> None:
    before = held()

    for _ in range(5):
        watch.end()
        assert watch.begin() is None
    (folder / "scenario-1.json").touch()

    assert heard.changed.wait(DEADLINE_S)
    assert watch.fault() is None
    wait_until(lambda: no_more_than(before), "the old threads have ended")


@pytest.mark.slow
def test_a_watch_that_is_begun_again_and_again_while_its_folder_comes_and_goes_leaves_nothing_open(
    folder: Path,
    tmp_path: Path,
    watch: InotifyWatch,
    record_property: Callable[[str, object], None],
) -> None:
    watch.end()
    before, over = held(), threading.Event()

    def come_and_go() -> None:
        while not over.wait(0.001):
            folder.rename(tmp_path / "elsewhere")
            (tmp_path / "elsewhere").rename(folder)

    coming_and_going = threading.Thread(target=come_and_go, daemon=True)
    coming_and_going.start()
    told: list[str | None] = []

    def both_were_met_often() -> bool:
        told.append(watch.begin())
        return len(told) >= 300 and {words is None for words in told} == {True, False}

    wait_until(both_were_met_often, "a folder that is there, and one that is not")
    over.set()
    coming_and_going.join()
    watch.end()

    wait_until(lambda: no_more_than(before), "nothing more is open than was before")
    assert os.listdir(folder) == []
    record_property("watches begun on a folder that comes and goes", len(told))


def held() -> tuple[int, int, int]:
    """Count the threads, the open files, and the inotify instances among them."""
    files = [Path(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    inotify = sum(os.path.lexists(f) and "inotify" in os.readlink(f) for f in files)
    return threading.active_count(), len(files), inotify


def no_more_than(before: tuple[int, int, int]) -> bool:
    """Say whether there are no more of any kind; what others have left may end meanwhile."""
    return all(now <= then for now, then in zip(held(), before, strict=True))


def test_what_a_thread_of_the_watch_says_as_it_ends_is_a_hint_and_not_on_stderr(
    watch: InotifyWatch, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(watch, heard)
    observer = watch._observer
    assert observer is not None
    (emitter,) = observer.emitters
    stop = emitter.on_thread_stop

    def complain_and_stop() -> None:
        logging.getLogger("watchdog.observers.inotify").error("called when inactive")
        stop()

    monkeypatch.setattr(emitter, "on_thread_stop", complain_and_stop)

    heard.changed.clear()
    watch.end()

    assert heard.changed.is_set(), "nobody took it, so logging has put it on stderr"


@AS_ROOT
def test_a_watch_of_a_mount_point_does_not_keep_it_from_being_unmounted(
    folder: Path, heard: Heard
) -> None:
    watch = InotifyWatch(folder, on_change=heard.change, on_event=heard.event)
    with mounted("-t", "tmpfs", "scenariod-test", at=folder):
        fault = watch.begin()
        settle(watch, heard)
        settle(watch, heard)
        left = os.listdir(folder)

        unmounted = run(["umount", str(folder)])
        gone = watch.fault()
        watch.end()

    assert (fault, left) == (None, [])
    assert unmounted.code == 0, unmounted.err
    assert gone == "the inbox was replaced by another folder"


@pytest.mark.slow
def test_a_flood_of_files_is_told_of_to_its_end_and_takes_no_memory(
    folder: Path, watch: InotifyWatch, heard: Heard
) -> None:
    for number in range(20_000):
        (folder / f"scenario-{number}.json").touch()
        if number == 19_999:
            heard.changed.clear()  # what comes from now on is told after the last file was there
    (folder / "scenario-last.json").touch()

    assert heard.changed.wait(DEADLINE_S)
    settle(watch, heard)
    observer = watch._observer
    assert observer is not None
    assert observer.event_queue.qsize() < MOST_EVENTS
    assert watch.fault() is None
