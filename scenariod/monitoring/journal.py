"""Tell people what happens: entries in the journal or on the terminal.

Owns the kinds of events and their MESSAGE_IDs. Never decides anything.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from scenariod.base import clock
from scenariod.base.names import printable, printable_line
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

Field = str | int | float | None

_JOURNAL_SOCKET = Path("/run/systemd/journal/socket")
_ERROR, _WARNING, _NOTICE, _INFO = 3, 4, 5, 6
"""Priorities of syslog(3)."""


class Event(Enum):
    """A kind of event: its MESSAGE_ID (stable; `journalctl MESSAGE_ID=...`) and its priority."""

    STARTED = ("eb30dbd35c2d4e97bad9dfe6042766da", _INFO)
    STOPPED = ("7519e9ef43314ad6a2c15c38b218721a", _INFO)
    STOPPING = ("8742d7b21d53402d90cd84c9fa32fd42", _INFO)
    RELOADING = ("c8fbd872771f49d29d6a9b6ac74dc43b", _NOTICE)
    NOT_RELOADED = ("b2909c6269bb4df39c5bedaf10e10e96", _NOTICE)
    RECOVERED = ("dc866f682ff0474883b270b59541f0fe", _NOTICE)
    BATCH_STARTED = ("2a779fbc17c742828f1b4f0b9917ce5a", _INFO)
    BATCH_SETTLED = ("39143be137ca46309c074559d964325c", _INFO)
    BATCH_SPLIT = ("98112891b0d749f1b5401f9f45a50e11", _WARNING)
    BATCH_AGAIN = ("0e6ac4a95a114cf0afdc6a38eb27143d", _WARNING)
    BATCH_LARGER = ("09593d5ef14a4318bdb90648027fc3cd", _NOTICE)
    FILE_ADDED = ("d3a5479163494069bbb1920dc18704a2", _INFO)
    FILE_REPLACED = ("794a69090bbb43c0b9c1a571f75f8493", _INFO)
    FILE_ALREADY_ADDED = ("0f8434234d734bb89ad3df1275f27757", _INFO)
    FILE_REFUSED = ("b02cf8ee40fd48d9a11c80b01693882d", _WARNING)
    FILES_RETRIED = ("5f48bbe5d11340b1a62da95055e78aeb", _NOTICE)
    FILE_WAITS = ("3e0c550995104e4690d1350e0af48f39", _NOTICE)
    BACKUP_WRITTEN = ("96c7604aa28e49879f8f9e07138fb41e", _INFO)
    BACKUP_DOUBTFUL = ("d6947319ef03459fa1224d66cb0f3b54", _WARNING)
    BACKUPS_PRUNED = ("b8efe437744e4637b625f5c9a0801ada", _INFO)
    PUBLISHED = ("0ce32d2780674a3f88e1cbe4b19d3a48", _INFO)
    NOT_PUBLISHED = ("58f756b7df7941408ddd240dc821cdb6", _WARNING)
    PAUSED = ("a58af803dfc6408c8135378b9d53c5c7", _ERROR)
    RESUMED = ("b541ef609e004811be3ec1c978867e74", _NOTICE)
    RESTORED = ("b3f4a823237b4ae5b6640a5859342305", _NOTICE)
    WATCH_TROUBLE = ("c2c400c6c91347e480383c73fdab98de", _WARNING)
    WATCH_POLLS = ("e573c402adb2464793b6ac2d93b4ec91", _NOTICE)
    WATCH_RECOVERED = ("4e1bc9c131334da3aacd68d265c492ec", _NOTICE)
    TIDIED = ("77a057302fab48e6b1de0442572f4db3", _INFO)
    NOT_TIDIED = ("2183000bfb9844219eb047582d89fb9a", _WARNING)
    IMPORTED = ("f0a4a5c2c5394f0fb8ac6f0c4a1d37e9", _NOTICE)
    UNDONE = ("64dede7f9662415782f51b27036512ce", _NOTICE)
    LIBRARY_DAMAGED = ("5d79b9b74f31478e84920b03f62a9748", _ERROR)
    LIBRARY_REBUILT = ("4b596c4fd62a452a8c28b81009b5a74f", _NOTICE)
    NOT_FORKED = ("18a08fe0613049159ea56a267f91953e", _NOTICE)
    MEMORY_WAITS = ("5dc628c5b48a4b569881d5c7f36f0544", _NOTICE)
    VOICES_BEGUN = ("acf1211c683d43078b2a2d0bbfd915db", _INFO)
    VOICED = ("feed13eb286d4bc7becdf3e80868ca4c", _INFO)
    NOT_VOICED = ("53ca1aebd9384b06be654f97b22ecb3c", _WARNING)
    VOICES_DONE = ("10726dd3f82343bab43bde5a12f5aaed", _INFO)
    VOICES_PAUSED = ("4407c58e7e444a399b95033a2ffb793a", _WARNING)
    NOT_REPORTED = ("1f0e9c6a5b3d4f7d8f2a6c0b7e41d935", _WARNING)
    FAILED = ("0e67d4bf59994df09283cfe9269a3fa3", _ERROR)

    def __init__(self, message_id: str, priority: int) -> None:
        self.message_id = message_id
        self.priority = priority


class Journal(Protocol):
    """Where events go."""

    def tell(self, event: Event, message: str, **fields: Field) -> None:
        """Write one entry that can be read by itself; `fields` as `batch=3` become BATCH=3."""


class SystemdJournal:
    """Structured entries in the journal; every field is SCENARIOD_<NAME>."""

    def tell(self, event: Event, message: str, **fields: Field) -> None:
        """See `Journal.tell`."""
        from systemd import journal  # takes long to load, and text and most commands need none

        with suppress(OSError):  # the journal is down, say: what is done counts, not the entry
            journal.send(
                printable_line(message),
                MESSAGE_ID=event.message_id,
                PRIORITY=event.priority,
                SYSLOG_IDENTIFIER="scenariod",
                **journal_fields(fields),
            )


class TextJournal(Value):
    """The same entries as lines of text; on a terminal each begins with the local time."""

    stream: TextIO

    def tell(self, event: Event, message: str, **fields: Field) -> None:  # noqa: ARG002
        """See `Journal.tell`; the message says it all, the fields are for machines."""
        mark = {_ERROR: "error: ", _WARNING: "! "}.get(event.priority, "")
        with suppress(OSError):  # the terminal is closed, say: what is done counts, not the line
            time = f"{clock.now().astimezone():%H:%M:%S} " if self.stream.isatty() else ""
            self.stream.write(f"{time}{mark}{printable_line(message)}\n")
            self.stream.flush()


def journal_fields(fields: Mapping[str, Field]) -> dict[str, str]:
    """Return the journal's field names and values; what is None is left out."""
    return {
        f"SCENARIOD_{name.upper()}": printable(str(value))
        for name, value in fields.items()
        if value is not None
    }


def open_journal(environment: Mapping[str, str]) -> Journal:
    """Return the journal where stderr leads to it (JOURNAL_STREAM, systemd.exec(5)), else text."""
    return SystemdJournal() if _stderr_is_journal(environment) else TextJournal(sys.stderr)


class CommandJournal:
    """The journal for a command that a person runs: systemd's, or none where that is not there."""

    def tell(self, event: Event, message: str, **fields: Field) -> None:
        """See `Journal.tell`."""
        if _JOURNAL_SOCKET.exists():
            SystemdJournal().tell(event, message, **fields)


class Once:
    """A journal for what is tried again until it goes: each message is told the first time only."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._told: set[str] = set()

    def tell(self, event: Event, message: str, **fields: Field) -> None:
        """See `Journal.tell`."""
        if message not in self._told:
            self._told.add(message)
            self._journal.tell(event, message, **fields)


def _stderr_is_journal(environment: Mapping[str, str]) -> bool:
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))
