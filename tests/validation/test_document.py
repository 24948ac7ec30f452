"""Documents: from any bytes to a JSON object, or to every reason why there is none."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scenariod.validation.document import places, reader
from scenariod.validation.document.canonical import content_sha256
from scenariod.validation.document.reader import MAX_DEPTH, Document
from scenariod.validation.document.wording import FieldProblem, Steps, field_name
from scenariod.validation.problems import Problem, Reason
from scenariod.validation.verdict import MAX_MESSAGE, MAX_PROBLEMS

MIB = 1 << 20
QUICK_S = 60  # linear work on 8 MiB takes seconds, quadratic work days: no need to be exact


def read(text: str) -> Document:
    found = reader.read(text.encode("utf-8"))
    assert isinstance(found, Document), found
    return found


def refusal(content: bytes) -> Problem:
    found = reader.read(content)
    assert isinstance(found, Problem), found
    return found


def problems_of(text: str, *faults: FieldProblem) -> list[tuple[Reason, str | None, int | None]]:
    """Return code, field and column: the texts of the tables below are of one line."""
    return [(p.code, p.field, p.column) for p in places.problems(read(text), faults)]


# What is read


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("{}", {}),
        (' \r\n\t{"a": [1, "b", null, true]} \n', {"a": [1, "b", None, True]}),
        ("\ufeff{}", {}),
        ('{"a": "\\u00e4\\n\\ud83d\\ude80 🚀"}', {"a": "ä\n🚀 🚀"}),
        ('{"a": "\\ud800", "\\u0000": 1}', {"a": "\ud800", "\x00": 1}),
        ('{"a": -0.10, "b": 1E2}', {"a": Decimal("-0.10"), "b": Decimal("1E+2")}),
    ],
)
def test_json_objects_are_read(text: str, members: dict[str, Any]) -> None:
    assert read(text).members == members


def test_numbers_are_exact_whatever_their_length() -> None:
    digits = "1234567890" * 30

    members = read(f'{{"long": {digits}, "far": 1e-999999999999, "fine": 0.1{digits}}}').members

    assert members["long"] == Decimal(digits)
    assert members["far"] == Decimal("1e-999999999999")
    assert str(members["fine"]) == f"0.1{digits}"


def test_what_an_earlier_version_accepted_is_read_exactly_too() -> None:
    digits = "1234567890" * 1000

    found = read(f'{{"long": {digits}, "far": 1e999999999999, "half": "\\ud800"}}')

    assert found.members == {
        "long": Decimal(digits),
        "far": Decimal("1e999999999999"),
        "half": "\ud800",
    }
    assert (found.flawed, found.readable) == (False, False)


def test_the_deepest_nesting_that_is_taken_is_64() -> None:
    deepest = '{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}"

    assert MAX_DEPTH == 64
    assert read(deepest).members["a"]


def test_brackets_within_strings_are_not_nesting() -> None:
    text = '{"a": "' + "[{" * 1000 + '\\"[", "b": "\\\\"}'

    assert len(read(text).members["a"]) == 2002


# What is refused at once


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        (b"", Reason.EMPTY, None, None),
        (b"\xef\xbb\xbf \n", Reason.EMPTY, None, None),
        (b'{"a":\n "\xc3\xa4\xff"}', Reason.NOT_UTF8, 2, 4),
        (b"\xff\xfe{\x00}\x00", Reason.NOT_UTF8, 1, 1),
        (b'{"a": "\xed\xa0\x80"}', Reason.NOT_UTF8, 1, 8),
        (b'{"a": "\xf0\x9f\x9a', Reason.NOT_UTF8, 1, 8),
        (b"\n [1]", Reason.NOT_AN_OBJECT, 2, 2),
        (b'"text"', Reason.NOT_AN_OBJECT, 1, 1),
        (b"NaN", Reason.NOT_AN_OBJECT, 1, 1),
        (b'{"a": 1\r\n "b": 2}', Reason.NOT_JSON, 2, 2),
        (b'{"a": 1,\r\n}', Reason.NOT_JSON, 1, 8),
        (b'{"a": [1, 2,]}', Reason.NOT_JSON, 1, 12),
        (b'{"a": 1', Reason.NOT_JSON, 1, 8),
        (b'{"a" 1}', Reason.NOT_JSON, 1, 6),
        (b"{'a': 1}", Reason.NOT_JSON, 1, 2),
        (b"{a: 1}", Reason.NOT_JSON, 1, 2),
        (b'{"a": }', Reason.NOT_JSON, 1, 7),
        (b'{"a": 01}', Reason.NOT_JSON, 1, 8),
        (b'{"a": +1}', Reason.NOT_JSON, 1, 7),
        (b'{"a": .5}', Reason.NOT_JSON, 1, 7),
        (b'{"a": nan}', Reason.NOT_JSON, 1, 7),
        (b'{"a": "open}', Reason.NOT_JSON, 1, 7),
        (b'{"a": "two\nlines"}', Reason.NOT_JSON, 1, 11),
        (b'{"a": "\x00"}', Reason.NOT_JSON, 1, 8),
        (b'{"a": "\\x"}', Reason.NOT_JSON, 1, 8),
        (b'{"a": 1} {"b": 2}', Reason.NOT_JSON, 1, 10),
        (b'{"a": 1 /* no */}', Reason.NOT_JSON, 1, 9),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", Reason.NOT_JSON, 1, 1),
        ('{"ä🚀": 1 "b"'.encode(), Reason.NOT_JSON, 1, 10),
        (b'{"a":' + b"[" * 64, Reason.TOO_DEEP, 1, 69),
        (b'{"a":' * 65, Reason.TOO_DEEP, 1, 321),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place(
    content: bytes, code: Reason, line: int | None, column: int | None
) -> None:
    problem = refusal(content)

    assert (problem.code, problem.line, problem.column) == (code, line, column)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1 "b": 2}', 'expected a comma or the closing bracket before "b"'),
        (b'{"a": 1', "expected a comma or the closing bracket before the end of the file"),
        (b'{"a": 1,}', "extra comma before the closing bracket"),
        (b'{"a": tru}', "expected a value, but found tru"),
        (b'{"a": \x1b}', "U+001B is not white space in JSON"),
        (b'{"a": "open', "a string begins here and has no closing quote"),
        (b'{"a": "x\ny"}', "is its closing quote missing?"),
        (b'{"a": "\\u12"}', "\\u needs four hexadecimal digits"),
        (b"[]", "the file must hold one object, { … }, not a list"),
        (b"null", "not null"),
        (b"\xe4}", "the byte 0xe4 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_refusal_is_a_sentence_that_a_person_understands(content: bytes, message: str) -> None:
    assert message in refusal(content).message


# What json lets pass, and we do not


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1, "b": 2}', []),
        ('{"a": 1, "a": 1}', [(Reason.DUPLICATE_KEY, "a", 10)]),
        ('{"a": 1, "\\u0061": 1}', [(Reason.DUPLICATE_KEY, "a", 10)]),
        ('{"a": {"b c": 1, "b c": 2}}', [(Reason.DUPLICATE_KEY, 'a["b c"]', 18)]),
        ('{"a": [{"b": 1}, {"b": 2}]}', []),
        ('{"a": [0, [{"b": 1, "b": 2}]]}', [(Reason.DUPLICATE_KEY, "a[1][0].b", 21)]),
        (
            '{"a": 1, "a": 2, "a": 3}',
            [(Reason.DUPLICATE_KEY, "a", 10), (Reason.DUPLICATE_KEY, "a", 18)],
        ),
        (
            '{"a": NaN, "b": [1, -Infinity, {"c": Infinity}]}',
            [
                (Reason.NOT_A_NUMBER, "a", 7),
                (Reason.NOT_A_NUMBER, "b[1]", 21),
                (Reason.NOT_A_NUMBER, "b[2].c", 38),
            ],
        ),
        ('{"a": "NaN", "NaN": 1}', []),
        ('{"a": 1e9999999999999999999}', [(Reason.WRONG_VALUE, "a", 7)]),
        ('{"a": NaN, "a": 1}', [(Reason.NOT_A_NUMBER, "a", 7), (Reason.DUPLICATE_KEY, "a", 12)]),
    ],
)
def test_repeated_keys_and_what_is_no_number_are_all_told(
    text: str, found: list[tuple[Reason, str, int]]
) -> None:
    assert problems_of(text) == found


def test_a_repeated_key_is_told_with_the_line_of_the_first() -> None:
    text = '{\n"x": 1,\n"title": 1,\n"title": 2}'

    (problem,) = places.problems(read(text), [])

    assert str(problem) == (
        'the key "title" occurs again in the same object; the first is on line 3 (line 4, column 1)'
    )


# Faults that others find in fields


@pytest.mark.parametrize(
    ("steps", "field", "column"),
    [
        (("a",), "a", 7),
        (("b", "c"), "b.c", 21),
        (("b", "d", 2), "b.d[2]", 36),
        (("b", "d", 2, "e"), "b.d[2].e", 42),
        (("b", "missing"), "b.missing", 15),
        (("missing",), "missing", None),
    ],
)
def test_a_fault_is_placed_at_its_value_or_at_the_object_that_lacks_it(
    steps: Steps, field: str, column: int | None
) -> None:
    text = '{"a": 10, "b":{"c": 1, "d": [[], 3,{"e": 0}]}, "z": {"a": 5}}'

    (found,) = problems_of(text, FieldProblem(Reason.WRONG_TYPE, "wrong", steps))

    assert found == (Reason.WRONG_TYPE, field, column)


def test_problems_come_in_the_order_of_the_text_after_those_without_a_place() -> None:
    faults = [
        FieldProblem(Reason.WRONG_TYPE, "b", ("b",)),
        FieldProblem(Reason.MISSING_FIELD, "c", ("c",)),
    ]

    found = problems_of('{"a": 1, "a": 2, "b": 3, "z": NaN}', *faults)

    assert [field for _, field, _ in found] == ["c", "a", "b", "z"]


def test_what_is_no_number_is_told_once() -> None:
    fault = FieldProblem(Reason.WRONG_TYPE, "a must be a string", ("a",))

    assert problems_of('{"a": NaN}', fault) == [(Reason.NOT_A_NUMBER, "a", 7)]


def test_of_a_repeated_key_the_last_value_counts_and_has_the_place() -> None:
    fault = FieldProblem(Reason.WRONG_TYPE, "a must be a string", ("a",))

    assert problems_of('{"a": 1, "a": 2}', fault) == [
        (Reason.DUPLICATE_KEY, "a", 10),
        (Reason.WRONG_TYPE, "a", 15),
    ]


def test_beyond_a_hundred_problems_only_their_number_is_told() -> None:
    text = "{" + ", ".join('"a": NaN' for _ in range(1000)) + "}"

    found = places.problems(read(text), [])

    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1].message == f"{1999 - MAX_PROBLEMS} more problems are not listed"


def test_exactly_a_hundred_problems_are_all_told() -> None:
    text = '{"a": [' + ", ".join("NaN" for _ in range(MAX_PROBLEMS)) + "]}"

    found = places.problems(read(text), [])

    assert {p.message for p in found} == {"NaN is not a number in JSON"}
    assert len(found) == MAX_PROBLEMS


def test_messages_and_fields_stay_short_and_printable() -> None:
    key = json.dumps("\x1b\u202e\ud800" * 100_000)
    text = f'{{"a": {{{key}: {{{key}: NaN}}, {key}: NaN}}}}'

    found = places.problems(read(text), [])

    assert len(found) == 6
    for problem in found:
        assert problem.field is not None
        assert max(len(problem.field), len(problem.message)) <= MAX_MESSAGE
        assert not {"\x1b", "\u202e", "\ud800"} & set(problem.field + problem.message)


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (("answerWeights", "logic"), "answerWeights.logic"),
        (("hints", 2, "a key"), 'hints[2]["a key"]'),
        (("a.b", "ä"), '["a.b"]["ä"]'),
        (("",), '[""]'),
    ],
)
def test_fields_are_named_as_people_write_them(steps: Steps, name: str) -> None:
    assert field_name(steps) == name


# Canonical content


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": 2}', ' {"b":2,\n"a":1}'),
        ('{"a": "\\u00e4/"}', '{"a": "ä\\/"}'),
        ('{"a": 1}', '{"a": 1.0}'),
        ('{"a": 1}', '{"a": 1e0}'),
        ('{"a": 100}', '{"a": 0.1E+3}'),
        ('{"a": -20}', '{"a": -2e1}'),
        ('{"a": 0}', '{"a": -0.0e5}'),
        ('{"a": 12345678901234567890}', '{"a": 1234567890123456789e1}'),
        ('{"a": 1e999999999999}', '{"a": 10e999999999998}'),
        ('{"a": 0.5e-999999999999}', '{"a": 5e-1000000000000}'),
    ],
)
def test_the_same_content_has_the_same_hash_however_it_is_written(one: str, other: str) -> None:
    assert content_sha256(read(one).members) == content_sha256(read(other).members)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1}', '{"a": "1"}'),
        ('{"a": 1}', '{"a": true}'),
        ('{"a": 0}', '{"a": false}'),
        ('{"a": null}', "{}"),
        ('{"a": null}', '{"a": "null"}'),
        ('{"a": []}', '{"a": {}}'),
        ('{"a": [1, 2]}', '{"a": [2, 1]}'),
        ('{"a": [12]}', '{"a": [1, 2]}'),
        ('{"a": [[1], 2]}', '{"a": [[1, 2]]}'),
        ('{"a": 1}', '{"a": -1}'),
        ('{"a": 10}', '{"a": 1}'),
        ('{"a": 1e999999999999}', '{"a": 1e999999999998}'),
        ('{"a": 12345678901234567890}', '{"a": 12345678901234567891}'),
        ('{"a": 0.1}', '{"a": 0.10000000000000000001}'),
        ('{"a": "ä"}', '{"a": "a\\u0308"}'),
        ('{"a": "\\ud800"}', '{"a": "\\udc00"}'),
        ('{"a": {"b": 1}}', '{"a": 1, "b": 1}'),
    ],
)
def test_different_content_has_different_hashes(one: str, other: str) -> None:
    assert content_sha256(read(one).members) != content_sha256(read(other).members)


numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
strings = st.text(st.characters(), max_size=5)
values = st.recursive(
    st.none() | st.booleans() | numbers | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
    max_leaves=12,
)


def meaning(value: Any) -> Any:
    """Return what `value` says, so that == tells whether two values say the same."""
    if isinstance(value, dict):
        return ("object", frozenset((key, meaning(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", tuple(meaning(item) for item in value))
    if value is None or isinstance(value, bool | str):
        return (type(value).__name__, value)
    return ("number", Decimal(value))


@given(values, values)
@example(["a", "b"], ["a", 'b"1:'])
@example(["ab"], ["a", "b"])
@example({"a": "b"}, ["a", "b"])
@example([10, 1], [1, 10])
@example([Decimal("1E+28"), 0], [10**28, Decimal("-0")])
def test_two_documents_have_the_same_hash_exactly_if_they_say_the_same(
    one: Any, other: Any
) -> None:
    same_hash = content_sha256(one) == content_sha256(other)

    assert same_hash == (meaning(one) == meaning(other))


@given(st.dictionaries(strings, values, max_size=5), st.randoms(use_true_random=False))
def test_order_white_space_and_escapes_do_not_change_the_hash(members: Any, random: Any) -> None:
    keys = list(members)
    random.shuffle(keys)
    shuffled = {key: members[key] for key in keys}

    plain = json.dumps(members, default=float, ensure_ascii=True)
    other = json.dumps(shuffled, default=float, ensure_ascii=True, indent=random.choice([0, 3]))

    assert content_sha256(read(plain).members) == content_sha256(read(other).members)


@given(st.dictionaries(strings, values, max_size=5))
def test_what_is_read_is_what_was_written(members: Any) -> None:
    exact = {"members": members}
    text = json.dumps(exact, default=lambda number: [str(number)], ensure_ascii=True)

    assert read(text).members == json.loads(text)


# Whatever the bytes are


@given(st.binary() | st.text().map(str.encode) | st.text('{}[]",:\\tNa1e-. ').map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_reason(content: bytes) -> None:
    found = reader.read(content)

    assert isinstance(found, Document | Problem)


@given(st.text('{}[]",:\\tfn1e-. \n', max_size=30))
def test_what_json_refuses_is_refused_and_nothing_else(text: str) -> None:
    try:
        expected = isinstance(json.loads(text), dict)
    except ValueError:
        expected = False

    assert isinstance(reader.read(text.encode()), Document) == expected


def repeated(start: str, part: str, end: str) -> bytes:
    return (start + part * ((8 * MIB - len(start) - len(end)) // len(part)) + end).encode()


HOSTILE = {
    "open lists": repeated("", "[", ""),
    "open objects": repeated("", '{"a":', ""),
    "closing brackets": repeated("{}", "]", ""),
    "quotes": repeated("", '"', ""),
    "backslashes in an open string": repeated('{"a":"', "\\", ""),
    "escaped quotes in an open string": repeated('{"a":"', '\\"', ""),
    "escaped quotes": repeated('{"a":"', '\\"', '"}'),
    "one huge string": repeated('{"a":"', "x", '"}'),
    "lone surrogates": repeated('{"a":"', "\\ud800", '"}'),
    "NULs": repeated('{"a":"', "\\u0000", '"}'),
    "white space": repeated("", " ", ""),
    "line ends": repeated("{", "\n", "]"),
    "commas": repeated("{", ",", "}"),
    "one huge number": repeated('{"a":', "7", "}"),
    "one huge exponent": repeated('{"a":1e', "7", "}"),
    "one tiny number": repeated('{"a":0.', "0", "1}"),
    "minus signs": repeated('{"a":', "-", "}"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_eight_hostile_mebibytes_take_linear_time(content: bytes) -> None:
    started = time.process_time()

    found = reader.read(content)
    if isinstance(found, Document):
        places.problems(found, [FieldProblem(Reason.WRONG_TYPE, "wrong", ("a",))])
    if isinstance(found, Document) and not found.flawed:
        content_sha256(found.members)

    assert time.process_time() - started < QUICK_S


@pytest.mark.parametrize(
    "text",
    [
        "{" + ",".join('"":1' for _ in range(200_000)) + "}",
        "{" + ",".join(f'"{i}":1' for i in range(200_000)) + ', "a": NaN}',
        '{"a":[' + ",".join("NaN" for _ in range(200_000)) + "]}",
        '{"a":[' + ",".join("[[[{}]]]" for _ in range(100_000)) + ",NaN]}",
    ],
    ids=["repeated keys", "many keys", "many NaN", "many lists"],
)
def test_faults_are_found_in_wide_documents_in_linear_time(text: str) -> None:
    started = time.process_time()

    found = places.problems(read(text), [])

    assert 0 < len(found) <= MAX_PROBLEMS + 1
    assert time.process_time() - started < QUICK_S
