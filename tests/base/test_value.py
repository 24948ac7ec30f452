"""Values are what frozen dataclasses are, without what those take to be made."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from scenariod.base.value import Mutable, Value, as_dict, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Point(Value):
    x: int
    y: int = 0

    @property
    def both(self) -> int:
        return self.x + self.y


class Place(Point):
    name: str = ""


class Other(Value):
    x: int
    y: int = 0


class Path(Mutable):
    points: tuple[Point, ...] = ()
    names: Mapping[str, Any] = MappingProxyType({})
    length: int = 0


def test_its_fields_are_given_by_place_or_name_and_inherited_ones_come_first() -> None:
    place = Place(1, name="here")

    assert (place.x, place.y, place.name, place.both) == (1, 0, "here", 1)
    assert repr(place) == "Place(x=1, y=0, name='here')"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Point, "no x"),
        (lambda: Point(1, 2, 3), "more"),  # type: ignore[call-arg]
        (lambda: Point(1, x=1), "twice"),  # type: ignore[misc]
        (lambda: Point(z=1), "more|no x"),  # type: ignore[call-arg]
        (lambda: Point(1, z=1), "more"),  # type: ignore[call-arg]
        (lambda: replace(Point(1), both=1), "more"),
    ],
)
def test_a_field_missing_unknown_or_given_twice_is_an_error(
    make: Callable[[], object], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        make()


def test_it_never_changes() -> None:
    point = Point(1)

    with pytest.raises(AttributeError, match="immutable: x"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="immutable: x"):
        del point.x

    assert replace(point, x=2) == Point(2)
    assert point == Point(1)


def test_it_equals_what_has_its_class_and_content() -> None:
    assert Point(1) == Point(1, 0)
    assert Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert len({Point(1), Point(1, 0), Other(1)}) == 2


def test_what_may_change_has_no_hash() -> None:
    path = Path()
    path.length = 3

    assert path == Path(length=3)
    with pytest.raises(TypeError, match="unhashable"):
        hash(path)


def test_it_is_taken_apart_in_a_match() -> None:
    match Place(1, 2, "here"):
        case Place(x, y, name):
            assert (x, y, name) == (1, 2, "here")
        case _:
            pytest.fail("it did not match")


def test_as_a_dictionary_it_holds_plain_values_however_deep() -> None:
    path = Path(points=(Point(1),), names={"end": [Place(2)]})

    assert as_dict(path) == {
        "points": [{"x": 1, "y": 0}],
        "names": {"end": [{"x": 2, "y": 0, "name": ""}]},
        "length": 0,
    }
