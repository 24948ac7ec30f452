"""Limited processes are never root when they read, whoever starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from support.home import SCENARIODCTL, Home, is_alive, run, wait_until
from support.mutation import mutants
from support.scenarios import scenario

from scenariod.base.killpoint import KillPoint
from scenariod.base.owner import user_name
from scenariod.workers import host
from scenariod.workers.privileges import NOBODY

if TYPE_CHECKING:
    from support.standstill import Standstill

pytestmark = pytest.mark.slow

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
WITHOUT_SETUID = ("setpriv", "--bounding-set=-setuid", "--")
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("scenario-*.json"))


def ids(process: psutil.Process) -> dict[str, list[str]]:
    """Return what the kernel says of a process: its users, groups, capabilities and privileges."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    names = ("Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs")
    return {name: told[name].split() for name in names}


NOTHING = {
    "Uid": [str(NOBODY)] * 4,
    "Gid": [str(NOBODY)] * 4,
    "Groups": [],
    "CapPrm": ["0" * 16],
    "CapEff": ["0" * 16],
    "CapAmb": ["0" * 16],
    "NoNewPrivs": ["1"],
}


def close_to_others(home: Home) -> None:
    """Leave what is dropped, and where it lies, to root alone."""
    home.inbox.chmod(0o700)
    home.path.chmod(0o700)


@AS_ROOT
def test_a_worker_is_nobody_before_it_reads_and_gets_files_that_only_root_may_read(
    home: Home, still: Standstill
) -> None:
    close_to_others(home)
    still.order(KillPoint.FILE_READ)
    daemon = home.start(environment=still.environment)
    home.drop("scenario-1.json").chmod(0o600)
    home.drop("scenario-2.json", b"{").chmod(0o600)

    worker = still.wait_for(daemon.pid)
    found = ids(worker)
    worker.resume()
    shown = daemon.wait_for_status(lambda s: (s["added"], s["refused"]) == (1, 1))
    said = home.ctl("status").out

    assert found == NOTHING
    assert (shown["user"], shown["worker_user"]) == ("root", user_name(NOBODY))
    assert "as root watches" in daemon.journal()
    assert f"by rlimits (no systemd here) as {user_name(NOBODY)}" in daemon.journal()
    assert f"by rlimits (no systemd here) as {user_name(NOBODY)}" in said
    assert home.names("done") == ["scenario-1.json"]


@AS_ROOT
def test_a_worker_that_became_nobody_still_dies_with_its_supervisor(
    home: Home, still: Standstill
) -> None:
    still.order(KillPoint.FILE_READ)
    home.drop("scenario-1.json")
    daemon = home.start(environment=still.environment)
    worker = still.wait_for(daemon.pid)

    daemon.process.kill()

    wait_until(lambda: not is_alive(worker.pid), "the worker has died")


@AS_ROOT
def test_an_unpacker_is_nobody_before_it_reads_and_gets_files_that_only_root_may_read(
    home: Home, still: Standstill, tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    folder.mkdir(mode=0o700)
    for number in range(3):
        path = folder / f"{number}.json"
        path.write_bytes(scenario(f"s-{number}"))
        path.chmod(0o600)
    still.order(KillPoint.SCENARIO_UNPACKED)

    importing = subprocess.Popen(
        [*SCENARIODCTL, "--root", str(home.path), "import", str(folder), "--json"],
        stdout=subprocess.PIPE,
        env={**os.environ, **still.environment},
    )
    unpacker = still.wait_for(importing.pid, "scenariod.transfer.unpacker")
    found = ids(unpacker)
    unpacker.resume()
    out, _ = importing.communicate()

    assert found == NOTHING
    assert json.loads(out)["added"] == 3


@AS_ROOT
def test_more_files_than_root_opens_at_once_are_imported_by_one_nobody_after_the_other(
    home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    folder.mkdir(mode=0o700)
    count = 1003
    for number in range(count):
        (folder / f"{number}.json").write_bytes(scenario(f"s-{number}"))

    answer = home.ctl("import", str(folder), "--json").json()

    assert (answer["added"], answer["already_added"], answer["refused"]) == (count, 0, 0)


@AS_ROOT
def test_a_damaged_library_is_rebuilt_though_only_root_may_read_anything(home: Home) -> None:
    close_to_others(home)
    home.drop("scenario-1.json").chmod(0o600)
    assert home.once().code == 0
    home.drop("scenario-2.json").chmod(0o600)
    assert home.once().code == 0
    home.database.write_bytes(b"not SQLite at all")

    ended = home.once()

    assert ended.code == 0, ended.err
    assert home.ids() == ["scenario-1", "scenario-2"]


@AS_ROOT
@pytest.mark.skipif(host.is_booted(), reason="there is a systemd here")
@pytest.mark.parametrize("what", ["scenariod", "config check", "import"])
def test_where_workers_could_not_stop_being_root_nothing_begins(home: Home, what: str) -> None:
    home.drop("scenario-1.json")

    if what == "scenariod":
        ended = home.once(before=WITHOUT_SETUID)
    else:
        more = [str(SAMPLES[0])] if what == "import" else []
        ended = home.ctl(*what.split(), *more, before=WITHOUT_SETUID)

    assert ended.code == 14
    assert f"cannot become user {NOBODY} here: Operation not permitted" in ended.err
    assert home.names("inbox") == ["scenario-1.json"]
    assert not home.database.exists()


@AS_ROOT
def test_a_daemon_that_is_not_root_any_more_has_workers_that_are_who_it_is() -> None:
    code = (
        "import os; from scenariod.workers.launchers.rlimits import RlimitLauncher\n"
        "os.setgroups([]); os.setresgid(7, 7, 7); os.setresuid(7, 7, 7)\n"
        "print(RlimitLauncher().worker_uid)"
    )

    assert run([sys.executable, "-c", code]).out == "7\n"


@AS_ROOT
def test_what_was_root_cannot_come_back(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("only root may read this")
    (tmp_path / "secret").chmod(0o600)
    code = (
        "import os, sys; from scenariod.workers.privileges import become_nobody\n"
        "before = os.open(sys.argv[1], os.O_RDONLY)\n"
        "become_nobody(os.getppid())\n"
        "print(len(os.read(before, 100)))\n"
        "for attempt in (lambda: os.setuid(0), lambda: os.setgroups([0]), lambda: os.setgid(0),\n"
        "                lambda: open(sys.argv[1])):\n"
        "    try: attempt(); print('back')\n"
        "    except PermissionError: print('no')\n"
    )

    told = run([sys.executable, "-c", code, str(tmp_path / "secret")])

    assert told.out.split() == ["23", "no", "no", "no", "no"], told.err


LATE = """
import sys
from pathlib import Path
from scenariod.transfer import unpacker
from scenariod.workers.confinement import load_judge

judge = load_judge()
unpacker._load_readers()
taker = unpacker._Unpacker(judge=judge, most_bytes=1 << 20, after=(0, -1))
sys.stdout = open("/dev/null", "w")
loaded = set(sys.modules)
for path in sorted(Path(sys.argv[1]).iterdir()):
    judge(path.name, path.read_bytes())
    taker.take_apart(unpacker._Source(1, str(path)))
print(sorted(set(sys.modules) - loaded), file=sys.stderr)
"""
"""A program that judges files as worker and unpacker do, and prints what it has loaded since."""


@AS_ROOT
def test_what_judges_files_loads_nothing_more_once_it_has_begun(tmp_path: Path) -> None:
    samples = [path.read_bytes() for path in SAMPLES]
    packs = [b'{"packInfo": {"a": 1e999}, "scenarios": [%b]}' % sample for sample in samples]
    misspelt = [sample.replace(b"correctAnswer", b"correct_answer") for sample in samples]
    odd = [b"", b"\xff\xfe{\x00}\x00", b"```json\n{}\n```", b'{"a": "\\ud800"}', b"\x1f\x8b\x08"]
    fuzzed = mutants([*samples, *packs], seed=7, count=500)
    for number, content in enumerate([*samples, *packs, *misspelt, *odd, *fuzzed]):
        (tmp_path / f"{number}.json").write_bytes(content)

    told = run([sys.executable, "-c", LATE, str(tmp_path)])

    assert told.err == "[]\n"
