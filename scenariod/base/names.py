"""File names: which are scenarios, in which order, and how to print them safely.

Names are bytes to the kernel and `str` with surrogate escapes here (PEP 383). Pure: no I/O.
"""

from __future__ import annotations

import os
import re
import shlex
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME_MAX = 255
"""Longest file name in bytes on every file system we meet (NAME_MAX in limits.h)."""

REASON_SUFFIX = ".reason.json"
"""The suffix of the file beside a refused one; in the inbox it does not count as a scenario."""
_BATCH_MARK = re.compile(r"\.b[0-9]{6,}(-[0-9a-f]+)?(?=\.json$)")
UNPACKERS = {".gz": "gunzip", ".bz2": "bunzip2", ".xz": "unxz"}
"""The commands that unpack compressed files, by the end of the name."""
_HEAD, _ENDING = "scenario-", ".json"
_LIKE_HEAD = re.compile("(?i)s[cz]enarios?[-_. ]*")
_UNFINISHED = r"~|\.(?:part|partial|filepart|crdownload|download|tmp|temp|swp)"
"""How programs end the names of files that they are still writing."""
_TEMPORARY = re.compile(f"(?i)(?:{_UNFINISHED})$")
_ADDED = re.compile(rf"(?i)(?:{_UNFINISHED}|\.(?:txt|bak|old|orig)|\s|\(\d+\))+$")
_LIKE_ENDING = re.compile(r"(?i)\.(?:json[5cl]?|ndjson|jsn)$")
NaturalKey = tuple[list[str | tuple[int, str]], str]
_DIGITS = re.compile(r"([0-9]+)")
_MOST_COMPARED = 10_000
"""Among how many names the nearest is looked for: that takes a tenth of a second or so."""
_CHARACTERS = "\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_HARMFUL = re.compile(f"[{_CHARACTERS}]")
_UNSAFE = re.compile(rf"[\\{_CHARACTERS}]")


def is_scenario_name(name: str) -> bool:
    """Say whether the inbox takes a file of this name: `scenario-*.json`, but no reason of ours."""
    ours = name.startswith(_HEAD) and name.endswith(_ENDING)
    return ours and not name.endswith(REASON_SUFFIX)


def is_temporary(name: str) -> bool:
    """Say whether a file of this name is one that its writer is going to rename."""
    return _TEMPORARY.search(name) is not None


def right_name(name: str) -> str | None:
    """Return the scenario name that `name` was meant to be; None if it does not look like one."""
    if is_scenario_name(name):
        return name
    bare = _ADDED.sub("", name)
    like_head = _LIKE_HEAD.match(bare)
    if (ending := _LIKE_ENDING.search(bare)) is not None:
        bare = bare[: ending.start()]
    elif like_head is None or "." in bare:
        return None
    rest = bare[like_head.end() :] if like_head else bare
    found = f"{_HEAD}{_UNSAFE.sub('_', rest) or 1}{_ENDING}"
    return found if is_scenario_name(found) else None


def natural_key(name: str) -> NaturalKey:
    """Return a sort key that puts 2 before 11; digits compare by value, then all by text."""
    # Text and digits take turns, text first, if only an empty one: so like compares with like.
    parts: list[str | tuple[int, str]] = [*_DIGITS.split(name)]
    parts[1::2] = [(int(digits), digits) for digits in _DIGITS.findall(name)]
    return parts, name


def printable(text: str) -> str:
    r"""Return `text` safe for a terminal or a log line: control characters as `\x1b`, and so on.

    Also escapes what cannot be encoded (bytes that are not UTF-8 come as surrogates, shown as
    their byte) and the characters that change the direction of text.
    """
    return _UNSAFE.sub(_escape, text)


def printable_line(text: str) -> str:
    """Return `text` safe for a terminal, with backslashes as they are.

    Names in it are `printable` already: escaped twice, they could not be pasted.
    """
    return _HARMFUL.sub(_escape, text)


def shell_word(text: str | os.PathLike[str]) -> str:
    """Return a text or a path quoted for a shell, safe to print and to paste.

    `*` stands for what is not printable: there the shell puts what the file's name has.
    """
    return "*".join(shlex.quote(part) if part else "" for part in _UNSAFE.split(os.fspath(text)))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean X?)` for the name in `known` most like `word`; "" for none.

    One that differs only in capitals comes first, then one that begins with `word`.
    """
    import difflib  # takes long to load, and only mistakes need it

    compared = list(islice(known, _MOST_COMPARED))
    same = [name for name in compared if name.casefold() == word.casefold()]
    begins = [name for name in compared if word and name.startswith(word)]
    near = same or begins or difflib.get_close_matches(word, compared, n=1, cutoff=0.6)
    return f" (did you mean {printable(near[0])}?)" if near else ""


def with_suffix(name: str, suffix: str) -> str:
    """Return `name + suffix`, cut and marked with a hash where it would exceed `NAME_MAX` bytes."""
    whole = os.fsencode(name + suffix)
    if len(whole) <= NAME_MAX:
        return name + suffix
    import hashlib  # takes long to load, and such names are rare

    mark = "~" + hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    room = NAME_MAX - len(os.fsencode(mark + suffix))
    return os.fsdecode(os.fsencode(name)[:room]) + mark + suffix


def numbered(name: str, mark: str) -> str:
    """Return `name` with `.mark` before its ending: `scenario-1.json` → `scenario-1.MARK.json`."""
    stem, dot, ending = name.rpartition(".")
    if not dot:
        return with_suffix(name, "." + mark)
    return with_suffix(stem, f".{mark}.{ending}")


def batch_in(name: str) -> int | None:
    """Return the batch whose number is in a name that was taken in done/ or failed/, else None."""
    mark = _BATCH_MARK.search(name)
    return None if mark is None else int(mark[0].split("-")[0].removeprefix(".b"))


def without_batch(name: str) -> str:
    """Return the name under which a file was dropped that stands under a numbered one."""
    return _BATCH_MARK.sub("", name)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if match.group() == "\\":
        return "\\\\"
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383: an undecodable byte
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
