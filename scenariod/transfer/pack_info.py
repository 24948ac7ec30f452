"""What a pack says beside its scenarios, as JSON text with every digit that it had.

Pure: events in, text out. Never keeps more than its bounds, and knows what it has left out.
"""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO
from typing import Any

PACK_INFO = "packInfo"
MOST_CHARACTERS = 1 << 20
MOST_DEPTH = 64
"""As of a scenario, so that whatever reads it later can; the top object is depth 1."""
MOST_DIGITS = 4300
"""Of an integer: json takes no more when it reads a backup."""
_BEYOND = 10**MOST_DIGITS
_STARTS = {"start_map": "{", "start_array": "["}
_ENDS = {"end_map": "}", "end_array": "]"}


class About:
    """The members that stand beside the scenarios, from the events of ijson."""

    def __init__(self) -> None:
        self.has_floats = False
        """Whether a number came as a float, which may not have all its digits."""
        self._members: dict[str, str] = {}
        self._left_out: dict[str, None] = {}
        self._room = MOST_CHARACTERS
        self._member: _Member | None = None

    def note(self, key: str, event: str, value: Any, *, depth: int) -> None:
        """Take in one event of the value of `key`; `depth` is that of what it stands in."""
        if self._member is None:
            if depth > 1 or event in _ENDS:  # of one that is left out
                return
            self._member = _Member(key)
        self.has_floats |= isinstance(value, float)
        too_deep = depth >= MOST_DEPTH and event in _STARTS
        too_long = isinstance(value, int) and abs(value) >= _BEYOND
        if not too_long:
            self._member.note(event, value)
        if too_deep or too_long or self._member.size > self._room:
            self._left_out[key] = None
            self._member = None
        elif depth == 1 and event not in _STARTS:
            self._members[key] = self._member.text
            self._room -= self._member.size
            self._member = None

    @property
    def text(self) -> str | None:
        """The JSON object that they make; None where nothing says that it is a pack."""
        if not self._members.get(PACK_INFO, "").startswith("{"):
            return None
        members = (f"{_json(key)}: {text}" for key, text in self._members.items())
        return f"{{{', '.join(members)}}}"

    @property
    def left_out(self) -> tuple[str, ...]:
        """The keys of what of a pack is more than is kept."""
        is_pack = PACK_INFO in self._left_out or self.text is not None
        return tuple(self._left_out) if is_pack else ()


class _Member:
    """The text of one member's value; `size` is what it takes with its key, in characters."""

    def __init__(self, key: str) -> None:
        self.size = len(_json(key)) + len(": , ")
        self._out = StringIO()
        self._between = ""

    @property
    def text(self) -> str:
        return self._out.getvalue()

    def note(self, event: str, value: Any) -> None:
        if event in _STARTS:
            self._put(self._between + _STARTS[event], between="")
        elif event in _ENDS:
            self._put(_ENDS[event], between=", ")
        elif event == "map_key":
            self._put(f"{self._between}{_json(value)}: ", between="")
        else:
            self._put(self._between + _json(value), between=", ")

    def _put(self, piece: str, *, between: str) -> None:
        self.size += len(piece)
        self._out.write(piece)
        self._between = between


def _json(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
