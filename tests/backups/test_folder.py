from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.makers import NOON, add, document, kill, open_library

from scenariod import backups
from scenariod.backups import Defect, DefectKind, Verified, file_format
from scenariod.backups.restore import back_up
from scenariod.base.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TWO = [b'{"id": "one"}\n', b' \t{"id": "two"}']


def written(folder: Path, documents: list[bytes]) -> Path:
    chunked = ([content[:3], content[3:]] for content in documents)
    return backups.write(folder, chunked, batch=7, now=NOON).path


def read_back(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return list(backups.documents(file))


def kind_of(path: Path) -> DefectKind | None:
    checked = backups.verify(path)
    return checked.kind if isinstance(checked, Defect) else None


# Writing


def test_a_backup_is_one_json_document_with_a_trailer_that_any_tool_reads(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)

    content = path.read_bytes()
    whole = json.loads(content)
    assert whole["scenarios"] == [{"id": "one"}, {"id": "two"}]
    assert whole["backup"] | {"sha256": ""} == {
        "format": 1,
        "created": "2026-03-14T12:00:00.000Z",
        "batch": 7,
        "count": 2,
        "lengths": [len(TWO[0]), len(TWO[1])],
        "sha256": "",
    }
    assert content.endswith(b'"}}\n')
    assert content.startswith(b'{"scenarios":[\n' + TWO[0] + b",\n" + TWO[1] + b'\n],\n"backup":{')


@pytest.mark.parametrize(
    "documents", [[], [b"{}"], TWO, [b"{}"] * 20_000, [b" " * 200_000 + b"{}\n" * 2]]
)
def test_documents_come_back_byte_for_byte(tmp_path: Path, documents: list[bytes]) -> None:
    path = written(tmp_path, documents)

    assert isinstance(backups.verify(path), Verified)
    assert read_back(path) == documents


def test_a_backup_of_a_library_holds_what_was_dropped(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        batch = add(library, b"\xef\xbb\xbf" + document("one"), b"\n" + document("two"))
        checked = back_up(library, tmp_path, now=NOON)

    assert (checked.batch, checked.count, checked.created) == (batch, 2, NOON)
    assert checked.size_bytes == checked.path.stat().st_size
    assert read_back(checked.path) == [document("one"), b"\n" + document("two")]


def test_a_backup_is_named_for_its_moment_and_never_replaces_another(tmp_path: Path) -> None:
    names = [written(tmp_path, [content]).name for content in TWO]

    assert names == [
        "scenarios-backup-1773489600000.json",
        "scenarios-backup-1773489600001.json",
    ]
    assert [read_back(tmp_path / name) for name in names] == [[content] for content in TWO]


def test_backups_written_at_once_get_names_of_their_own(tmp_path: Path) -> None:
    threads = [threading.Thread(target=written, args=(tmp_path, TWO)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    listed = backups.list_backups(tmp_path)
    assert len(listed) == 8
    assert all(isinstance(backups.verify(found.path), Verified) for found in listed)


def test_a_clock_before_2001_still_makes_a_name_of_13_digits(tmp_path: Path) -> None:
    path = backups.write(tmp_path, [], batch=0, now=datetime(1970, 1, 1, tzinfo=UTC)).path

    assert path.name == "scenarios-backup-1000000000000.json"
    assert [found.path for found in backups.list_backups(tmp_path)] == [path]


def test_a_document_that_fails_leaves_no_backup(tmp_path: Path) -> None:
    def failing() -> Iterator[Iterable[bytes]]:
        yield [b"{}"]
        raise RuntimeError("the library is damaged")

    with pytest.raises(RuntimeError, match="damaged"):
        backups.write(tmp_path, failing(), batch=1, now=NOON)

    assert os.listdir(tmp_path) == [".backup.lock"]


def test_a_backup_that_reads_back_otherwise_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flip_a_byte(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[20] ^= 1
        path.write_bytes(content)

    monkeypatch.setattr("scenariod.backups.folder._forget_cached", flip_a_byte)

    with pytest.raises(OSError, match="differs from what was written"):
        written(tmp_path, TWO)

    assert backups.list_backups(tmp_path) == []


@pytest.mark.parametrize("limit_bytes", [0, 1, 10, 100, 4096, 100_000])
def test_a_disk_that_takes_no_more_leaves_no_half_backup(tmp_path: Path, limit_bytes: int) -> None:
    program = f"""
import resource, signal
from pathlib import Path
from support.makers import NOON
from scenariod import backups as backup
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))
try:
    backup.write(Path({str(tmp_path)!r}), [[b"x" * 1000]] * 200, batch=1, now=NOON)
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )

    assert done.stdout == "27\n"  # EFBIG
    assert os.listdir(tmp_path) == [".backup.lock"]


# Killed


@pytest.mark.parametrize(
    ("module", "attribute", "call"),
    [
        ("scenariod.library.blob", "as_stored", 2),
        ("os", "fsync", 1),
        ("pathlib", "Path.rename", 1),
        ("scenariod.base.durable", "sync_folder", 1),
        ("scenariod.backups.folder", "verify", 1),
    ],
)
def test_killed_at_any_point_every_backup_there_is_whole_and_the_next_one_clears_up(
    tmp_path: Path, module: str, attribute: str, call: int
) -> None:
    (tmp_path / "backups").mkdir()
    with open_library(tmp_path) as library:
        add(library, document("one"), document("two"))

    kill(tmp_path, "backup", module, attribute, call)

    for found in backups.list_backups(tmp_path / "backups"):
        assert isinstance(backups.verify(found.path), Verified)
    written(tmp_path / "backups", TWO)
    assert not list((tmp_path / "backups").glob("*.part"))
    assert not list((tmp_path / "backups").glob(".*.part"))


# Verifying


def test_a_flipped_bit_anywhere_is_noticed_and_is_no_cut(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)
    whole = path.read_bytes()

    for position in range(len(whole)):
        for bit in (0x01, 0x20, 0x80):
            content = bytearray(whole)
            content[position] ^= bit
            path.write_bytes(content)
            assert kind_of(path) is not None, f"byte {position}"
            inside = position < len(whole) - 1  # the last line break gone looks like a cut
            assert not inside or kind_of(path) is DefectKind.ALTERED, f"byte {position}"


def test_a_cut_anywhere_is_told_as_such(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert kind_of(path) is DefectKind.CUT_OFF, f"{length} bytes left"


def test_a_missing_byte_anywhere_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)
    whole = path.read_bytes()

    for position in range(len(whole)):
        path.write_bytes(whole[:position] + whole[position + 1 :])
        assert kind_of(path) is not None, f"byte {position}"


@pytest.mark.parametrize("zeroed_bytes", [1, 60, 300, 5000])
def test_zeros_at_the_end_as_a_power_cut_leaves_them_are_noticed(
    tmp_path: Path, zeroed_bytes: int
) -> None:
    path = written(tmp_path, [b"{}" * 5000])
    whole = path.read_bytes()

    path.write_bytes(whole[:-zeroed_bytes] + bytes(zeroed_bytes))

    assert kind_of(path) in {DefectKind.CUT_OFF, DefectKind.ALTERED}


@pytest.mark.parametrize(
    "content",
    [
        b'{\n  "scenarios": []\n}\n',
        b'{"scenarios":[\n{"id":"one"}\n]}\n',
        b'{"scenarios":[]}\n',
        b"[]",
        b"GIF89a",
        b"\n" * 200_000,
    ],
)
def test_what_is_no_backup_of_ours_is_told_as_foreign(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.json"
    path.write_bytes(content)

    assert kind_of(path) is DefectKind.FOREIGN


def signed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).hexdigest().encode() + b'"}}\n'


@pytest.mark.parametrize("lengths", [b"14", b"14,15,1", b"14,16", b"15,15", b"14,", b"", b"9" * 30])
def test_a_trailer_that_counts_wrong_is_noticed_even_where_its_digest_is_right(
    tmp_path: Path, lengths: bytes
) -> None:
    path = written(tmp_path, TWO)
    whole = path.read_bytes()[: -file_format.TAIL_BYTES]
    assert b"[14,15]" in whole

    path.write_bytes(signed(whole.replace(b"[14,15]", b"[" + lengths + b"]")))

    assert kind_of(path) is DefectKind.WRONG_COUNT


def test_a_count_that_is_not_that_of_the_lengths_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)
    whole = path.read_bytes()[: -file_format.TAIL_BYTES]

    path.write_bytes(signed(whole.replace(b'"count":2', b'"count":3')))

    assert kind_of(path) is DefectKind.WRONG_COUNT


LATER_TRAILERS = [
    pytest.param(b'"format":1', b'"format":3', id="a format of the future"),
    pytest.param(b'"count"', b'"tool":"x","count"', id="a key more before the lengths"),
    pytest.param(b'],"sha256"', b'],"tool":"x","sha256"', id="a key more after the lengths"),
    pytest.param(b'],"sha256"', b'],"tools":["x"],"sha256"', id="a list more after the lengths"),
    pytest.param(b"[14,15]", b"[14,-15]", id="lengths of another kind"),
]


@pytest.mark.parametrize(("ours", "theirs"), LATER_TRAILERS)
def test_a_whole_backup_whose_trailer_is_not_as_we_write_it_is_of_a_later_version(
    tmp_path: Path, ours: bytes, theirs: bytes
) -> None:
    path = written(tmp_path, TWO)
    whole = path.read_bytes()[: -file_format.TAIL_BYTES]
    assert ours in whole

    path.write_bytes(signed(whole.replace(ours, theirs)))

    checked, (listed,) = backups.verify(path), backups.list_backups(tmp_path)
    assert isinstance(checked, Defect)
    assert checked.kind is DefectKind.LATER_VERSION
    assert "a later version of scenariod wrote it" in checked.message
    assert (listed.batch, listed.count, listed.is_verified) == (None, None, False)
    assert listed.defect is DefectKind.LATER_VERSION


def test_a_later_format_is_known_by_its_number_whatever_its_digest_is_of(tmp_path: Path) -> None:
    path = written(tmp_path, TWO)

    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":12'))

    assert kind_of(path) is DefectKind.LATER_VERSION


def test_what_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    kinds = [kind_of(path) for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe")]

    assert kinds == [DefectKind.UNREADABLE] * 3


@given(lengths=st.lists(st.integers(0, 2**40)), step=st.integers(1, 50))
def test_lengths_survive_being_read_in_pieces_of_any_size(lengths: list[int], step: int) -> None:
    text = b"".join(file_format.written_lengths(array("Q", lengths)))

    pieces = [text[start : start + step] for start in range(0, len(text), step)]

    assert file_format.parse_lengths(pieces) == array("Q", lengths)


# Listing and finding


def test_backups_are_listed_newest_first_with_what_their_trailers_say(tmp_path: Path) -> None:
    older = backups.write(tmp_path, [[b"{}"]], batch=3, now=NOON)
    newer = backups.write(tmp_path, [], batch=5, now=NOON + timedelta(hours=1))
    (tmp_path / "scenarios-backup-notes.json").touch()

    listed = backups.list_backups(tmp_path)

    assert [(f.path, f.created, f.batch, f.count, f.size_bytes) for f in listed] == [
        (newer.path, NOON + timedelta(hours=1), 5, 0, newer.size_bytes),
        (older.path, NOON, 3, 1, older.size_bytes),
    ]


def test_a_broken_backup_is_listed_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "scenarios-backup-1773489600000.json").write_bytes(b'{"scenarios":[\n{"i')
    (tmp_path / "scenarios-backup-99999999999999999999.json").mkdir()

    listed = backups.list_backups(tmp_path)

    assert [(f.batch, f.count) for f in listed] == [(None, None)] * 2
    assert listed[1].created == NOON


def test_a_backup_is_found_by_latest_by_name_and_by_path(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    older, newer = written(folder, TWO), written(folder, [])
    elsewhere = tmp_path / "copy.json"
    elsewhere.write_bytes(older.read_bytes())

    assert backups.find(folder, "latest") == newer
    assert backups.find(folder, older.name) == older
    assert backups.find(folder, older.stem) == older
    assert backups.find(folder, str(elsewhere)) == elsewhere


@pytest.mark.parametrize("name", ["latest", "scenarios-backup-1.json", "/nowhere/b.json", "", "."])
def test_a_backup_that_is_not_there_is_told_with_the_way_on(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        backups.find(tmp_path, name)

    assert caught.value.hint


def test_listing_reads_no_documents(tmp_path: Path) -> None:
    path = written(tmp_path, [b"x" * 5_000_000])
    before = _bytes_read()

    backups.list_backups(tmp_path)

    assert path.stat().st_size > 5_000_000
    assert _bytes_read() - before < 500_000


def _bytes_read() -> int:
    (line,) = [x for x in Path("/proc/self/io").read_text().splitlines() if x.startswith("rchar")]
    return int(line.split()[1])


def test_writing_many_documents_takes_little_memory(tmp_path: Path) -> None:
    chunk = b"x" * 65_536
    tracemalloc.start()
    try:
        checked = backups.write(tmp_path, ([chunk] * 16 for _ in range(100)), batch=1, now=NOON)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert checked.size_bytes > 100 << 20
    assert peak_bytes < 4 << 20


def test_what_the_version_before_has_left_out_of_the_list_is_removed(tmp_path: Path) -> None:
    former = tmp_path / ".prepared-backup.json"
    former.write_bytes(b"{}")

    backups.write(tmp_path, [[TWO[0]]], batch=1, now=NOON)

    assert not former.exists()


def test_a_backup_is_newer_than_all_there_are_whatever_the_clock_says(tmp_path: Path) -> None:
    first = backups.write(tmp_path, [[TWO[0]]], batch=1, now=NOON)

    second = backups.write(tmp_path, [[TWO[1]]], batch=2, now=NOON - timedelta(days=400))

    assert backups.find(tmp_path, "latest") == second.path != first.path
