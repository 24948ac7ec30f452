"""The worker: a real process under real limits, spoken to as the supervisor speaks to it."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.home import DEADLINE_S
from support.standstill import Standstill

from scenariod.base.errors import ExitCode
from scenariod.base.killpoint import KillPoint
from scenariod.monitoring.status import short
from scenariod.validation.problems import Reason
from scenariod.validation.verdict import (
    VERDICT_FILE,
    Accepted,
    InvalidVerdictError,
    Rejected,
    Verdict,
    decode,
)
from scenariod.workers import confinement, worker
from scenariod.workers.confinement import Limit
from scenariod.workers.outcome import (
    EXIT_ENVIRONMENT,
    EXIT_MEMORY_ERROR,
    EXIT_NO_LIMIT,
    EXIT_SOFT_STOP,
)

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MIB = 1 << 20
LIMIT = 200 * MIB
MAX_SCENARIO = 8 * MIB


def scenario(scenario_id: str) -> bytes:
    weights = {"logic": 80, "emotion": 0, "balanced": 40, "agenda": 10}
    fields = {"id": scenario_id, "title": "T", "claim": "C", "text": "S"}
    return json.dumps(fields | {"correctAnswer": "logic", "answerWeights": weights}).encode()


WIDE = scenario("wide")[:-1] + b', "z": [' + b"[]," * 1_250_000 + b"[]]}"
"""A valid file that takes more than SMALL_LIMIT to read: 56 bytes a list, and 8 for its place."""
SMALL_LIMIT = 96 * MIB


def command(
    folder: Path,
    *,
    limit_bytes: int = LIMIT,
    launcher: str = "rlimits",
    supervisor_pid: int | None = None,
    max_scenario_bytes: int = MAX_SCENARIO,
) -> list[str]:
    return [
        *(sys.executable, "-I", "-m", "scenariod.workers.worker", str(folder)),
        *("--limit-bytes", str(limit_bytes)),
        *("--max-scenario-bytes", str(max_scenario_bytes)),
        *("--launcher", launcher),
        *("--supervisor-pid", str(supervisor_pid or os.getpid())),
    ]


class Worker:
    """One worker, seen from the supervisor's end of the pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def event(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"event": "end"}

    def hand_over(self, *names: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"files": names}).encode() + b"\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, list[str]]:
        """Return the exit status and the events that were still to come."""
        output, _ = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, [json.loads(e)["event"] for e in output.splitlines()]


@contextmanager
def started(
    folder: Path,
    *,
    before: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Worker]:
    process = subprocess.Popen(
        [*before, *command(folder, **options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    with process:
        try:
            yield Worker(process)
        finally:
            process.kill()


def run(folder: Path, *names: str, **options: Any) -> tuple[int, list[dict[str, Any]]]:
    """Run a worker to its end; return its exit status and all events."""
    orders = json.dumps({"files": names}).encode() + b"\n"
    done = subprocess.run(
        command(folder, **options),
        input=orders,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def verdicts(folder: Path) -> list[Verdict]:
    return decode((folder / VERDICT_FILE).read_bytes())


def fill(folder: Path, **contents: bytes) -> list[str]:
    names = [f"scenario-{stem}.json" for stem in contents]
    for name, content in zip(names, contents.values(), strict=True):
        (folder / name).write_bytes(content)
    return names


# A batch from beginning to end


def test_a_batch_gets_one_verdict_a_file_and_the_worker_ends(tmp_path: Path) -> None:
    names = fill(tmp_path, good=scenario("a"), bad=b'{"id": "b"}', empty=b"")

    status, events = run(tmp_path, *names)

    assert status == 0
    assert [e["event"] for e in events] == ["ready", "file", "file", "file", "done"]
    assert [e["name"] for e in events if e["event"] == "file"] == names
    good, bad, empty = verdicts(tmp_path)
    assert isinstance(good, Accepted)
    assert isinstance(bad, Rejected)
    assert isinstance(empty, Rejected)
    assert (good.name, good.scenario_id) == ("scenario-good.json", "a")
    assert [p.code for p in empty.problems] == [Reason.EMPTY]


def test_the_verdict_is_private_and_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    names = fill(tmp_path, a=scenario("a"))

    run(tmp_path, *names)

    assert {p.name for p in tmp_path.iterdir()} == {*names, VERDICT_FILE}
    assert stat.S_IMODE((tmp_path / VERDICT_FILE).stat().st_mode) & ~0o640 == 0


def test_the_done_event_tells_the_peak_of_memory(tmp_path: Path) -> None:
    status, events = run(tmp_path, *fill(tmp_path, a=scenario("a")))

    assert status == 0
    assert 5 * MIB < events[-1]["peak_rss_bytes"] < LIMIT


def test_any_file_name_comes_through(tmp_path: Path) -> None:
    name = os.fsdecode(b'scenario-\xff\n"\xf0\x9f\xa6\x86.json')
    (tmp_path / name).write_bytes(scenario("a"))

    status, events = run(tmp_path, name)

    assert status == 0
    assert events[1]["name"] == name
    assert [v.name for v in verdicts(tmp_path)] == [name]


def test_a_worker_that_gets_no_files_ends_without_a_verdict(tmp_path: Path) -> None:
    with started(tmp_path) as idle:
        ready = idle.event()
        status, events = idle.end()

    assert ready["event"] == "ready"
    assert (status, events) == (0, [])
    assert list(tmp_path.iterdir()) == []


def test_a_worker_is_ready_before_its_folder_exists(tmp_path: Path) -> None:
    folder = tmp_path / "000042"
    with started(folder) as early:
        ready = early.event()
        folder.mkdir()
        early.hand_over(*fill(folder, a=scenario("a")))
        status, _ = early.end()

    assert (ready["event"], status) == ("ready", 0)
    assert len(verdicts(folder)) == 1


# What lies in a batch folder


def test_a_file_that_is_gone_has_no_verdict(tmp_path: Path) -> None:
    names = fill(tmp_path, a=scenario("a"))

    status, _ = run(tmp_path, "scenario-gone.json", *names)

    assert status == 0
    assert [v.name for v in verdicts(tmp_path)] == names


def test_links_pipes_sockets_and_folders_are_refused_unread_and_unawaited(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(scenario("secret"))
    folder = tmp_path / "batch"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "dangling").symlink_to("nowhere")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        with short(folder / "socket") as name:
            listener.bind(name)

        status, _ = run(folder, "link", "dangling", "folder", "pipe", "socket", ".")

    assert status == 0
    assert [type(v) for v in verdicts(folder)] == [Rejected] * 6
    assert {
        (problem.code, verdict.sha256)
        for verdict in verdicts(folder)
        if isinstance(verdict, Rejected)
        for problem in verdict.problems
    } == {(Reason.NOT_A_REGULAR_FILE, None)}


def test_a_file_with_another_name_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "scenario-1.json").write_bytes(scenario("linked"))
    (tmp_path / "other").hardlink_to(tmp_path / "scenario-1.json")
    folder = os.open(tmp_path, os.O_RDONLY)

    def opened() -> int | Rejected | None:
        return worker.open_file("scenario-1.json", folder=folder, max_bytes=MAX_SCENARIO)

    found = opened()
    (tmp_path / "other").unlink()
    alone, late = opened(), opened()
    assert isinstance(alone, int)
    assert isinstance(late, int)
    content = worker.read_file("scenario-1.json", alone, max_bytes=MAX_SCENARIO)
    (tmp_path / "other").hardlink_to(tmp_path / "scenario-1.json")
    linked = worker.read_file("scenario-1.json", late, max_bytes=MAX_SCENARIO)
    os.close(folder)

    assert content == scenario("linked")
    for refusal in (found, linked):
        assert isinstance(refusal, Rejected)
        assert refusal.problems[0].code is Reason.HARD_LINKED
        assert "2 names" in refusal.problems[0].message


@pytest.mark.parametrize("name", ["../outside.json", "/etc/passwd", "folder/inside.json"])
def test_a_name_that_leads_out_of_the_folder_is_a_defect_not_a_file(
    tmp_path: Path, name: str
) -> None:
    status, _ = run(tmp_path, name)

    assert status == 1
    assert not (tmp_path / VERDICT_FILE).exists()


@pytest.mark.parametrize(("extra_bytes", "accepted"), [(0, True), (1, False)])
def test_a_file_may_have_exactly_the_largest_size(
    tmp_path: Path,
    extra_bytes: int,
    accepted: bool,  # noqa: FBT001  a column of the table
) -> None:
    content = scenario("a")
    names = fill(tmp_path, a=content + b" " * extra_bytes)

    run(tmp_path, *names, max_scenario_bytes=len(content))

    (verdict,) = verdicts(tmp_path)
    assert isinstance(verdict, Accepted) == accepted
    if isinstance(verdict, Rejected):
        assert [p.code for p in verdict.problems] == [Reason.TOO_LARGE]
        assert (verdict.size_bytes, verdict.sha256) == (len(content) + 1, None)


def test_a_huge_sparse_file_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    (tmp_path / "scenario-huge.json").touch()
    os.truncate(tmp_path / "scenario-huge.json", 1 << 40)

    status, _ = run(tmp_path, "scenario-huge.json")

    assert status == 0
    assert [v.size_bytes for v in verdicts(tmp_path)] == [1 << 40]


# Faults of the environment are no file's


def test_a_file_that_cannot_be_opened_is_the_environment_s_fault(tmp_path: Path) -> None:
    name = "x" * 300  # root can open anything, but not a name that is too long

    status, events = run(tmp_path, name)

    assert status == EXIT_ENVIRONMENT
    assert (events[-1]["event"], events[-1]["file"]) == ("environment", name)


def test_a_folder_that_is_gone_is_the_environment_s_fault(tmp_path: Path) -> None:
    status, events = run(tmp_path / "gone", "scenario-1.json")

    assert status == EXIT_ENVIRONMENT
    assert events[-1] == {
        "event": "environment",
        "errno": 2,
        "message": "No such file or directory",
        "file": None,
    }


def test_a_verdict_that_cannot_be_written_is_the_environment_s_fault(tmp_path: Path) -> None:
    names = fill(tmp_path, a=scenario("a"))
    (tmp_path / VERDICT_FILE).mkdir()

    status, events = run(tmp_path, *names)

    assert status == EXIT_ENVIRONMENT
    assert events[-1]["event"] == "environment"
    assert {p.name for p in tmp_path.iterdir()} == {*names, VERDICT_FILE}


# The limit


def test_the_limit_is_in_force_before_the_worker_is_ready(tmp_path: Path) -> None:
    with started(tmp_path) as ready_worker:
        ready = ready_worker.event()
        limits = [
            resource.prlimit(ready["pid"], kind)
            for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CORE)
        ]

    assert ready == {
        "event": "ready",
        "pid": ready_worker.process.pid,
        "limit_bytes": LIMIT,
        "swap_limit_bytes": None,
        "cgroup": None,
        "oom_score_adj_error": None,
    }
    assert limits == [(LIMIT, LIMIT), (LIMIT, LIMIT), (0, 0)]


def test_a_file_that_needs_more_than_the_limit_ends_the_worker_without_a_verdict(
    tmp_path: Path,
) -> None:
    names = fill(tmp_path, wide=WIDE, good=scenario("a"))

    status, events = run(tmp_path, *names, limit_bytes=SMALL_LIMIT)

    assert status in {EXIT_MEMORY_ERROR, -signal.SIGKILL, -signal.SIGABRT}
    assert [e["name"] for e in events if e["event"] == "file"] == names[:1]
    with pytest.raises(InvalidVerdictError):
        verdicts(tmp_path)


def test_the_same_file_gets_its_verdict_where_the_limit_is_larger(tmp_path: Path) -> None:
    names = fill(tmp_path, wide=WIDE, good=scenario("a"))

    status, _ = run(tmp_path, *names, limit_bytes=512 * MIB)

    assert status == 0
    assert [type(v) for v in verdicts(tmp_path)] == [Accepted, Accepted]


def test_a_limit_that_cannot_be_put_in_force_is_told_and_nothing_is_read(tmp_path: Path) -> None:
    names = fill(tmp_path, a=scenario("a"))

    status, events = run(tmp_path, *names, limit_bytes=1 << 70)

    assert status == EXIT_NO_LIMIT
    assert [e["event"] for e in events] == ["no-limit"]
    assert "setrlimit" in events[0]["reason"]


def test_outside_of_its_scope_the_worker_of_a_systemd_host_does_not_start(tmp_path: Path) -> None:
    status, events = run(tmp_path, "scenario-1.json", launcher="systemd")

    assert status == EXIT_NO_LIMIT
    assert [e["event"] for e in events] == ["no-limit"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "209715200\n", "memory.swap.max": "0\n"}, Limit(LIMIT, 0, "/a/b")),
        ({"memory.max": "209715200\n"}, Limit(LIMIT, None, "/a/b")),
        ({"memory.max": "max\n", "memory.swap.max": "0\n"}, "memory.max of /a/b is max"),
        ({"memory.max": "209719296\n", "memory.swap.max": "0\n"}, "memory.max of /a/b is 2097"),
        ({"memory.max": "209715200\n", "memory.swap.max": "max\n"}, "memory.swap.max of /a/b is"),
        ({"memory.swap.max": "0\n"}, "memory.max of the worker's cgroup cannot be read"),
        ({}, "memory.max of the worker's cgroup cannot be read"),
    ],
)
def test_the_kernel_s_own_files_tell_whether_a_cgroup_limits(
    tmp_path: Path, files: dict[str, str], expected: Limit | str
) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text("4:memory:/elsewhere\n0::/a/b\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name, content in files.items():
        (tmp_path / "a" / "b" / name).write_text(content)

    found = confinement.cgroup_limit(LIMIT, membership=membership, mount=tmp_path)

    assert found == expected or (isinstance(expected, str) and str(found).startswith(expected))


def test_a_host_without_cgroup_v2_has_no_limit(tmp_path: Path) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text("4:memory:/elsewhere\n")

    found = confinement.cgroup_limit(LIMIT, membership=membership, mount=tmp_path)

    assert "no cgroup v2" in str(found)


# Ends


def oom_score_adj(process: int | str) -> int:
    return int(Path(f"/proc/{process}/oom_score_adj").read_text())


def test_the_worker_is_first_to_be_killed_and_last_to_run(tmp_path: Path) -> None:
    with started(tmp_path) as ready_worker:
        pid = ready_worker.event()["pid"]
        score = oom_score_adj(pid)
        niceness = os.getpriority(os.PRIO_PROCESS, pid)

    assert score == max(500, oom_score_adj("self"))
    assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)


def test_a_worker_that_is_to_be_killed_even_sooner_stays_so(tmp_path: Path) -> None:
    inherited = max(700, oom_score_adj("self"))

    with started(tmp_path, before=["choom", "-n", str(inherited), "--"]) as ready_worker:
        ready = ready_worker.event()
        score = oom_score_adj(ready["pid"])

    assert ready["oom_score_adj_error"] is None
    assert score == inherited


def test_asked_to_stop_the_worker_finishes_the_file_at_hand_and_tells_what_it_did(
    tmp_path: Path, still: Standstill
) -> None:
    large = b'{"z": [' + b"[]," * 4000 + b"[]]}"
    folder = tmp_path / "batch"
    folder.mkdir()
    names = fill(folder, first=large, second=large, third=scenario("a"))
    still.order(KillPoint.FILE_READ)

    with started(folder, environment=still.environment) as busy:
        busy.event()
        busy.hand_over(*names)
        at_its_first = still.wait_until_still(busy.process.pid)
        busy.process.send_signal(signal.SIGTERM)
        at_its_first.resume()
        at_hand, content = busy.event(), busy.event()
        status, events = busy.end()

    assert at_hand == {"event": "file", "name": names[0]}
    assert content == {"event": "content", "name": names[0], "objects": 1 + large.count(b"[")}
    assert (status, events) == (EXIT_SOFT_STOP, ["done"])
    assert [v.name for v in verdicts(folder)] == names[:1]


def test_asked_to_stop_while_it_waits_the_worker_ends_at_once(tmp_path: Path) -> None:
    with started(tmp_path) as idle:
        idle.event()
        idle.process.send_signal(signal.SIGTERM)
        status = idle.process.wait(DEADLINE_S)

    assert status == EXIT_SOFT_STOP
    assert verdicts(tmp_path) == []


def test_an_interrupt_from_the_terminal_is_left_to_the_supervisor(tmp_path: Path) -> None:
    names = fill(tmp_path, a=scenario("a"))
    with started(tmp_path) as waiting:
        waiting.event()
        waiting.process.send_signal(signal.SIGINT)
        waiting.hand_over(*names)
        status, _ = waiting.end()

    assert status == 0
    assert len(verdicts(tmp_path)) == 1


def test_the_worker_dies_with_its_supervisor(tmp_path: Path) -> None:
    supervise = (
        "import os, subprocess, sys\n"
        "subprocess.Popen([*sys.argv[1:], '--supervisor-pid', str(os.getpid())])\n"
        "os.read(0, 1)\n"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", supervise, *command(tmp_path)[:-2]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with supervisor:
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        ready = json.loads(supervisor.stdout.readline())
        supervisor.kill()
        # The worker holds the other end of this pipe: it is at its end once the worker is gone.
        ended, _, _ = select.select([supervisor.stdout], [], [], DEADLINE_S)
        rest = supervisor.stdout.read() if ended else b"still there"

    assert ready["event"] == "ready"
    assert rest == b""


def test_a_worker_whose_supervisor_is_gone_already_does_not_start(tmp_path: Path) -> None:
    status, events = run(tmp_path, "scenario-1.json", supervisor_pid=1)

    assert status == ExitCode.INTERRUPTED
    assert events == []


def test_importing_the_worker_brings_in_nothing_that_takes_memory() -> None:
    imports = "import sys, scenariod.workers.worker; print('pydantic' in sys.modules)"

    told = subprocess.run(
        [sys.executable, "-I", "-c", imports], capture_output=True, check=True, timeout=DEADLINE_S
    )

    assert told.stdout == b"False\n"
