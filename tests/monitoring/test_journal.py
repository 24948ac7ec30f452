from __future__ import annotations

import io
import os
import pty
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.home import DEADLINE_S

from scenariod.monitoring.journal import (
    Event,
    SystemdJournal,
    TextJournal,
    journal_fields,
    open_journal,
)
from scenariod.monitoring.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listen where a service manager would."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind("")  # the kernel chooses an address that is no path
        listening.settimeout(DEADLINE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{listening.getsockname()[1:].decode()}")
        yield listening


def test_every_kind_of_event_has_a_message_id_of_its_own() -> None:
    ids = [event.message_id for event in Event]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{32}", message_id) for message_id in ids)


def test_priorities_are_those_of_syslog() -> None:
    assert {event.priority for event in Event} <= {3, 4, 5, 6}
    assert Event.FAILED.priority == Event.PAUSED.priority == 3
    assert Event.FILE_REFUSED.priority == 4


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event.FILE_ADDED, "said\n"),
        (Event.FILE_REFUSED, "! said\n"),
        (Event.PAUSED, "error: said\n"),
    ],
)
def test_a_line_of_text_shows_how_grave_it_is(event: Event, line: str) -> None:
    stream = io.StringIO()

    TextJournal(stream).tell(event, "said", batch=3, file="scenario-1.json")

    assert stream.getvalue() == line


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb", r"a\x0ab"),
        ("\x1b[31m", r"\x1b[31m"),
        (os.fsdecode(b"\xff"), r"\xff"),
        ("\u202eevil", r"\u202eevil"),
        ("ä🤖", "ä🤖"),
    ],
)
def test_a_hostile_name_cannot_forge_a_line_or_steer_a_terminal(name: str, shown: str) -> None:
    stream = io.StringIO()

    TextJournal(stream).tell(Event.FILE_ADDED, f"added {name}")

    assert stream.getvalue() == f"added {shown}\n"
    assert journal_fields({"file": name}) == {"SCENARIOD_FILE": shown}


def test_advice_in_a_line_can_be_followed_to_the_letter() -> None:
    stream = io.StringIO()

    TextJournal(stream).tell(Event.FILE_REFUSED, r"write \n for a line break")

    assert stream.getvalue() == "! write \\n for a line break\n"


def test_a_line_on_a_terminal_begins_with_the_local_time() -> None:
    ours, theirs = pty.openpty()
    with open(ours, "rb") as shown, open(theirs, "w") as terminal:
        TextJournal(terminal).tell(Event.FILE_REFUSED, "said")

        line = shown.readline()

    assert re.fullmatch(rb"[0-2]\d:[0-5]\d:[0-5]\d ! said\r\n", line)


def test_fields_are_named_for_the_journal_and_what_is_unknown_is_left_out() -> None:
    fields = journal_fields({"batch": 3, "code": None, "duration_ms": 1.5, "file": "a"})

    assert fields == {
        "SCENARIOD_BATCH": "3",
        "SCENARIOD_DURATION_MS": "1.5",
        "SCENARIOD_FILE": "a",
    }


def test_entries_go_to_the_journal_where_stderr_leads_there_and_else_to_the_terminal(
    tmp_path: Path,
) -> None:
    status = os.fstat(2)

    ours = open_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    other = open_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
    bad = open_journal({"JOURNAL_STREAM": "nonsense"})

    assert isinstance(ours, SystemdJournal)
    assert isinstance(other, TextJournal)
    assert isinstance(bad, TextJournal)
    assert isinstance(open_journal({}), TextJournal)


def test_a_closed_stderr_is_no_reason_to_fail() -> None:
    code = (
        "from scenariod.monitoring.journal import open_journal; "
        "print(type(open_journal({})).__name__)"
    )

    said = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", code],
        capture_output=True,
        check=True,
    )

    assert said.stdout == b"TextJournal\n"


def test_the_service_manager_hears_each_kind_of_notice(manager: socket.socket) -> None:
    notifier = Notifier({})

    notifier.ready()
    notifier.status("idle; 0 added")
    notifier.alive()
    notifier.stopping()

    heard = [manager.recv(4096) for _ in range(4)]
    assert heard == [b"READY=1", b"STATUS=idle; 0 added", b"WATCHDOG=1", b"STOPPING=1"]


def test_the_same_status_is_told_once(manager: socket.socket) -> None:
    notifier = Notifier({})

    for line in ("a", "a", "b", "a"):
        notifier.status(line)
    notifier.alive()

    heard = [manager.recv(4096) for _ in range(4)]
    assert heard == [b"STATUS=a", b"STATUS=b", b"STATUS=a", b"WATCHDOG=1"]


def test_a_status_cannot_forge_another_notice(manager: socket.socket) -> None:
    Notifier({}).status("waiting: a\nREADY=1\nMAINPID=1")

    assert manager.recv(4096) == rb"STATUS=waiting: a\x0aREADY=1\x0aMAINPID=1"


def test_without_a_service_manager_nothing_is_said_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notifier = Notifier({})

    notifier.ready()
    notifier.status("idle")
    notifier.alive()
    notifier.stopping()

    assert notifier.watchdog_s is None


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_petted_twice_as_often_as_asked_for(
    environment: dict[str, str], watchdog_s: float | None
) -> None:
    assert Notifier(environment).watchdog_s == watchdog_s
