"""What is meant where a file is not JSON: mistakes of people and language models, in words.

Owns these words: the same mistake gets the same ones, however the file came in. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from itertools import islice
from typing import TYPE_CHECKING, Any

from scenariod.base.names import printable
from scenariod.validation.document.wording import WHITE, kind, named, place, placed, unusual
from scenariod.validation.problems import Problem, Reason

if TYPE_CHECKING:
    import json
    from collections.abc import Iterable

EXTRA_COMMA = "extra comma before the closing bracket"
NO_VALUE = "a value is missing before this comma"
_SEVERAL = (
    "another object or list follows the first: put all scenarios into one list, [ {…}, {…} ], and"
    " import it with `scenariodctl import FILE`"
)
_CONTROL_IN_STRING = (
    "a line break or control character in a string: is its closing quote missing? if not, write"
    " \\n for a line break"
)
_COMMENT_WORDS = "a comment begins here, and JSON has none: remove it"
_FENCE = "```"
_WORD_OF_KEY = re.compile(r"[A-Z]*[a-z]+|[A-Z]+|[0-9]+")
_ALIKE = 0.75
_MOST_KEYS = 200
_LONGEST_KEY = 64

_OPENINGS = (
    (rb"```", Reason.NOT_JSON, "a Markdown code fence (```) begins here: remove it, and its end"),
    (
        rb"<(?:!doctype|\?xml|html|head|body)",
        Reason.NOT_JSON,
        "the file is HTML or XML: was a web page, or an error message, saved in place of JSON?",
    ),
    (rb"\{\\rtf", Reason.NOT_JSON, "the file is rich text (RTF): save it as plain text"),
    (rb"PK\x03\x04", Reason.NOT_UTF8, "the file is a ZIP archive or an office document, not text"),
    (rb"\x1f\x8b", Reason.NOT_UTF8, "the file is compressed with gzip: decompress it"),
    (rb"%PDF-", Reason.NOT_UTF8, "the file is a PDF document, not text"),
)
_OPENINGS_AS_PATTERNS = [
    (re.compile(pattern, re.IGNORECASE), code, words) for pattern, code, words in _OPENINGS
]
_FOUND = re.compile(r'"[^"\\\n]{0,30}"?|[\w.+-]{1,30}|.', re.DOTALL)
_COMMENT = re.compile(r"//|/\*|#|<!--")
_QUOTE = re.compile("['`\u2018-\u201f\u00ab\u00bb\u2039\u203a\uff02\uff07]")
_LITERALS = {
    **dict.fromkeys(("True", "TRUE"), "true"),
    **dict.fromkeys(("False", "FALSE"), "false"),
    **dict.fromkeys(("None", "NULL", "Null", "nil", "undefined"), "null"),
}
_LEFT_OUT = ("...", "…")

_SYNTAX = (  # what json says (3.11 to 3.14), and what we say; anything else is told as json says it
    ("Expecting ',' delimiter", "expected a comma or the closing bracket before {found}"),
    ("Expecting ':' delimiter", "expected a colon after the key, but found {found}"),
    ("Expecting property name", "expected a key in double quotes, but found {found}"),
    ("Expecting value", "expected a value, but found {found}"),
    (
        "Unterminated string",
        "a string begins here and has no closing quote: it is missing, or the file is cut off",
    ),
    ("Invalid \\escape", "a backslash that escapes nothing; write it twice"),
    ("Invalid \\u", "\\u needs four hexadecimal digits"),
)


def opening(content: bytes) -> Problem | None:
    """Return what a file is by its first bytes, where it cannot be JSON in UTF-8."""
    body = content.removeprefix(BOM_UTF8)
    white = len(body) - len(body.lstrip(WHITE.encode()))
    for pattern, code, words in _OPENINGS_AS_PATTERNS:
        if pattern.match(body, white):
            return placed(code, words, text=body[:white].decode(), offset=white)
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in content[:4]:
        words = "the file is UTF-16 or binary, not UTF-8: save it as UTF-8"
        return Problem(Reason.NOT_UTF8, words, line=1, column=1)
    return None


def not_utf8(body: bytes, error: UnicodeDecodeError) -> Problem:
    """Return the problem of a file that has no byte order mark, and a byte that is not UTF-8."""
    before = body[: error.start].decode("utf-8")
    message = f"the byte 0x{body[error.start]:02x} is not UTF-8; save the file as UTF-8"
    if error.reason == "unexpected end of data":
        message = "the file ends within a character: it is cut off"
    return placed(Reason.NOT_UTF8, message, text=before, offset=len(before))


def not_an_object(value: Any) -> tuple[Reason, str]:
    """Return what is wrong with JSON that holds another value than an object."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return Reason.MANY_SCENARIOS, many_scenarios(len(value))
    message = f"the file must hold one object, {{ … }}, not {kind(value)}"
    if isinstance(value, str) and value.lstrip().startswith("{"):
        message += ": the object was encoded as JSON twice"
    return Reason.NOT_AN_OBJECT, message


def nearest(wanted: str, keys: Iterable[str]) -> str | None:
    """Return the one of `keys` that was meant to be `wanted`; None where none is like it."""
    import difflib  # only faulty files need it

    plain, words = _plain(wanted), _words_of(wanted)
    best: tuple[float, str | None] = (0.0, None)
    for key in islice(keys, _MOST_KEYS):
        if len(key) > _LONGEST_KEY:
            continue
        likeness = difflib.SequenceMatcher(None, plain, _plain(key)).ratio()
        others = _words_of(key)
        is_part = bool(others) and (words <= others or others <= words)
        if likeness > best[0] and (is_part or likeness >= _ALIKE):
            best = (likeness, key)
    return best[1]


def many_scenarios(count: int) -> str:
    """Say of a list of scenarios what to do with it."""
    return f"this is a list of scenarios ({count}), not one scenario: import it"


def _plain(key: str) -> str:
    """Return the letters and digits of a key, whatever their case and accents."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", key).casefold()))


def _words_of(key: str) -> set[str]:
    """Return the words of a key: `answer` and `weights` of `answerWeights` or `answer_weights`."""
    return {word.casefold() for word in _WORD_OF_KEY.findall(key)}


def not_json(text: str, error: json.JSONDecodeError) -> Problem:
    """Return the problem of a text that json cannot read, in the words that help most."""
    before, rest = text[: error.pos].rstrip(WHITE), text[error.pos :].lstrip(WHITE)
    offset = error.pos
    if error.msg.startswith("Illegal trailing comma"):
        words = EXTRA_COMMA
    elif before.endswith(",") and rest.startswith(("}", "]", ",")):
        words, offset = NO_VALUE, len(text) - len(rest)
        if rest[0] != ",":
            words, offset = EXTRA_COMMA, len(before) - 1
    else:
        words = _words(error, before, rest)
    return placed(Reason.NOT_JSON, words, text=text, offset=offset)


def _words(error: json.JSONDecodeError, before: str, rest: str) -> str:
    if not before or (error.msg.startswith("Extra data") and not before.endswith(("}", "]"))):
        return _at_start(error.doc)
    if error.msg.startswith("Invalid control"):
        return _CONTROL_IN_STRING if rest else "the file ends within a string: it is cut off"
    if rest.startswith("\\'"):
        return "a single quote in a string needs no backslash: remove the backslash"
    found = _FOUND.match(rest)
    what = printable(found.group()) if found else "the end of the file: it is cut off"
    if error.msg.startswith("Extra data"):
        return after_end(rest)
    meant = _meant(rest, what)
    if meant is not None:
        return meant
    says = (ours for theirs, ours in _SYNTAX if error.msg.startswith(theirs))
    words = next(says, error.msg[:1].lower() + error.msg[1:]).replace("{found}", what)
    if what == rest.rstrip(WHITE) and what.isalpha():
        return f"{words}, with which the file ends: it is cut off"
    if error.doc[error.pos - 1] == '"' and what[:1].isalnum():
        return f"{words}; {_quote_within(before)}"
    return words


def _quote_within(before: str) -> str:
    """Say what is wrong with a string that ends where a word begins."""
    last = before[before.rfind('"', 0, len(before) - 1) :]
    typographic = re.search("[\u201c-\u201f]", last)
    if typographic is None:
        return 'within a text, write a double quote as \\"'
    return f'is {named(typographic[0])} meant to be a plain double quote (")?'


def _at_start(text: str) -> str:
    """Say what is wrong where JSON does not even begin."""
    start = text.lstrip(WHITE)
    name = unusual(start[:1])
    if name is not None:
        return f"{name} comes before the JSON: remove it"
    if start.startswith(("//", "/*")):
        return _COMMENT_WORDS
    begins = text.find("{") if "{" in text else text.find("[")
    if begins < 0:
        found = _FOUND.match(start)
        what = printable(found.group()) if found else ""
        return f"the file is not JSON: it must begin with {{, and begins with {what}"
    line, _ = place(text, begins)
    fence = f", and the Markdown code fence ({_FENCE}) around it" if _FENCE in text else ""
    return f"text comes before the JSON, which begins on line {line}: remove it{fence}"


def _meant(rest: str, what: str) -> str | None:
    """Say what was meant, where what stands there is enough to know."""
    if _COMMENT.match(rest):
        return _COMMENT_WORDS
    if _QUOTE.match(rest):
        quote = rest[0] if rest[0].isascii() else f"{rest[0]} ({named(rest[0])})"
        return f'strings and keys need plain double quotes ("), not {quote}'
    if what in _LITERALS:
        return f"JSON writes {_LITERALS[what]} for {what}"
    if rest.startswith(_LEFT_OUT):
        return f"{what} stands for something that was left out here"
    unseen = unusual(rest[:1])
    return unseen and f"{unseen} is not white space in JSON: remove it"


def after_end(rest: str) -> str:
    """Say what is wrong with what follows the JSON in a file; `rest` is its beginning at least."""
    if rest.lstrip(f",{WHITE}").startswith(("{", "[")):
        return _SEVERAL
    if rest.startswith(("}", "]")):
        return "one closing bracket too many"
    if rest.startswith(_FENCE):
        return f"a Markdown code fence ({_FENCE}) follows the JSON: remove it"
    if _COMMENT.match(rest):
        return _COMMENT_WORDS
    found = _FOUND.match(rest)
    name = unusual(rest[:1])
    if name is not None:
        return f"{name} follows the JSON: remove it"
    what = printable(found.group()) if found else ""
    return f"text follows the JSON, beginning with {what}: remove it"
