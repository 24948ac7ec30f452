"""Numbers in words, at the ends of what is said as one."""

from __future__ import annotations

import pytest

from scenariod.voices.words import numbers


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("0", "zero"),
        ("19", "nineteen"),
        ("20", "twenty"),
        ("99", "ninety-nine"),
        ("100", "one hundred"),
        ("1000", "one thousand"),
        ("1000001", "one million one"),
        ("900000000000019", "nine hundred trillion nineteen"),
        ("1000000000000000", "one" + " zero" * 15),
        ("042", "zero four two"),
    ],
)  # fmt: skip
def test_a_whole_number_is_written_out(digits: str, words: str) -> None:
    assert numbers.cardinal(digits) == words


def test_a_number_of_any_length_is_read_digit_by_digit() -> None:
    assert numbers.cardinal("7" * 100_000) == " ".join(["seven"] * 100_000)


@pytest.mark.parametrize(
    ("digits", "words"),
    [("1", "first"), ("9", "ninth"), ("12", "twelfth"), ("20", "twentieth"), ("31", "thirty-first"),
     ("100", "one hundredth"), ("0", "zeroth"), ("1000", "one thousandth")],
)  # fmt: skip
def test_an_ordinal_is_written_out(digits: str, words: str) -> None:
    assert numbers.ordinal(digits) == words


@pytest.mark.parametrize(
    ("digits", "words"),
    [("1995", "nineteen ninety-five"), ("1905", "nineteen oh five"), ("1900", "nineteen hundred"),
     ("2000", "two thousand"), ("2009", "two thousand nine"), ("2010", "twenty ten")],
)  # fmt: skip
def test_a_year_is_read_in_two_halves(digits: str, words: str) -> None:
    assert numbers.year(digits) == words


@pytest.mark.parametrize(
    ("digits", "words"),
    [("70", "seventies"), ("10", "tens"), ("100", "hundreds"), ("1000", "thousands"),
     ("1600", "sixteen hundreds"), ("1980", "nineteen eighties"), ("2000", "two thousands")],
)  # fmt: skip
def test_a_decade_is_a_plural(digits: str, words: str) -> None:
    assert numbers.decade(digits) == words


def test_a_decimal_is_read_digit_by_digit_after_the_point() -> None:
    assert numbers.decimal("12.050") == "twelve point zero five zero"
    assert numbers.decimal(".5") == "point five"
    assert numbers.decimal("7") == "seven"


@pytest.mark.parametrize(
    ("above", "below", "words"),
    [("1", "2", "one half"), ("3", "4", "three quarters"), ("2", "3", "two thirds"),
     ("7", "8", "seven eighths"), ("1", "6", "one sixth")],
)  # fmt: skip
def test_a_fraction_is_named(above: str, below: str, words: str) -> None:
    assert numbers.fraction(above, below) == words
