"""Files that hold many scenarios: what they are told to be, and how they are cut."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenarios import scenario

from scenariod.transfer import protocol
from scenariod.transfer.pack_info import MOST_BYTES, MOST_CHARACTERS
from scenariod.transfer.shape import Shape, Survey, survey
from scenariod.transfer.slices import Slice, Slicer
from scenariod.validation.problems import Problem, Reason

KIB = 1 << 10


class Trickle(io.BytesIO):
    """A file that gives a few bytes at a time, as a pipe may."""

    def __init__(self, content: bytes, *, step: int) -> None:
        super().__init__(content)
        self._step = step

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self._step if size is None or size < 0 else min(size, self._step))


def told(content: bytes) -> Survey:
    return survey(io.BytesIO(content))


def cut(
    content: bytes, *, member: str | None = None, most_bytes: int = 1 << 20, step: int = 1 << 16
) -> tuple[list[Slice], bool]:
    slicer = Slicer(Trickle(content, step=step), member=member, most_bytes=most_bytes)
    return list(slicer), slicer.whole


def contents(content: bytes, **how: Any) -> list[bytes | None]:
    return [piece.content for piece in cut(content, **how)[0]]


# What a file is


@pytest.mark.parametrize(
    ("content", "shape", "count"),
    [
        (b'{"scenarios": [{"id": 1}, {"id": 2}]}', Shape.MEMBER, 2),
        (b'{"scenarios": []}', Shape.MEMBER, 0),
        (b'[{"a": [1, {}]}, 2, null]', Shape.LIST, 3),
        (b"[]", Shape.LIST, 0),
        (b'{"id": "one", "hints": ["scenarios", []]}', Shape.SINGLE, 1),
        (b'{"id": {"scenarios": [1, 2]}}', Shape.SINGLE, 1),
        (b'{"scenarios": {"a": 1}}', Shape.SINGLE, 1),
        (b'{"scenarios": [{"id": 1}, {"id', Shape.MEMBER, 2),
        (b"nonsense", Shape.SINGLE, 1),
        (b"", Shape.SINGLE, 1),
        (b'\xef\xbb\xbf{"scenarios": [1]}', Shape.MEMBER, 1),
        (b"\n" * 65 * KIB + b"[1]", Shape.LIST, 1),
    ],
)
def test_a_file_is_told_by_what_is_in_it(content: bytes, shape: Shape, count: int) -> None:
    found = told(content)

    assert (found.shape, found.count, found.about) == (shape, count, None)


@pytest.mark.parametrize("order", [("about", "scenarios"), ("scenarios", "about")])
def test_what_a_pack_says_of_itself_is_found_before_and_after_its_scenarios(
    order: tuple[str, str],
) -> None:
    info = {"packId": "007", "names": ["Ä", {"deep": [1, 2.5, None, True]}], "none": {}}
    parts: dict[str, dict[str, object]] = {
        "about": {"version": "1.0.0", "packInfo": info},
        "scenarios": {"scenarios": [{"id": "one", "version": 3}]},
    }
    document = {**parts[order[0]], **parts[order[1]]}

    about = told(json.dumps(document).encode()).about

    assert about is not None
    assert json.loads(about) == {"version": "1.0.0", "packInfo": info}


def test_the_trailer_of_a_backup_makes_no_pack_of_it() -> None:
    content = b'{"scenarios":[\n{}\n],\n"backup":{"format":1,"lengths":[2],"sha256":"00"}}\n'

    assert told(content) == Survey(Shape.MEMBER, count=1)


@pytest.mark.parametrize(
    ("content", "lists"),
    [
        (b'{"scenarios": [1], "scenarios": [2]}', 2),
        (b'{"scenarios": [1], "packInfo": {"x": 0.5}, "scenarios": [], "scenarios": []}', 3),
        (b'{"scenarios": [1, nope], "scenarios": [2]}', 1),
        (b'{"scenarios": [1], "scenarios": [2, nope]}', 1),
        (b'{"scenarios": [1], "scenarios": [2]', 1),
        (b'{"scenarios": [1], "scenarios": 2}', 1),
    ],
)
def test_two_lists_of_scenarios_are_noticed_in_what_is_json(content: bytes, lists: int) -> None:
    assert told(content).lists == lists


def test_what_is_said_of_a_pack_has_a_bound() -> None:
    content = json.dumps({"packInfo": {"x": ["y" * 1000] * 2000}, "scenarios": [1]}).encode()

    assert told(content) == Survey(Shape.MEMBER, count=1, left_out=("packInfo",))


@pytest.mark.parametrize("letter", ["y", "語", "🤖", '"', "\x01"])
def test_all_that_is_within_the_bound_can_be_told_to_the_importer(letter: str) -> None:
    def said(times: int) -> str:
        members = {"version": 1, "packInfo": {"x": letter * times}}
        return json.dumps(members, ensure_ascii=False)

    def surveyed(about: str) -> Survey:
        return told(about.removesuffix("}").encode() + b', "scenarios": [1]}')

    most = (MOST_CHARACTERS - len(said(0))) // (len(said(1)) - len(said(0)))
    within, beyond = surveyed(said(most)), surveyed(said(most + 1))

    line = protocol.encode(protocol.FileBegun(0, letter * 500, within.count, within.about))
    assert len(line) < protocol.MOST_LINE_BYTES
    assert (within.about, within.left_out) == (said(most), ())
    assert (beyond.about, beyond.left_out) == (None, ("packInfo",))


def test_of_a_pack_that_says_too_much_the_rest_is_kept_and_the_keys_are_told() -> None:
    deep = b"[" * 63 + b"]" * 63
    kept = b'{"packInfo": {}, "shallow": %b, "n": %b' % (deep, b"9" * 308)
    far = b'"long": [%b], "far": 1e400, "farther": [1e%b]' % (b"9" * 309, b"9" * 30)
    content = b'%b, "deep": [%b], "scenarios": [1], %b}' % (kept, deep, far)

    found = told(content)

    assert found.about == kept.decode() + "}"
    assert found.left_out == ("deep", "long", "far", "farther")


HUGE = b'{"sum": 18446744073709551615, "far": -1e300, "near": 3.14159265358979323846, "0": 1.50}'
AS_KEPT = '{"sum": 18446744073709551615, "far": -1E+300, "near": 3.14159265358979323846, "0": 1.50}'


@pytest.mark.parametrize(
    "content",
    [
        b'{"packInfo": %b, "scenarios": [{}, 2]}' % HUGE,
        b'{"scenarios": [{}, 2], "packInfo": %b}' % HUGE,
        b'{"scenarios": [%b, 2], "packInfo": %b}' % (HUGE, HUGE),
        b'{"scenarios": [{"n": NaN}, 2], "packInfo": %b}' % HUGE,
        b'{"scenarios": [{"n": %b}, 2], "packInfo": %b}' % (b"9" * 5000, HUGE),
        b'{"scenarios": [{"n": 1e%b}, 2], "packInfo": %b}' % (b"9" * 30, HUGE),
        b'\xef\xbb\xbf{"scenarios": [{"n" 1}, 2], "packInfo": %b}' % HUGE,
    ],
    ids=["before", "after", "within", "no number", "digits", "an exponent", "no JSON"],
)
def test_what_a_pack_says_is_found_with_all_digits_whatever_numbers_its_scenarios_have(
    content: bytes,
) -> None:
    assert told(content) == Survey(Shape.MEMBER, count=2, about=f'{{"packInfo": {AS_KEPT}}}')


@pytest.mark.parametrize("number", [b"3.14159265358979323846", b"1E+300", b"-0.0", b"9" * 308])
def test_a_number_keeps_its_digits_where_there_is_no_scenario(number: bytes) -> None:
    content = b'{"packInfo": {"x": %b}, "scenarios": []}' % number

    assert told(content).about == f'{{"packInfo": {{"x": {number.decode()}}}}}'


def test_of_a_file_that_is_cut_off_what_the_pack_says_before_is_kept() -> None:
    content = b'{"scenarios": [1], "packInfo": {"a": 1, "a": 2}, "vers'

    assert told(content).about == '{"packInfo": {"a": 1, "a": 2}}'


@pytest.mark.parametrize(
    "value",
    [
        b"nope",
        b"NaN",
        b'"\xff"',
        b'"\x01"',
        b"[1}",
        b"1 2",
        b"",
    ],
)
def test_what_is_not_json_before_its_list_is_no_pack(value: bytes) -> None:
    found = told(b'{"packInfo": %b, "scenarios": [1]}' % value)

    assert (found.shape, found.count, found.about) == (Shape.SINGLE, 1, None)
    assert found.fault is not None
    assert found.fault.line == 1


def test_what_is_not_text_is_a_question_mark_in_what_is_kept() -> None:
    content = b'{"packInfo": {"\\ud800": "\\ud83e", "\\u0000": "\\\\u0000"}, "scenarios": [1]}'

    assert told(content).about == '{"packInfo": {"?": "?", "?": "\\\\u0000"}}'


def test_a_member_far_beyond_the_bound_is_passed_by_and_told() -> None:
    large = b" " * (MOST_BYTES + KIB)

    found = told(b'{"packInfo": {}, "large": [%b], "scenarios": [1], "b": 2}' % large)

    assert (found.about, found.left_out) == ('{"packInfo": {}, "b": 2}', ("large",))
    assert found.fault is None


@pytest.mark.slow
def test_a_list_of_any_size_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    size_bytes = int(os.environ.get("SCENARIOD_LIST_MB", "200")) * KIB * KIB
    text = "A story. " * 500
    documents = b",\n".join(scenario(f"s-{number}", text=text) for number in range(500))
    with path.open("wb") as file:
        file.write(b'{"packInfo": {"x": 0.5}, "scenarios": [\n' + documents)
        while file.tell() < size_bytes:
            file.write(b",\n" + documents)
        file.write(b'\n], "version": "1"}\n')
    program = f"""
from pathlib import Path
from scenariod.transfer.shape import survey
from scenariod.transfer.slices import Slicer
Path("/proc/self/clear_refs").write_text("5")
def peak(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
with open({str(path)!r}, "rb") as file:
    found = survey(file)
    file.seek(0)
    slices = Slicer(file, member="scenarios", most_bytes=1 << 20)
    print(found.count, sum(piece.content is not None for piece in slices), peak() - before)
    print(found.about)
"""

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    figures, about = done.stdout.splitlines()
    surveyed, cut_out, grown_kib = map(int, figures.split())
    assert about == '{"packInfo": {"x": 0.5}, "version": "1"}'
    assert surveyed == cut_out > size_bytes // len(documents) * 500
    assert grown_kib < 32 * KIB


# How it is cut


def test_elements_are_byte_for_byte_what_stands_there() -> None:
    first, second = b'{"a": 1.50,  "b": "]}, \\" [{"}', b'{"a":\n[[1], {"c": "\xc3\xa4"}]\n}'

    assert contents(b"[ " + first + b" ,\n\t" + second + b"\n]") == [first, second]


def test_each_element_is_told_with_its_number_and_line() -> None:
    pieces, whole = cut(b'{"x": "\\n",\n"scenarios": [\n  {"a":\n1}, 2,\n\n3]}', member="scenarios")

    assert [(p.number, p.line, p.column, p.content) for p in pieces] == [
        (1, 3, 3, b'{"a":\n1}'),
        (2, 4, 5, b"2"),
        (3, 6, 1, b"3"),
    ]
    assert whole


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_columns_count_characters_and_an_empty_element_is_at_its_comma(step: int) -> None:
    pieces, _ = cut('["ä🚀", 2,\n , "é", 5 ,\n]'.encode(), step=step)

    assert [(p.line, p.column, p.content and p.content.decode()) for p in pieces] == [
        (1, 2, '"ä🚀"'),
        (1, 8, "2"),
        (2, 2, b""),
        (2, 4, '"é"'),
        (2, 9, "5"),
        (2, 11, b""),
    ]


def test_only_the_list_at_the_top_is_cut() -> None:
    content = b'{"a": {"scenarios": [1]}, "b": ["scenarios", [2]], "scenarios": [3], "c": [4]}'

    assert contents(content, member="scenarios") == [b"3"]


@pytest.mark.parametrize(
    ("content", "found", "whole"),
    [
        (b"[]", [], True),
        (b"[1,]", [b"1", b""], True),
        (b"[,1]", [b"", b"1"], True),
        (b"[1, {nope: [}, 2, 3]", [b"1", b"{nope: [}, 2, 3]"], False),
        (b"[1, {nope}, 2]", [b"1", b"{nope}", b"2"], True),
        (b"[1, 2", [b"1", b"2"], False),
        (b"[1, ", [b"1"], False),
        (b'[1, "2, 3]', [b"1", b'"2, 3]'], False),
        (b'[1, "2\\', [b"1", b'"2\\'], False),
        (b"", [], False),
    ],
)
def test_what_is_broken_is_cut_as_far_as_brackets_and_quotes_tell(
    content: bytes, found: list[bytes], *, whole: bool
) -> None:
    pieces, ended = cut(content)

    assert [piece.content for piece in pieces] == found
    assert ended is whole


@pytest.mark.parametrize("content", [b'{"scenarios": "no"}', b'{"a": 1, "scenarios": {"id": 1}}'])
def test_what_should_be_a_list_and_is_none_is_left_to_the_judge(content: bytes) -> None:
    assert told(content) == Survey(Shape.SINGLE)


@pytest.mark.parametrize("content", [b"[1]", b'{"a": [1]}', b"nonsense"])
def test_what_is_in_another_encoding_is_left_to_the_judge(content: bytes) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        assert told(content.decode().encode(encoding)).shape is Shape.SINGLE


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_of_one_object_a_line_the_second_is_noticed(step: int) -> None:
    found = survey(Trickle(b'{"id": 1}\n\n{"id": 2}\n', step=step))

    assert found.shape is Shape.SINGLE
    assert found.fault is not None
    assert (found.fault.code, found.fault.line) == (Reason.NOT_JSON, 3)


# How it ends


def fault(content: bytes, *, step: int) -> Problem | None:
    found = survey(Trickle(content, step=step))
    assert (found.count, found.lists) == (2, 1)
    return found.fault


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
@pytest.mark.parametrize(
    ("after", "why"),
    [
        (b"\n[3]", "another object or list follows"),
        (b" \r\n\t", None),
        (b"]", "one closing bracket too many"),
        (b"}", "one closing bracket too many"),
        (b", 3]", "beginning with ,"),
        (b"\x00", "U+0000 follows"),
        (b'"', 'beginning with "'),
        (b"\n```", "Markdown code fence (```) follows"),
        (b"\nI hope this helps!", "beginning with I"),
        (b" // done", "a comment begins here"),
    ],
)
def test_after_a_list_comes_nothing(after: bytes, why: str | None, step: int) -> None:
    found = fault(b"[1,\n2]" + after, step=step)

    assert (found is None) == (why is None)
    if found is not None and why is not None:
        assert found.code is Reason.NOT_JSON
        assert why in found.message
        assert found.line == (3 if after.startswith(b"\n") else 2)


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
@pytest.mark.parametrize(
    ("after", "reason", "why"),
    [
        (b"}", None, ""),
        (b' , "a": {"scenarios": [1], "b": [[]]}, "scenarios": 2 }\n', None, ""),
        (b"", Reason.NOT_JSON, "cut off"),
        (b",", Reason.NOT_JSON, "cut off"),
        (b', "a": [1', Reason.NOT_JSON, "cut off"),
        (b', "a": "x', Reason.NOT_JSON, "cut off"),
        (b', "scenarios": [3', Reason.DUPLICATE_KEY, "another list"),
        (b', "scenarios": [3]}}', Reason.DUPLICATE_KEY, "another list"),
        (b', "scenarios": [nope]}', Reason.DUPLICATE_KEY, "another list"),
        (b', "a": nope, "scenarios": [3]}', Reason.NOT_JSON, "but found nope"),
        (b'}"', Reason.NOT_JSON, 'beginning with "'),
        (b"}tru", Reason.NOT_JSON, "beginning with tru"),
        (b'}\n{"scenarios": [3]}', Reason.NOT_JSON, "another object or list follows"),
        (b"}}", Reason.NOT_JSON, "one closing bracket too many"),
        (b"]}", Reason.NOT_JSON, "does not belong"),
        (b",}", Reason.NOT_JSON, "extra comma before the closing bracket"),
        (b',, "a": 1}', Reason.NOT_JSON, "a value is missing before this comma"),
        (b', "a": None}', Reason.NOT_JSON, "JSON writes null for None"),
        (b', "a": NaN}', Reason.NOT_A_NUMBER, "NaN"),
        (b"}\n```", Reason.NOT_JSON, "Markdown code fence"),
        (b', "a": nope}', Reason.NOT_JSON, "but found nope"),
        (b', "a": "\xff"}', Reason.NOT_UTF8, "the byte 0xff"),
        (b' "a": 1}', Reason.NOT_JSON, "does not belong"),
    ],
)
def test_after_a_member_come_others_and_the_end_of_its_object(
    after: bytes, reason: Reason | None, why: str, step: int
) -> None:
    found = fault(b'{"x": [0], "scenarios": [1, 2]' + after, step=step)

    assert (found and found.code) == reason
    assert found is None or why in found.message


def test_an_element_that_is_too_large_is_passed_by() -> None:
    large = b'{"a": "' + b"x" * 300 * KIB + b'"}'

    pieces, whole = cut(b"[1, " + large + b", 2]", most_bytes=KIB)

    assert [(p.content, p.size_bytes) for p in pieces] == [(b"1", 1), (None, len(large)), (b"2", 1)]
    assert whole


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


members = st.sampled_from([None, "scenarios"])


@given(st.lists(values, max_size=6), st.integers(1, 7), st.sampled_from([None, 1]), members)
def test_any_list_is_cut_into_its_elements_however_the_bytes_come(
    elements: list[Any], step: int, indent: int | None, member: str | None
) -> None:
    whole: object = {"a": [1], "scenarios": elements, "z": {}} if member else elements
    content = json.dumps(whole, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")

    pieces, ended = cut(content, member=member, step=step)

    assert [json.loads(piece.content or b"") for piece in pieces] == elements
    assert [piece.number for piece in pieces] == list(range(1, len(elements) + 1))
    assert ended


@given(st.binary(max_size=60), st.integers(1, 5), members)
def test_whatever_the_bytes_are_it_comes_to_an_end_and_invents_nothing(
    content: bytes, step: int, member: str | None
) -> None:
    pieces, _ = cut(content, member=member, step=step, most_bytes=20)

    for piece in pieces:
        assert piece.content is None or piece.content in content
    assert pieces == cut(content, member=member, most_bytes=20)[0]


def test_the_real_scenarios_come_out_of_one_file_as_they_went_in(real_scenarios: Path) -> None:
    files = [path.read_bytes().strip() for path in sorted(real_scenarios.glob("*.json"))]
    content = b'{"scenarios": [\n' + b",\n".join(files) + b"\n]}"

    assert told(content) == Survey(Shape.MEMBER, count=len(files))
    assert contents(content, member="scenarios", step=1000) == files


@pytest.fixture
def real_scenarios(tmp_path: Path) -> Path:
    given_folder = os.environ.get("SCENARIOD_REAL_DATA")
    if given_folder is not None:
        return Path(given_folder)
    for number in range(3):
        (tmp_path / f"{number}.json").write_bytes(scenario(f"s-{number}"))
    return tmp_path
