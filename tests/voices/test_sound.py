"""What is spoken, put together: pauses of one length, silence that is none of ours cut off."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenariod.voices import sound
from scenariod.voices.sound import Part

RATE_HZ = 16_000
MS = RATE_HZ // 1000 * 2
"""Bytes of a millisecond."""


def tone(length_ms: int, level: int = 8000) -> bytes:
    return array("h", [level, -level] * (length_ms * MS // 4)).tobytes()


def silence(length_ms: int, noise: int = 20) -> bytes:
    return tone(length_ms, noise)


def chunks(pcm: bytes, size: int = 4096) -> Iterator[bytes]:
    return (pcm[at : at + size] for at in range(0, len(pcm), size))


def joined(*parts: tuple[bytes, int]) -> bytes:
    given_parts = [Part(chunks(pcm), pause_ms) for pcm, pause_ms in parts]
    return b"".join(sound.joined(given_parts, rate_hz=RATE_HZ))


def lengths_ms(pcm: bytes) -> list[int]:
    """Return how long silence and sound last in turn; silence is first."""
    lengths, was_loud = [0], False
    for at in range(0, len(pcm), 10 * MS):
        is_loud = max(array("h", pcm[at : at + 10 * MS])) > 1000
        if is_loud != was_loud:
            lengths.append(0)
        lengths[-1] += 10
        was_loud = is_loud
    return lengths


def test_a_file_begins_and_ends_with_a_little_silence() -> None:
    pcm = joined((tone(500), 700))

    assert lengths_ms(pcm) == [200, 500, 200]


def test_the_silence_around_a_part_is_cut_to_one_length() -> None:
    pcm = joined((silence(350) + tone(500) + silence(900), 700))

    assert lengths_ms(pcm) == [200 + 20, 500, 60 + 200]


def test_a_part_is_followed_by_its_pause_but_the_last() -> None:
    pcm = joined((tone(300), 700), (tone(100), 150), (tone(200), 5000))

    assert lengths_ms(pcm) == [200, 300, 700, 100, 150, 200, 200]


def test_a_pause_within_a_part_stays_unless_it_is_much_too_long() -> None:
    pcm = joined((tone(100) + silence(400) + tone(100) + silence(30_000) + tone(100), 0))

    assert lengths_ms(pcm) == [200, 100, 400, 100, 1000, 100, 200]


@pytest.mark.parametrize("quiet", [b"", silence(3000)])
def test_a_part_without_sound_has_no_pause(quiet: bytes) -> None:
    pcm = joined((quiet, 700), (tone(100), 300), (quiet, 900), (tone(100), 700), (quiet, 700))

    assert lengths_ms(pcm) == [200, 100, 300, 100, 200]


def test_nothing_spoken_is_no_silence_either() -> None:
    assert joined() == joined((b"", 700), (silence(500), 700)) == b""


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 1200)), max_size=5), st.integers(100, 5000))
def test_the_sound_is_the_same_however_it_comes_in_pieces(
    runs: list[tuple[bool, int]], size: int
) -> None:
    pcm = b"".join(tone(n) if loud else silence(n) for loud, n in runs)

    whole = b"".join(sound.trimmed([pcm], rate_hz=RATE_HZ))
    pieces = b"".join(sound.trimmed(chunks(pcm, size * 2), rate_hz=RATE_HZ))

    assert pieces == whole


def test_a_silence_that_does_not_end_is_not_held() -> None:
    held = 0

    def lasting() -> Iterator[bytes]:
        yield tone(100)
        for _ in range(60):
            yield silence(1000)

    for chunk in sound.trimmed(lasting(), rate_hz=RATE_HZ):
        held = max(held, len(chunk))

    assert held <= 1000 * MS
