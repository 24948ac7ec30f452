from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.home import POWERLESS, SCENARIODCTL, Finished, Home, run
from support.makers import add, open_library
from support.scenarios import scenario
from support.terminal import on_a_terminal

from scenariod import __version__, backups
from scenariod.base.errors import EXIT_CODE_MEANING

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMANDS = ["status", "list", "show", "backups", "restore", "config"]


@pytest.fixture(scope="module")
def filled(shared_home: Home) -> Home:
    """Return a root folder with two scenarios from two drains, and no daemon."""
    shared_home.drop("scenario-1.json", scenario("first", title="Wörter \u202e and\x07 bells"))
    shared_home.once()
    shared_home.drop("scenario-2.json", scenario("second"))
    shared_home.once()
    return shared_home


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Return a root folder with one scenario and a running daemon."""
    home = Home(tmp_path_factory.mktemp("running") / "root")
    home.drop("scenario-1.json", scenario("first"))
    daemon = home.start()
    daemon.wait_for_status(
        lambda s: (s["state"], s["added"], s["watch"]) == ("idle", 1, "events"),
    )
    yield home
    assert daemon.terminate() == 0
    home.close()


# One JSON document, whatever is asked


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status"], 19),
        (["list"], 0),
        (["show", "first"], 0),
        (["show", "nobody"], 18),
        (["backups"], 0),
        (["restore", "nothing"], 18),
        (["config", "check"], 0),
    ],
)
def test_json_is_one_document_on_stdout_and_all_else_is_on_stderr(
    filled: Home, arguments: list[str], code: int
) -> None:
    ended = filled.ctl("--json", *arguments)

    document = ended.json()
    assert ended.code == code
    assert ("error" in document) == (code == 18)
    assert bool(ended.err) == (code == 18)


# status


def test_status_of_a_running_daemon(running: Home) -> None:
    text, document = running.ctl("status"), running.ctl("status", "--json")

    assert (text.code, document.code) == (0, 0)
    found = document.json()
    assert found["running"] is True
    assert (found["added"], found["refused"], found["scenarios"]) == (1, 0, 1)
    assert (found["state"], found["inbox"], found["watch"]) == ("idle", 0, "events")
    assert found["newest_backup"].startswith("scenarios-backup-")
    assert f"scenariod {__version__} is idle" in text.out
    assert f"PID {found['pid']}" in text.out
    assert found["launcher"] in text.out


def test_status_of_a_running_daemon_loads_nothing_that_is_large(running: Home) -> None:
    told = run(
        [
            sys.executable,
            "-X",
            "importtime",
            *SCENARIODCTL[1:],
            "--root",
            str(running.path),
            "status",
        ]
    )

    loaded = {line.split("|")[-1].strip() for line in told.err.splitlines()}
    assert told.code == 0
    assert "scenariod.monitoring.status" in loaded
    assert not loaded & {"asyncio", "sqlite3", "psutil", "watchdog", "scenariod.backups"}


def test_status_says_which_launcher_is_in_use(running: Home) -> None:
    if not Path("/run/systemd/system").is_dir():
        assert "rlimits (no systemd here)" in running.ctl("status").out


def test_status_where_no_daemon_runs(filled: Home) -> None:
    newest = backups.newest(filled.backups)
    assert newest is not None
    text, document = filled.ctl("status"), filled.ctl("status", "--json")

    assert (text.code, document.code) == (19, 19)
    assert "is not running" in text.out
    assert document.json() == {
        "running": False,
        "answering": False,
        "root": str(filled.path),
        "inbox": 0,
        "left_alone": 0,
        "left_alone_files": [],
        "failed": 0,
        "newest_failed": None,
        "scenarios": 2,
        "library_doubt": "",
        "newest_backup": newest.path.name,
        "backup_doubt": "",
        "report_made": None,
    }


def test_status_of_a_root_that_was_never_used(home: Home) -> None:
    home.drop("scenario-1.json")

    ended = home.ctl("status", "--json")

    assert ended.code == 19
    assert (ended.json()["inbox"], ended.json()["scenarios"]) == (1, 0)
    assert sorted(os.listdir(home.path)) == ["config", "inbox"]


def test_status_shows_what_a_waiting_file_waits_for(home: Home) -> None:
    daemon = home.start()
    with (home.inbox / "scenario-1.json").open("wb") as writer:
        writer.write(b"{")
        writer.flush()
        daemon.wait_for_status(lambda s: bool(s["waiting"]))

        text = home.ctl("status").out

    assert "scenario-1.json: its writer still has it open" in text
    assert "is waiting: scenario-1.json" in text


def test_status_lists_ten_waiting_files_and_says_how_many_more_there_are(home: Home) -> None:
    daemon = home.start()
    with ExitStack() as writers:
        for number in range(12):
            path = home.inbox / f"scenario-{number}.json"
            writers.enter_context(path.open("wb", buffering=0)).write(b"{")
        daemon.wait_for_status(lambda s: len(s["waiting"]) == 12)

        lines = home.ctl("status").out.splitlines()

    assert sum("its writer still has it open" in line for line in lines[5:]) == 10
    assert f"{'':11}and 2 more: `scenariodctl status --json`" in lines


def test_a_daemon_that_hangs_is_reported_with_what_the_disk_shows(filled: Home) -> None:
    daemon = filled.start()
    began_at = daemon.wait_for_status(lambda s: s["state"] == "idle")["started_at"]
    daemon.stand_still()
    filled.drop("scenario-3.json")

    text, answer = filled.ctl("status"), filled.ctl("status", "--json")
    explained = filled.ctl("explain", "scenario-3.json")

    (filled.inbox / "scenario-3.json").unlink()
    daemon.signal(signal.SIGCONT)
    assert daemon.terminate() == 0

    why = f"scenariod (PID {daemon.pid}) does not answer: it was stopped by a signal"
    assert text.code == answer.code == 24
    assert text.out.splitlines()[0] == why
    assert f"  Process: PID {daemon.pid}, has held the lock since " in text.out
    assert text.out.endswith(f"     Help: `kill -CONT {daemon.pid}` resumes it\n")
    found = answer.json()
    assert (found["running"], found["answering"], found["pid"]) == (True, False, daemon.pid)
    assert found["started_at"] <= began_at
    assert (found["inbox"], found["scenarios"], found["detail"]) == (1, 2, why)
    assert explained.code == 0
    first, _, last = explained.out.splitlines()
    assert first == f"inbox/scenario-3.json: waits: {why}"
    assert last == f"  `kill -CONT {daemon.pid}` resumes it"


# list, show, backups


def test_list_shows_the_scenarios_in_the_order_they_came(filled: Home) -> None:
    text, document = filled.ctl("list"), filled.ctl("list", "--json")

    assert [entry["id"] for entry in document.json()] == ["first", "second"]
    assert [entry["added_batch"] for entry in document.json()] == [1, 2]
    assert text.out.splitlines()[1] == "second  logic     Title of second"


def test_a_hostile_title_cannot_steer_the_terminal(filled: Home) -> None:
    listed = filled.ctl("list").out

    assert "\x07" not in listed
    assert "\u202e" not in listed
    assert r"Wörter \u202e and\x07 bells" in listed


@pytest.mark.parametrize("command", [["list"], ["show", "first"], ["backups"]], ids=" ".join)
def test_what_is_not_there_yet_is_no_traceback(home: Home, command: list[str]) -> None:
    ended = home.ctl(*command)

    assert ended.code in {0, 18}
    assert "Traceback" not in ended.err


def test_show_prints_the_document_as_it_was_dropped(filled: Home) -> None:
    ended = filled.ctl("show", "second")

    assert ended.out.encode() == scenario("second")


def test_show_on_a_terminal_cannot_steer_it(filled: Home) -> None:
    code, shown = on_a_terminal(filled, "show", "first")

    assert code == 0
    assert "\u202e" not in shown
    assert r'"title": "Wörter \u202e and' in shown
    assert '"text": "A story — with 🤖."\n}\n' in shown


def test_show_json_has_the_scenario_and_where_it_came_from(filled: Home) -> None:
    document = filled.ctl("show", "second", "--json").json()

    assert document["scenario"] == json.loads(scenario("second"))
    assert (document["id"], document["added_batch"]) == ("second", 2)


def test_show_of_what_is_not_there_says_where_to_look(filled: Home) -> None:
    ended = filled.ctl("show", "nobody")

    assert ended.code == 18
    assert ended.out == ""
    assert "nobody" in ended.err
    assert "scenariodctl list" in ended.err


def test_backups_are_listed_newest_first(filled: Home) -> None:
    text, document = filled.ctl("backups"), filled.ctl("backups", "--json")

    found = document.json()
    assert [entry["scenarios"] for entry in found] == [2, 1, 0]
    assert [entry["name"] for entry in found] == [line.split()[0] for line in text.out.splitlines()]


# library verify


LONG_TITLE = "Wörter 🤖 " * 60
LONE_HALF = scenario("lone").replace(b"Title of lone", rb"Title \ud800 of lone")


def hold_unlike_others(home: Home) -> None:
    """Have the library hold a long title, and one that only an earlier version accepted."""
    home.drop("scenario-long.json", scenario("long", title=LONG_TITLE))
    assert home.once().code == 0
    with open_library(home.library) as library:
        add(library, LONE_HALF)


def titles(home: Home) -> dict[str, str]:
    return {entry["id"]: entry["title"] for entry in home.ctl("list", "--json").json()}


def test_titles_that_are_stored_in_another_form_are_no_damage_and_a_restore_keeps_their_form(
    home: Home,
) -> None:
    hold_unlike_others(home)
    before, checked = titles(home), home.ctl("library", "verify")

    empty = backups.list_backups(home.backups)[-1].path.name
    emptied = home.ctl("restore", empty, "--json")
    refilled = home.ctl("restore", emptied.json()["safety_backup"])

    again = home.ctl("library", "verify")
    assert (emptied.code, refilled.code) == (0, 0)
    assert (checked.code, again.code) == (0, 0), checked.out + again.out
    assert titles(home) == before
    assert before == {"long": LONG_TITLE[:499] + "…", "lone": "Title ? of lone"}


def test_titles_in_the_form_that_a_restore_once_stored_are_no_damage_but_others_are(
    home: Home,
) -> None:
    hold_unlike_others(home)

    def verified_with(titles: dict[str, str]) -> Finished:
        with closing(sqlite3.connect(home.database)) as db, db:
            for scenario_id, title in titles.items():
                db.execute("UPDATE scenario SET title = ? WHERE id = ?", (title, scenario_id))
        return home.ctl("library", "verify")

    whole = verified_with({"long": LONG_TITLE, "lone": r"Title \ud800 of lone"})
    other = verified_with({"long": LONG_TITLE + "!", "lone": "Title of lone"})

    assert whole.code == 0, whole.out
    assert other.code == 12
    assert "scenario long: its row" in other.out
    assert "scenario lone: its row" in other.out


# restore


def test_a_restore_brings_the_library_back_and_publishes_it(home: Home) -> None:
    home.drop("scenario-1.json", scenario("first"))
    home.once()
    before = home.published.read_bytes()
    home.drop("scenario-2.json", scenario("second"))
    home.once()
    after = home.published.read_bytes()
    _, first, _ = (found.path.name for found in backups.list_backups(home.backups))

    restored = home.ctl("restore", first)
    back = home.published.read_bytes()
    undone = home.ctl("restore", "--json", "latest")

    assert (restored.code, undone.code) == (0, 0)
    assert "1 removed" in restored.out
    assert "to go back: scenariodctl restore scenarios-backup-" in restored.out
    assert back == before
    assert undone.json()["added"] == 1
    assert home.published.read_bytes() == after


def test_a_backup_is_found_by_name_and_by_path(home: Home, tmp_path: Path) -> None:
    home.drop("scenario-1.json", scenario("first"))
    home.once()
    home.drop("scenario-2.json", scenario("second"))
    home.once()
    oldest = min(home.backups.glob("scenarios-backup-*.json"))
    copy = tmp_path / "copied away.json"
    copy.write_bytes(oldest.read_bytes())

    by_name = home.ctl("restore", oldest.name, "--json")
    there = home.ctl("restore", "latest")
    by_path = home.ctl("restore", str(copy), "--json")

    assert (by_name.code, there.code, by_path.code) == (0, 0, 0)
    assert by_name.json()["removed"] == by_path.json()["removed"] == 2
    assert home.scenarios() == []


@pytest.mark.parametrize("damage", ["cut off", "changed", "empty"])
def test_a_backup_that_is_not_whole_is_refused_and_nothing_changes(home: Home, damage: str) -> None:
    home.drop("scenario-1.json", scenario("first"))
    home.once()
    home.drop("scenario-2.json", scenario("second"))
    home.once()
    newest = max(home.backups.glob("scenarios-backup-*.json"))
    content = newest.read_bytes()
    damaged = {"cut off": content[:-50], "changed": content.replace(b"A claim", b"A clown")}
    newest.write_bytes(damaged.get(damage, b""))
    before = (home.published.read_bytes(), sorted(os.listdir(home.backups)))

    ended = home.ctl("restore", "latest", "--json")

    assert ended.code == 16
    assert newest.name in ended.json()["error"]["message"]
    assert "scenariodctl backups" in ended.json()["error"]["hint"]
    assert (home.published.read_bytes(), sorted(os.listdir(home.backups))) == before


def test_a_restore_while_the_daemon_processes_loses_nothing(home: Home) -> None:
    home.drop("scenario-0.json", scenario("zero"))
    daemon = home.start()
    daemon.wait_for("published 1 scenarios")
    home.drop_many(range(1, 13))
    daemon.wait_for("batch 3: ok")
    first = backups.list_backups(home.backups)[-1].path.name

    restored = home.ctl("restore", first)

    daemon.wait_for_status(lambda s: s["inbox"] == 0 and s["state"] == "idle")
    wanted = {"zero"} | {f"s-{n}" for n in range(1, 13)}
    assert restored.code == 0, restored.err
    assert daemon.terminate() == 0
    listed = [entry["id"] for entry in home.ctl("list", "--json").json()]
    assert len(set(listed)) == len(listed)
    assert set(listed) < wanted
    assert home.ids() == listed
    assert len(home.names("done")) == 13
    assert home.names("failed") == []


def test_a_restore_while_the_daemon_is_idle_is_seen_by_it(home: Home) -> None:
    home.drop("scenario-1.json", scenario("first"))
    daemon = home.start()
    daemon.wait_for("published 1 scenarios")

    restored = home.ctl("restore", "batch:1")
    home.drop("scenario-1.json", scenario("first"))
    daemon.wait_for("published 1 scenarios", times=2)

    assert restored.code == 0
    assert home.ids() == ["first"]
    assert daemon.journal().count("added first from scenario-1.json") == 2


# config check, and the command line itself


def test_config_check_shows_every_setting_in_force(filled: Home) -> None:
    text, document = filled.ctl("config", "check"), filled.ctl("config", "check", "--json")

    found = document.json()
    assert found["valid"] is True
    assert found["source"] == str(filled.path / "config" / "scenariod.toml")
    assert found["settings"]["intake.settle_s"] == 0.2
    assert "  memory.limit_mb = 512" in text.out.splitlines()
    assert "  memory.allow_over_4096_mb = false" in text.out.splitlines()


def test_config_check_shows_the_sizes_that_were_chosen_for_this_machine(home: Home) -> None:
    home.configure_with("[memory]\nlimit_mb = 256\n")

    text, document = home.ctl("config", "check"), home.ctl("config", "check", "--json").json()

    assert document["chosen"] == ["memory.limit_max_mb", "memory.reserve_mb"]
    reserve_mb = document["settings"]["memory.reserve_mb"]
    assert f"  memory.reserve_mb = {reserve_mb} (auto)" in text.out.splitlines()
    assert "  memory.limit_mb = 256" in text.out.splitlines()


def test_config_check_notes_a_larger_limit_that_this_machine_can_never_give(home: Home) -> None:
    home.configure(memory={"limit_max_mb": 1 << 20, "allow_over_4096_mb": True})

    checked = home.ctl("config", "check")

    assert checked.code == 0
    assert checked.out.splitlines()[-1].startswith(
        "note: no file gets a second try with 1048576 MB"
    )


def no_folder(home: Home) -> None:
    shutil.rmtree(home.path)


REFUSED_AT_START: dict[str, tuple[Callable[[Home], object], int]] = {
    "a reserve that does not fit": (
        lambda home: home.configure(memory={"reserve_mb": 1 << 20}),
        10,
    ),
    "no systemd": (lambda home: home.configure(worker={"launcher": "systemd"}), 10),
    "no root folder": (no_folder, 15),
}


@pytest.mark.parametrize("what", REFUSED_AT_START)
def test_config_check_refuses_what_the_daemon_refuses_in_its_words(home: Home, what: str) -> None:
    make, code = REFUSED_AT_START[what]
    make(home)

    checked, started = home.ctl("config", "check"), home.once()

    assert (checked.code, started.code) == (code, code)
    message, hint = checked.err.splitlines()
    assert f"error: {message.removeprefix('scenariodctl: ')}; {hint.strip()}\n" in started.err


def test_config_check_makes_nothing(home: Home) -> None:
    home.configure()

    checked = home.ctl("config", "check")

    assert checked.code == 0
    assert sorted(os.listdir(home.path)) == ["config", "inbox"]


def test_config_check_of_a_bad_file_is_told_as_the_daemon_tells_it(home: Home) -> None:
    home.configure_with("[intake]\nbatchsize = 3\n")

    text, document = home.ctl("config", "check"), home.ctl("config", "check", "--json")

    assert (text.code, document.code) == (10, 10)
    assert "did you mean intake.batch_size?" in text.err
    assert "did you mean intake.batch_size?" in document.json()["error"]["message"]
    assert text.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["config"],
        ["config", "chekc"],
        ["show"],
        ["restore"],
        ["--jsn", "list"],
        ["list", "surplus"],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_a_wrong_command_line_is_told(home: Home, arguments: list[str]) -> None:
    ended = home.ctl(*arguments)

    assert ended.code == 2
    assert ended.out == ""
    assert "--help`" in ended.err


def test_a_wrong_command_line_is_told_in_json_as_other_errors_are(home: Home) -> None:
    for arguments in (["--json", "lst"], ["lst", "--json"], ["show", "--json"]):
        error = home.ctl(*arguments).json()["error"]

        assert set(error) == {"message", "hint", "exit_code"}
        assert error["exit_code"] == 2


@pytest.mark.parametrize("made", ["folder", "link"])
def test_what_stands_in_the_place_of_a_backup_is_named(filled: Home, made: str) -> None:
    place = filled.backups / f"scenarios-backup-{made}.json"
    if made == "folder":
        place.mkdir()
    else:
        place.symlink_to("/nowhere")

    ended = filled.ctl("restore", place.name)

    assert ended.code == 16
    assert ("a folder" if made == "folder" else "/nowhere") in ended.err


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        (["lst"], "list"),
        (["library", "verfy"], "verify"),
        (["backups", "prun"], "prune"),
        (["list", "--jsno"], "--json"),
        (["restore", "latets"], "latest"),
        (["restore", "--dryrun", "latest"], "--dry-run"),
        (["show", "frist"], "first"),
        (["show", "FIRST"], "first"),
        (["diff", "now", "lates"], "latest"),
        (["diff", "nwo", "latest"], "now"),
        (["export", "--at", "btch:1"], "batch:1"),
        (["undo", "lsat"], "last"),
        (["play", "frist"], "first"),
        (["play", "first", "titel"], "title"),
        (["retry", "scenario-8.jsn"], "scenario-8.json"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else words,
)
def test_what_is_nearly_right_is_answered_with_what_is(
    filled: Home, wrong: list[str], nearest: str
) -> None:
    (filled.failed / "scenario-8.json").write_bytes(b"")

    ended = filled.ctl(*wrong)

    assert ended.code in {2, 18}
    assert f"(did you mean {nearest}?)" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["restore", "--y", "latest"],
        ["restore", "--dry", "latest"],
        ["list", "--js"],
        ["export", "--out", "somewhere"],
        ["backups", "prune", "--dry"],
    ],
    ids=" ".join,
)
def test_an_abbreviated_option_is_not_taken(filled: Home, arguments: list[str]) -> None:
    assert filled.ctl(*arguments).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["--root", "", "list"],
        ["--root=", "list"],
        ["list", "--config", ""],
        ["export", "--output", ""],
        ["export", "--at", ""],
        ["import", ""],
        ["restore", ""],
        ["explain", ""],
        ["retry", ""],
        ["backups", "verify", ""],
        [""],
    ],
    ids=" ".join,
)
def test_an_empty_value_is_refused_and_never_means_the_current_folder(
    filled: Home, arguments: list[str]
) -> None:
    ended = run([*SCENARIODCTL, *arguments], cwd=filled.path)

    assert ended.code == 2
    assert "empty" in ended.err or "unknown COMMAND ''" in ended.err


def test_help_names_every_command_and_every_exit_code() -> None:
    ended = run([*SCENARIODCTL, "--help"])

    assert ended.code == 0
    assert all(command in ended.out for command in COMMANDS)
    assert all(meaning in ended.out for meaning in EXIT_CODE_MEANING.values())
    assert run([*SCENARIODCTL, "--version"]).out == f"scenariodctl {__version__}\n"


@pytest.mark.parametrize("command", [["status"], ["backups"], ["restore", "latest"]], ids=" ".join)
def test_a_root_that_is_not_there_is_told(tmp_path: Path, command: list[str]) -> None:
    ended = run([*SCENARIODCTL, "--root", str(tmp_path / "typo"), *command])

    assert ended.code == 15
    assert "does not exist" in ended.err


def test_the_options_may_follow_the_command(filled: Home) -> None:
    ended = run([*SCENARIODCTL, "list", "--json", "--root", str(filled.path)])

    assert [entry["id"] for entry in ended.json()] == ["first", "second"]


def test_a_reader_that_has_seen_enough_is_no_error(filled: Home) -> None:
    command = [*SCENARIODCTL, "--root", str(filled.path), "show", "first", "--json"]
    ended = subprocess.run(
        ["/bin/sh", "-c", '"$@" | true', "sh", *command], capture_output=True, check=True
    )

    assert ended.stderr == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_one_who_may_not_read_the_library_is_told_how_to(home: Home) -> None:
    home.drop("scenario-1.json")
    home.once()
    for path in home.library.iterdir():
        path.chmod(0)

    ended = home.ctl("list", "--json", before=POWERLESS)

    error: dict[str, Any] = ended.json()["error"]
    assert ended.code == 15
    assert f"`namei -l {home.library}" in error["hint"]  # who owns it gains nothing from sudo


AS_NOBODY = """
import ctypes, importlib, os, pkgutil, sys
import scenariod.cli
from scenariod.cli.main import main
for module in pkgutil.iter_modules(scenariod.cli.__path__):  # Python may be in a folder of root's
    importlib.import_module(f"scenariod.cli.{module.name}")
os.setgroups([]), os.setgid(65534), os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("command", [["list"], ["undo", "1"]], ids=" ".join)
def test_somebody_else_is_told_to_use_sudo_or_to_join_the_group(command: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:  # not in pytest's, which are root's alone
        home = Home(Path(folder, "root"))
        home.drop("scenario-1.json")
        home.once()
        home.library.chmod(0o750)
        Path(folder).chmod(0o755)

        ended = run([sys.executable, "-c", AS_NOBODY, "--root", str(home.path), *command])

    assert ended.code == 15
    assert "run it with sudo, or join the group" in ended.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
@pytest.mark.parametrize("beside", ["the daemon", "nobody"])
def test_one_who_may_only_read_the_library_is_told_how_to_undo(home: Home, beside: str) -> None:
    home.drop("scenario-1.json")
    daemon = home.start()
    daemon.wait_for("published 1 scenarios")
    if beside == "nobody":
        assert daemon.terminate() == 0
    for path in (*home.library.iterdir(), home.library, home.work):
        path.chmod(0o550)

    undone = home.ctl("undo", "1", "--json", before=POWERLESS)
    restored = home.ctl("restore", "batch:1", "--json", before=POWERLESS)

    error: dict[str, Any] = undone.json()["error"]
    assert (undone.code, restored.code) == (15, 15), (error, restored.err)
    assert f"`namei -l {home.library}" in error["hint"]
    assert home.ids() == ["scenario-1"]
