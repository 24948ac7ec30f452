from __future__ import annotations

import json
import os
import socket
import sqlite3
import stat
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.home import AS_ROOT, IMPATIENT, POWERLESS, SCENARIOD, Finished, Home, mounted, run
from support.library_lock import held
from support.scenarios import scenario

from scenariod import __version__
from scenariod.base.errors import EXIT_CODE_MEANING
from scenariod.workers import host

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    pass

REAL_DATA = os.environ.get("SCENARIOD_REAL_DATA")


# Settled: what one run leaves behind


@pytest.fixture(scope="module")
def dropped() -> dict[str, bytes]:
    """Return good and bad files, by name."""
    return {
        "scenario-1.json": scenario("one"),
        "scenario-2.json": b'{\n  "id": "two",\n  "title": }\n',
        "scenario-3.json": scenario("three", correctAnswer="maybe", title=None),
        "scenario-4.json": b"\xef\xbb\xbf" + scenario("four"),
        "scenario-5.json": b"",
        "scenario-6.json": b'{"a": "\xff"}',
        "scenario-7.json": b"[1, 2]",
        "scenario-8.json": scenario("eight", answerWeights={"logic": 1}),
        "scenario-9.json": b'{"id": "nine", "id": "nine"}',
        "scenario-10.json": b'{"a": NaN}',
        "scenario-11.json": b'{"a":' * 70 + b"1" + b"}" * 70,
        "scenario-12.json": b" " * ((8 << 20) + 1),
        "scenario-13.json": scenario("thirteen"),
    }


@pytest.fixture(scope="module")
def after_once(shared_home: Home, dropped: dict[str, bytes]) -> Finished:
    """Return how one run over all of them ended."""
    for name, content in dropped.items():
        shared_home.drop(name, content)
    return shared_home.once(before=POWERLESS)


def test_some_refused_is_an_exit_code_of_its_own(after_once: Finished) -> None:
    assert after_once.code == 3


def test_good_files_are_in_done_byte_for_byte(
    shared_home: Home, after_once: Finished, dropped: dict[str, bytes]
) -> None:
    done = {path.name: path.read_bytes() for path in shared_home.done.iterdir()}

    good = ("scenario-1.json", "scenario-4.json", "scenario-13.json")
    assert done == {name: dropped[name] for name in good}


def test_bad_files_are_in_failed_byte_for_byte_each_with_a_reason(
    shared_home: Home, after_once: Finished, dropped: dict[str, bytes]
) -> None:
    names = shared_home.names("failed")

    assert len(names) == 10
    for name in names:
        assert (shared_home.failed / name).read_bytes() == dropped[name]
        assert shared_home.reason(name)["file"] == name


def test_nothing_is_left_in_inbox_or_work(shared_home: Home, after_once: Finished) -> None:
    assert os.listdir(shared_home.inbox) == []
    assert os.listdir(shared_home.work) == []


def test_the_library_is_valid_json_and_holds_the_good_ones(
    shared_home: Home, after_once: Finished
) -> None:
    assert shared_home.ids() == ["one", "four", "thirteen"]


def test_the_published_library_can_be_read_by_any_program(
    shared_home: Home, after_once: Finished
) -> None:
    assert stat.S_IMODE(shared_home.published.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("number", "code", "line", "column", "field"),
    [
        (2, "not-json", 3, 12, None),
        (5, "empty", None, None, None),
        (6, "not-utf8", 1, 8, None),
        (7, "not-an-object", 1, 1, None),
        (9, "duplicate-key", 1, 16, "id"),
        (10, "not-a-number", 1, 7, "a"),
        (11, "too-deep", 1, None, None),
        (12, "too-large", None, None, None),
    ],
)
def test_a_reason_has_a_code_a_sentence_and_the_place(
    shared_home: Home,
    after_once: Finished,
    number: int,
    code: str,
    line: int | None,
    column: int | None,
    field: str | None,
) -> None:
    reason = shared_home.reason(f"scenario-{number}.json")

    problem = next(p for p in reason["problems"] if p["code"] == code)
    assert reason["code"] in {p["code"] for p in reason["problems"]}
    assert len(problem["message"]) > 10
    assert problem["line"] == line
    assert column is None or problem["column"] == column
    assert field is None or problem["field"] == field


def test_a_reason_tells_batch_attempts_time_figures_and_how_to_retry(
    shared_home: Home, after_once: Finished
) -> None:
    reason = shared_home.reason("scenario-2.json")

    assert (reason["batch"], reason["attempts"]) == (1, 1)
    assert reason["failed_at"].endswith("+00:00")
    assert reason["dropped_at"] <= reason["claimed_at"] <= reason["failed_at"]
    assert reason["retry"] == "scenariodctl retry scenario-2.json"
    assert reason["memory_limit_bytes"] == 512 << 20
    assert 0 < reason["memory_peak_bytes"] < 512 << 20
    assert reason["size_bytes"] == (shared_home.failed / "scenario-2.json").stat().st_size


def test_all_problems_of_a_file_are_told_at_once(shared_home: Home, after_once: Finished) -> None:
    reason = shared_home.reason("scenario-3.json")
    weights = shared_home.reason("scenario-8.json")

    assert {p["field"] for p in reason["problems"]} == {"correctAnswer", "title"}
    assert {p["field"] for p in weights["problems"]} == {
        *("answerWeights.emotion", "answerWeights.balanced", "answerWeights.agenda"),
    }


def test_batches_are_pairs_in_natural_order(after_once: Finished) -> None:
    started = [line for line in after_once.err.splitlines() if line.startswith("batch ")]

    first = [line.partition(": ")[2] for line in started if ": scenario-" in line]
    assert first[0] == "scenario-1.json, scenario-2.json"
    assert first[4:6] == ["scenario-9.json, scenario-10.json", "scenario-11.json, scenario-12.json"]


def test_every_file_is_told_of_with_its_outcome(after_once: Finished) -> None:
    for number in range(1, 14):
        assert f" scenario-{number}.json" in after_once.err
    assert "added one from scenario-1.json" in after_once.err
    assert "! refused scenario-5.json (empty)" in after_once.err


def test_nothing_is_said_but_what_the_daemon_itself_says(after_once: Finished) -> None:
    assert "watchdog" not in after_once.err.lower()
    assert "emitter" not in after_once.err.lower()
    assert "Traceback" not in after_once.err


def test_the_summary_says_what_is_where(shared_home: Home, after_once: Finished) -> None:
    assert "3 added" in after_once.out
    assert "10 refused" in after_once.out
    assert str(shared_home.failed) in after_once.out
    assert "the library holds 3 scenarios" in after_once.out


def test_the_fallback_launcher_is_named_at_start(after_once: Finished) -> None:
    if not Path("/run/systemd/system").is_dir():
        assert "by rlimits (no systemd here)" in after_once.err


# Exit codes and arguments


def test_once_ends_when_all_is_done_and_does_not_wait_for_the_next_look(home: Home) -> None:
    home.configure(intake={"rescan_s": 3600.0})

    empty = home.once()
    home.drop_many(range(1, 4))
    full = home.once()
    again = home.once()

    assert (empty.code, full.code) == (0, 0)
    assert "the inbox was empty" in empty.out
    assert "the inbox was empty" not in full.out
    assert "the inbox was empty" in again.out
    assert len(home.names("done")) == 3


def test_a_file_that_may_not_be_read_is_left_and_said(home: Home) -> None:
    home.drop("scenario-1.json").chmod(0)
    home.drop("scenario-2.json")

    ended = home.once(before=POWERLESS)

    assert ended.code == 4
    assert home.names("inbox") == ["scenario-1.json"]
    assert home.names("done") == ["scenario-2.json"]
    assert "scenario-1.json waits in the inbox: scenariod cannot read it" in ended.err
    assert "1 left" in ended.out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_may_not_be_moved_is_left_and_said_and_the_others_go_on(home: Home, kind: str) -> None:
    stuck = home.inbox / "scenario-1.json"
    if kind == "file":
        home.drop("scenario-1.json")
        os.chown(home.inbox, 65534, 65534)
        home.inbox.chmod(0o1777)
    else:
        stuck.mkdir()
    os.chown(stuck, 65534, 65534)
    home.drop("scenario-2.json")

    ended = home.once(before=POWERLESS)

    assert ended.code == 4, ended.err
    assert home.names("inbox") == ["scenario-1.json"]
    assert home.names("done") == ["scenario-2.json"]


def test_a_bad_configuration_names_key_value_and_what_is_allowed_and_touches_nothing(
    home: Home,
) -> None:
    home.configure_with('[intake]\nbatchsize = 3\npair_wait_s = "x"\n[memory]\nlimit_mb = 9999\n')
    home.drop("scenario-1.json")

    ended = home.once()

    assert ended.code == 10
    assert "unknown key intake.batchsize (did you mean intake.batch_size?)" in ended.err
    assert 'intake.pair_wait_s = "x": should be a valid number' in ended.err
    assert 'memory.limit_mb = 9999: it must be "auto" or a number from 64 to 4096' in ended.err
    assert ended.out == ""
    assert sorted(os.listdir(home.path)) == ["config", "inbox"]
    assert home.names("inbox") == ["scenario-1.json"]


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="there is a systemd here")
def test_systemd_where_there_is_none_is_an_error_and_no_fallback(home: Home) -> None:
    home.configure(worker={"launcher": "systemd"})
    home.drop("scenario-1.json")

    ended = home.once()

    assert ended.code == 10
    assert 'worker.launcher = "systemd", but this system was not booted with systemd' in ended.err
    assert 'worker.launcher = "auto"' in ended.err
    assert home.names("inbox") == ["scenario-1.json"]


def test_a_worker_that_can_never_fit_in_this_machine_is_a_bad_configuration(home: Home) -> None:
    home.configure(memory={"reserve_mb": 1048576})
    home.drop("scenario-1.json")

    ended = home.once()

    assert ended.code == 10
    assert "do not fit in this machine's" in ended.err
    assert "memory.reserve_mb" in ended.err
    assert home.names("inbox") == ["scenario-1.json"]


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    ended = run([*SCENARIOD, "--once", "--root", str(tmp_path / "typo")])

    assert ended.code == 15
    assert "does not exist" in ended.err


def test_an_unknown_option_is_told(tmp_path: Path) -> None:
    ended = run([*SCENARIOD, "--onec"])

    assert ended.code == 2
    assert "--onec" in ended.err


def test_help_names_every_exit_code_and_version_the_version() -> None:
    helped, version = run([*SCENARIOD, "--help"]), run([*SCENARIOD, "--version"])

    assert (helped.code, version.code) == (0, 0)
    assert all(meaning in helped.out for meaning in EXIT_CODE_MEANING.values())
    assert version.out == f"scenariod {__version__}\n"


def test_without_arguments_a_checkout_is_its_own_root(home: Home) -> None:
    home.drop("scenario-1.json")

    ended = run([*SCENARIOD, "--once"], cwd=home.path)

    assert ended.code == 0
    assert home.names("done") == ["scenario-1.json"]


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" * 99])
def test_a_damaged_library_is_told_and_left_as_it_is(home: Home, content: bytes) -> None:
    home.library.mkdir()
    home.database.write_bytes(content)
    home.drop("scenario-1.json")

    ended = home.once()

    assert ended.code == 12
    assert str(home.database) in ended.err
    assert "Traceback" not in ended.err
    assert home.database.read_bytes() == content
    assert home.everywhere() == ["scenario-1.json"]


# Hostile files


def test_what_is_no_regular_file_is_refused_and_nothing_outside_is_touched(home: Home) -> None:
    outside = home.path / "outside.json"
    outside.write_bytes(scenario("outside"))
    before = outside.stat()
    (home.inbox / "scenario-1.json").mkdir()
    (home.inbox / "scenario-1.json" / "within").write_text("kept")
    (home.inbox / "scenario-2.json").symlink_to(outside)
    (home.inbox / "scenario-3.json").symlink_to("/etc/passwd")
    (home.inbox / "scenario-4.json").symlink_to("scenario-4.json")
    os.mkfifo(home.inbox / "scenario-5.json")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        here = os.open(home.inbox, os.O_PATH)
        listening.bind(f"/proc/self/fd/{here}/scenario-6.json")
        os.close(here)
    home.drop("scenario-7.json", scenario("good"))

    ended = home.once(before=POWERLESS)

    assert ended.code == 3, ended.err
    assert home.ids() == ["good"]
    assert home.names("failed") == [f"scenario-{number}.json" for number in range(1, 7)]
    codes = {home.reason(name)["code"] for name in home.names("failed")}
    assert codes == {"not-a-regular-file"}
    assert (home.failed / "scenario-1.json" / "within").read_text() == "kept"
    assert (home.failed / "scenario-2.json").readlink() == outside
    assert stat.S_ISFIFO((home.failed / "scenario-5.json").lstat().st_mode)
    after = outside.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


HOSTILE = [
    b"scenario-a b.json",
    b"scenario-new\nline.json",
    b"scenario-'\"`$(touch x).json",
    b"scenario-\x1b[31mred\x07.json",
    b"scenario-\xff\xfe.json",
    "scenario-ä🤖\u202e.json".encode(),
    b"scenario-" + b"x" * 230 + b".json",
    b"scenario-" + b"y" * 241 + b".json",
]


def test_good_files_with_hostile_names_are_added(home: Home) -> None:
    for number, name in enumerate(HOSTILE):
        home.drop(name, scenario(f"s{number}"))

    ended = home.once(before=POWERLESS)

    assert ended.code == 0, ended.err
    assert sorted(os.listdir(os.fsencode(home.done))) == sorted(HOSTILE)
    assert len(home.ids()) == len(HOSTILE)
    assert "\x1b" not in ended.err + ended.out
    assert r"scenario-\x1b[31mred\x07.json" in ended.err


def test_bad_files_with_hostile_names_are_refused_each_with_a_reason(home: Home) -> None:
    for name in HOSTILE:
        home.drop(name, b"{")

    ended = home.once(before=POWERLESS)

    found = set(os.listdir(os.fsencode(home.failed)))
    assert ended.code == 3, ended.err
    assert set(HOSTILE) <= found
    reasons = [json.loads((home.failed / os.fsdecode(n)).read_bytes()) for n in found - {*HOSTILE}]
    assert sorted(os.fsencode(reason["file"]) for reason in reasons) == sorted(HOSTILE)


def test_done_and_failed_never_overwrite(home: Home) -> None:
    for number in (1, 2, 3):
        home.drop("scenario-1.json", scenario(f"good-{number}"))
        home.drop("scenario-2.json", b"{" + b" " * number)
        home.once()

    assert len(home.names("done")) == len(home.names("failed")) == 3
    assert sorted(len(p.read_bytes()) for p in home.failed.glob("*[0-9].json")) == [2, 3, 4]
    assert all(home.reason(name)["code"] == "not-json" for name in home.names("failed"))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_as_many_files_go_together_as_the_configuration_says(home: Home, size: int) -> None:
    home.configure(intake={"batch_size": size})
    home.drop_many(range(1, size + 2))

    ended = home.once()

    batches = [line.count("scenario-") for line in ended.err.splitlines() if ": scenario-" in line]
    assert ended.code == 0
    assert batches == [size, 1]
    assert home.ids() == [f"s-{number}" for number in range(1, size + 2)]


# The environment's fault fails no file


def test_a_locked_library_fails_no_file(home: Home) -> None:
    home.configure(library=IMPATIENT)
    home.once()
    home.drop_many(range(1, 4))

    with held(home.database):
        blocked = home.once()
    freed = home.once()

    assert blocked.code == 17, blocked.err
    assert "intake pauses, and nothing is lost: " in blocked.err
    assert "locked" in blocked.err
    assert freed.code == 0
    assert len(home.ids()) == 3
    assert home.names("failed") == []


def test_a_work_folder_that_cannot_be_written_fails_no_file(home: Home) -> None:
    home.once()
    home.drop_many(range(1, 3))
    home.inbox.chmod(0o555)

    blocked = home.once(before=POWERLESS)
    home.inbox.chmod(0o755)
    freed = home.once(before=POWERLESS)

    assert blocked.code in {15, 17}, blocked.err
    assert freed.code == 0, freed.err
    assert len(home.names("done")) == 2


def test_a_file_size_limit_on_the_daemon_fails_no_file(home: Home) -> None:
    home.once()
    dropped = home.drop("scenario-1.json", scenario("big", text="x" * 3_000_000))
    content = dropped.read_bytes()

    blocked = home.once(before=("prlimit", "--fsize=1000000"))
    after = home.everywhere()
    freed = home.once()

    assert blocked.code == 17, blocked.err
    assert after == ["scenario-1.json"]
    assert home.names("failed") == []
    assert freed.code == 0
    assert (home.done / "scenario-1.json").read_bytes() == content


@AS_ROOT
def test_a_full_disk_fails_no_file(tmp_path: Path) -> None:
    where = tmp_path / "small"
    where.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=4m", "scenariod-test", at=where):
        home = Home(where / "root")
        ballast = where / "ballast"
        home.once()
        home.drop("scenario-1.json", scenario("big", text="x" * 700_000))
        home.drop("scenario-2.json", scenario("small"))
        _fill(ballast)

        blocked = home.once(before=POWERLESS)
        lost = {"scenario-1.json", "scenario-2.json"} - set(home.everywhere())
        ballast.unlink()
        freed = home.once(before=POWERLESS)

        assert blocked.code == 17, blocked.err
        assert lost == set()
        assert freed.code == 0, freed.err
        assert home.ids() == ["big", "small"]
        assert home.names("failed") == []


def _fill(ballast: Path) -> None:
    """Leave not one block free."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


# Sound in the end, with real data too


def test_the_library_is_a_sound_sqlite_database_after_a_run(home: Home) -> None:
    home.drop_many(range(1, 4))
    home.once()

    with closing(sqlite3.connect(f"file:{home.database}?mode=ro", uri=True)) as db:
        sound = db.execute("PRAGMA integrity_check").fetchall()
        batches = db.execute("SELECT outcome, added FROM batch ORDER BY id").fetchall()

    assert sound == [("ok",)]
    assert batches == [("ok", 2), ("ok", 1)]


if REAL_DATA is not None:  # no skipped test where there is no such folder

    def test_real_scenarios_are_added_but_for_the_invalid_ones_and_none_is_lost(home: Home) -> None:
        home.configure(intake={"batch_size": 8})
        contents = {path.name: path.read_bytes() for path in sorted(Path(str(REAL_DATA)).iterdir())}
        for name, content in contents.items():
            home.drop(name, content)

        first = home.once()

        assert len(contents) == 161
        assert first.code == 3
        assert ("150 added" in first.out, "11 refused" in first.out) == (True, True)
        assert {n: (home.done / n).read_bytes() for n in home.names("done")} | {
            n: (home.failed / n).read_bytes() for n in home.names("failed")
        } == contents
        assert len(home.names("failed")) == 11
        assert all(home.reason(name)["problems"] for name in home.names("failed"))
        assert len(home.ids()) == len(set(home.ids())) == 150

        before = home.published.read_bytes()
        for name in home.names("done"):
            home.drop(name, contents[name])
        again = home.once()

        assert again.code == 0
        assert "150 already added" in again.out
        assert home.published.read_bytes() == before


@AS_ROOT
def test_a_user_without_a_name_and_a_home_folder_needs_neither() -> None:
    # Not in pytest's own folders, which only root may enter.
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder, "root"))
        home.drop("scenario-1.json")
        run(["chown", "-R", "12345:12345", folder])

        # dac_read_search: the Python of these tests may be in a folder of root's.
        ended = home.once(
            before=(
                *("env", "--unset=HOME", "setpriv", "--reuid=12345", "--regid=12345"),
                *("--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps"),
                "+dac_read_search",
            )
        )

        assert ended.code == 0, ended.err
        assert home.ids() == ["scenario-1"]


def test_a_current_folder_that_is_gone_does_not_matter(home: Home, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    home.drop("scenario-1.json")

    ended = home.once(before=("/bin/sh", "-c", f'cd {gone} && rmdir {gone} && exec "$@"', "sh"))

    assert ended.code == 0, ended.err
    assert home.ids() == ["scenario-1"]


@pytest.mark.skipif(host.is_booted(), reason="with systemd, no rlimits are used")
def test_a_hard_limit_below_the_workers_is_an_error_that_names_the_setting(home: Home) -> None:
    home.configure(memory={"limit_mb": 2048, "limit_max_mb": 2048})
    home.drop("scenario-1.json")
    # Without the capability by which root raises any limit.
    before = ("setpriv", "--bounding-set=-sys_resource", "--") if os.geteuid() == 0 else ()

    ended = home.once(before=("/bin/sh", "-c", 'ulimit -v 1500000; exec "$@"', "sh", *before))
    home.configure(memory={"limit_mb": 512, "limit_max_mb": 512})
    again = home.once(before=("/bin/sh", "-c", 'ulimit -v 1500000; exec "$@"', "sh", *before))

    assert ended.code == 14
    assert "set memory.limit_mb = 1464 and memory.limit_max_mb = 1464" in ended.err
    assert again.code == 0, again.err


@pytest.mark.parametrize("name", ["inbox", "work", "done", "failed", "backups", "library"])
def test_a_folder_that_is_a_link_to_nothing_is_named(home: Home, name: str) -> None:
    with suppress(FileNotFoundError):
        (home.path / name).rmdir()
    (home.path / name).symlink_to("/mnt/unplugged")

    ended = home.once()

    assert ended.code == 15
    assert "it is a link to /mnt/unplugged, which does not exist" in ended.err


@AS_ROOT
def test_a_root_on_a_disk_that_is_read_only_is_named_to_every_command(tmp_path: Path) -> None:
    where = tmp_path / "disk"
    where.mkdir()
    with mounted("-t", "tmpfs", "scenariod-test", at=where):
        home = Home(where / "root")
        home.drop("scenario-1.json")
        assert home.once().code == 0
        assert run(["mount", "-o", "remount,ro", str(where)]).code == 0

        changing = [home.once(), home.ctl("undo", "1"), home.ctl("restore", "latest")]
        reading = [home.ctl("list"), home.ctl("status"), home.ctl("backups", "verify")]

        assert all("Read-only file system" in ended.err for ended in changing)
        assert not any("sudo" in ended.err for ended in changing)
        assert [ended.code for ended in reading] == [0, 19, 0]
        run(["mount", "-o", "remount,rw", str(where)])
