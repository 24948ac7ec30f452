"""Tags: what we write, others read; what we did not write is none."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.id3 import ID3

from scenariod.base.value import replace
from scenariod.voices import id3
from scenariod.voices.id3 import Tags

TAGS = Tags(
    title="Café — or “not”? 🤖",
    artist="Mom Jennifer, Élodie",
    album="Größe",
    comment="scenario-001",
    text_sha256="ab" * 32,
    sound_bytes=123_456,
)
WRITABLE = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=1000)


def read_by_another(written: bytes) -> ID3:
    return ID3(BytesIO(written), translate=False)  # type: ignore[no-untyped-call]


def read(written: bytes) -> Tags | None:
    return id3.read(BytesIO(written))


def test_another_program_reads_every_field() -> None:
    found = read_by_another(id3.to_bytes(TAGS))

    assert found.version == (2, 3, 0)
    assert found["TIT2"].text == [TAGS.title]
    assert found["TPE1"].text == [TAGS.artist]
    assert found["TALB"].text == [TAGS.album]
    assert found["COMM::eng"].text == [TAGS.comment]
    assert found["TXXX:text-sha256"].text == [TAGS.text_sha256]
    assert found["TXXX:sound-bytes"].text == ["000000123456"]


def test_only_letters_beyond_latin_1_take_two_bytes() -> None:
    found = read_by_another(id3.to_bytes(TAGS))

    assert [found[name].encoding for name in ("TIT2", "TPE1", "TALB")] == [1, 0, 0]


@given(WRITABLE, WRITABLE, WRITABLE)
def test_what_is_written_is_read_back(title: str, artist: str, comment: str) -> None:
    tags = replace(TAGS, title=title, artist=artist, comment=comment)

    file = BytesIO(id3.to_bytes(tags) + b"sound")

    assert id3.read(file) == tags
    assert file.read() == b"sound"


def test_what_no_tag_can_hold_becomes_a_space() -> None:
    tags = replace(TAGS, title="a\x00b\r\nc\ud800d")

    assert read(id3.to_bytes(tags)) == replace(TAGS, title="a b c d")


def test_a_title_of_any_length_makes_a_small_tag() -> None:
    book = "🤖" * 1_000_000

    written = id3.to_bytes(Tags(book, book, book, book, "ab" * 32))

    assert len(written) < 20_000
    assert read(written) is not None


def test_the_length_of_a_tag_does_not_depend_on_the_sound() -> None:
    lengths = {len(id3.to_bytes(replace(TAGS, sound_bytes=n))) for n in (0, 7, 10**12 - 1)}

    assert len(lengths) == 1


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"ID3",
        b"\xff\xf3\x88\xc4" * 100,
        b"ID3\x04\x00\x00\x00\x00\x00\x00",
        b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f" + b"TIT2" * 100,
        b"ID3\x03\x00\x00\x00\x00\x00\x00",
    ],
)
def test_what_is_no_tag_of_ours_is_none(other: bytes) -> None:
    assert read(other) is None


def test_a_tag_that_another_program_wrote_is_none() -> None:
    file = BytesIO()
    read_by_another(id3.to_bytes(TAGS)).save(file)

    assert read(file.getvalue()) is None


def test_no_tag_that_is_cut_or_damaged_is_an_error() -> None:
    whole = id3.to_bytes(TAGS)

    for length in range(len(whole)):
        assert read(whole[:length]) is None
    for place in range(len(whole)):
        for byte in (0, 1, 0x7F, 0xFF):
            read(whole[:place] + bytes([byte]) + whole[place + 1 :])


@given(st.binary(max_size=300))
def test_no_frame_is_an_error(body: bytes) -> None:
    read(b"ID3\x03\x00\x00\x00\x00\x02\x2c" + body)
