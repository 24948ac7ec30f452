"""The header of a WAV file, with the lengths that programs write into a pipe."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import speech_server

from scenariod.voices.engines import wav
from scenariod.voices.engines.wav import Wav

SOUND = speech_server.pcm(100)


def header(length: int, *, rate_hz: int = 24_000, channels: int = 1, bits: int = 16) -> bytes:
    return speech_server.wav_header(rate_hz=rate_hz, length=length, channels=channels, bits=bits)


def read(content: bytes, *, start: int = 0) -> Wav | None:
    return wav.read_header(io.BytesIO(content), start=start)


def test_a_header_says_how_the_sound_is_coded_and_where_it_is() -> None:
    content = header(200, rate_hz=22_050) + SOUND

    assert read(content) == Wav(True, 1, 22_050, 16, len(content) - 200, 200, True)


def test_a_file_that_begins_later_is_read_from_there() -> None:
    found = read(b"x" * 1000 + header(200) + SOUND, start=1000)

    assert found is not None
    assert found.start == 1000 + len(header(200))


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFF000, 0xFFFFFFFF - 36])
def test_a_streamed_length_means_all_that_is_there(length: int) -> None:
    found = read(header(length) + SOUND)

    assert found is not None
    assert (found.length, found.is_whole) == (200, True)


def test_a_chunk_behind_the_sound_is_not_sound() -> None:
    found = read(header(200) + SOUND + b"LIST\x04\0\0\0abcd")

    assert found is not None
    assert found.length == 200


def test_sound_that_is_cut_off_is_noticed() -> None:
    found = read(header(300) + SOUND)

    assert found is not None
    assert (found.length, found.is_whole) == (200, False)


def test_an_extensible_header_names_its_coding_further_behind() -> None:
    coding = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 24_000, 48_000, 2, 16, 22, 16, 4)
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    chunk = b"fmt " + struct.pack("<I", 40) + coding + guid

    found = read(b"RIFF\0\0\0\0WAVE" + chunk + b"data\xc8\0\0\0" + SOUND)

    assert found is not None
    assert (found.is_pcm, found.bits, found.length) == (True, 16, 200)


def test_other_codings_are_told_apart() -> None:
    stereo, floats = (
        read(header(4, channels=2) + SOUND),
        header(4).replace(b"\x01\0\x01\0", b"\x03\0\x01\0"),
    )
    found = read(floats + SOUND)

    assert stereo is not None
    assert stereo.channels == 2
    assert found is not None
    assert not found.is_pcm


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"ID3\x04" + bytes(100),
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd",
        b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\x01\0data\x04\0\0\0abcd",
        b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 100 + b"data\0\0\0\0",
    ],
)
def test_what_is_no_wav_is_none(content: bytes) -> None:
    assert read(content) is None


@given(st.binary(max_size=300))
def test_no_content_breaks_the_reader(content: bytes) -> None:
    found = read(b"RIFF\0\0\0\0WAVE" + content)

    assert found is None or found.start + found.length <= 12 + len(content)
