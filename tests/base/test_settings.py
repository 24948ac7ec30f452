from __future__ import annotations

from typing import Annotated, Literal

import pytest

from scenariod.base.settings import (
    Bounds,
    InvalidSettingsError,
    Section,
    Wrong,
    checked,
    names,
    values,
)


class Speed(Section):
    limit: Annotated[int, Bounds(ge=1, le=20)] = 10
    factor: Annotated[float, Bounds(ge=0.5, le=2)] = 1.0
    mode: Literal["slow", "fast"] = "slow"
    lanes: Annotated[int | Literal["auto"], Bounds(ge=1, le=8)] = "auto"
    loud: bool = False


class Car(Section):
    name: Annotated[str | None, Bounds(pattern=r"^[^\x00]+$")] = None
    speed: Speed = Speed()


def wrong(document: dict[str, object]) -> list[Wrong]:
    with pytest.raises(InvalidSettingsError) as caught:
        checked(Car, document)
    return caught.value.wrong


def test_what_is_not_given_has_its_default() -> None:
    car = checked(Car, {"speed": {"limit": 20}})

    assert car == Car(speed=Speed(limit=20))
    assert values(car.speed) == {
        "limit": 20,
        "factor": 1.0,
        "mode": "slow",
        "lanes": "auto",
        "loud": False,
    }


def test_names_are_dotted_and_in_order() -> None:
    expected = ["limit", "factor", "mode", "lanes", "loud"]

    assert names(Car) == ["name", *(f"speed.{name}" for name in expected)]


@pytest.mark.parametrize("value", ["auto", 1, 8])
def test_a_word_or_a_number_may_be_either(value: object) -> None:
    assert checked(Car, {"speed": {"lanes": value}}).speed.lanes == value


def test_a_whole_number_does_for_a_number_and_becomes_one() -> None:
    factor = checked(Car, {"speed": {"factor": 2}}).speed.factor

    assert isinstance(factor, float)
    assert factor == 2.0


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("limit", 0, "should be greater than or equal to 1"),
        ("limit", 21, "should be less than or equal to 20"),
        ("limit", True, "should be a valid integer"),
        ("limit", 2.0, "should be a valid integer"),
        ("factor", float("nan"), "should be greater than or equal to 0.5"),
        ("factor", float("inf"), "should be less than or equal to 2"),
        ("factor", 10**400, "should be less than or equal to 2"),
        ("factor", "1", "should be a valid number"),
        ("mode", "medium", "should be 'slow' or 'fast'"),
        ("mode", ["slow"], "should be 'slow' or 'fast'"),
        ("lanes", 9, 'it must be "auto" or a number from 1 to 8'),
        ("lanes", "many", 'it must be "auto" or a number from 1 to 8'),
        ("loud", 1, "should be a valid boolean"),
    ],
)
def test_what_is_not_allowed_is_told_with_what_is(name: str, value: object, allowed: str) -> None:
    (found,) = wrong({"speed": {name: value}})

    assert (found.key, found.allowed) == (f"speed.{name}", allowed)


def test_all_that_is_wrong_is_told() -> None:
    found = wrong({"name": 7, "speed": {"limit": 0, "colour": "red"}, "wheels": 4})

    assert [(w.key, w.allowed is None) for w in found] == [
        ("name", False),
        ("speed.limit", False),
        ("speed.colour", True),
        ("wheels", True),
    ]


def test_a_value_where_a_section_belongs_is_told() -> None:
    assert wrong({"speed": "fast"}) == [
        Wrong("speed", "fast", "it is a section: write [speed] above its keys")
    ]
