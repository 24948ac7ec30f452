"""Addresses and names of the net in words: URLs, e-mail addresses, hashtags, handles, camel case.

Pure; every pattern is linear in its text.
"""

from __future__ import annotations

import re

_ENDINGS = (
    "com net org edu gov mil int info biz io ai co uk eu de ca au fr app dev tv fm gg xyz online "
    "shop store site tech news blog club live pro"
)
_FILE_ENDINGS = (
    "pdf docx doc xlsx xls csv txt zip exe mp3 mp4 wav jpg jpeg png gif json html js py php"
)
_HOST = (
    r"(?:[A-Za-z0-9][\w-]{0,62}\.){1,6}(?:"
    + "|".join(sorted((_ENDINGS + " " + _FILE_ENDINGS).split(), key=len, reverse=True))
    + r")(?![\w-]|\.[A-Za-z0-9])"
)
_URL = re.compile(
    r"(?<![\w@.])(?:https?|ftp)://(?:[^\s/?#@]{0,100}@)?([^\s<>\"'()\[\]{}]{1,2000})", re.I
)
_DOMAIN = re.compile(rf"(?<![\w@./-])(?:www\.)?({_HOST}(?:[/?#:][^\s<>\"'()\[\]]{{0,2000}})?)")
_EMAIL = re.compile(rf"(?<![\w.+-])([A-Za-z0-9][\w.+-]{{0,63}})@({_HOST})")
_SPOKEN_PATH = re.compile(r"(?:/[A-Za-z][A-Za-z_-]{0,24}){1,3}/?")
_SITE = re.compile(r"([^/?#:]*+)(?::\d{1,5})?([^?#]*+)([?#].*+)?", re.S)
_AFTER = ".,;:!?*"

_HASHTAGS = re.compile(r"(?:(?:(?<=\s)|(?<=^)|(?<=[\"'(\[]))#\w*[A-Za-z]\w*+[ \t]*+)+")
_HASHTAG = re.compile(r"#(\w+)")
_REDDIT = re.compile(r"(?<![\w/])/?([ru])/(?=\w)")
_HANDLE = re.compile(r"(?<![\w@.])@(?=[A-Za-z_])")
_AT = re.compile(r"\s?@\s?")
_UNDERSCORES = re.compile(r"_+")
_XX = re.compile(r"\bxX(?=\w)|Xx\b")
_CAMEL = re.compile(r"(?<=[a-z])(?<!\bMc)(?<!\bMac)(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")


def spoken_addresses(text: str) -> str:
    """Return `text` with its addresses as they are read aloud, and no `@` or `_`.

    A query and a path of numbers or identifiers are not read.
    """
    text = _URL.sub(lambda match: _site(match[1]), text)
    text = _EMAIL.sub(lambda match: f"{_dotted(match[1])} at {_dotted(match[2])}", text)
    text = _DOMAIN.sub(lambda match: _site(match[1]), text)
    text = _HASHTAGS.sub(_hashtags, text)
    text = _REDDIT.sub(lambda match: f"{match[1].upper()} slash ", text)
    text = _AT.sub(" at ", _HANDLE.sub("", text))
    return _UNDERSCORES.sub(" ", text)


def spaced_camel_case(text: str) -> str:
    """Return `text` with a space between the words of a name like TacoKing; McDonald stays."""
    return _CAMEL.sub(" ", _XX.sub(" ", text))


def _site(address: str) -> str:
    """Return a host and what follows it as words, with the punctuation after it."""
    body = address.rstrip(_AFTER)
    tail = address[len(body) :]
    match = _SITE.match(body)
    assert match is not None  # noqa: S101 - it matches the empty string
    host, path, query = match[1].lower().removeprefix("www."), match[2], match[3]
    words = _dotted(match[1][-len(host) :] if host else "")
    if path and not query and _SPOKEN_PATH.fullmatch(path):
        words += " slash " + path.strip("/").replace("/", " slash ").replace("-", " ")
    return words + tail


def _dotted(name: str) -> str:
    """Return a host or mailbox as words, its last part as it is said."""
    parts = [
        spaced_camel_case(part.replace("_", " ").replace("-", " ")) for part in name.split(".")
    ]
    return " dot ".join(_ending(part) for part in parts).replace("+", " plus ")


def _ending(part: str) -> str:
    """Return a part of a name, spelled where nobody says it as a word."""
    spelled = {"uk", "eu", "io", "ai", "tv", "fm", "gg", "pdf", "xls", "csv", "mp3", "mp4", "js",
               "php", "html", "jpg", "exe", "xyz", "py"}  # fmt: skip
    return " ".join(part.upper()) if part in spelled else part


def _hashtags(match: re.Match[str]) -> str:
    """Return a row of hashtags; what they are is said once."""
    tags = [spaced_camel_case(tag.replace("_", " ")) for tag in _HASHTAG.findall(match[0])]
    space = " " if match[0][-1] in " \t" else ""
    if len(tags) == 1:
        return f"hashtag {tags[0]}{space}"
    before = match.string[max(match.start() - 2, 0) : match.start()].rstrip(" ")
    pause = ", " if before[-1:].isalnum() else ""
    return f"{pause}hashtags {', '.join(tags)}{space}"
