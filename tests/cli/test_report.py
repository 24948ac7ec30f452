"""`scenariodctl report`: where it is, made now, opened, served."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest
from support.home import DEADLINE_S, SCENARIODCTL, Home, environment_with

pytestmark = pytest.mark.slow


@pytest.fixture
def reported(home: Home) -> Home:
    home.drop_many(range(3))
    assert home.once().code == 0
    assert home.ctl("report", "--now").code == 0
    return home


def test_without_a_report_it_says_how_to_make_one(home: Home) -> None:
    told = home.ctl("report")

    assert told.code == 18
    assert "scenariodctl report --now" in told.err
    assert "none yet: `scenariodctl report --now`" in home.ctl("status").out


def test_it_tells_where_the_report_is_and_when_it_was_made(reported: Home) -> None:
    told = reported.ctl("report")
    answer = reported.ctl("report", "--json").json()

    page = reported.path / "reports" / "index.html"
    assert told.out.splitlines()[0] == str(page)
    assert re.fullmatch(r"made \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", told.out.splitlines()[1])
    assert (answer["report"], answer["address"]) == (str(page), None)
    assert f"Report: {page}, made 20" in reported.ctl("status").out
    assert reported.ctl("status", "--json").json()["report_made"] == answer["report_made"]


def test_a_report_that_cannot_be_made_says_what_helps(home: Home) -> None:
    told = home.ctl("report", "--now")

    assert told.code == 18
    assert "there is no library" in told.err
    assert "start scenariod once" in told.err


def test_it_is_opened_by_the_command_of_the_desktop(reported: Home, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    opens = tmp_path / "bin" / "xdg-open"
    opens.parent.mkdir()
    opens.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\n')
    opens.chmod(0o755)

    told = reported.ctl("report", "--open", environment={"PATH": f"{opens.parent}:/bin:/usr/bin"})

    assert told.code == 0
    assert seen.read_text() == (reported.path / "reports" / "index.html").as_uri()


def test_without_such_a_command_it_says_what_to_open(reported: Home, tmp_path: Path) -> None:
    told = reported.ctl("report", "--open", environment={"PATH": str(tmp_path)})

    assert told.code == 18
    assert "file://" in told.err


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_it_is_served_until_ctrl_c(reported: Home, options: list[str]) -> None:
    command = [*SCENARIODCTL, "--root", str(reported.path), "report", "--serve"]
    serving = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment_with({"PYTHONUNBUFFERED": ""}),
    )
    try:
        assert serving.stdout is not None
        line = serving.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/reports/index\.html", line)
        assert address is not None, line
        with urllib.request.urlopen(address[0], timeout=DEADLINE_S) as page:
            assert b"The library: 3 scenarios" in page.read()
        os.kill(serving.pid, signal.SIGINT)
        out, err = serving.communicate(timeout=DEADLINE_S)
    finally:
        serving.kill()
        serving.wait()

    assert (serving.returncode, out, err) == (0, "", "")
