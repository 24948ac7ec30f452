"""Keep done/ and failed/ within `[retention]`, while nobody waits for anything else.

Owns when it is done and what is spared: nothing leaves done/ that the newest whole backup does not
hold. Never ends in an error: what is in the way is told once, and tried again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scenariod import backups
from scenariod.base import clock, durable, faults
from scenariod.base.errors import ScenariodError
from scenariod.base.faults import Step, during
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.names import without_batch
from scenariod.base.value import Value, replace
from scenariod.daemon import clock_check, expiry
from scenariod.daemon.expiry import DAY_NS, Limits, Old, Removed
from scenariod.library import Library
from scenariod.monitoring.journal import Event

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from scenariod.base.config import Config
    from scenariod.daemon.expiry import CutOff
    from scenariod.daemon.settle import Settler
    from scenariod.monitoring.journal import Journal

Spared = Callable[[list[Old]], set[Old]]
"""Says which of some old files are to stay all the same."""
CLOCK_FILE = ".clock.json"
EVERY_S = 3600.0
"""It is done at most once in so many seconds."""


class _Whole(Value):
    """A backup that was read and found whole; of another `identity` it is another file."""

    identity: tuple[str, int, int, int]
    batch: int


class Cleanup:
    """Removes what is too old or one too many, in turns between the settling of batches."""

    def __init__(
        self,
        config: Config,
        *,
        settler: Settler,
        journal: Journal,
        clock: Callable[[], datetime] = clock.now,
    ) -> None:
        self._config = config
        self._settler = settler
        self._journal = journal
        self._task: asyncio.Task[None] | None = None
        self._due = 0.0
        self._stopping = False
        self._told: dict[Path, str] = {}
        self._clock = clock
        self.clock_doubt = ""
        self._whole: _Whole | None = None

    def is_due(self, now: float) -> bool:
        """Say whether there is something to be waited for; `now` is monotonic seconds."""
        return self._task is not None or now >= self._due

    def begin_if_due(self, now: float, *, on_end: Callable[[], None]) -> None:
        """Begin, beside the loop, unless it was done in the last hour; `on_end` is called then."""
        if self._task is not None or now < self._due:
            return
        self._due = now + EVERY_S
        self._task = asyncio.create_task(self._tidy())

        def ended(_: asyncio.Task[None]) -> None:
            self._task = None
            on_end()

        self._task.add_done_callback(ended)

    async def stop(self) -> None:
        """End after the turn at hand."""
        self._stopping = True
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _tidy(self) -> None:
        keep = self._config.retention
        done = _limits(keep.done_age_days, keep.done_count)
        failed = _limits(keep.failed_age_days, keep.failed_count)
        await self._tidy_folder(self._config.done, done, spared=self._not_in_a_backup())
        await self._tidy_folder(self._config.failed, failed, spared=lambda _: set())
        reached(KillPoint.TIDIED)

    async def _tidy_folder(self, folder: Path, limits: Limits, *, spared: Spared) -> None:
        if limits == Limits(None, None) or self._stopping:
            return
        try:
            with during(Step.TIDYING, folder):
                stuck = await self._remove_old(folder, limits, spared=spared)
                if stuck is not None:
                    raise stuck
        except ScenariodError as error:
            self._tell_stuck(folder, error)
        else:
            self._told.pop(folder, None)

    async def _remove_old(self, folder: Path, limits: Limits, *, spared: Spared) -> OSError | None:
        """Remove what is to go, and tell of it; return what one file was in the way of."""
        now = self._clock()
        if await asyncio.to_thread(self._doubts_clock, now):
            limits = replace(limits, age_ns=None)
        now_ns = round(now.timestamp() * 10**9)
        try:
            cut = await asyncio.to_thread(expiry.cut_off, folder, limits, now_ns=now_ns)
        except FileNotFoundError:  # somebody may have tidied up and taken the folder too
            return None
        reached(KillPoint.CUT_OFF_FOUND)
        removed, kept = Removed(), 0
        try:
            with closing(expiry.old_files(folder, cut)) as found:
                while several := await asyncio.to_thread(next, found, None):
                    stay = await asyncio.to_thread(spared, several)
                    kept += len(stay)
                    go = [old for old in several if old not in stay]
                    removed += await self._settler.in_thread(expiry.remove, folder, go)
                    if self._stopping:
                        return None
            await self._remove_reasons(folder, cut)
        finally:
            self._tell_removed(folder, removed, kept=kept)
        return removed.stuck

    def _doubts_clock(self, now: datetime) -> bool:
        """Return whether no file may count as old at `now`, durably noted; report why, once."""
        path = self._config.database.with_name(CLOCK_FILE)
        try:
            before = clock_check.decode(path.read_bytes())
        except FileNotFoundError:
            before = None
        reading = (before or clock_check.Reading(self._last_settled_at() or now)).then(now)
        durable.write(path, clock_check.encode(reading))
        told, self.clock_doubt = self.clock_doubt, str(reading.step or "")
        if self.clock_doubt and not told:
            self._journal.tell(Event.NOT_TIDIED, self.clock_doubt)
        return bool(self.clock_doubt)

    def _last_settled_at(self) -> datetime | None:
        with self._opened_library() as library, library.snapshot() as snapshot:
            return snapshot.last_settled_at()

    def _opened_library(self) -> Library:
        return Library.open_read_only(
            self._config.database, busy_timeout_s=self._config.library.busy_timeout_s
        )

    async def _remove_reasons(self, folder: Path, cut: CutOff) -> None:
        left = await asyncio.to_thread(expiry.reasons_without_file, folder, cut)
        if left:
            await self._settler.in_thread(expiry.remove_reasons, folder, left)

    # What done/ keeps for the day on which the library is lost

    def _not_in_a_backup(self) -> Spared:
        """Return what says which files the newest whole backup does not hold, as far as is known.

        By the library's records, not by times: clocks jump. A file that it knows nothing of may
        be from before the library was lost.
        """
        batch: int | None = None

        def spared(several: list[Old]) -> set[Old]:
            nonlocal batch
            if batch is None:  # not before there is something old: it reads a whole backup
                batch = self._newest_whole_backup()
            known_as = {old: {old.name, without_batch(old.name)} for old in several}
            with self._opened_library() as library:
                settled = library.settled_by(set().union(*known_as.values()), batch=batch)
            return {old for old, names in known_as.items() if not _all_settled(names, settled)}

        return spared

    def _newest_whole_backup(self) -> int:
        """Return the last batch that the newest whole backup shows; 0 where none is whole.

        Reads all of it, once in this run, though it was verified when it was written: what leaves
        done/ is then in the library and in this file only, and the disk may have damaged it since.
        """
        for found in backups.list_backups(self._config.backups):
            with suppress(FileNotFoundError):
                identity = _identity(found.path)
                if self._whole is None or self._whole.identity != identity:
                    checked = backups.verify(found.path)
                    if not isinstance(checked, backups.Verified):
                        continue
                    self._whole = _Whole(identity, checked.batch)
                return self._whole.batch
        return 0

    # Telling

    def _tell_removed(self, folder: Path, removed: Removed, *, kept: int) -> None:
        if not removed.files:
            return
        what = "1 file" if removed.files == 1 else f"{removed.files} files"
        oldest, newest = _moment(removed.oldest_ns), _moment(removed.newest_ns)
        when = f"of {oldest}" if oldest == newest else f"from {oldest} to {newest}"
        stay = "1 more stays" if kept == 1 else f"{kept} more stay"
        held = "it" if kept == 1 else "them"
        also = f"; {stay} until a backup holds {held}" if kept else ""
        self._journal.tell(
            Event.TIDIED,
            f"removed {what} {when} from {folder.name}/, according to [retention]{also}",
            path=str(folder),
            files=removed.files,
            size_bytes=removed.size_bytes,
            oldest=oldest,
            newest=newest,
        )

    def _tell_stuck(self, folder: Path, error: ScenariodError) -> None:
        reason = faults.of(error)
        words = f"old files cannot be removed from {folder.name}/; trying again later: {reason}"
        if self._told.get(folder) != words:
            self._journal.tell(Event.NOT_TIDIED, words, path=reason.path, hint=reason.cure)
        self._told[folder] = words


def _limits(age_days: float | str, count: int | str) -> Limits:
    return Limits(
        age_ns=None if isinstance(age_days, str) else int(age_days * DAY_NS),
        count=None if isinstance(count, str) else count,
    )


def _identity(path: Path) -> tuple[str, int, int, int]:
    status = path.lstat()
    return (path.name, status.st_ino, status.st_size, status.st_ctime_ns)


def _all_settled(names: Iterable[str], settled: dict[str, bool]) -> bool:
    known = [settled[name] for name in names if name in settled]
    return bool(known) and all(known)


def _moment(ctime_ns: int) -> str:
    return datetime.fromtimestamp(ctime_ns // 10**9, tz=UTC).isoformat()
