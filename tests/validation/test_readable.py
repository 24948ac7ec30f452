"""Documents that an earlier version accepted, as every reader of JSON takes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.home import run

from scenariod.validation.document import places, reader
from scenariod.validation.document.reader import Document
from scenariod.validation.problems import Reason
from scenariod.validation.readable import LONGEST_NUMBER, is_readable, made_readable

STRICT_READERS = {
    "python": ["python3", "-c", "import json,sys; json.dumps(json.load(sys.stdin)).encode()"],
    "jq": ["jq", "-e", "."],
    "node": ["node", "-e", "JSON.parse(require('fs').readFileSync(0))"],
}


def written(content: bytes, *, step: int = 1 << 16) -> bytes:
    pieces = [content[at : at + step] for at in range(0, len(content), step)]
    return b"".join(made_readable(pieces))


def strictly_read(content: bytes) -> Any:
    """Read JSON as the strictest reader does: numbers that a float holds, text that is UTF-8."""

    def number(digits: str) -> float:
        assert is_readable(digits), digits
        return float(digits)

    def refuse(name: str) -> NoReturn:
        raise AssertionError(name)

    value = json.loads(content, parse_int=number, parse_float=number, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()
    assert "\\u0000" not in json.dumps(value).replace("\\\\", "")
    return value


# What is changed


LONG = b"9" * 4301


@pytest.mark.parametrize(
    ("value", "readable"),
    [
        (rb'"x\ud83d"', rb'"x\ufffd"'),
        (rb'"\uDE80 \uD83D"', rb'"\ufffd \ufffd"'),
        (rb'"\ud83d\ud83d\ude80"', rb'"\ufffd\ud83d\ude80"'),
        (rb'"\\\ud83d\\ud83d"', rb'"\\\ufffd\\ud83d"'),
        (rb'"a\u0000b\\u0000"', rb'"a\ufffdb\\u0000"'),
        (b"1e400", b'"1e400"'),
        (b"[-1E+400 ,1e-400]", b'["-1E+400" ,1e-400]'),
        (LONG, b'"%b"' % LONG),
        (b"0.%b" % LONG, b'"0.%b"' % LONG),
        (b"1.8e308", b'"1.8e308"'),
        (b"NaN", b'"NaN"'),
        (b"[-Infinity]", b'["-Infinity"]'),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 16])
def test_what_not_every_reader_takes_is_written_so_that_each_does(
    value: bytes, readable: bytes, step: int
) -> None:
    content = b'{"before": "\\u00e4", "a": %b, "after": true}'

    assert written(content % value, step=step) == content % readable


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_keys_are_text_too(step: int) -> None:
    content = rb'{"a\ud83d": {"\u0000": 1}}'

    assert written(content, step=step) == rb'{"a\ufffd": {"\ufffd": 1}}'


@pytest.mark.parametrize(
    "value",
    [
        b"1.7976931348623157e308",
        b"9" * 308,
        b"0." + b"1" * (LONGEST_NUMBER - 2),
        b"1e-999999999999",
        b"-0",
        b"0e999",
        b"9007199254740993",
        b"[1,-2.5e+3,0.1E-7, true,false , null]",
        rb'"\ud83d\ude80\uD83D\uDE80 \" \\ \/ \b\f\n\r\t \u00e4 \u0001 \ufffd"',
        b'"' + b"9" * 5000 + b' 1e400 NaN {[,"',
        '"🚀 — \u2028\ufeff"'.encode(),
        b"[[],{},[{}]]",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_what_every_reader_takes_stays_byte_for_byte(value: bytes, step: int) -> None:
    content = b' {"a" : %b\n}\r\n' % value

    found = reader.read(content)
    assert isinstance(found, Document)
    assert found.readable
    assert written(content, step=step) == content


def test_a_long_number_is_written_with_little_memory() -> None:
    whole = b'{"a": ' + b"7" * (4 << 20) + b"}"

    longest = max(map(len, made_readable(whole[at : at + 1000] for at in range(0, 4 << 20, 1000))))

    assert longest <= 1000 + LONGEST_NUMBER


strings = st.text(st.characters(), max_size=8)
numbers = st.sampled_from(["0", "-1.5", "1e400", "1e-400", "9" * 309, "1" * 1001, "NaN", "12e3"])
scalars = st.one_of(numbers, strings.map(json.dumps), st.sampled_from(["true", "null"]))
lists = st.lists(scalars, max_size=4).map(lambda values: f"[{','.join(values)}]")
documents = st.dictionaries(strings, lists, max_size=4).map(
    lambda members: ", ".join(f"{json.dumps(key)}: {value}" for key, value in members.items())
)


@given(documents, st.integers(1, 30) | st.just(1 << 16))
@example('"\\ud800": []', 1)
@example('"a": ["\\\\\\u0000"]', 3)
def test_whatever_was_accepted_is_read_strictly_however_the_bytes_come(
    members: str, step: int
) -> None:
    content = f"{{{members}}}".encode()

    changed = written(content, step=step)

    strictly_read(changed)
    found = reader.read(content)
    assert isinstance(found, Document)
    assert (changed == content) == (found.readable and not found.flawed)
    assert written(changed) == changed


@pytest.mark.parametrize("reader_name", STRICT_READERS)
def test_common_programs_read_it(reader_name: str, tmp_path: Path) -> None:
    values = rb'"\ud83d", {"\udc00\u0000": 1e400}, ' + LONG
    (tmp_path / "written.json").write_bytes(written(b'{"scenarios":[%b]}' % values))
    command = STRICT_READERS[reader_name]
    if run(["sh", "-c", f"command -v {command[0]}"]).code != 0:
        pytest.skip(f"{command[0]} is not installed")

    ended = run(["sh", "-c", '"$@" < "$0"', str(tmp_path / "written.json"), *command])

    assert ended.code == 0, ended.err


# What is refused


@pytest.mark.parametrize(
    ("text", "code", "field", "column", "words"),
    [
        (r'{"a": "xx\ud83d"}', Reason.NOT_TEXT, "a", 10, "a holds U+D83D, one half of a"),
        (r'{"a": ["", "\udE80"]}', Reason.NOT_TEXT, "a[1]", 13, "half"),
        (r'{"\ud83d": 1}', Reason.NOT_TEXT, r'["\ud83d"]', 3, "half"),
        (r'{"\ud83d": "\ud83d"}', Reason.NOT_TEXT, r'["\ud83d"]', 3, "half"),
        (r'{"a": {"b\u0000": 1}}', Reason.NOT_TEXT, r'a["b\x00"]', 10, "holds U+0000, which many"),
        ('{"a": 1e400}', Reason.WRONG_VALUE, "a", 7, "the number 1e400 is too large"),
        ('{"a": [-1E+309]}', Reason.WRONG_VALUE, "a[0]", 8, "too large"),
        ('{"a": %s}' % ("9" * 309), Reason.WRONG_VALUE, "a", 7, "too large"),
        ('{"a": %s}' % ("9" * 4301), Reason.WRONG_VALUE, "a", 7, "has 4301 characters; at most"),
        ('{"a": 0.%s}' % ("1" * 999), Reason.WRONG_VALUE, "a", 7, "has 1001 characters"),
        ('{"a": 1e-9999999999999999999}', Reason.WRONG_VALUE, "a", 7, "kept exactly"),
    ],
)
def test_what_not_every_reader_takes_is_a_problem_with_its_place(
    text: str, code: Reason, field: str, column: int, words: str
) -> None:
    found = reader.read(text.encode())
    assert isinstance(found, Document)

    (problem,) = places.problems(found, ())

    assert (problem.code, problem.field, problem.line) == (code, field, 1)
    assert problem.column == column
    assert words in problem.message
    assert not re.search(r"[^\x20-\x7e]", problem.message.replace("…", ""))
