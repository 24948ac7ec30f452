"""Files in the inbox whose names are not `scenario-*.json`: why each is left alone, and the cure.

Owns which of them are reported. Never opens one, never changes anything.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod.base.names import (
    REASON_SUFFIX,
    UNPACKERS,
    is_scenario_name,
    is_temporary,
    natural_key,
    printable,
    right_name,
    shell_word,
)
from scenariod.base.value import Value
from scenariod.monitoring.status import MOST_LEFT_ALONE

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHOWN = 10
LEFTOVER_S = 600
"""A temporary file that has not changed for so long was left behind by its writer."""


class Why(StrEnum):
    """Why a file is left alone."""

    FOLDER = "it is a folder, and files in folders are not taken"
    LINK = "it is a link, and its name is not scenario-*.json"
    REASON = "its name is that of a reason file"
    COMPRESSED = "it is compressed; unpack it first"
    MANY = "its name is that of a file of several scenarios"
    TEMPORARY = "its name is temporary: its writer renames it once it is complete"
    NAME = "its name is not scenario-*.json"


class Misnamed(Value):
    """A file, or a folder, that is not taken because of its name."""

    name: str
    why: Why


def find(folder: int | Path, *, now_s: float) -> list[Misnamed]:
    """Return what is left alone in a folder, in natural order; `MOST_LEFT_ALONE` are looked at.

    Without hidden files, and without those that their writer may still rename: with a temporary or
    an unknown name, and changed lately. `now_s` is the time since 1970. Raises OSError where the
    folder cannot be read.
    """
    found: list[Misnamed] = []
    with os.scandir(folder) as entries:
        for entry in islice(filter(_is_misnamed, entries), MOST_LEFT_ALONE):
            try:
                misnamed = Misnamed(entry.name, _why_of_entry(entry))
                if not _may_be_renamed(misnamed) or _is_old(entry, now_s=now_s):
                    found.append(misnamed)
            except OSError:  # it is gone, or the disk cannot say what it is
                continue
    return sorted(found, key=lambda misnamed: natural_key(misnamed.name))


def why(path: Path) -> Why:
    """Return why what is at `path` is left alone: its name is not a scenario's."""
    mode = path.lstat().st_mode
    return _why(path.name, is_folder=stat.S_ISDIR(mode), is_link=stat.S_ISLNK(mode))


def command(path: Path, why: Why) -> str:
    """Return the command that has it taken; empty where none does."""
    here = shell_word(str(path))
    right = right_name(path.name)
    there = "" if right is None else shell_word(str(path.with_name(right)))
    match why:
        case Why.FOLDER:
            return f"mv -n {here}/scenario-*.json {shell_word(str(path.parent))}/"
        case Why.LINK:
            return there and f"cp -n {here} {there} && rm {here}"
        case Why.COMPRESSED:
            return f"{UNPACKERS[path.suffix.lower()]} {here}"
        case Why.MANY:
            return f"scenariodctl import {here}"
        case Why.REASON:
            return ""
        case Why.TEMPORARY | Why.NAME:
            return there and f"mv -n {here} {there}"


def command_to_drop(path: Path, inbox: Path, *, tool: str = "mv -n") -> str:
    """Return the command that brings a file from elsewhere into the inbox."""
    target = inbox / (right_name(path.name) or "")
    return f"{tool} {shell_word(str(path))} {shell_word(str(target))}"


def shown(found: Sequence[Misnamed], folder: Path) -> list[dict[str, str]]:
    """Return the first of what was found in `folder`, as programs are told it."""
    return [
        {"file": printable(m.name), "reason": m.why, "command": command(folder / m.name, m.why)}
        for m in found[:MOST_SHOWN]
    ]


def _is_misnamed(entry: os.DirEntry[str]) -> bool:
    return not is_scenario_name(entry.name) and not entry.name.startswith(".")


def _why_of_entry(entry: os.DirEntry[str]) -> Why:
    is_folder = entry.is_dir(follow_symlinks=False)
    return _why(entry.name, is_folder=is_folder, is_link=entry.is_symlink())


def _why(name: str, *, is_folder: bool, is_link: bool) -> Why:
    if is_folder:
        return Why.FOLDER
    if is_link:
        return Why.LINK
    lower = name.lower()
    if lower.endswith(REASON_SUFFIX):
        return Why.REASON
    if Path(lower).suffix in UNPACKERS:
        return Why.COMPRESSED
    if lower.startswith("scenarios") and lower.endswith(".json"):
        return Why.MANY
    return Why.TEMPORARY if is_temporary(lower) else Why.NAME


def _may_be_renamed(misnamed: Misnamed) -> bool:
    unknown = misnamed.why is Why.NAME and right_name(misnamed.name) is None
    return unknown or misnamed.why is Why.TEMPORARY


def _is_old(entry: os.DirEntry[str], *, now_s: float) -> bool:
    return now_s - entry.stat(follow_symlinks=False).st_ctime > LEFTOVER_S
