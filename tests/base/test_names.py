"""File names: which are scenarios, in which order, and how they are shown."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.base.names import (
    NAME_MAX,
    is_scenario_name,
    natural_key,
    nearest,
    numbered,
    printable,
    printable_line,
    right_name,
    shell_word,
    with_suffix,
)

FILE_NAMES = st.binary(min_size=1, max_size=NAME_MAX).map(os.fsdecode)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("scenario-1.json", True),
        ("scenario-.json", True),
        ("scenario-a b\n\u2028.json", True),
        (os.fsdecode(b"scenario-\xff.json"), True),
        ("scenario.json", False),
        ("Scenario-1.json", False),
        ("scenario-1.JSON", False),
        ("scenario-1.json.part", False),
        ("scenario-1.json\n", False),
        (".scenario-1.json", False),
        ("", False),
    ],
)
def test_the_inbox_takes_scenario_star_json_and_nothing_else(name: str, taken: bool) -> None:  # noqa: FBT001  a column of the table
    assert is_scenario_name(name) is taken


@given(FILE_NAMES)
def test_the_right_name_of_any_file_is_one_that_is_taken_or_none(name: str) -> None:
    right = right_name(name)

    assert right is None or is_scenario_name(right)
    assert (right == name) is is_scenario_name(name)


@pytest.mark.parametrize(
    "in_order",
    [
        ["scenario-2.json", "scenario-11.json"],
        ["scenario-09a", "scenario-9", "scenario-10"],
        ["a1b2", "a1b10", "a2b1"],
        ["1", "a"],
        ["scenario-99999999999999999999.json", "scenario-100000000000000000000.json"],
    ],
)
def test_names_sort_as_people_count(in_order: list[str]) -> None:
    backwards = in_order[::-1]

    assert sorted(backwards, key=natural_key) == in_order


@given(FILE_NAMES, FILE_NAMES)
def test_any_two_names_can_be_compared_and_only_equal_ones_have_equal_keys(a: str, b: str) -> None:
    first, second = natural_key(a), natural_key(b)

    assert (first < second) + (second < first) == (a != b)


def test_digits_of_other_scripts_are_text() -> None:
    assert sorted(["scenario-٣", "scenario-²", "scenario-1"], key=natural_key)[0] == "scenario-1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ümläut 🚡", "plain ümläut 🚡"),
        ("a\nb\tc", r"a\x0ab\x09c"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("back\\slash", r"back\\slash"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x85\u2028", r"\x85\u2028"),
        (os.fsdecode(b"\xff"), r"\xff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_could_harm_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_line_keeps_its_backslashes_so_that_a_printable_name_in_it_stays_as_it_is() -> None:
    assert printable_line(f"\x1b[31m{printable(chr(27))}") == r"\x1b[31m\x1b"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("plain", "plain"),
        ("a b", "'a b'"),
        ("a'$(x)", """'a'"'"'$(x)'"""),
        ("a\x1b b\\c\n", "a*' b'*c*"),
    ],
)
def test_a_word_for_the_shell_has_a_star_for_what_is_not_printable(text: str, word: str) -> None:
    assert shell_word(text) == word


@given(st.text(st.characters()))
def test_what_is_printable_can_be_encoded_and_holds_no_control_character(text: str) -> None:
    shown = printable(text)

    assert shown.encode("utf-8").decode("utf-8") == shown
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in shown)


@given(FILE_NAMES, st.sampled_from([".reason.json", ".1732280000000.json", ".x"]))
def test_a_name_with_a_suffix_fits_every_file_system_and_keeps_the_suffix(
    name: str, suffix: str
) -> None:
    longer = with_suffix(name, suffix)

    assert len(os.fsencode(longer)) <= NAME_MAX
    assert longer.endswith(suffix)


def test_long_names_that_differ_at_the_end_still_differ_with_a_suffix() -> None:
    first, second = ("x" * 250 + end for end in ("aaaaa", "bbbbb"))

    assert with_suffix(first, ".reason.json") != with_suffix(second, ".reason.json")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scenario-1.json", "scenario-1.2.json"),
        ("scenario-a.b.json", "scenario-a.b.2.json"),
        ("no ending", "no ending.2"),
    ],
)
def test_a_mark_goes_before_the_ending(name: str, expected: str) -> None:
    assert numbered(name, "2") == expected


@given(FILE_NAMES.filter(lambda name: "/" not in name))
def test_a_marked_scenario_name_is_still_a_scenario_name(middle: str) -> None:
    name = numbered(f"scenario-{middle}.json", "1732280000000")

    assert is_scenario_name(name)
    assert len(os.fsencode(name)) <= NAME_MAX


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("scenario-1-c", " (did you mean scenario-1-cats.json?)"),
        ("scenari-2.json", " (did you mean scenario-2.json?)"),
        ("elephant", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_one_that_begins_so_else_one_that_is_spelled_alike(
    word: str, expected: str
) -> None:
    assert (
        nearest(word, ["scenario-2.json", "scenario-11.json", "scenario-1-cats.json"]) == expected
    )
