from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from support.home import AS_ROOT, mounted, wait_until

from scenariod.base import config
from scenariod.base.mounts import Mount
from scenariod.base.settings import checked
from scenariod.intake.watcher import Sight, Watcher
from scenariod.monitoring.journal import Event, Field

pytestmark = pytest.mark.slow


class Told:
    """A journal that keeps what it was told."""

    def __init__(self) -> None:
        self.entries: list[tuple[Event, str]] = []

    def tell(self, event: Event, message: str, **fields: Field) -> None:
        self.entries.append((event, message))

    def events(self) -> list[Event]:
        return [event for event, _ in self.entries]


class Eye:
    """A watcher that is kept up, and what it says."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.journal = Told()
        self.hints = 0
        self.returns = 0
        self.watcher = Watcher(
            folder,
            settings=checked(config.Intake, {"rescan_s": 1.0, "poll_s": 0.2} | settings),
            journal=self.journal,
            on_change=self._hint,
            on_return=self._return,
        )
        self.watcher._probe_timeout_s = 60.0  # a busy machine may hear its probe late
        self.first = self.watcher.sight, self.watcher.look_every_s()

    def _hint(self, name: str | None) -> None:
        self.hints += 1

    def _return(self) -> None:
        self.returns += 1

    def until(self, sight: Sight, words: str = "") -> None:
        def so() -> bool:
            return self.watcher.sight is sight and words in self.watcher.detail

        wait_until(so, f"the inbox is seen by {sight}: {words}")

    def until_tried(self, *, times: int) -> None:
        """Wait until the watcher has tried anew so often; it goes on as it would."""
        tries = 0
        find = self.watcher._find_mount

        def count() -> Mount | None:
            nonlocal tries
            tries += 1
            return find()

        self.watcher._find_mount = count  # type: ignore[method-assign]
        wait_until(lambda: tries >= times, "it was tried again and again")

    def until_told(self, event: Event, *, times: int = 1) -> None:
        wait_until(lambda: self.journal.events().count(event) >= times, f"{event} was told")


def watched(folder: Path, story: Callable[[Eye], None], **settings: object) -> Eye:
    """Return the watcher over `folder` after it lived through `story`."""

    async def live() -> Eye:
        eye = Eye(folder, **settings)
        keeping = asyncio.create_task(eye.watcher.run())
        try:
            await asyncio.to_thread(story, eye)
            assert not keeping.done()
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})
            await eye.watcher.close()
        return eye

    return asyncio.run(live())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


def test_a_watch_counts_once_it_has_proved_itself_and_then_asks_for_a_look(folder: Path) -> None:
    def story(eye: Eye) -> None:
        eye.until(Sight.EVENTS)
        assert eye.watcher.look_every_s() == 1.0

    eye = watched(folder, story)

    assert eye.first == (Sight.STARTING, 0.2)
    assert eye.hints >= 1
    assert eye.journal.entries == []
    assert os.listdir(folder) == []


@pytest.mark.parametrize("way", ["deleted", "replaced", "renamed away", "a file in its place"])
def test_an_inbox_that_is_not_what_it_was_is_noticed_and_watched_again_once_it_is_back(
    folder: Path, tmp_path: Path, way: str
) -> None:
    def story(eye: Eye) -> None:
        eye.until(Sight.EVENTS)
        if way == "deleted":
            folder.rmdir()
        else:
            folder.rename(tmp_path / "elsewhere")
        if way == "a file in its place":
            folder.write_text("")
        if way != "replaced":
            eye.until(Sight.DEGRADED, shlex.quote(str(folder)))
            folder.unlink() if way == "a file in its place" else None
        folder.mkdir()
        eye.until_told(Event.WATCH_RECOVERED)
        eye.until(Sight.EVENTS)

    eye = watched(folder, story)

    assert eye.journal.events() == [Event.WATCH_TROUBLE, Event.WATCH_RECOVERED]
    assert eye.returns == 1
    assert eye.hints >= 3
    assert os.listdir(folder) == []


def test_a_watch_that_dies_silently_is_found_out_by_its_probe_and_begun_anew(
    folder: Path,
) -> None:
    def story(eye: Eye) -> None:
        eye.until(Sight.EVENTS)
        eye.watcher._probe_timeout_s = 5.0
        observer = eye.watcher._watch._observer
        assert observer is not None
        observer._inotify_fd.stop()
        eye.until_told(Event.WATCH_RECOVERED)

    eye = watched(folder, story)

    assert eye.journal.events() == [Event.WATCH_TROUBLE, Event.WATCH_RECOVERED]
    assert "a test file was not reported" in eye.journal.entries[0][1]


def test_trouble_is_told_once_however_long_it_lasts(folder: Path) -> None:
    def story(eye: Eye) -> None:
        eye.until(Sight.EVENTS)
        folder.rmdir()
        eye.until(Sight.DEGRADED)
        eye.until_tried(times=3)

    eye = watched(folder, story)

    assert eye.journal.events() == [Event.WATCH_TROUBLE]


def test_an_inbox_that_is_not_there_at_first_is_watched_once_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "later"

    def story(eye: Eye) -> None:
        eye.until(Sight.DEGRADED, "does not exist")
        folder.mkdir()
        eye.until(Sight.EVENTS)

    assert watched(folder, story).returns == 1


def test_polling_is_asked_for_by_the_configuration_and_told(folder: Path) -> None:
    def story(eye: Eye) -> None:
        eye.until(Sight.POLLING)
        assert eye.watcher.detail == "every 0.2 s: as configured"
        assert eye.watcher.look_every_s() == 0.2
        folder.rmdir()
        eye.until(Sight.DEGRADED)
        folder.mkdir()
        eye.until(Sight.POLLING)

    eye = watched(folder, story, watch="poll")

    events = [Event.WATCH_POLLS, Event.WATCH_TROUBLE, Event.WATCH_RECOVERED]
    assert eye.journal.events() == events


@AS_ROOT
def test_an_inbox_that_another_file_system_is_mounted_over_is_noticed_and_so_is_its_going(
    folder: Path,
) -> None:
    def story(eye: Eye) -> None:
        eye.until(Sight.EVENTS)
        with mounted("-t", "tmpfs", "scenariod-test", at=folder):
            eye.until_told(Event.WATCH_RECOVERED, times=1)
        eye.until_told(Event.WATCH_RECOVERED, times=2)

    eye = watched(folder, story)

    assert eye.journal.events() == [Event.WATCH_TROUBLE, Event.WATCH_RECOVERED] * 2
    assert "replaced by another folder" in eye.journal.entries[0][1]
