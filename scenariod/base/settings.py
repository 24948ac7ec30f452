"""Settings as classes: their names, types, defaults and bounds, and the check of a document.

Pure, and light: the daemon and every scenariodctl load it, and pydantic would be most of their
start. Never knows which settings there are.
"""

from __future__ import annotations

import re
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound="Section")

Words = tuple[str, ...]
"""A setting that is a list of strings."""
Pairs = tuple[tuple[str, str], ...]
"""A setting that is a table of its own, from strings to strings, whatever its keys are."""

_KINDS = {
    bool: "a valid boolean",
    int: "a valid integer",
    float: "a valid number",
    str: "a valid string",
}


class Bounds(Value):
    """What is allowed beyond the type; `pattern` is for text, the others are for numbers."""

    ge: float | None = None
    le: float | None = None
    pattern: str | None = None


class Wrong(Value):
    """A value that is not allowed: its dotted key, and `allowed`, None where no such key is."""

    key: str
    value: object
    allowed: str | None


class InvalidSettingsError(Exception):
    """A document is not valid; `wrong` has all that is."""

    def __init__(self, wrong: list[Wrong]) -> None:
        super().__init__(f"{len(wrong)} settings are not valid")
        self.wrong = wrong


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Section(Value):
    """Settings, all with defaults; a field may be a section itself.

    Bounds are annotated: `limit: Annotated[int, Bounds(ge=1)] = 10`.
    """


def names(section: type[Section]) -> list[str]:
    """Return the dotted keys of all settings of a section."""
    found = []
    for key in section.field_names:
        inner = type(getattr(section, key))
        below = names(inner) if issubclass(inner, Section) else []
        found += [f"{key}.{name}" for name in below] or [key]
    return found


def bounds(section: type[Section], name: str) -> Bounds:
    """Return what is allowed of a setting beyond its type."""
    return _bounds(_types(section)[name])


def values(section: Section) -> dict[str, object]:
    """Return the settings of a section that has no sections, by name."""
    plain = {Pairs: dict, Words: list}
    types = _types(type(section))
    return {name: plain.get(types[name], lambda v: v)(v) for name, v in vars(section).items()}


def checked(kind: type[S], document: Mapping[str, object]) -> S:
    """Return the section that `document` says; raise InvalidSettingsError with all that is wrong.

    A whole number does where a number is asked for; nothing else is converted.
    """
    wrong: list[Wrong] = []
    section = _section(kind, document, prefix="", wrong=wrong)
    if section is None or wrong:
        raise InvalidSettingsError(wrong)
    return section


def _section(kind: type[S], document: object, *, prefix: str, wrong: list[Wrong]) -> S | None:
    if not isinstance(document, dict):
        allowed = f"it is a section: write [{prefix.rstrip('.')}] above its keys"
        wrong.append(Wrong(prefix.rstrip("."), document, allowed))
        return None
    types = _types(kind)
    given: dict[str, Any] = {}
    for name, value in document.items():
        key = f"{prefix}{name}"
        if name not in types:
            wrong.append(Wrong(key, value, None))
        elif issubclass(type(getattr(kind, name)), Section):
            given[name] = _section(types[name], value, prefix=f"{key}.", wrong=wrong)
        else:
            objection = _objection(value, _plain(types[name]), _bounds(types[name]))
            if objection is not None:
                wrong.append(Wrong(key, value, objection))
            else:
                given[name] = _converted(value, _plain(types[name]))
    return None if wrong else kind(**given)


def _converted(value: Any, kind: Any) -> object:
    if kind is float:
        return float(str(value))
    if kind == Words:
        return tuple(value)
    return tuple(sorted(value.items())) if kind == Pairs else value


def _objection(value: object, kind: Any, allowed: Bounds) -> str | None:
    """Return what is allowed where `value` is not, else None."""
    if kind == Words:
        is_one = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return None if is_one else "should be a list of strings"
    if kind == Pairs:
        is_one = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
        return None if is_one else "should be a table of strings"
    words, plain = _choices(kind)
    if isinstance(value, str) and value in words:
        return None
    if not any(_is_a(value, each) for each in plain):
        named = [f"'{word}'" for word in words] or [_KINDS[each] for each in plain]
        beyond: str | None = f"should be {_either(named)}"
    else:
        beyond = _out_of_bounds(value, allowed)
    if beyond is not None and words and plain:
        return f'it must be "{words[0]}" or a number from {allowed.ge:g} to {allowed.le:g}'
    return beyond


def _choices(kind: Any) -> tuple[list[str], list[type]]:
    """Return the words that a type allows, and the types beside them; None is never in a file."""
    if get_origin(kind) is Literal:
        return [str(word) for word in get_args(kind)], []
    if get_origin(kind) in {Union, UnionType}:
        parts = [_choices(part) for part in get_args(kind) if part is not type(None)]
        return [w for words, _ in parts for w in words], [t for _, types in parts for t in types]
    return [], [kind]


def _is_a(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _out_of_bounds(value: Any, allowed: Bounds) -> str | None:
    # Asked this way round, `nan` is out of every bound.
    if allowed.ge is not None and not value >= allowed.ge:
        return f"should be greater than or equal to {allowed.ge:g}"
    if allowed.le is not None and not value <= allowed.le:
        return f"should be less than or equal to {allowed.le:.15g}"
    if allowed.pattern is not None and not re.search(allowed.pattern, value):
        return "must not be empty or contain a NUL character"
    return None


def _either(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _types(section: type[Section]) -> dict[str, Any]:
    hints = get_type_hints(section, include_extras=True)
    return {name: hints[name] for name in section.field_names}


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _bounds(kind: Any) -> Bounds:
    found = next(iter(getattr(kind, "__metadata__", ())), None)
    return found if isinstance(found, Bounds) else Bounds()
