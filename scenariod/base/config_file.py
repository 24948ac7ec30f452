"""The configuration file as it is on the disk: its encoding, and whether it is TOML.

Never knows which settings there are.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

import tomli

from scenariod.base import faults
from scenariod.base.errors import ConfigError
from scenariod.base.names import shell_word

if TYPE_CHECKING:
    from pathlib import Path

_THEN_CHECK = "then `scenariodctl config check`"


def read(path: Path) -> dict[str, Any]:
    """Return what the file at `path` says; raise `ConfigError` where that cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        fault = faults.of(error)
        cure = fault.cure or f"check its owner and mode: `ls -l {shell_word(path)}`"
        raise ConfigError(
            f"cannot read the configuration: {fault.words}",
            hint=f"{cure}; or name another with --config FILE",
        ) from error
    try:
        return tomli.loads(_text(content, path))
    except tomli.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}", hint=f"fix it, {_THEN_CHECK}") from error


def _text(content: bytes, path: Path) -> str:
    utf_16 = _utf_16(content)
    if utf_16 is not None:
        raise _not_utf_8(path, f"{path} is in UTF-16", encoding=utf_16)
    content = content.removeprefix(codecs.BOM_UTF8)  # with which editors of Windows begin
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        words = f"line {line} of {path} is not in UTF-8"
        raise _not_utf_8(path, words, encoding="WINDOWS-1252") from error


def _utf_16(content: bytes) -> str | None:
    """Return what iconv(1) calls the UTF-16 that `content` is in; None where it is in none.

    Without a byte order mark it shows in its zero bytes, of which TOML has none.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    if content[:1] == b"\0":
        return "UTF-16BE"
    return "UTF-16LE" if content[1:2] == b"\0" else None


def _not_utf_8(path: Path, words: str, *, encoding: str) -> ConfigError:
    old, new = shell_word(path), shell_word(f"{path}.new")
    return ConfigError(
        f"the configuration must be in UTF-8, and {words}",
        hint=f"`iconv -f {encoding} -t UTF-8 {old} > {new} && mv {new} {old}`, {_THEN_CHECK}",
    )
