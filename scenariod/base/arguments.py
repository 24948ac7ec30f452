"""The command line of both programs: whole names only, no empty values, errors in our words.

Owns how arguments are refused. Never knows which ones there are.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NoReturn

from scenariod.base import streams
from scenariod.base.errors import UsageError
from scenariod.base.names import nearest

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from _typeshed import SupportsWrite

_COLUMNS = 80
"""How wide a terminal is taken for if it does not say."""
_MARGIN = 2


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises UsageError, and names the nearest of what is there."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)
        self._commands: Container[str] | None = None

    def add_subparsers(self, **settings: Any) -> Any:
        """Add commands as the base class does."""
        added = super().add_subparsers(**settings)
        self._commands = added.choices
        return added

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as the base class does; what is unknown is refused where its parser is known."""
        args = sys.argv[1:] if args is None else list(args)
        if (
            commands := self._commands
        ) is not None:  # or an unknown option's value is taken for one
            self._refuse(self._unknown(takewhile(lambda word: word not in commands, args)))
        found, unknown = super().parse_known_args(args, namespace)
        self._refuse(unknown)
        return found, unknown

    def _unknown(self, words: Iterable[str]) -> list[str]:
        known = self._option_string_actions
        return [w for w in words if w.startswith("--") and w.partition("=")[0] not in known]

    def _refuse(self, unknown: list[str]) -> None:
        if unknown:
            near = nearest(unknown[0].partition("=")[0], self._option_string_actions)
            self.error(f"unknown argument {unknown[0]}{near}")

    def _get_formatter(self) -> argparse.HelpFormatter:
        # Each option asks for one; without a width it would load shutil, and all compressors.
        kind: Any = self.formatter_class
        formatter: argparse.HelpFormatter = kind(self.prog, width=_columns() - _MARGIN)
        return formatter

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, hint=f"see `{self.prog} --help`")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        # Path("") is the current folder, which an unset variable in a script never means.
        if not arg_string and action.nargs != argparse.PARSER:
            self.error(f"the value of {_name(action)} is empty; is a variable not set?")
        return super()._get_value(action, arg_string)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices: Iterable[str] = action.choices or ()
        if action.choices is not None and value not in choices:
            near = nearest(value, choices) or f" (choose from {', '.join(choices)})"
            self.error(f"unknown {_name(action)} {value!r}{near}")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        if file is sys.stdout:
            streams.to_stdout([message])
        else:
            streams.to_stderr(message)


def _columns() -> int:
    """Return how wide the terminal is, as `shutil.get_terminal_size` does."""
    try:
        return int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(1).columns or _COLUMNS
    except (ValueError, OSError):
        return _COLUMNS


def _name(action: argparse.Action) -> str:
    """Return what the help calls an option or argument."""
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest
    return action.option_strings[0] if action.option_strings else metavar
