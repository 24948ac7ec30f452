"""The canonical content of a document: what it says, however it is written.

Owns the bytes that are hashed. Pure; feeds them part by part, so it needs no memory of its own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal


def content_sha256(value: Any) -> str:
    """Return the SHA-256, in hex, of what `value` says, however it is written.

    Order of keys, white space and notation (1.0 is 1, -0 is 0) do not matter; types do. `value` is
    from a document that is not flawed: it has no NaN.
    """
    digest = hashlib.sha256()
    _feed(digest.update, value)
    return digest.hexdigest()


def _feed(feed: Callable[[bytes], object], value: Any) -> None:
    """Feed `value` so that no two different values give the same bytes: each part ends itself."""
    if isinstance(value, dict):
        feed(b"{")
        for key in sorted(value):
            _feed(feed, key)
            _feed(feed, value[key])
        feed(b"}")
    elif isinstance(value, list):
        feed(b"[")
        for item in value:
            _feed(feed, item)
        feed(b"]")
    elif isinstance(value, str):
        content = value.encode("utf-8", "surrogatepass")  # a lone \ud800 is legal JSON
        feed(b'"%d:' % len(content))
        feed(content)
    elif value is None or isinstance(value, bool):
        feed(b"%r;" % value)
    else:
        feed(_canonical_number(value))


def _canonical_number(number: int | Decimal) -> bytes:
    if not number:
        return b"0;"
    if isinstance(number, int):  # the same bytes as below, four times as fast
        digits = str(abs(number))
        return b"%s%se%d;" % (b"-" * (number < 0), digits.rstrip("0").encode(), len(digits) - 1)
    # Scientific notation never expands an exponent, so 1e999999999 stays short.
    digits = f"{number:E}".partition("E")[0].replace(".", "").rstrip("0")
    return b"%se%d;" % (digits.encode(), number.adjusted())
