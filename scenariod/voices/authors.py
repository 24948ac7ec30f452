"""Find who wrote a text: a From line, `Posted by NAME:`, `NAME's LinkedIn post:`, a signature.

Pure. Looks at the first lines of a text and at its last ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from scenariod.base.value import Value
from scenariod.voices import people
from scenariod.voices.labels import at_start, is_handle, is_named, is_role
from scenariod.voices.people import CAPITALS, LETTERS, NAME_SIGNS, key_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_MOST_HEADER = 240
_HANDLE = rf"(?:/?[uU]/|@)?[{LETTERS}0-9][{NAME_SIGNS}]*"
_NAME = (
    rf"(?:(?:/?[uU]/|@)[{NAME_SIGNS}]+|[{LETTERS}][{LETTERS}0-9]*[_0-9][{NAME_SIGNS}]*|"
    rf"[{CAPITALS}][{NAME_SIGNS}]*)(?:\s(?:the\s|of\s|de\s)?[{CAPITALS}][{NAME_SIGNS}]*){{0,3}}"
)
_DEED = (
    r"(?:posted|post|written|typed|shared|submitted|uploaded|comment|story|thread|review|tweet|"
    r"letter|recorded|narrated|told|essay|article|blog|column|update|video|message|note|email)"
)
_BY = re2.compile(rf"(?i:\b{_DEED}\b)[^:]{{0,80}}?\b[bB]y\s[\"“'‘]?({_NAME})")
_FROM = re2.compile(rf"(?i:\b(?:from|by))\s({_NAME})$")
_POSSESSIVE = re2.compile(
    rf"({_NAME})['’]s?\s(?:\S+\s){{0,3}}(?i:post|tweet|blog|diary|journal|story|update|status|letter|"
    r"log|vlog|column|review|caption|thread|feed|confession|statement)\b"
)
_DOING = re2.compile(
    rf"({_NAME})\s(?i:shared|posted|posts|writes|wrote|says|said|tweeted|tweets|asks|asked|"
    r"commented|confesses|shares|reports)(?: this)?$"
)
_HERE = re2.compile(rf"^(?:(?i:hi|hey|hello|real),?\s)?({_HANDLE})\s(?:here\b|[-–—•·|]\s|$)")
_LAST_WORDS = re2.compile(rf"[\s-]((?:[{NAME_SIGNS}]+\s)?[{NAME_SIGNS}]+)['’\"”]?$")
_MAIL_FROM = re2.compile(r"(?i)^\s*from:\s*(.+)$")
_MAIL_HEAD = re2.compile(r"(?i)^\s*(?:to|cc|bcc|subject|date|sent|re|reply-to):")
_ADDRESS = re2.compile(rf"<?([{LETTERS}0-9._%+-]+)@[{LETTERS}0-9.-]+>?")
_SIGNATURE = re2.compile(
    rf"^\s*(?:[-–—~]{{1,2}}\s?)?([{CAPITALS}][{NAME_SIGNS}]*(?:\s[{CAPITALS}][{NAME_SIGNS}]*){{0,3}})"
    r"\s*$"
)
_CLOSING = re2.compile(
    r"(?i)^\s*(?:sincerely|best|best regards|regards|kind regards|warm regards|love|thanks|"
    r"thank you|cheers|yours|yours truly|respectfully|xoxo|warmly|cordially)[,.!]*\s*$"
)
_NOBODY = frozenset(
    """
    a an anon anonymous children dads deleted everyone kids me members men moderators mods moms
    my myself nobody our readers someone staff the today unknown us users women yesterday you
    """.split()  # noqa: SIM905
)


class Author(Value):
    """Who wrote a text: whose words, from `body` in line `line`, are all that no label claims."""

    name: str
    line: int
    body: int
    aliases: tuple[str, ...] = ()


def author_of(lines: Sequence[str], *, speakers: Collection[str], has_me: bool) -> Author | None:
    """Return the author of `lines`; `speakers` are the keys of their labels. None: not named."""
    filled = [(number, line) for number, line in enumerate(lines[:20]) if line.strip()]
    if not filled:
        return None
    return (
        _of_mail(lines, *filled[0])
        or _of_header(*filled[0], speakers=speakers, has_me=has_me)
        or (None if speakers else _signed(lines))
    )


def _of_mail(lines: Sequence[str], number: int, line: str) -> Author | None:
    found = _MAIL_FROM.match(line[:_MOST_HEADER])
    if not found:
        return None
    heads = number + 1
    while heads < len(lines) and _MAIL_HEAD.match(lines[heads][:_MOST_HEADER]):
        heads += 1
    sender = found.group(1).strip()
    address = _ADDRESS.search(sender)
    if not address and heads == number + 1:
        return None
    written = sender[: address.start()].strip(" \"'<") if address else sender
    signed = _signed(lines)
    names = (signed.name,) if signed else ()
    return Author(written or str(address and address.group(1)), heads, 0, names)


def _of_header(number: int, line: str, *, speakers: Collection[str], has_me: bool) -> Author | None:
    start = line[:_MOST_HEADER]
    if (here := _HERE.match(start.strip())) and _is_opening_handle(here.group(1)):
        return Author(here.group(1), number, 0)
    colon = _colon_of(start)
    if colon is None:
        return None
    head = _without_bracket(start[:colon].strip())
    for pattern in (_BY, _POSSESSIVE, _DOING, _FROM):
        found = pattern.search(head)
        if found and _can_write(name := found.group(1).rstrip("."), is_sure=pattern is _BY):
            return Author(name, number, colon + 1)
    if (label := at_start(line)) and key_of(label.name) in speakers:
        return None
    return _of_last_words(head, number, colon, speakers=speakers, has_me=has_me)


def _of_last_words(
    head: str, number: int, colon: int, *, speakers: Collection[str], has_me: bool
) -> Author | None:
    """Return the author that a heading ends with: `Family chat - Mom:`."""
    found = _LAST_WORDS.search(head)
    words = found.group(1).strip("'’\"”").split() if found else []
    for name in (" ".join(words), words[-1] if words else ""):
        if key_of(name) in speakers:
            before = head[: head.rfind(name)].rstrip()
            if has_me or before.endswith(("-", "–", "—", "|")):
                return Author(name, number, colon + 1)
    return None


def _signed(lines: Sequence[str]) -> Author | None:
    """Return whom the last lines name: `- Prof M`, or a name on its own under `Sincerely,`."""
    last = [line for line in lines[-12:] if line.strip() and not line.strip().startswith("#")]
    if len(last) < 3 or not (found := _SIGNATURE.match(last[-1][:80])):
        return None
    has_dash = last[-1].strip()[0] in "-–—~" and last[-2].strip()[0] not in "-–—~•*"
    if not has_dash and not _CLOSING.match(last[-2][:80]):
        return None
    return Author(found.group(1), 0, 0)


def _colon_of(start: str) -> int | None:
    """Return where the colon is that ends a heading, or None."""
    colon = start.find(":")
    while colon >= 0 and start[colon + 1 : colon + 2].strip():
        colon = start.find(":", colon + 1)
    return colon if colon >= 0 else None


def _without_bracket(head: str) -> str:
    """Return `head` without a bracket or emoji at its end."""
    if head.endswith(")") and "(" in head:
        head = head[: head.rindex("(")]
    return head.rstrip().rstrip("".join({sign for sign in head if ord(sign) > 0x2190})).rstrip()


def _is_opening_handle(name: str) -> bool:
    return is_handle(name) and (name.startswith("@") or len(name) > 5)


def _can_write(name: str, *, is_sure: bool) -> bool:
    key = key_of(name)
    if key in _NOBODY or "." in key.strip(".").replace(". ", ""):
        return False
    if is_handle(name) or is_named(name):
        return True
    role = len(people.words_of(name)) == 1 and is_role(name)
    return name[0].isupper() and (is_sure or role)
