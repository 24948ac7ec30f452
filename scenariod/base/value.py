"""Values: what travels inside, immutable, with named fields, compared by content.

In place of frozen dataclasses, which compile their methods when their class is made: 0.7 ms each,
of which the daemon has more than a hundred (measured; 40 % of its CPU before it begins).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform

F = TypeVar("F", bound="_Fields")


class _Fields:  # noqa: PLW1641  what may change has no hash
    """Named fields: the annotated names of the class, those inherited first.

    Its defaults are shared, so they are immutable. Making one raises TypeError for a field that is
    missing, unknown or given twice.
    """

    field_names: ClassVar[tuple[str, ...]] = ()
    _needed: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    """In the order of the fields; those without a default are in it, as None."""

    def __init_subclass__(cls) -> None:
        own = cls.__dict__.get("__annotations__", ())  # noqa: RUF063  its cure loads `inspect`
        cls.field_names = (*cls.field_names, *own)
        type.__setattr__(cls, "__match_args__", cls.field_names)  # mypy derives it by itself
        cls._needed = (*cls._needed, *(name for name in own if name not in vars(cls)))
        cls._defaults = cls._defaults | {name: vars(cls).get(name) for name in own}

    def __init__(self, *values: Any, **named: Any) -> None:
        names, fields = self.field_names, self.__dict__
        fields.update(self._defaults)
        fields.update(zip(names, values))  # noqa: B905  checked below
        fields.update(named)
        if len(fields) > len(names) or len(values) > len(names):
            raise TypeError(f"{type(self).__name__} has {names} and was given more")
        if values and named and not named.keys().isdisjoint(names[: len(values)]):
            raise TypeError(f"{type(self).__name__} was given a field twice")
        for name in self._needed[len(values) :]:
            if name not in named:
                raise TypeError(f"{type(self).__name__} was given no {name}")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"


@dataclass_transform()
class Mutable(_Fields):
    """Fields that may change."""


@dataclass_transform(frozen_default=True)
class Value(_Fields):
    """Fields that never change."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable: {name}")

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))


def replace(value: F, **changes: Any) -> F:
    """Return the same value with some fields changed."""
    return type(value)(**{**vars(value), **changes})


def as_dict(value: _Fields) -> dict[str, Any]:
    """Return its fields by name; values in them, in lists and mappings too, as dictionaries."""
    return {name: _plain(field) for name, field in vars(value).items()}


def _plain(field: Any) -> Any:
    if isinstance(field, _Fields):
        return as_dict(field)
    if isinstance(field, list | tuple):
        return [_plain(each) for each in field]
    if isinstance(field, Mapping):
        return {key: _plain(each) for key, each in field.items()}
    return field
