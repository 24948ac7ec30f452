"""Which documents and files there are: many SHA-256 in little memory. Never touches SQLite."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Digests:
    """The SHA-256 of many documents in 8 bytes each.

    That two documents have the same 8 bytes by chance does not happen with any number of files
    that a disk holds.
    """

    def __init__(self, digests: Iterable[str] = ()) -> None:
        self._known = array("Q", map(_short, digests))
        self._is_sorted = False

    def add(self, sha256: str) -> None:
        """Add one."""
        self._known.append(_short(sha256))
        self._is_sorted = False

    def __contains__(self, sha256: str) -> bool:
        if not self._is_sorted:
            self._known = array("Q", sorted(self._known))
            self._is_sorted = True
        place = bisect_left(self._known, _short(sha256))
        return place < len(self._known) and self._known[place] == _short(sha256)


def _short(sha256: str) -> int:
    return int(sha256[:16], 16)
