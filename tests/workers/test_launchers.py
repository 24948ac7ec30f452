from __future__ import annotations

import asyncio
import errno
import itertools
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.home import DEADLINE_S, Home, is_alive, wait_until
from support.scenarios import BOMB_LIMIT_MB, BOMB_OBJECTS, memory_bomb, scenario
from support.standstill import Standstill

from scenariod.base import config
from scenariod.base.errors import ConfigError, NoLimitError
from scenariod.base.killpoint import KillPoint
from scenariod.base.value import replace
from scenariod.intake.batch import Batch
from scenariod.validation import verdict
from scenariod.validation.verdict import VERDICT_FILE, Accepted, Rejected
from scenariod.workers.job import Ended, Job, Reading
from scenariod.workers.launchers import cgroup, commands
from scenariod.workers.launchers.launcher import Launcher, choose
from scenariod.workers.launchers.rlimits import RlimitLauncher
from scenariod.workers.outcome import EXIT_MEMORY_ERROR, Outcome, judge
from scenariod.workers.run import run as run_worker

pytestmark = pytest.mark.slow

MIB = 1 << 20
LIMIT_BYTES = 256 * MIB
READY = (
    "import json, os, resource, signal, sys, time\n"
    f"for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):\n"
    f"    resource.setrlimit(kind, ({LIMIT_BYTES}, {LIMIT_BYTES}))\n"
    "print(json.dumps({'event': 'ready'}), flush=True)\n"
    "line = sys.stdin.readline()\n"
)


class ScriptLauncher(RlimitLauncher):
    """Workers that behave as a test wants them to; everything else is as it is."""

    def __init__(self, code: str) -> None:
        self.code = code

    def command(self, job: Job) -> list[str]:
        return [sys.executable, "-I", "-c", self.code, str(job.batch.folder)]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    folder = tmp_path / "000007"
    folder.mkdir()
    loaded = config.load(config=None, root=tmp_path, cwd=tmp_path)
    job = Job(loaded, Batch(7, folder), ("scenario-1.json",), limit_bytes=LIMIT_BYTES)
    return under(job, ready_timeout_s=DEADLINE_S, timeout_s=DEADLINE_S, stop_grace_s=DEADLINE_S)


def under(job: Job, **worker: Any) -> Job:
    """Return the same job under other settings of [worker]."""
    settings = replace(job.config.worker, **worker)
    return replace(job, config=replace(job.config, worker=settings))


def without_soft_limit(job: Job, *, limit_bytes: int) -> Job:
    """Return the same job with this limit, and nothing before it."""
    memory = replace(job.config.memory, soft_limit_percent=100)
    return replace(job, config=replace(job.config, memory=memory), limit_bytes=limit_bytes)


def run(
    launcher: Launcher,
    job: Job,
    *,
    stop_at_reading: bool = False,
    stop_at_once: bool = False,
    finish_at_bytes: int = sys.maxsize,
) -> tuple[Ended, list[Reading]]:
    async def running() -> tuple[Ended, list[Reading]]:
        stop, readings = asyncio.Event(), list[Reading]()
        if stop_at_once:
            stop.set()

        def note(reading: Reading) -> None:
            readings.append(reading)
            if stop_at_reading:
                stop.set()
            if reading.used_bytes >= finish_at_bytes:
                (job.batch.folder / "finish").touch()

        return await run_worker(launcher, job, stop=stop, on_reading=note), readings

    ended, readings = asyncio.run(running())
    assert psutil.Process().children() == []
    return ended, readings


# Command lines


def test_a_scope_has_its_limit_and_no_swap_and_dies_together() -> None:
    names = commands.units(Path("/var/lib/scenariod"), 42)

    line = commands.scope(
        ["worker", "--flag"],
        manager="user",
        names=names,
        limit_bytes=3 << 30,
        tasks_max=32,
        runtime_max_s=600.0,
    )

    assert line[:5] == ["systemd-run", "--user", "--scope", "--quiet", "--collect"]
    assert line[-3:] == ["--", "worker", "--flag"]
    properties = [value for key, value in itertools.pairwise(line) if key == "-p"]
    assert properties == [
        "Description=scenariod worker of batch 000042",
        "MemoryMax=3221225472",
        "MemorySwapMax=0",
        "OOMPolicy=kill",
        "TasksMax=32",
        "RuntimeMaxSec=630",
        "TimeoutStopSec=5",
    ]
    assert f"--unit={names.scope}" in line
    assert f"--slice={names.slice}" in line


def test_the_system_manager_is_asked_without_user() -> None:
    names = commands.units(Path("/r"), 1)

    line = commands.scope(
        ["w"], manager="system", names=names, limit_bytes=1, tasks_max=4, runtime_max_s=1
    )

    assert "--user" not in line
    assert commands.stop("a.slice", manager="system") == [
        *("systemctl", "stop", "--quiet", "--", "a.slice"),
    ]
    assert commands.stop("a.slice", manager="user")[1] == "--user"


def test_units_are_named_by_batch_and_root_and_nest_in_one_slice_a_root(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    one, two = commands.units(tmp_path, 1), commands.units(tmp_path, 2)
    other, same = commands.units(tmp_path / "other", 1), commands.units(tmp_path / "link", 1)

    assert one.scope.startswith("scenariod-b000001-")
    assert one.instance == two.instance != other.instance
    assert one == same
    assert one.slice.startswith(one.instance.removesuffix(".slice") + "-b000001")
    assert len({one.slice, two.slice, one.scope, two.scope}) == 4


def test_the_slice_above_the_workers_gets_its_limit_before_it_starts_and_until_the_next_boot() -> (
    None
):
    calls = commands.capped("a.slice", manager="user", limit_bytes=5 << 30)

    assert calls == [
        [
            *("systemctl", "--user", "set-property", "--runtime", "--", "a.slice"),
            *("MemoryMax=5368709120", "MemorySwapMax=0"),
        ],
        ["systemctl", "--user", "start", "--", "a.slice"],
    ]


@pytest.mark.parametrize("folder", ["/r/a b", "/r/-x", "/r/$(id)", "/r/ä%i"])
def test_a_hostile_path_stays_one_argument(folder: str) -> None:
    line = commands.worker(
        Path(folder),
        launcher="rlimits",
        limit_bytes=1,
        max_scenario_bytes=2,
        supervisor_pid=3,
    )

    assert line[:4] == [sys.executable, "-I", "-m", "scenariod.workers.worker"]
    assert line[4] == folder
    assert line[5:] == [
        *("--max-scenario-bytes", "2", "--launcher", "rlimits"),
        *("--limit-bytes", "1", "--supervisor-pid", "3"),
    ]


def test_another_account_is_taken_with_its_groups_and_nothing_else() -> None:
    line = commands.as_account(["w"], commands.Account(uid=7, gid=8))

    assert line == ["setpriv", "--reuid=7", "--regid=8", "--init-groups", "--", "w"]


# Which launcher


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="there is a systemd here")
def test_without_systemd_auto_falls_back_and_says_so_and_systemd_is_an_error(
    tmp_path: Path,
) -> None:
    chosen = choose("auto", root=tmp_path, most_bytes=1 << 30)

    with pytest.raises(ConfigError, match="was not booted with systemd") as caught:
        choose("systemd", root=tmp_path, most_bytes=1 << 30)

    assert chosen.name == "rlimits (no systemd here)"
    assert "auto" in caught.value.hint


# Control groups, as the kernel writes them


def test_what_cannot_be_reclaimed_is_all_but_page_cache_and_slab(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("67108864\n")
    (tmp_path / "memory.stat").write_text(
        "anon 3000000\nfile 60000000\nshmem 1000000\nslab_reclaimable 2000000\n"
    )

    assert cgroup.unreclaimable(tmp_path) == 67108864 - 59000000 - 2000000


def test_counters_are_those_of_memory_events_and_the_peak_may_be_unknown(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\nhigh 5\nmax 12\noom 1\noom_kill 2\n")

    unknown = cgroup.counters(tmp_path)
    (tmp_path / "memory.peak").write_text("4096\n")
    known = cgroup.counters(tmp_path)

    assert unknown == cgroup.Counters(peak_bytes=None, oom_kills=2, limit_hits=12)
    assert known.peak_bytes == 4096


def test_the_parts_of_a_groups_memory_are_told_the_largest_first(tmp_path: Path) -> None:
    (tmp_path / "memory.stat").write_text("anon 300\nfile 900\nshmem 100\nkernel 5\n")

    assert list(cgroup.parts(tmp_path).items()) == [
        *(("page cache", 800), ("anonymous", 300), ("shared", 100), ("kernel", 5)),
    ]


def test_a_group_is_frozen_and_killed_by_its_files_where_they_may_be_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "cgroup.freeze").write_text("0\n")

    assert cgroup.freeze(tmp_path)
    assert not cgroup.kill(tmp_path / "gone")
    assert (tmp_path / "cgroup.freeze").read_text() == "1"


def test_no_limit_is_told_from_a_limit_that_this_kernel_does_not_have(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.high").write_text("3221225472\n")

    limits = [cgroup.limit(tmp_path, f"memory.{name}") for name in ("max", "high", "swap.max")]

    assert limits == [cgroup.UNLIMITED, 3221225472, None]


def test_a_process_that_is_gone_is_in_no_group() -> None:
    with pytest.raises(OSError, match="No such"):
        cgroup.of_process(2**22 + 1)


# The real worker under rlimits


def test_the_worker_judges_its_files_within_its_limit(job: Job) -> None:
    (job.batch.folder / "scenario-1.json").write_bytes(scenario("good"))
    (job.batch.folder / "scenario-2.json").write_bytes(b"{")
    both = replace(job, names=("scenario-1.json", "scenario-2.json"))

    ended, readings = run(RlimitLauncher(), both)

    told = verdict.decode((job.batch.folder / "verdict.json").read_bytes())
    assert ended.evidence.exit_status == 0, ended
    assert ended.evidence.ready
    assert [type(v) for v in told] == [Accepted, Rejected]
    assert 10 * MIB < ended.peak_bytes < LIMIT_BYTES
    assert all(r.limit_bytes == LIMIT_BYTES for r in readings)


def test_a_file_that_needs_more_than_the_limit_ends_the_worker_and_tells_the_peak(
    job: Job,
) -> None:
    (job.batch.folder / "scenario-1.json").write_bytes(memory_bomb("bomb"))
    small = without_soft_limit(job, limit_bytes=BOMB_LIMIT_MB * MIB)

    ended, _ = run(RlimitLauncher(), small)

    assert ended.evidence.exit_status == EXIT_MEMORY_ERROR
    assert judge(ended.evidence) is Outcome.OUT_OF_MEMORY
    assert ended.at_file == "scenario-1.json"
    assert 40 * MIB < ended.peak_bytes <= BOMB_LIMIT_MB * MIB
    assert (job.batch.folder / VERDICT_FILE).read_bytes() == b""


GROWN = (
    "import json, resource, signal, sys, time\n"
    "for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):\n"
    f"    resource.setrlimit(kind, ({LIMIT_BYTES}, {LIMIT_BYTES}))\n"
    "print(json.dumps({'event': 'ready'}), flush=True)\n"
    "sys.stdin.readline()\n"
)


def grown_to(percent: int, *, on_sigterm: str, then: str) -> ScriptLauncher:
    """Return a worker that comes to hold so much of its limit, then does something."""
    return ScriptLauncher(
        f"{GROWN}signal.signal(15, {on_sigterm})\n"
        f"held = b'x' * ({LIMIT_BYTES} * {percent} // 100)\n{then}"
    )


UNTIL_FINISH = "import os\nwhile not os.path.exists(sys.argv[1] + '/finish'): time.sleep(0.01)\n"
"""What a worker does until it was seen to hold as much as it is to hold."""


def test_a_worker_over_its_soft_limit_is_asked_to_end_and_says_what_it_held(job: Job) -> None:
    launcher = grown_to(
        75, on_sigterm="lambda *_: sys.exit(75)", then="while True: time.sleep(0.01)"
    )

    ended, _ = run(launcher, job)

    assert ended.evidence.exit_status == 75
    assert ended.evidence.soft_stopped
    assert judge(ended.evidence) is Outcome.SOFT_LIMIT
    assert ended.detail.endswith("and was asked to stop")
    assert LIMIT_BYTES * 7 // 10 < ended.peak_bytes < LIMIT_BYTES * 9 // 10


def test_a_worker_below_its_soft_limit_is_left_alone(job: Job) -> None:
    grown = grown_to(55, on_sigterm="signal.SIG_DFL", then=UNTIL_FINISH)

    ended, readings = run(grown, job, finish_at_bytes=LIMIT_BYTES // 2)

    assert max(r.used_bytes for r in readings) > LIMIT_BYTES // 2
    assert not ended.evidence.soft_stopped
    assert ended.evidence.exit_status == 0


def test_a_worker_that_goes_on_growing_is_frozen_and_killed_at_90_percent(job: Job) -> None:
    deaf = grown_to(92, on_sigterm="signal.SIG_IGN", then="while True: signal.pause()")

    ended, readings = run(deaf, under(job, stop_grace_s=DEADLINE_S))

    assert ended.evidence.soft_stopped
    assert ended.evidence.hard_stopped
    assert judge(ended.evidence) is Outcome.OUT_OF_MEMORY
    assert ended.duration_s < DEADLINE_S
    assert "MB of 256 MB" in ended.detail
    assert "(resident 2" in ended.detail
    assert max(r.peak_bytes for r in readings) > LIMIT_BYTES * 9 // 10


class Unreachable(ScriptLauncher):
    """A service manager that nobody can ask, as where no process can be started."""

    async def freeze(self, pid: int, job: Job) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    kill = freeze


def test_a_worker_that_goes_on_growing_is_killed_where_nothing_else_can_be_done(job: Job) -> None:
    deaf = grown_to(92, on_sigterm="signal.SIG_IGN", then="while True: signal.pause()")

    ended, _ = run(Unreachable(deaf.code), under(job, stop_grace_s=DEADLINE_S))

    assert ended.evidence.exit_status == -signal.SIGKILL
    assert not ended.evidence.timed_out
    assert judge(ended.evidence) is Outcome.OUT_OF_MEMORY


class Late(ScriptLauncher):
    """A service manager in whose time to freeze a worker that ends by itself."""

    async def freeze(self, pid: int, job: Job) -> None:
        (job.batch.folder / "finish").touch()
        wait_until(lambda: not is_alive(pid), "the worker has ended")


def test_a_worker_that_ended_before_it_was_frozen_was_not_ended_by_force(job: Job) -> None:
    finishing = "import os\nwhile not os.path.exists(sys.argv[1] + '/finish'): pass\nsys.exit(75)"
    worker = grown_to(92, on_sigterm="signal.SIG_IGN", then=finishing)

    ended, _ = run(Late(worker.code), under(job, stop_grace_s=DEADLINE_S))

    assert ended.evidence.exit_status == 75
    assert judge(replace(ended.evidence, verdicts=1)) is Outcome.SOFT_LIMIT


DEQUE_BLOCK_BYTES = 8 * 66
"""What 64 items take: each a pointer, and one to each neighbour (CPython's `deque`)."""


def test_a_worker_that_grows_within_one_call_into_c_is_ended_before_its_limit(job: Job) -> None:
    # Within one call into C no handler of Python's runs until it is over: it grows, then spins.
    growing = (
        "signal.signal(15, lambda *_: sys.exit(75))\n"
        "from collections import deque; from itertools import chain, repeat\n"
        f"items = {LIMIT_BYTES} * 92 // 100 * 64 // {DEQUE_BLOCK_BYTES}\n"
        "deque(chain(repeat(0, items), filter(None, repeat(0))))\n"
    )

    ended, _ = run(ScriptLauncher(READY + growing), under(job, stop_grace_s=DEADLINE_S))

    assert judge(ended.evidence) is Outcome.OUT_OF_MEMORY
    assert ended.evidence.exit_status == -signal.SIGKILL
    assert ended.duration_s < DEADLINE_S


def test_nothing_is_ended_by_force_where_no_soft_limit_is_wanted(job: Job) -> None:
    full = grown_to(92, on_sigterm="signal.SIG_DFL", then=UNTIL_FINISH)
    unlimited = without_soft_limit(job, limit_bytes=LIMIT_BYTES)

    ended, _ = run(full, unlimited, finish_at_bytes=LIMIT_BYTES * 91 // 100)

    assert ended.evidence.exit_status == 0
    assert not ended.evidence.hard_stopped


def test_how_many_objects_the_file_at_hand_holds_is_known_though_its_worker_died(job: Job) -> None:
    (job.batch.folder / "scenario-1.json").write_bytes(memory_bomb("bomb"))

    small = without_soft_limit(job, limit_bytes=BOMB_LIMIT_MB * MIB)

    ended, _ = run(RlimitLauncher(), small)

    assert ended.objects is not None
    assert BOMB_OBJECTS <= ended.objects < BOMB_OBJECTS + 100


def test_a_worker_that_does_not_hear_is_killed_after_the_grace(job: Job) -> None:
    deaf = grown_to(75, on_sigterm="signal.SIG_IGN", then="while True: signal.pause()")

    ended, _ = run(deaf, under(job, stop_grace_s=0.5))

    assert ended.evidence.exit_status == -signal.SIGKILL
    assert judge(ended.evidence) is Outcome.SOFT_LIMIT


def test_the_worker_dies_with_its_supervisor(home: Home, still: Standstill) -> None:
    still.order(KillPoint.FILE_READ)  # so it does not end by itself
    home.drop("scenario-1.json")
    daemon = home.start(environment=still.environment)
    worker = still.wait_for(daemon.pid)

    os.kill(daemon.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(worker.pid), "the worker has died")

    assert worker.pid not in {p.pid for p in home.processes()}


# Any worker at all


def test_a_limit_that_is_not_in_force_is_found_out_and_no_file_is_handed_over(job: Job) -> None:
    launcher = ScriptLauncher(
        'import sys\nprint(\'{"event": "ready"}\', flush=True)\n'
        "open(sys.argv[1] + '/got', 'w').write(sys.stdin.read())"
    )

    ended, readings = run(launcher, job)

    assert judge(ended.evidence) is Outcome.NO_LIMIT
    assert f"not {LIMIT_BYTES}" in ended.detail
    assert readings == []
    assert not (job.batch.folder / "got").exists() or (job.batch.folder / "got").read_text() == ""


def test_the_files_are_handed_over_in_one_line_whatever_their_names(job: Job) -> None:
    names = ("scenario-\n.json", os.fsdecode(b"scenario-\xff.json"))
    launcher = ScriptLauncher(READY + "open(sys.argv[1] + '/got', 'w').write(line)")

    run(launcher, replace(job, names=names))

    assert json.loads((job.batch.folder / "got").read_text()) == {"files": list(names)}


@pytest.mark.parametrize(
    ("code", "outcome", "detail"),
    [
        pytest.param("raise SystemExit(3)", Outcome.NO_LIMIT, "", id="ends before it is ready"),
        pytest.param("print('hello')", Outcome.NO_LIMIT, "invalid message", id="no JSON"),
        pytest.param("print('x' * 200_000)", Outcome.NO_LIMIT, "invalid message", id="no end"),
        pytest.param(
            'print(\'{"event": "no-limit", "reason": "because"}\')',
            *(Outcome.NO_LIMIT, "because"),
            id="says that there is no limit",
        ),
        pytest.param(READY + "raise SystemExit(1)", Outcome.CRASH, "", id="exits with 1"),
        pytest.param(READY, Outcome.CRASH, "", id="ends well without a verdict"),
        pytest.param(
            READY + "raise ValueError('some words')", Outcome.CRASH, "some words", id="raises"
        ),
        pytest.param(
            READY + "os.kill(os.getpid(), signal.SIGKILL)", Outcome.KILLED, "", id="is killed"
        ),
        pytest.param(
            READY + "os.kill(os.getpid(), signal.SIGSEGV)", Outcome.CRASH, "", id="segfaults"
        ),
        pytest.param(
            READY + "print('x' * 200_000, flush=True); time.sleep(600)",
            *(Outcome.KILLED, "invalid message"),
            id="talks nonsense",
        ),
        pytest.param(
            READY + "print(json.dumps({'event': 'environment', 'message': 'disk'})); exit(17)",
            *(Outcome.ENVIRONMENT, "disk"),
            id="blames the environment",
        ),
        pytest.param(
            READY + "sys.stderr.write('x' * 5_000_000 + '\\nlast words\\n'); exit(1)",
            *(Outcome.CRASH, "last words"),
            id="floods stderr",
        ),
    ],
)
def test_however_a_worker_ends_it_is_seen(
    job: Job, code: str, outcome: Outcome, detail: str
) -> None:
    ended, _ = run(ScriptLauncher(code), job)

    assert judge(ended.evidence) is outcome
    assert detail in ended.detail
    assert len(ended.detail) < 20_000


def test_a_worker_that_is_never_ready_is_ended(job: Job) -> None:
    launcher = ScriptLauncher("import time; time.sleep(600)")

    ended, _ = run(launcher, under(job, ready_timeout_s=0.5))

    assert judge(ended.evidence) is Outcome.NO_LIMIT
    assert ended.detail == "the worker was not ready within 0.5 s"


@pytest.mark.parametrize(
    "closing", ["", "os.close(1); os.close(2)\n"], ids=["talking", "with its streams closed"]
)
def test_a_worker_that_takes_too_long_is_ended(job: Job, closing: str) -> None:
    launcher = ScriptLauncher(READY + closing + "time.sleep(600)")

    ended, _ = run(launcher, under(job, timeout_s=0.5))

    assert judge(ended.evidence) is Outcome.TIMEOUT
    assert "took longer than 0.5 s" in ended.detail
    assert ended.duration_s < DEADLINE_S


def test_a_worker_that_is_asked_to_stop_may_end_politely(job: Job) -> None:
    polite = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))\nwhile True: signal.pause()\n"

    ended, _ = run(ScriptLauncher(READY + polite), job, stop_at_reading=True)

    assert ended.evidence.exit_status in {75, -signal.SIGTERM}
    assert judge(ended.evidence) is Outcome.STOPPED


def test_a_worker_that_will_not_stop_is_ended_after_the_grace(job: Job) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY
    stubborn = ScriptLauncher(code + "while True: time.sleep(600)")

    ended, _ = run(stubborn, under(job, stop_grace_s=0.2), stop_at_reading=True)

    assert ended.evidence.exit_status == -signal.SIGKILL
    assert judge(ended.evidence) is Outcome.STOPPED


def test_a_worker_is_not_begun_in_earnest_when_the_stop_came_first(job: Job) -> None:
    (job.batch.folder / "scenario-1.json").write_bytes(scenario("good"))

    ended, _ = run(RlimitLauncher(), job, stop_at_once=True)

    assert judge(ended.evidence) is Outcome.STOPPED


def test_a_command_that_is_not_there_is_the_environments_fault(job: Job) -> None:
    class Missing(RlimitLauncher):
        def command(self, job: Job) -> list[str]:
            return ["/nowhere/at/all"]

    with pytest.raises(FileNotFoundError):
        run(Missing(), job)


def test_an_rlimit_is_read_back_from_the_kernel(job: Job) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)

    with pytest.raises(NoLimitError, match="rlimits"):
        RlimitLauncher().confirm(os.getpid(), job)

    assert soft != LIMIT_BYTES


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess; subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL); exit(1)",
        'import time; print(\'{"event": "hello"}\', flush=True); time.sleep(600)',
    ],
    ids=["a child keeps its stderr", "another greeting"],
)
def test_nothing_a_worker_leaves_open_is_waited_for_for_ever(job: Job, code: str) -> None:
    ended, _ = run(ScriptLauncher(code), under(job, stop_grace_s=0.5))

    assert not ended.evidence.ready
    assert ended.duration_s < DEADLINE_S
