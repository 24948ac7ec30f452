"""The errors a user can meet, each with its exit code and the command that helps.

Owns the table of exit codes (scenariod(8), scenariodctl(1)). Never does any I/O.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `scenariod` and `scenariodctl`; stable, one table for both."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    SOME_REFUSED = 3
    SOME_LEFT = 4
    CONFIG = 10
    LIBRARY_LOCKED = 11
    LIBRARY_DAMAGED = 12
    ALREADY_RUNNING = 13
    NO_LIMIT = 14
    ROOT_UNUSABLE = 15
    BACKUP_UNUSABLE = 16
    PAUSED = 17
    NOT_FOUND = 18
    NOT_RUNNING = 19
    INTERRUPTED = 20
    NOT_UNDOABLE = 21
    NOT_CONFIRMED = 22
    NAME_TAKEN = 23
    NOT_ANSWERING = 24
    SOME_UNSPOKEN = 25


EXIT_CODE_MEANING: dict[ExitCode, str] = {
    ExitCode.OK: "everything asked for was done",
    ExitCode.INTERNAL: "a defect in scenariod itself; the journal has the details",
    ExitCode.USAGE: "unknown option or argument",
    ExitCode.SOME_REFUSED: "done, but some files were refused (they are in failed/, with reasons)",
    ExitCode.SOME_LEFT: "done, but some files could not be taken and are still in inbox/",
    ExitCode.CONFIG: "the configuration is not valid",
    ExitCode.LIBRARY_LOCKED: "the library is locked by another command",
    ExitCode.LIBRARY_DAMAGED: "the library is damaged",
    ExitCode.ALREADY_RUNNING: "another scenariod works on this root folder",
    ExitCode.NO_LIMIT: "the memory limit cannot be enforced, so no worker may run",
    ExitCode.ROOT_UNUSABLE: "the root folder or one of its folders cannot be used",
    ExitCode.BACKUP_UNUSABLE: "the backup cannot be read or is not intact",
    ExitCode.PAUSED: "stopped by the environment (disk full, read-only, ...); nothing was lost",
    ExitCode.NOT_FOUND: "no such scenario, file, batch or backup",
    ExitCode.NOT_RUNNING: "scenariod is not running on this root folder",
    ExitCode.INTERRUPTED: "ended by a signal before everything was done; the next start continues",
    ExitCode.NOT_UNDOABLE: "the batch cannot be undone; nothing was changed",
    ExitCode.NOT_CONFIRMED: "not confirmed; nothing was changed",
    ExitCode.NAME_TAKEN: "a file of that name is in the way; nothing was overwritten",
    ExitCode.NOT_ANSWERING: "scenariod is running on this root folder, but does not answer",
    ExitCode.SOME_UNSPOKEN: "done, but some scenarios could not be spoken",
}


class ScenariodError(Exception):
    """An error that ends a command: what failed, on what, why; `hint` is the next command."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(ScenariodError):
    """What was asked does not go together."""

    exit_code = ExitCode.USAGE


class ConfigError(ScenariodError):
    """The configuration names an unknown key or a value that is not allowed."""

    exit_code = ExitCode.CONFIG


class LibraryLockedError(ScenariodError):
    """Another process holds the library's write lock, or the lock of what belongs to it."""

    exit_code = ExitCode.LIBRARY_LOCKED


class LibraryDamagedError(ScenariodError):
    """The library file is not a sound SQLite database of ours."""

    exit_code = ExitCode.LIBRARY_DAMAGED


class StoresDisagreeError(ScenariodError):
    """The library, the backups and the published file contradict each other: a person decides."""

    exit_code = ExitCode.LIBRARY_DAMAGED


class AlreadyRunningError(ScenariodError):
    """Another supervisor holds this root folder."""

    exit_code = ExitCode.ALREADY_RUNNING


class NoLimitError(ScenariodError):
    """The memory limit of a worker is not, or cannot be, in force."""

    exit_code = ExitCode.NO_LIMIT


class RootUnusableError(ScenariodError):
    """The root folder, or a folder in it, cannot be used."""

    exit_code = ExitCode.ROOT_UNUSABLE


class BackupUnusableError(ScenariodError):
    """A backup cannot be read, or is not whole."""

    exit_code = ExitCode.BACKUP_UNUSABLE


class CommandInterruptedError(ScenariodError):
    """A signal has ended a command, or what the daemon was doing; the message says how far."""

    exit_code = ExitCode.INTERRUPTED


class NotFoundError(ScenariodError):
    """What the user named is not there."""

    exit_code = ExitCode.NOT_FOUND


class NotUndoableError(ScenariodError):
    """A later batch depends on the one that was to be undone, or it changed nothing."""

    exit_code = ExitCode.NOT_UNDOABLE


class NameTakenError(ScenariodError):
    """A file cannot go where another one of its name is."""

    exit_code = ExitCode.NAME_TAKEN


class NotAnsweringError(ScenariodError):
    """A supervisor holds this root folder, but does not answer; `pid` is 0 if it is not known."""

    exit_code = ExitCode.NOT_ANSWERING

    def __init__(self, message: str, *, hint: str, pid: int) -> None:
        super().__init__(message, hint=hint)
        self.pid = pid


class NotEnoughMemoryError(ScenariodError):
    """The machine cannot spare the memory that a command needs."""

    exit_code = ExitCode.PAUSED


class DroppedFileError(OSError):
    """One dropped file cannot be read, by the disk's fault, while others can; `filename` names it.

    It is put aside, and nothing else waits for it.
    """
