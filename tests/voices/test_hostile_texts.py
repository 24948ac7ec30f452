"""A text made to be slow takes no longer than its length says."""

from __future__ import annotations

import time

import pytest

from scenariod.voices.speakable import speakable

SHORT = 5_000
"""Characters; of eight times as many, a quadratic step would need seconds."""

PIECES = [
    "[*", "*[", "[[", "(", "<a", "<", "1", "1,", "1,111,", "1.", "1-", "1/", "1 1/", "1:", "$",
    "$5-", "a", "A", "Ab", "aaab", "xX", "x1", "a@", "a@a.b.", "a.b.", "U.S. ", "http://",
    "http://a/" + "." * 1990 + " ", "*a ", "# ", "#a ", "> ", "- ", "-", "—", "`", "_", "a_",
    "|", "~", "=", "\\", "'", "a'", ".", ". ", "!?", ", ", "\n", "\n ", " ", "😉", "e\u0301",
    "\u0301", "\ufdfa", "&amp;", "[a](b", "+1 ", "*[(<1.a@#$'",
]  # fmt: skip


def cpu_s(text: str) -> float:
    start = time.process_time()
    speakable(text)
    return time.process_time() - start


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: ascii(piece[:12]))
def test_eight_times_the_text_takes_nowhere_near_sixty_four_times_as_long(piece: str) -> None:
    short = piece * (SHORT // len(piece))

    assert cpu_s(short * 8) < 32 * cpu_s(short) + 0.5
