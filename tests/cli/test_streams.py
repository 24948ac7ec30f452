"""Standard streams that are closed, full or broken, or cannot show what is to be said."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from support.home import Home
from support.scenarios import scenario

from scenariod.cli.commands import COMMANDS

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path

    from support.home import Finished

ARGUMENTS = {
    "show": ["scenario-1"],
    "library": ["verify"],
    "restore": ["latest", "--dry-run"],
    "import": ["scenarios.json", "--dry-run"],
    "export": ["--output", "/dev/null/folder"],
    "undo": ["999"],
    "diff": ["batch:1", "now"],
    "explain": ["scenario-1.json"],
    "retry": ["--all"],
    "config": ["check"],
}
"""What commands are given so that they can answer or fail, and change nothing."""
TITLE = "Wörter 🤖"
ASCII_ONLY = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LATIN_1 = {"PYTHONIOENCODING": "latin-1"}
PAUSED = 17


def redirected(how: str) -> tuple[str, ...]:
    """Return what comes before a command so that its streams are redirected as sh does it."""
    return ("/bin/sh", "-c", f'exec "$@" {how}', "sh")


def without_reader(stream: str) -> tuple[str, ...]:
    """Return what comes before a command so that nobody reads its stdout or its stderr."""
    code = (
        "import os, sys; r, w = os.pipe(); os.close(r);"
        "os.dup2(w, int(sys.argv[1])); os.execvp(sys.argv[2], sys.argv[2:])"
    )
    return ("python3", "-c", code, stream)


@pytest.fixture(scope="module")
def filled(shared_home: Home) -> Home:
    shared_home.drop("scenario-1.json", scenario("scenario-1", title=TITLE))
    assert shared_home.once().code == 0
    return shared_home


@pytest.fixture(params=[command.name for command in COMMANDS])
def asked(request: pytest.FixtureRequest) -> list[str]:
    name: str = request.param
    return [name, *ARGUMENTS.get(name, [])]


def ended_with(ended: Finished, code: int) -> bool:
    return ended.code == code and "Traceback" not in ended.err


def test_a_command_does_the_same_whatever_its_streams_are(filled: Home, asked: list[str]) -> None:
    plain = filled.ctl(*asked)

    closed = filled.ctl(*asked, before=redirected("<&- >&- 2>&-"))
    full_error = filled.ctl(*asked, before=redirected("2>/dev/full"))
    unread = filled.ctl(*asked, before=(*without_reader("1"), *without_reader("2")))

    assert [closed.code, full_error.code, unread.code] == [plain.code] * 3
    assert full_error.out == plain.out


def test_output_that_cannot_be_written_is_an_error_that_names_the_cause(
    filled: Home, asked: list[str]
) -> None:
    plain = filled.ctl(*asked)

    full = filled.ctl(*asked, before=redirected(">/dev/full"))

    assert ended_with(full, PAUSED if plain.out else plain.code)
    if plain.out:
        assert "done, but the output cannot be written: No space left on device" in full.err


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_that_cannot_be_written_is_an_error_and_without_a_reader_none(
    home: Home, option: str
) -> None:
    full = home.ctl(option, before=redirected(">/dev/full"))
    unread = home.ctl(option, before=without_reader("1"))

    assert ended_with(full, PAUSED)
    assert (unread.code, unread.err) == (0, "")


def test_an_error_in_json_that_cannot_be_written_stays_the_error(home: Home) -> None:
    ended = home.ctl("show", "nothing", "--json", before=redirected(">/dev/full"))

    assert ended_with(ended, 18)


def test_a_change_is_made_though_its_output_cannot_be_written(home: Home) -> None:
    home.drop("scenario-1.json")
    home.once()

    ended = home.ctl("undo", "1", before=redirected(">/dev/full"))

    assert ended_with(ended, PAUSED)
    assert home.ids() == []


@pytest.mark.parametrize(
    "how", ["<&- >&- 2>&-", "2>&-", "2>/dev/full", ">/dev/null </dev/null 2>/dev/null"]
)
def test_a_run_of_the_daemon_does_the_same_whatever_its_streams_are(home: Home, how: str) -> None:
    home.drop("scenario-1.json")

    ended = home.once(before=redirected(how))

    assert ended.code == 0
    assert home.ids() == ["scenario-1"]
    assert home.ctl("library", "verify").code == 0


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_run_of_the_daemon_needs_no_reader(home: Home, stream: str) -> None:
    home.drop("scenario-1.json")

    ended = home.once(before=without_reader(stream))

    assert ended_with(ended, 0)
    assert home.ids() == ["scenario-1"]


def test_a_summary_that_cannot_be_written_is_an_error_after_all_was_done(home: Home) -> None:
    home.drop("scenario-1.json")

    ended = home.once(before=redirected(">/dev/full"))

    assert ended_with(ended, PAUSED)
    assert home.ids() == ["scenario-1"]
    assert ended.err.splitlines()[-1].startswith("error: done, but the output cannot be written")


def test_the_workers_and_the_unpacker_get_streams_where_the_daemon_has_none(
    home: Home,
) -> None:
    source = home.path / "pack.json"
    source.write_bytes(b'{"scenarios": [' + scenario("imported") + b"]}")

    ended = home.ctl("import", str(source), before=redirected("<&- >&- 2>&-"))

    assert ended.code == 0
    assert home.ids() == ["imported"]


# Text that the terminal's locale cannot show


@pytest.mark.parametrize("environment", [ASCII_ONLY, LATIN_1], ids=["ascii", "latin-1"])
def test_what_the_locale_cannot_show_is_shown_as_an_escape(
    filled: Home, asked: list[str], environment: dict[str, str]
) -> None:
    plain = filled.ctl(*asked)

    ended = filled.ctl(*asked, environment=environment)

    assert ended_with(ended, plain.code)


def test_a_title_is_listed_in_ascii(filled: Home) -> None:
    ended = filled.ctl("list", environment=ASCII_ONLY)

    assert "W\\xf6rter \\U0001f916" in ended.out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
@pytest.mark.parametrize(
    "command", [["list"], ["show", "scenario-1"], ["history"], ["diff", "batch:1", "now"]]
)
def test_json_is_utf_8_whatever_the_locale_is(
    filled: Home, command: list[str], encoding: str
) -> None:
    ended = filled.ctl("--json", *command, environment={"PYTHONIOENCODING": encoding})

    assert ended.out == filled.ctl("--json", *command).out
    assert json.loads(ended.out)


@pytest.mark.parametrize("environment", [ASCII_ONLY, {}], ids=["ascii", "utf-8"])
def test_a_root_whose_path_is_not_text_works_in_any_locale(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    home = Home(tmp_path / os.fsdecode(b"r\xff\xc3\xbc"))
    home.drop("scenario-a.json", scenario("a"))

    ended = home.once(environment=environment)

    assert ended_with(ended, 0)
    assert home.names("done") == ["scenario-a.json"]
    assert r"r\xff" in ended.out


def test_a_file_whose_name_is_not_text_is_processed_in_any_locale(home: Home) -> None:
    name = b"scenario-\xff\xc3\xbc.json"
    home.drop(name, scenario("a"))

    ended = home.once(environment=ASCII_ONLY)

    assert ended_with(ended, 0)
    assert home.names("done") == [os.fsdecode(name)]
    assert ended_with(home.ctl("explain", os.fsdecode(name), environment=ASCII_ONLY), 0)
