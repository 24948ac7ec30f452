"""Scenarios at which an engine gives up come last, and fail only where others are spoken."""

from __future__ import annotations

from scenariod.voices.setbacks import MOST, Setbacks


def test_what_the_engine_gave_up_at_comes_last_until_it_is_forgotten() -> None:
    setbacks = Setbacks()
    setbacks.add("one", is_obscure=True)
    setbacks.add("two", is_obscure=False)

    setbacks.forget("two")
    setbacks.forget("three")

    assert list(setbacks) == ["one"]


def test_while_the_engine_is_down_nothing_is_to_blame() -> None:
    setbacks = Setbacks()
    for _ in range(10 * MOST):
        setbacks.add("one", is_obscure=True)

    assert not setbacks.is_to_blame("one")


def test_where_the_engine_speaks_others_each_time_the_scenario_is_to_blame() -> None:
    setbacks = Setbacks()
    blamed = []
    for _ in range(MOST):
        setbacks.add("one", is_obscure=True)
        blamed.append(setbacks.is_to_blame("one"))
        setbacks.note_success()

    assert blamed == [False] * (MOST - 1) + [True]
    assert not setbacks.is_to_blame("two")


def test_a_reason_that_is_known_such_as_the_budget_speaks_against_no_scenario() -> None:
    setbacks = Setbacks()
    for _ in range(10 * MOST):
        setbacks.add("one", is_obscure=False)
        setbacks.note_success()

    assert not setbacks.is_to_blame("one")
    assert list(setbacks) == ["one"]
