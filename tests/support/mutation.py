"""Makes bytes that are nearly scenarios: what a fuzzer feeds to whoever reads them.

Seeded, so that each input can be made again. Owns no expectation of what they are worth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

_TOKENS = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\ud83e", b"\\udd86", b"\\u0000"),
    *(b"null", b"true", b"false", b"NaN", b"-Infinity", b"Infinity", b"0", b"-0", b"-", b"+1"),
    *(b"1e999999999", b"-1E-999999999", b"0.1e", b"01", b"1" * 400, b"9" * 5000, b".5", b"5."),
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xfe\xff"),
    *(b"\x00", b"\x1b[31m", b"\x7f", b"\r\n", b"\n", b" ", b"\t", "\u2028\u202e".encode()),
    *(b"/* */", b"//", b"'", b'"id":', b'"id":"other",', b"[" * 80, b'{"a":' * 80, b"]" * 80),
    *("🤖🦆".encode(), "ä".encode("utf-16"), b"answerWeights", b"__proto__", b"..", b"%s%n"),
]
_VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        100,
        101,
        10**30,
        -(10**400),
        0.5,
        1e308,
        "",
        " ",
        "x",
        "\ud800",
    ),
    *("logic", "no\nline", "\x1b]0;t\x07", "y" * 3000, [], {}, [[]], [None] * 150, {"": {}}),
    *({"logic": 1}, {"scores": {"logic": 101}}, {f"k{n}": n for n in range(150)}, ["logic", {}]),
]
_KEYS = [
    *("id", "title", "claim", "text", "content", "correctAnswer", "answerWeights", "difficulty"),
    *("hints", "analysis", "reviewKeywords", "peakMoments", "logicalFallacies", "audioScript"),
    *("audioHints", "logic", "scores", "keywords", "", "\ud800", "__class__", "k" * 300),
]
_MEMBER = re.compile(rb'": ?("[^"]*"|[\w.+-]+)')

Mutation = Callable[[bytes, Random], bytes]


def mutants(seeds: Sequence[bytes], *, seed: int, count: int) -> Iterator[bytes]:
    """Yield `count` inputs: each a seed that was changed one to four times."""
    chance = Random(seed)
    for _ in range(count):
        content = chance.choice(seeds)
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
            content = _mutation(content, chance)(content, chance)
        yield content


def _mutation(content: bytes, chance: Random) -> Mutation:
    return chance.choice(_OF_VALUES + _OF_BYTES if content else (_insert,))


def _flip(content: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def _insert(content: bytes, chance: Random) -> bytes:
    at = chance.randint(0, len(content))
    return content[:at] + chance.choice(_TOKENS) + content[at:]


def _replace(content: bytes, chance: Random) -> bytes:
    start, end = _span(content, chance)
    return content[:start] + chance.choice(_TOKENS) + content[end:]


def _cut(content: bytes, chance: Random) -> bytes:
    start, end = _span(content, chance)
    return content[:start] + content[end:]


def _repeat(content: bytes, chance: Random) -> bytes:
    start, end = _span(content, chance)
    return content[:end] + content[start:end] * chance.choice((1, 2, 50)) + content[end:]


def _cut_off(content: bytes, chance: Random) -> bytes:
    return content[: chance.randrange(len(content))]


def _exchange(content: bytes, chance: Random) -> bytes:
    start, middle, end = sorted(chance.randint(0, len(content)) for _ in range(3))
    return content[:start] + content[middle:end] + content[start:middle] + content[end:]


def _other_scalar(content: bytes, chance: Random) -> bytes:
    """Put a token in place of the value of a member."""
    found = chance.choice(list(_MEMBER.finditer(content)) or [None])
    if found is None:
        return _insert(content, chance)
    return content[: found.start(1)] + chance.choice(_TOKENS) + content[found.end(1) :]


def _span(content: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randrange(len(content))
    return start, min(start + chance.choice((1, 2, 8, 40, 400)), len(content))


def _change_member(content: bytes, chance: Random) -> bytes:
    """Change one value, somewhere in a document that still is one."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return _flip(content, chance)
    if chance.random() < 0.02:
        return json.dumps(chance.choice([[document], *_VALUES])).encode()
    holder = _some_holder(document, chance)
    value = chance.choice(_VALUES)
    if isinstance(holder, dict):
        known = chance.random() < 0.7 and holder
        key = chance.choice(list(holder) if known else _KEYS)
        if chance.random() < 0.3:
            holder.pop(key, None)
        else:
            holder[key] = value
    elif isinstance(holder, list):
        holder.insert(chance.randint(0, len(holder)), value)
    else:
        document = value
    dumped = json.dumps(document, ensure_ascii=chance.random() < 0.5)
    return dumped.encode("utf-8", "surrogatepass")


def _some_holder(document: Any, chance: Random) -> Any:
    """Return an object or list within `document`, or what it is where it is neither."""
    found = document
    while chance.random() < 0.6 and isinstance(found, (dict, list)):
        inner = list(found.values()) if isinstance(found, dict) else found
        holders = [value for value in inner if isinstance(value, (dict, list))]
        if not holders:
            break
        found = chance.choice(holders)
    return found


_OF_BYTES: tuple[Mutation, ...] = (
    *(_flip, _insert, _replace, _cut, _repeat, _cut_off, _exchange, _other_scalar),
)
_OF_VALUES: tuple[Mutation, ...] = (_change_member,) * 6
