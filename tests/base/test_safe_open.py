from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scenariod.base import safe_open

if TYPE_CHECKING:
    from collections.abc import Callable


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(path.parent)  # the name of a socket has 107 bytes at most
        listener.bind(path.name)


def link_to_file(path: Path) -> None:
    path.with_name("target").write_bytes(b"of another")
    path.symlink_to("target")


OTHERS: dict[str, Callable[[Path], None]] = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a socket": bind,
    "a link to nothing": lambda path: path.symlink_to("nothing"),
}


def descriptors() -> list[str]:
    return os.listdir("/proc/self/fd")


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_regular_file_is_not_opened_nor_waited_for(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "there"
    OTHERS[kind](path)
    before = descriptors()

    assert safe_open.open_found(path) is None
    with pytest.raises(OSError):  # noqa: PT011  which error, the kind decides
        safe_open.open_named(path)
    assert set(descriptors()) <= set(before)


def test_a_link_is_followed_only_where_somebody_has_named_it(tmp_path: Path) -> None:
    path = tmp_path / "there"
    link_to_file(path)

    assert safe_open.open_found(path) is None
    with safe_open.open_named(path) as file:
        assert file.read() == b"of another"


def test_a_device_is_no_file() -> None:
    assert safe_open.open_found(Path(os.devnull)) is None


def test_a_missing_file_is_none_but_what_cannot_be_told_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert safe_open.open_found(tmp_path / "missing") is None
    with pytest.raises(FileNotFoundError):
        safe_open.open_named(tmp_path / "missing")
    with pytest.raises(NotADirectoryError):
        safe_open.open_found(tmp_path / "file" / "below")


def test_what_is_no_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(safe_open.NotAFileError, match="not a file") as error:
        safe_open.open_named(tmp_path)

    assert error.value.filename == str(tmp_path)


def test_a_descriptor_of_a_pipe_is_refused_and_closed() -> None:
    reading, writing = os.pipe()

    with pytest.raises(OSError, match="it is a pipe, a device or a folder"):
        safe_open.from_descriptor(reading)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)
    os.close(writing)
