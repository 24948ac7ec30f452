"""Which files of a folder are imported, and which are left alone although they may hold scenarios.

Reads names only, never what a file says.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scenariod.base.names import (
    REASON_SUFFIX,
    UNPACKERS,
    is_temporary,
    natural_key,
    printable,
    right_name,
    shell_word,
)

if TYPE_CHECKING:
    from pathlib import Path

MOST_SHOWN = 10
_ENDING = ".json"


def files(folder: Path) -> list[Path]:
    """Return the files to import, in natural order: `*.json`, but no reasons and none hidden."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _is_taken(entry)]
    return [folder / name for name in sorted(names, key=natural_key)]


def left_alone(folder: Path) -> list[str]:
    """Return the names of what is left alone, in natural order: folders and files of JSON."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _is_left_alone(entry)]
    return sorted(names, key=natural_key)


def shown(names: list[str], folder: Path) -> list[dict[str, str]]:
    """Return the first of what is left alone in `folder`, as programs are told it."""
    return [
        {"file": printable(name), "reason": reason, "command": command}
        for name in names[:MOST_SHOWN]
        for reason, command in [_cure(folder / name)]
    ]


def _cure(path: Path) -> tuple[str, str]:
    word, unpack = shell_word(str(path)), UNPACKERS.get(path.suffix.lower())
    if path.is_dir():
        return "it is a folder, and folders in folders are not read", f"scenariodctl import {word}"
    if unpack is not None:
        unpacked = shell_word(str(path.with_suffix("")))
        return "it is compressed", f"{unpack} -k {word} && scenariodctl import {unpacked}"
    return "its name does not end in .json", f"scenariodctl import {word}"


def _is_taken(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    right = name.endswith(_ENDING) and not name.endswith(REASON_SUFFIX)
    return right and not name.startswith(".") and not entry.is_dir()


def _is_left_alone(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or _is_taken(entry):
        return False
    if entry.is_dir():
        return _holds_any(entry.path)
    stem, suffix = os.path.splitext(entry.name)
    name = stem if suffix.lower() in UNPACKERS else entry.name
    return (
        right_name(name) is not None and not is_temporary(name) and not name.endswith(REASON_SUFFIX)
    )


def _holds_any(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(_is_taken(entry) for entry in entries)
    except PermissionError:
        return True
