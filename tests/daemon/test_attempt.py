from __future__ import annotations

import asyncio
import errno
import io
import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support.home import Home
from support.scenarios import scenario

from scenariod.base import config
from scenariod.base.errors import NoLimitError
from scenariod.base.root import prepare
from scenariod.base.value import replace
from scenariod.daemon.attempt import Attempts, Concluded
from scenariod.daemon.setup import Setup
from scenariod.intake.batch import Batch, Work
from scenariod.monitoring.counts import Counts
from scenariod.monitoring.journal import TextJournal
from scenariod.monitoring.notify import Notifier
from scenariod.workers.launchers.rlimits import RlimitLauncher
from scenariod.workers.outcome import MAX_ATTEMPTS
from scenariod.workers.queue import Queue, Worker

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path

    from scenariod.workers.job import Job

LIMIT = 512 << 20
READY = (
    "import json, os, resource, signal, sys, time\n"
    "for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):\n"
    f"    resource.setrlimit(kind, ({LIMIT}, {LIMIT}))\n"
    "print(json.dumps({'event': 'ready'}), flush=True)\n"
    "line = sys.stdin.readline()\n"
    "def verdict(text): open(sys.argv[1] + '/verdict.json', 'w').write(text)\n"
)
GROW = (
    f"asked = []\nsignal.signal(15, lambda *_: asked.append(1))\nheld = b'x' * ({LIMIT} * 3 // 4)\n"
)
REJECT_THE_FIRST = (
    "verdict(json.dumps({'version': 1, 'files': [{'verdict': 'rejected', 'name': "
    "'scenario-1.json', 'size_bytes': 1, 'sha256': None, 'scenario_id': None, 'problems': "
    "[{'code': 'empty', 'message': 'm', 'field': None, 'line': None, 'column': None}]}]}))\n"
)
END_WHEN_ASKED = "while not asked: time.sleep(0.01)\nexit(75)\n"


class ScriptLauncher(RlimitLauncher):
    """Workers that behave as a test wants them to; everything else is as it is."""

    def __init__(self, code: str) -> None:
        self._code = code
        self.doubts = 0

    def doubt(self) -> None:
        self.doubts += 1

    def command(self, job: Job) -> list[str]:
        return [sys.executable, "-I", "-c", self._code, str(job.batch.folder)]

    def template_command(self, root: Path, number: int) -> list[str]:
        raise NoLimitError("these workers are no forks", hint="")


class ShowingQueue(Queue):
    """Notes each worker that it is shown."""

    def __init__(self, shown: list[Worker | None]) -> None:
        super().__init__()
        self._shown = shown

    def show(self, batch_id: int, worker: Worker | None) -> None:
        super().show(batch_id, worker)
        self._shown.append(worker)


class Bench:
    """A root folder, and one who takes batches on it to their end."""

    def __init__(self, home: Home) -> None:
        self._config = config.load(
            config=home.path / "config" / "scenariod.toml", root=home.path, cwd=home.path
        )
        prepare(self._config)
        self.work = Work(home.work)
        self.said = io.StringIO()
        self.shown: list[Worker | None] = []
        self.launcher = RlimitLauncher()

    def claim(self, batch_id: int, *numbers: int, attempts: int = 0) -> Batch:
        batch = self.work.create(batch_id)
        for number in numbers:
            (batch.folder / f"scenario-{number}.json").write_bytes(scenario(f"s-{number}"))
        return self.work.count_attempt(batch, by=attempts) if attempts else batch

    def take(self, batch: Batch, *, code: str | None = None, stop: bool = False) -> Concluded:
        return asyncio.run(self._take(batch, code=code, stop=stop))

    async def _take(self, batch: Batch, *, code: str | None, stop: bool) -> Concluded:
        self.launcher = RlimitLauncher() if code is None else ScriptLauncher(code)
        journal = TextJournal(self.said)
        setup = Setup.of(
            self._config,
            launcher=self.launcher,
            journal=journal,
            notifier=Notifier({}),
            once=True,
        )
        attempts = Attempts(replace(setup, queue=ShowingQueue(self.shown)))
        stopping = asyncio.Event()
        if stop:
            stopping.set()
        try:
            await setup.settler.open()
            return await attempts.take(batch, stop=stopping)
        finally:
            await setup.settler.close()
            await setup.starter.close()


@pytest.fixture
def bench(home: Home) -> Bench:
    return Bench(home)


def again(concluded: Concluded) -> list[list[str]]:
    return [batch.names() for batch in concluded.again]


def test_a_good_pair_is_settled_and_its_folder_is_gone(home: Home, bench: Bench) -> None:
    batch = bench.claim(1, 1, 2)

    concluded = bench.take(batch)

    assert concluded == Concluded(Counts(added=2))
    assert home.names("done") == ["scenario-1.json", "scenario-2.json"]
    assert not batch.folder.exists()
    assert "batch 1: ok; 2 added, 0 refused; " in bench.said.getvalue()
    *readings, last = bench.shown
    assert {worker.names for worker in readings if worker} == {
        ("scenario-1.json", "scenario-2.json")
    }
    assert last is None


BAD_ENDS = {
    "crash": READY + "exit(1)",
    "segfault": READY + "os.kill(os.getpid(), signal.SIGSEGV)",
    "out-of-memory": READY + "exit(70)",
    "no verdict": READY,
    "a verdict on another file": READY
    + 'verdict(\'{"version": 1, "files": [{"verdict": "rejected", "name": "scenario-9.json", '
    '"size_bytes": 1, "sha256": null, "scenario_id": null, "problems": [{"code": "empty", '
    '"message": "m", "field": null, "line": null, "column": null}]}]}\')',
    "a verdict of another version": READY + 'verdict(\'{"version": 2, "files": []}\')',
    "a verdict that is cut off": READY + 'verdict(\'{"version": 1, "fil\')',
    "a verdict that is a bomb": READY + "verdict('[' * 100_000)",
}


@pytest.mark.parametrize("code", BAD_ENDS.values(), ids=BAD_ENDS.keys())
def test_a_pair_that_ends_badly_is_split_and_a_single_fails(
    home: Home, bench: Bench, code: str
) -> None:
    single, pair = bench.claim(1, 3), bench.claim(2, 1, 2)

    split = bench.take(pair, code=code)
    failed = bench.take(single, code=code)

    assert again(split) == [["scenario-1.json"], ["scenario-2.json"]]
    assert not pair.folder.exists()
    assert failed.settled == Counts(refused=1)
    assert home.names("failed") == ["scenario-3.json"]
    assert home.reason("scenario-3.json")["code"] in {"crash", "out-of-memory", "no-verdict"}


def test_after_a_split_the_good_one_passes(home: Home, bench: Bench) -> None:
    split = bench.take(bench.claim(1, 1, 2), code=READY + "exit(1)")

    ends = [bench.take(single) for single in split.again]

    assert [end.settled for end in ends] == [Counts(added=1)] * 2
    assert home.names("failed") == []


def test_a_split_takes_no_number_of_a_batch_whose_reservation_a_power_cut_has_lost(
    home: Home, bench: Bench
) -> None:
    pair, _ = bench.claim(1, 1, 2), bench.claim(2, 3)

    split = bench.take(pair, code=READY + "exit(1)")

    assert again(split) == [["scenario-1.json"], ["scenario-2.json"]]
    assert home.names("work") == [f"scenario-{number}.json" for number in (1, 2, 3)]


def test_a_worker_killed_from_outside_runs_again_at_most_as_often_as_the_table_says(
    home: Home, bench: Bench
) -> None:
    killed = READY + "os.kill(os.getpid(), signal.SIGKILL)"
    batch, ends = bench.claim(1, 1), []

    while batch.folder.exists():
        ends.append(bench.take(batch, code=killed))
        batch = next(iter(bench.work.batches()), batch)

    assert len(ends) == MAX_ATTEMPTS
    assert [len(end.again) for end in ends] == [1, 1, 0]
    assert home.reason("scenario-1.json")["code"] == "killed-from-outside"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            READY + "print(json.dumps({'event': 'environment', 'message': 'disk'})); exit(17)",
            "disk",
        ),
        ("exit(1)", ""),
        (
            'print(\'{"event": "ready"}\', flush=True); import time; time.sleep(600)',
            "not 536870912",
        ),
    ],
    ids=["environment", "never ready", "no limit in force"],
)
def test_the_environments_fault_pauses_and_is_not_counted(
    home: Home, bench: Bench, code: str, said: str
) -> None:
    ends = [bench.take(bench.claim(1, 1, 2), code=code)]
    ends += [bench.take(bench.work.batches()[0], code=code) for _ in range(MAX_ATTEMPTS + 1)]

    assert all(end.pause is not None and said in end.pause.words for end in ends)
    assert again(ends[-1]) == [["scenario-1.json", "scenario-2.json"]]
    assert bench.work.batches()[0].attempts == 0
    assert home.names("failed") == []


def test_the_loop_never_waits_for_the_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[str] = []
    sync = os.fsync

    def noted_sync(descriptor: int) -> None:
        syncs.append(threading.current_thread().name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted_sync)

    good, split, killed = bench.claim(1, 1), bench.claim(2, 2, 3), bench.claim(3, 4)
    bench.take(good)
    bench.take(split, code=READY + "exit(1)")
    bench.take(killed, code=READY + "os.kill(os.getpid(), signal.SIGKILL)")

    assert set(syncs) == {"settle_0"}


def test_a_file_that_cannot_even_be_put_aside_is_no_attempt(home: Home, bench: Bench) -> None:
    batch = bench.claim(1, 1)
    damaged = {"event": "environment", "message": "disk", "errno": errno.EIO}
    code = f"{READY}print(json.dumps({damaged} | {{'file': 'scenario-1.json'}})); exit(17)"
    home.inbox.rmdir()
    home.inbox.touch()

    for _ in range(MAX_ATTEMPTS + 2):
        with pytest.raises(FileExistsError):
            bench.take(batch, code=code)
        (batch,) = bench.work.batches()

    assert bench.work.batches()[0].attempts == 0
    assert home.names("failed") == []


def test_a_batch_that_was_cut_off_too_often_is_isolated_without_a_launch(
    home: Home, bench: Bench
) -> None:
    single = bench.claim(1, 3, attempts=MAX_ATTEMPTS)
    pair = bench.claim(2, 1, 2, attempts=MAX_ATTEMPTS)

    split, failed = bench.take(pair), bench.take(single)

    assert again(split) == [["scenario-1.json"], ["scenario-2.json"]]
    assert failed.settled == Counts(refused=1)
    assert "interrupted 3 times" in home.reason("scenario-3.json")["message"]
    assert bench.shown == []


def test_a_verdict_of_an_earlier_run_is_never_trusted(home: Home, bench: Bench) -> None:
    batch = bench.claim(1, 1)
    (batch.folder / "verdict.json").write_text('{"version": 1, "files": []}')

    concluded = bench.take(batch, code=READY)

    assert concluded.settled == Counts(refused=1)


def test_a_batch_whose_worker_was_stopped_waits_for_the_next_start(
    home: Home, bench: Bench
) -> None:
    batch = bench.claim(1, 1)

    concluded = bench.take(batch, code=READY + "time.sleep(600)", stop=True)

    assert again(concluded) == [["scenario-1.json"]]
    assert concluded.pause is None
    assert bench.work.batches()[0].attempts == 0


def test_what_a_stopped_worker_had_not_begun_goes_back_into_the_inbox(
    home: Home, bench: Bench
) -> None:
    batch = bench.claim(1, 1, 2)

    concluded = bench.take(batch, code=READY + REJECT_THE_FIRST + "exit(75)")

    assert concluded.settled == Counts(refused=1)
    assert again(concluded) == []
    assert home.names("inbox") == ["scenario-2.json"]
    assert not batch.folder.exists()


def test_after_a_soft_stop_what_was_done_counts_and_the_rest_goes_back_into_the_inbox(
    home: Home, bench: Bench
) -> None:
    batch = bench.claim(1, 1, 2)

    concluded = bench.take(batch, code=READY + GROW + REJECT_THE_FIRST + END_WHEN_ASKED)

    assert concluded.settled == Counts(refused=1)
    assert home.names("inbox") == ["scenario-2.json"]
    assert "soft-limit" in bench.said.getvalue()


def test_a_soft_stop_before_anything_was_done_isolates_the_files(home: Home, bench: Bench) -> None:
    batch = bench.claim(1, 1, 2)

    concluded = bench.take(batch, code=READY + GROW + END_WHEN_ASKED)

    assert again(concluded) == [["scenario-1.json"], ["scenario-2.json"]]


def test_it_becomes_a_batch_of_its_own_where_its_name_is_taken_in_the_inbox(
    home: Home, bench: Bench
) -> None:
    batch = bench.claim(1, 1)
    (home.inbox / "scenario-1.json").write_text("another one")

    concluded = bench.take(batch, code=READY + 'verdict(\'{"version": 1, "files": []}\'); exit(75)')

    assert again(concluded) == [["scenario-1.json"]]
    assert (home.inbox / "scenario-1.json").read_text() == "another one"


def test_a_worker_that_ends_well_without_a_word_on_a_file_has_failed(
    home: Home, bench: Bench
) -> None:
    batch = bench.claim(1, 1)

    concluded = bench.take(batch, code=READY + 'verdict(\'{"version": 1, "files": []}\'); exit(0)')

    assert concluded.settled == Counts(refused=1)
    assert "scenario-1.json" in home.names("failed")


def test_a_worker_that_says_it_is_done_and_left_no_verdict_is_told_from_a_crash(
    home: Home, bench: Bench
) -> None:
    codes = {1: READY, 2: READY + "verdict('[')", 3: READY + "exit(1)"}
    batches = {number: bench.claim(number, number) for number in codes}

    for number, code in codes.items():
        bench.take(batches[number], code=code)

    found = {number: home.reason(f"scenario-{number}.json")["code"] for number in codes}
    assert found == {1: "no-verdict", 2: "no-verdict", 3: "crash"}
    assert "left no readable verdict" in home.reason("scenario-1.json")["message"]


def test_a_folder_that_is_empty_or_gone_is_nobodys_trouble(home: Home, bench: Bench) -> None:
    empty, gone = bench.claim(1), bench.claim(2)
    gone.folder.rmdir()

    ends = [bench.take(empty), bench.take(gone)]

    assert ends == [Concluded(), Concluded()]
    assert not empty.folder.exists()


def test_a_limit_that_was_not_in_force_has_limits_proved_again(home: Home) -> None:
    doubts: list[int] = []
    for code in ('print(\'{"event": "ready"}\', flush=True)', READY + "exit(1)"):
        bench = Bench(home)
        bench.take(bench.claim(len(doubts) + 1, 1), code=code)
        assert isinstance(bench.launcher, ScriptLauncher)
        doubts.append(bench.launcher.doubts)

    assert doubts == [1, 0]


# A larger limit


def test_a_single_that_needed_more_gets_one_try_with_the_larger_limit(home: Home) -> None:
    home.configure(memory={"limit_mb": 512, "limit_max_mb": 768})
    bench = Bench(home)
    needs_more = READY + "exit(70)"

    larger = bench.take(bench.claim(1, 1), code=needs_more)
    launched = bench.take(larger.again[0], code=needs_more.replace(str(LIMIT), str(768 << 20)))

    assert [batch.larger for batch in larger.again] == [True]
    assert "needed more than 512 MB" in bench.said.getvalue()
    assert "one try with 768 MB" in bench.said.getvalue()
    assert launched.again == ()
    assert "needed more than 768 MB" in home.reason("scenario-1.json")["message"]
    assert home.reason("scenario-1.json")["memory_limit_bytes"] == 768 << 20


def test_the_larger_limit_outlives_a_crash(home: Home) -> None:
    home.configure(memory={"limit_mb": 512, "limit_max_mb": 768})
    bench = Bench(home)

    bench.take(bench.claim(1, 1), code=READY + "exit(70)")

    assert [batch.larger for batch in bench.work.batches()] == [True]


def test_an_end_by_no_fault_of_the_files_costs_no_attempt(home: Home, bench: Bench) -> None:
    killed = bench.take(bench.claim(1, 1), code=READY + "os.kill(os.getpid(), signal.SIGKILL)")

    assert [(batch.attempts, batch.spared) for batch in killed.again] == [(0, 1)]
    assert tuple(bench.work.batches()) == killed.again
