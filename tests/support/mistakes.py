"""Mistakes that people and language models make in a file, and what is said of each."""

from __future__ import annotations

import json
from dataclasses import dataclass

from scenariod.validation.problems import Reason
from support.scenarios import scenario

GOOD = scenario("one").decode()
COMPACT = json.dumps(json.loads(GOOD), ensure_ascii=False)
FENCE = "```"


@dataclass(frozen=True)
class Mistake:
    """The content of a file, what its first problem is said to be, and where."""

    content: bytes
    code: Reason
    words: str
    line: int | None
    column: int | None
    field: str | None = None
    within: bool = False
    """Whether it is a mistake within one object: then an element of a list may have it, too."""


def _within(
    old: str, new: str, code: Reason, words: str, place: tuple[int, int], field: str | None = None
) -> Mistake:
    assert old in GOOD
    content = GOOD.replace(old, new, 1).encode()
    return Mistake(content, code, words, *place, field=field, within=True)


def _not_json(
    content: str, words: str, place: tuple[int, int], code: Reason = Reason.NOT_JSON
) -> Mistake:
    return Mistake(content.encode(), code, words, *place)


_LAST_LINE = GOOD.count("\n")
_CLAIM = '"claim": "A claim."'
MISTAKES = {
    # Around the JSON
    "fence": _not_json(f"{FENCE}json\n{GOOD}{FENCE}\n", "Markdown code fence (```)", (1, 1)),
    "fence after": _not_json(f"{GOOD}{FENCE}\n", "fence (```) follows", (_LAST_LINE + 1, 1)),
    "text before": _not_json(f"Here is it:\n\n{GOOD}", "the JSON, which begins on line 3", (1, 1)),
    "text and fence": _not_json(
        f"Sure!\n{FENCE}json\n{GOOD}{FENCE}\nEnjoy!",
        "begins on line 3: remove it, and the Markdown code fence (```) around it",
        (1, 1),
    ),
    "heading": _not_json(f"# One\n{FENCE}\n{GOOD}{FENCE}\n", "begins on line 3", (1, 1)),
    "text after": _not_json(
        f"{GOOD}\nI hope this helps!",
        "text follows the JSON, beginning with I",
        (_LAST_LINE + 2, 1),
    ),
    "thoughts": _not_json(f"<think>{{</think>\n{GOOD}", "text comes before the JSON", (1, 1)),
    "javascript": _not_json(f"const one = {GOOD}", "text comes before the JSON", (1, 1)),
    "yaml": _not_json("id: one\ntitle: One\n", "it must begin with {, and begins with id", (1, 1)),
    "html": _not_json("<!DOCTYPE html>\n<html>{}</html>", "HTML or XML", (1, 1)),
    "xml": _not_json('<?xml version="1.0"?><a/>', "HTML or XML", (1, 1)),
    "rich text": _not_json("{\\rtf1\\ansi {}}", "rich text", (1, 1)),
    "comment before": _not_json(f"// one\n{GOOD}", "a comment begins here", (1, 1)),
    "mark before": _not_json(f"\ufeff\ufeff{GOOD}", "U+FEFF BYTE ORDER MARK comes before", (1, 1)),
    "space before": _not_json(f"\u00a0{GOOD}", "U+00A0 NO-BREAK SPACE comes before", (1, 1)),
    "invisible after": _not_json(
        f"{GOOD}\u200b", "U+200B ZERO WIDTH SPACE follows", (_LAST_LINE + 1, 1)
    ),
    "objects a line": _not_json(
        f"{COMPACT}\n{COMPACT}\n", "put all scenarios into one list, [ {…}, {…} ]", (2, 1)
    ),
    "objects and commas": _not_json(
        f"{COMPACT},\n{COMPACT}\n",
        "another object or list follows the first",
        (1, len(COMPACT) + 1),
    ),
    "bracket after": _not_json(f"{COMPACT}}}", "one closing bracket", (1, len(COMPACT) + 1)),
    # Not text, or not all of it
    "utf-16": Mistake(GOOD.encode("utf-16"), Reason.NOT_UTF8, "UTF-16 or binary", 1, 1),
    "utf-16 without mark": Mistake(GOOD.encode("utf-16-le"), Reason.NOT_UTF8, "UTF-16", 1, 1),
    "zip": Mistake(b"PK\x03\x04\x14\x00", Reason.NOT_UTF8, "ZIP archive", 1, 1),
    "gzip": Mistake(b"\x1f\x8b\x08\x00\xff", Reason.NOT_UTF8, "gzip", 1, 1),
    "zeros": Mistake(b"\0" * 4096, Reason.NOT_UTF8, "binary", 1, 1),
    "latin-1": Mistake(
        GOOD.replace(_CLAIM, '"claim": "Ä"').encode("latin-1", "replace"),
        *(Reason.NOT_UTF8, "the byte 0xc4 is not UTF-8", 4, 13),
    ),
    "empty": Mistake(b"", Reason.EMPTY, "the file is empty", None, None),
    "blank": Mistake(b" \r\n\t\n", Reason.EMPTY, "the file is empty", None, None),
    "cut off": _not_json(GOOD[: GOOD.index(_CLAIM)], "the file: it is cut off", (4, 3)),
    "cut off in a string": _not_json(
        GOOD[: GOOD.index(" claim.")], "closing quote: it is missing, or the file is cut", (4, 12)
    ),
    "cut off in a line": _not_json(
        GOOD[: GOOD.index(" claim.")] + "\n", "the file ends within a string", (4, 14)
    ),
    "cut off in a word": _not_json('{"a": tru', "tru, with which the file ends", (1, 7)),
    "cut off in a character": Mistake(
        GOOD.encode()[: GOOD.encode().index("—".encode()) + 1],
        *(Reason.NOT_UTF8, "ends within a character: it is cut off", 12, 20),
    ),
    # Another shape
    "encoded twice": _not_json(
        json.dumps(GOOD), "encoded as JSON twice", (1, 1), Reason.NOT_AN_OBJECT
    ),
    "scenarios no list": Mistake(
        b'{"scenarios": %b}' % GOOD.encode(),
        *(Reason.WRONG_TYPE, "scenarios must be a list, not an object", 1, 15, "scenarios"),
    ),
    "wrapped": Mistake(
        b'{"scenario": %b}' % GOOD.encode(),
        *(Reason.MISSING_FIELD, '"scenario" holds a scenario: make that object', 1, 14, "id"),
    ),
    # Within an object
    "comma": _within(
        *('"\n}', '",\n}', Reason.NOT_JSON, "extra comma before the closing bracket"), (12, 30)
    ),
    "two commas": _within(
        *(f"{_CLAIM},", f"{_CLAIM},,", Reason.NOT_JSON, "a value is missing before"), (4, 23)
    ),
    "no comma": _within(
        *(f"{_CLAIM},", _CLAIM, Reason.NOT_JSON, 'or the closing bracket before "correctAnswer"'),
        (5, 3),
    ),
    "comment": _within(
        _CLAIM, f"// short\n{_CLAIM}", Reason.NOT_JSON, "a comment begins here", (4, 3)
    ),
    "python comment": _within(
        _CLAIM, f"# short\n{_CLAIM}", Reason.NOT_JSON, "a comment begins here", (4, 3)
    ),
    "single quotes": _within(
        '"claim"', "'claim'", Reason.NOT_JSON, "need plain double quotes (\"), not '", (4, 3)
    ),
    "single quotes in a value": _within(
        '"A claim."', "'A claim.'", Reason.NOT_JSON, "need plain double quotes", (4, 12)
    ),
    "smart quotes": _within(
        *('"claim"', "“claim”", Reason.NOT_JSON, "not “ (U+201C LEFT DOUBLE QUOTATION MARK)"),
        (4, 3),
    ),
    "one smart quote": _within(
        *('"claim"', '"claim”', Reason.NOT_JSON, "is U+201D RIGHT DOUBLE QUOTATION MARK meant"),
        (4, 13),
    ),
    "quote in text": _within(
        *('"A claim."', '"A "claim""', Reason.NOT_JSON, 'write a double quote as \\"'), (4, 16)
    ),
    "no quotes": _within(
        '"claim"', "claim", Reason.NOT_JSON, "a key in double quotes, but found claim", (4, 3)
    ),
    "no-break space": _within(
        *(
            '"A claim."',
            '\u00a0"A claim."',
            Reason.NOT_JSON,
            "U+00A0 NO-BREAK SPACE is not white space",
        ),
        (4, 12),
    ),
    "byte order mark": _within(
        '"claim"',
        '\ufeff"claim"',
        Reason.NOT_JSON,
        "U+FEFF BYTE ORDER MARK is not white space",
        (4, 3),
    ),
    "None": _within('"A claim."', "None", Reason.NOT_JSON, "JSON writes null for None", (4, 12)),
    "True": _within('"A claim."', "True", Reason.NOT_JSON, "JSON writes true for True", (4, 12)),
    "NaN": _within(
        "12.5", "NaN", Reason.NOT_A_NUMBER, "NaN is not a number", (10, 15), "answerWeights.agenda"
    ),
    "left out": _within('"A claim."', "...", Reason.NOT_JSON, "... stands for", (4, 12)),
    "line break": _within(
        "A claim.", "A\nclaim.", Reason.NOT_JSON, "write \\n for a line break", (4, 14)
    ),
    "backslash": _within(
        "A claim.", "C:\\dir", Reason.NOT_JSON, "a backslash that escapes nothing", (4, 15)
    ),
    "escaped quote": _within(
        "A claim.", "It\\'s", Reason.NOT_JSON, "a single quote in a string needs no", (4, 15)
    ),
    "key in another style": _within(
        *('"correctAnswer"', '"correct_answer"', Reason.MISSING_FIELD),
        'correctAnswer is missing; "correct_answer" seems to be it: rename that key',
        *((5, 21), "correctAnswer"),
    ),
    "key in another case": _within(
        '"title"', '"Title"', Reason.MISSING_FIELD, '"Title" seems to be it', (3, 12), "title"
    ),
    "misspelt key": _within(
        '"claim"', '"cliam"', Reason.MISSING_FIELD, '"cliam" seems to be it', (4, 12), "claim"
    ),
    "longer key": _within(
        '"id"', '"scenarioId"', Reason.MISSING_FIELD, '"scenarioId" seems', (2, 17), "id"
    ),
    "shorter key": _within(
        *('"answerWeights"', '"weights"', Reason.MISSING_FIELD, '"weights" seems to be it'),
        *((6, 14), "answerWeights"),
    ),
    "story under another key": _within(
        '"text"', '"storyText"', Reason.MISSING_FIELD, '"storyText" seems', (12, 16), "text"
    ),
    "misspelt weight": _within(
        *('"emotion"', '"Emotions"', Reason.MISSING_FIELD, '"Emotions" seems to be it'),
        *((8, 17), "answerWeights.emotion"),
    ),
    "invisible in a key": _within(
        *('"id"', '"\u200bid"', Reason.MISSING_FIELD),
        *('"\\u200bid" (with U+200B ZERO WIDTH SPACE) seems to be it', (2, 10), "id"),
    ),
    "another script in a key": _within(
        *('"claim"', '"\u0441laim"', Reason.MISSING_FIELD),
        *("(with U+0441 CYRILLIC SMALL LETTER ES) seems to be it", (4, 12), "claim"),
    ),
    "invisible in a value": _within(
        *('"logic",', '"logic\u00a0",', Reason.WRONG_VALUE),
        *('not "logic\\u00a0" (with U+00A0 NO-BREAK SPACE)', (5, 20), "correctAnswer"),
    ),
    # What not every reader of JSON takes
    "half a character": _within(
        "A claim.", "A\\ud83d", Reason.NOT_TEXT, "U+D83D, one half", (4, 14), "claim"
    ),
    "too large": _within(
        *("12.5", "1e400", Reason.WRONG_VALUE, "the number 1e400 is too large"),
        *((10, 15), "answerWeights.agenda"),
    ),
    "too long": _within(
        "{", '{"n": ' + "9" * 4301 + ",", Reason.WRONG_VALUE, "4301 characters", (1, 7), "n"
    ),
}
PACKS = {
    "list": Mistake(
        b"[%b,\n%b]" % (GOOD.encode(), scenario("two")),
        *(Reason.MANY_SCENARIOS, "a list of scenarios (2), not one scenario: import it", 1, 1),
    ),
    "pack": Mistake(
        b'{"packInfo": {},\n"scenarios": [%b]}' % GOOD.encode(),
        *(
            Reason.MANY_SCENARIOS,
            "a list of scenarios (1), not one scenario: import it",
            2,
            14,
            "scenarios",
        ),
    ),
}
"""What is a mistake only where one scenario is expected: in the inbox."""
