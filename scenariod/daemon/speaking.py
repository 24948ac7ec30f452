"""Speak the scenarios, two in a limited process, while nobody waits for anything else.

Owns when that is done, and what follows from its end. Gives way to dropped files at once; never
ends in an error: what is in the way is told once, and tried again later.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from scenariod.base import clock, faults
from scenariod.base.errors import ScenariodError
from scenariod.base.faults import EnvironmentFault, Step, during
from scenariod.base.value import as_dict, replace
from scenariod.daemon.error_policy import tell_of_defect
from scenariod.intake.batch import Batch
from scenariod.library import Kind, SettledBatch, voicing
from scenariod.library.voicing import State
from scenariod.monitoring.journal import Event
from scenariod.monitoring.status import VoiceProgress, rough
from scenariod.voices import rules
from scenariod.voices.setbacks import Setbacks
from scenariod.workers import host
from scenariod.workers.job import Job, Program, Reading
from scenariod.workers.outcome import Outcome, judge
from scenariod.workers.queue import Worker
from scenariod.workers.run import run as run_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scenariod.base.faults import Fault
    from scenariod.daemon.setup import Setup
    from scenariod.voices.director import Director
    from scenariod.workers.job import Ended

AT_ONCE = 2
"""How many scenarios one process speaks."""
CHECK_EVERY_S = 3600.0
"""How often the files are compared with what was recorded of them."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 3600.0
MEMORY_RETRY_S = 5.0
_BY_ITSELF = "scenariod retries it by itself"
_NO_FAULT = {Outcome.STOPPED, Outcome.KILLED, Outcome.HOST_OUT_OF_MEMORY}
"""Ends that no scenario caused: it is spoken again."""


class Speaking:
    """The voices of one root folder: `begin_if_due` when nothing else is to do, or `give_way`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._config = setup.config
        self._rules = setup.config.voice_rules
        self._settler = setup.settler
        self._journal = setup.journal
        self._settings = rules.digest(self._rules)
        self._limit_bytes = rules.limit_bytes(self._rules, counts_reserved=not host.is_booted())
        self._task: asyncio.Task[None] | None = None
        self._yield = asyncio.Event()
        self._due = 0.0
        self._check_due = 0.0
        self._pause_s = 0.0
        self._is_changed = True
        self._to_do = 0
        self._seen: object = None
        self._at_rest: object = None
        self._killed = 0
        self._told = 0
        self._setbacks = Setbacks()
        self._spoken, self._spoken_s = 0, 0.0
        self.progress = VoiceProgress(self._rules.engine)

    @property
    def is_busy(self) -> bool:
        """Whether something is being spoken, or its process still ends."""
        return self._task is not None

    @property
    def is_behind(self) -> bool:
        """Whether some scenarios are still to be spoken."""
        return self._to_do > 0

    @property
    def has_failed(self) -> bool:
        """Whether some scenarios were not spoken: they could not be, or not now."""
        return self.progress.failed > 0 or self._pause_s > 0 or self.is_behind

    def is_due(self, now: float) -> bool:
        """Say whether there is something to be waited for; `now` is monotonic seconds."""
        return self._rules.engine != "off" and (self.is_busy or now >= self._due)

    def wait_s(self, now: float, *, at_most: float) -> float:
        """Return when to come back for it, in seconds."""
        if self._rules.engine == "off" or self.is_busy:
            return at_most
        return min(max(self._due - now, 0.0), at_most)

    def look_soon(self) -> None:
        """Look at the library at the next tick: a command may have changed it."""
        if not self.is_busy and self._pause_s == 0:
            self._due = 0.0

    def begin_if_due(self, now: float, *, on_end: Callable[[], None]) -> None:
        """Begin, beside the loop, if there may be something to speak; `on_end` is called then."""
        if self.is_busy or not self.is_due(now):
            return
        self._yield.clear()
        self._due = now + self._config.intake.rescan_s
        self._task = asyncio.create_task(self._speak())

        def ended(_: asyncio.Task[None]) -> None:
            self._task = None
            on_end()

        self._task.add_done_callback(ended)

    def give_way(self) -> None:
        """End what is being spoken at once; what is whole stays, and it goes on from there."""
        if self._task is not None:
            self._yield.set()
            self._due = 0.0

    async def stop(self) -> None:
        """End, and wait for that."""
        if self._task is not None:
            self._yield.set()
            await asyncio.wait({self._task})

    async def _speak(self) -> None:
        """Speak until there is nothing left, or something is in the way."""
        try:
            with during(Step.SPEAKING, self._config.voices):
                if self._is_at_rest():
                    return
                await asyncio.to_thread(self._prepare)
                while not self._yield.is_set() and await self._speak_some():
                    pass
        except (OSError, ScenariodError) as error:
            self._pause_for(faults.of(error))
        except Exception as error:  # noqa: BLE001  the border, as for a batch: adding goes on
            self._pause_for(tell_of_defect(self._journal, "speaking", error))
        finally:
            self.progress.left_s = None

    def _is_at_rest(self) -> bool:
        """Say, without a look at all rows, whether all was done and nothing has changed since."""
        library = self._settler.library
        self._seen = library, voicing.changes(library)  # before the rows are looked at
        return self._seen == self._at_rest and time.monotonic() < self._check_due

    def _prepare(self) -> None:
        """Bring voices/ in line with the library."""
        from scenariod.voices import folder as voice_folder  # not loaded where voices are off

        library, folder = self._settler.library, self._config.voices
        voice_folder.prepare(folder, speaker_uid=self._setup.launcher.worker_uid)
        self._is_changed |= voice_folder.tidy(library, folder) > 0
        if time.monotonic() >= self._check_due:
            self._check_due = time.monotonic() + CHECK_EVERY_S
            voice_folder.check(library, folder)
        self._take_stock()
        if self._to_do and not self._spoken and self._to_do != self._told:
            self._tell_what_comes()

    def _tell_what_comes(self) -> None:
        due = voicing.due(self._settler.library, self._settings, most=-1)
        self._told = len(due)
        many = "1 scenario is" if len(due) == 1 else f"{len(due)} scenarios are"
        left_s = rules.estimate_s(self._rules, sum(each.size_bytes for each in due))
        self.progress.left_s = left_s
        self._journal.tell(
            Event.VOICES_BEGUN,
            f"{many} to be spoken by {self._rules.engine}: about"
            f" {rough(left_s)}, several times as long on a small machine",
            engine=self._rules.engine,
        )

    def _take_stock(self) -> None:
        tally, now = voicing.tally(self._settler.library, self._settings), self.progress
        now.scenarios, now.done, now.failed = tally.scenarios, tally.done, tally.failed
        self._to_do = tally.is_to_do
        if self._spoken:
            now.left_s = self._to_do * self._spoken_s / self._spoken or None

    async def _speak_some(self) -> bool:
        """Speak the next scenarios; return whether to go on."""
        waits = self._setup.budget.room_for(self._limit_bytes)
        if self._to_do and waits is not None:
            self.progress.waits = f"memory: {waits.reason}"
            self._due = time.monotonic() + MEMORY_RETRY_S
            return False
        begun = await self._settler.in_thread(self._begin)
        if begun is None:
            await asyncio.to_thread(self._finish)
            return False
        self.progress.waits = ""
        job, director = begun
        started = time.monotonic()
        ended = await self._run(job)
        await self._settler.in_thread(self._conclude, job.batch, director, ended)
        made = [each for each in director.done if each.state is State.SPOKEN]
        self._spoken += len(made)
        self._spoken_s += time.monotonic() - started if made else 0.0
        self._is_changed |= bool(made)
        if director.unavailable is not None:
            why = director.unavailable
            self._pause(why.reason, why.cure, retry_after_s=why.retry_after_s)
            return False
        self._pause_s = 0.0
        return True

    def _begin(self) -> tuple[Job, Director] | None:
        from scenariod.voices.director import Director  # not loaded where voices are off

        library = self._settler.library
        due = voicing.due(library, self._settings, most=AT_ONCE, last=self._setbacks)
        if not due:
            return None
        number = self._settler.reserve_batch()
        director = Director(library, self._rules, due, batch=number, clock=clock.now)
        return self._job(Batch(number, self._config.voices), director), director

    def _job(self, batch: Batch, director: Director) -> Job:
        async def answer(event: Mapping[str, object]) -> bytes:
            return await self._settler.in_thread(director.answer, event)

        order = as_dict(self._rules) | {
            "root": str(self._config.root),
            "budget": director.budget(),
        }
        program = Program(
            module="scenariod.voices.speaker",
            arguments=(str(self._config.voices),),
            order=json.dumps(order).encode() + b"\n",
            timeout_s=self._rules.timeout_s,
            answer=answer,
        )
        return Job(self._config, batch, (), self._limit_bytes, program)

    async def _run(self, job: Job) -> Ended:
        def note(reading: Reading) -> None:
            self._setup.queue.show_speaker(Worker(job.batch.id, (), reading))

        note(Reading(used_bytes=0, limit_bytes=job.limit_bytes))
        try:
            await self._setup.launcher.check_again(self._config.root)
            return await run_worker(self._setup.launcher, job, stop=self._yield, on_reading=note)
        finally:
            self._setup.queue.show_speaker(None)

    # In the settle thread

    def _conclude(self, batch: Batch, director: Director, ended: Ended) -> None:
        """Record what became of the scenarios, and of the process."""
        outcome = judge(replace(ended.evidence, verdicts=0))
        if outcome is Outcome.NO_LIMIT:
            self._setup.launcher.doubt()
            director.give_up(ended.detail, "see `scenariodctl status`")
        elif outcome is Outcome.ENVIRONMENT:
            fault = self._fault(ended)
            director.give_up(fault.words, fault.cure or _BY_ITSELF)
        elif outcome is not Outcome.OK and not self._is_spared(outcome):
            director.conclude(f"its process ended badly ({outcome}): {ended.detail}")
        self._weigh(director)
        self._tell(batch, director)
        self._record(batch, ended, outcome=outcome, done=len(director.done))
        self._take_stock()

    def _fault(self, ended: Ended) -> Fault:
        """Return what the process met on the disk; it works within voices/."""
        error = OSError(ended.errno, ended.detail, ended.failed_file)
        return faults.of(EnvironmentFault(error, step=Step.SPEAKING, path=self._config.voices))

    def _weigh(self, director: Director) -> None:
        """Put a scenario last at which the engine gave up; blame it where others are spoken."""
        for each in director.done:
            self._setbacks.forget(each.scenario_id)
        if any(each.state is State.SPOKEN for each in director.done):
            self._setbacks.note_success()
        why, at = director.unavailable, director.at
        if why is not None and at is not None:
            self._setbacks.add(at, is_obscure=why.is_obscure)
            if self._setbacks.is_to_blame(at):
                director.conclude(
                    f"the engine speaks other scenarios, but not this one: {why.reason}"
                )
                self._setbacks.forget(at)

    def _is_spared(self, outcome: Outcome) -> bool:
        """Say whether the scenario at hand is not to blame, and is spoken again; not for ever."""
        self._killed = self._killed + 1 if outcome in _NO_FAULT - {Outcome.STOPPED} else 0
        return outcome in _NO_FAULT and self._killed < rules.MOST_KILLED

    def _record(self, batch: Batch, ended: Ended, *, outcome: Outcome, done: int) -> None:
        record = SettledBatch(
            id=batch.id,
            started_at=ended.started_at,
            settled_at=clock.now(),
            outcome=outcome,
            duration_ms=round(ended.duration_s * 1000),
            launcher=self._setup.launcher.name,
            memory_peak_bytes=ended.peak_bytes,
            memory_limit_bytes=ended.limit_bytes,
            kind=Kind.VOICES,
            note=f"{done} spoken by {self._rules.engine}",
            started_by=ended.started_by,
            ready_ms=ended.ready_ms,
        )
        with during(Step.RECORDING, self._config.database):
            voicing.record_run(self._settler.library, record)

    def _tell(self, batch: Batch, director: Director) -> None:
        for each in director.done:
            if each.state is State.FAILED:
                self._journal.tell(
                    Event.NOT_VOICED,
                    f"{each.scenario_id} could not be spoken: {each.reason}",
                    scenario=each.scenario_id,
                    reason=each.reason,
                )
                continue
            seconds = sum(sound.duration_s for sound in each.files)
            words = f"{seconds:.0f} s in {len(each.files)} files"
            if each.state is State.SILENT:
                words = f"nothing to say: {each.reason}"
            self._journal.tell(
                Event.VOICED,
                f"voices of {each.scenario_id}: {words}",
                scenario=each.scenario_id,
                batch=batch.id,
            )

    def _finish(self) -> None:
        self.progress.waits, self.progress.left_s = "", None
        if self._is_changed:
            from scenariod.voices import folder as voice_folder  # not loaded where voices are off

            voice_folder.write_manifest(self._settler.library, self._config.voices)
            self._is_changed = False
            if self._spoken:
                self._journal.tell(
                    Event.VOICES_DONE,
                    f"all voices are made: {self.progress.words()}",
                    engine=self._rules.engine,
                )
            self._spoken, self._spoken_s = 0, 0.0
        self._at_rest = self._seen

    def _pause_for(self, fault: Fault) -> None:
        self._pause(fault.words, fault.cure or _BY_ITSELF)

    def _pause(self, reason: str, cure: str, *, retry_after_s: float | None = None) -> None:
        """Leave the engine alone for a while: as long as it says, or longer each time."""
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S) or FIRST_PAUSE_S
        wait_s = max(retry_after_s or 0.0, self._pause_s)
        self._due = time.monotonic() + wait_s
        words = f"{reason}; {cure}"
        if words != self.progress.waits:
            self._journal.tell(
                Event.VOICES_PAUSED,
                f"voices pause, and files are still added: {words}",
                hint=cure,
            )
        self.progress.waits = words
