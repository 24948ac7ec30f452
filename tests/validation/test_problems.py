"""Reasons: stable codes, and problems as people read them."""

from __future__ import annotations

from scenariod.validation.problems import ADVICE, Problem, Reason


def test_the_codes_are_part_of_the_interface_and_never_change() -> None:
    codes = {reason.value for reason in Reason}

    assert codes >= {
        *("empty", "too-large", "not-utf8", "not-json", "not-an-object", "duplicate-key"),
        *("not-a-number", "too-deep", "missing-field", "wrong-type", "wrong-value", "conflict"),
        *("not-a-regular-file", "hard-linked", "unreadable", "changed", "out-of-memory"),
        *("soft-limit", "timeout", "crash", "killed-from-outside", "no-verdict"),
    }


def test_there_is_advice_for_every_code() -> None:
    assert set(ADVICE) == set(Reason)


def test_a_problem_reads_as_a_sentence_with_its_place() -> None:
    problem = Problem(Reason.WRONG_TYPE, "title must be a string", "title", line=3, column=12)

    assert str(problem) == "title must be a string (line 3, column 12)"


def test_a_problem_without_a_place_reads_as_its_message() -> None:
    assert str(Problem(Reason.EMPTY, "the file is empty")) == "the file is empty"
