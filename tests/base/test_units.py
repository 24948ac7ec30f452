from __future__ import annotations

import pytest

from scenariod.base.units import size


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 KB"),
        (1, "1 KB"),
        (1025, "2 KB"),
        ((1 << 20) - 1, "1024 KB"),
        (1 << 20, "1.0 MB"),
        (5 << 30, "5120.0 MB"),
    ],
)
def test_a_size_is_shown_in_kb_below_1_mb(size_bytes: int, words: str) -> None:
    assert size(size_bytes) == words
