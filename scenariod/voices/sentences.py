"""Cut a text into pieces that are spoken one by one, where a pause is natural.

Pure; no engine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDS = (
    re.compile(r"""[.!?…]["'”’)\]]*\s+|\n+"""),
    re.compile(r"[,;:–—]\s+|\s[–—-]\s+"),
    re.compile(r"\s+"),
)
"""Where a pause is natural: the best places first."""


def split(text: str, *, most: int) -> Iterator[str]:
    """Yield `text` in pieces of at most `most` characters, each as many sentences as fit.

    A sentence that is longer is cut at a comma, then between words, then anywhere.
    """
    start = 0
    while start < len(text):
        window = text[start : start + most + 1]
        length = len(window) if len(window) <= most else _cut(window, most)
        if piece := window[:length].strip():
            yield piece
        start += length


def _cut(window: str, most: int) -> int:
    """Return where to cut `window`, at most at `most`: at the last of the best places."""
    for places in _ENDS:
        ends = [match.end() for match in places.finditer(window) if match.end() <= most + 1]
        if ends and (cut := min(ends[-1], most)) > most // 4:
            return cut
    return most
