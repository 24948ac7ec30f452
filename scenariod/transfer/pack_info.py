"""What a pack says beside its scenarios, as JSON text with every digit that it had.

Pure: bytes in, text out. Never keeps more than its bounds, and knows what it has left out.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

from scenariod.validation.readable import is_readable

PACK_INFO = "packInfo"
MOST_CHARACTERS = 1 << 20
MOST_BYTES = 12 * MOST_CHARACTERS
"""Of one member as it is written: a character may take 12 bytes there, as `\\ud83e\\udd16`."""
MOST_DEPTH = 64
"""As of a scenario, so that whatever reads it later can; the top object is depth 1."""


class PackInfo:
    """The members that stand beside the scenarios, as far as they are kept."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._left_out: dict[str, None] = {}
        self._room = MOST_CHARACTERS

    def add(self, key: str, text: str | None) -> None:
        """Keep a member if there is room for it; `text` None: it is more than is kept."""
        size = len(_json(key)) + len(": , ") + len(text or "")
        if text is None or size > self._room:
            self._left_out[key] = None
        else:
            self._texts[key] = text
            self._room -= size

    @property
    def text(self) -> str | None:
        """The JSON object that they make; None where nothing says that it is a pack."""
        if not self._texts.get(PACK_INFO, "").startswith("{"):
            return None
        members = (f"{_json(key)}: {text}" for key, text in self._texts.items())
        return f"{{{', '.join(members)}}}"

    @property
    def left_out(self) -> tuple[str, ...]:
        """The keys of what of a pack is more than is kept."""
        is_pack = PACK_INFO in self._left_out or self.text is not None
        return tuple(self._left_out) if is_pack else ()


class NotJsonError(Exception):
    """Text that should be JSON is not."""


def value_of(member: bytes) -> str | None:
    """Return the value of an object's member as JSON; None where it is more than is kept.

    Raises NotJsonError.
    """
    try:
        ((_, value),) = _DECODER.decode(f"{{{member.decode()}}}")
        return _text(value)
    except (json.JSONDecodeError, UnicodeError) as error:
        raise NotJsonError from error
    except (ValueError, ArithmeticError, RecursionError, MemoryError):  # a number, too deep
        return None


def _text(value: Any, *, depth: int = 1) -> str:
    """Return a value as JSON, `depth` that of what it stands in."""
    if isinstance(value, (tuple, list)) and depth >= MOST_DEPTH:
        raise RecursionError
    if isinstance(value, tuple):
        pairs = (f"{_json(key)}: {_text(member, depth=depth + 1)}" for key, member in value)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_text(element, depth=depth + 1) for element in value)}]"
    return str(value) if isinstance(value, Decimal) else _json(value)


def _json(value: object) -> str:
    """Return a value as JSON, with a question mark for a lone surrogate or U+0000."""
    text = value.replace("\0", "?") if isinstance(value, str) else value
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace").decode()


def _number(digits: str) -> Decimal:
    if not is_readable(digits):
        raise ValueError(digits)
    return Decimal(digits)


def _no_constant(name: str) -> NoReturn:
    raise NotJsonError(name)  # NaN and the like, which json takes


# Objects as tuples of pairs: of a key that occurs twice both are kept.
_DECODER = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=_number, parse_float=_number, parse_constant=_no_constant
)
