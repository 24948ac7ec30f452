"""Tell whether a file ends after its list of scenarios as it should: nothing is passed over.

Only reads, streaming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ijson

from scenariod.bundle.survey import CLOSING, OPENING, SCENARIOS
from scenariod.reasons import Problem, Reason

if TYPE_CHECKING:
    from scenariod.bundle.slices import Rest

_SO_FAR = b'{"":[]'
"""Stands for all up to the end of the list: the rest makes an object of it."""
_AT_END = b"\n"
"""Whatever the file ends within shows as a fault: a token that only begins is none for yajl."""


def fault_after_list(rest: Rest, *, is_member: bool) -> Problem | None:
    """Return what is wrong with what follows a list: a member of an object, or all that there is.

    After the list as such comes nothing; after a member come others, then the object's end. A
    second list of scenarios among these is one too many.
    """
    follows = _Follows(rest, so_far=_SO_FAR if is_member else b"[]")
    try:
        if _has_second_list(follows):
            return _problem(Reason.DUPLICATE_KEY, "another list of scenarios follows", rest)
    except ijson.JSONError:
        if follows.ended:
            return _problem(Reason.NOT_JSON, "it is cut off", rest)
        return _problem(Reason.NOT_JSON, "what follows does not belong to this document", rest)
    return None


class _Follows:
    """The end of a file, behind what stands for its beginning."""

    def __init__(self, rest: Rest, *, so_far: bytes) -> None:
        self._rest = rest
        self._so_far = so_far
        self.ended = False

    def read(self, size_bytes: int) -> bytes:
        """Return at most so many bytes; `ended` says whether there were none left."""
        if not size_bytes:
            return b""
        if self._so_far:
            piece, self._so_far = self._so_far[:size_bytes], self._so_far[size_bytes:]
            return piece
        if self.ended:
            return b""
        piece = self._rest.read(size_bytes)
        self.ended = not piece
        return piece or _AT_END


def _has_second_list(file: _Follows) -> bool:
    depth = 0
    key = None
    for event, value in ijson.basic_parse(file, use_float=True):
        if event == "map_key" and depth == 1:
            key = value
        elif event == "start_array" and depth == 1 and key == SCENARIOS:
            return True
        depth += (event in OPENING) - (event in CLOSING)
    return False


def _problem(reason: Reason, what: str, rest: Rest) -> Problem:
    message = f"after its list of scenarios {what}; only what stands before was read"
    return Problem(reason, message, line=rest.line, column=1)
