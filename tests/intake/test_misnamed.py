"""What is left alone in the inbox because of its name, and the commands that help."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from support.home import run

from scenariod.base.names import is_scenario_name
from scenariod.intake import misnamed
from scenariod.intake.misnamed import LEFTOVER_S, Why
from scenariod.monitoring.status import MOST_LEFT_ALONE

NOW_S = 2e9
"""Long after every file that a test makes."""


def found(folder: Path, *, now_s: float = NOW_S) -> dict[str, Why]:
    return {m.name: m.why for m in misnamed.find(folder, now_s=now_s)}


def just_now(path: Path) -> float:
    return path.lstat().st_ctime + 1


@pytest.mark.parametrize(
    ("name", "why", "becomes"),
    [
        ("scenario-1.JSON", Why.NAME, "scenario-1.json"),
        ("Scenario-2.json", Why.NAME, "scenario-2.json"),
        ("SCENARIO-2.JSON", Why.NAME, "scenario-2.json"),
        ("scenario_3.json", Why.NAME, "scenario-3.json"),
        ("scenario 3.json", Why.NAME, "scenario-3.json"),
        ("scenario3.json", Why.NAME, "scenario-3.json"),
        ("szenario-3.json", Why.NAME, "scenario-3.json"),
        ("scenario-4.json.txt", Why.NAME, "scenario-4.json"),
        ("scenario-4.json ", Why.NAME, "scenario-4.json"),
        ("scenario-4.json.bak", Why.NAME, "scenario-4.json"),
        ("scenario-4", Why.NAME, "scenario-4.json"),
        ("scenario-4.txt", Why.NAME, "scenario-4.json"),
        ("scenario-4.jsonl", Why.NAME, "scenario-4.json"),
        ("scenario-4.json (1)", Why.NAME, "scenario-4.json"),
        ("scenario.json", Why.NAME, "scenario-1.json"),
        ("a story.json", Why.NAME, "scenario-a story.json"),
        ("scenario-'$(x)'.JSON", Why.NAME, "scenario-'$(x)'.json"),
        ("scenario-\x1b[31m\n.JSON", Why.NAME, "scenario-_[31m_.json"),
        ("scenario-a\\b.JSON", Why.NAME, "scenario-a_b.json"),
        (os.fsdecode(b"scenario-\xff.JSON"), Why.NAME, "scenario-_.json"),
        ("scenario-5.json~", Why.TEMPORARY, "scenario-5.json"),
        ("scenario-5.json.part", Why.TEMPORARY, "scenario-5.json"),
        ("-rf.json", Why.NAME, "scenario--rf.json"),
    ],
)
def test_the_command_gives_a_file_the_name_that_was_meant(
    tmp_path: Path, name: str, why: Why, becomes: str
) -> None:
    path = tmp_path / name
    path.write_text("kept")

    assert found(tmp_path) == {name: why}
    ended = run(["bash", "-c", misnamed.command(path, why)])

    assert (ended.code, ended.err) == (0, "")
    assert os.listdir(tmp_path) == [becomes]
    assert is_scenario_name(becomes)
    assert (tmp_path / becomes).read_text() == "kept"
    assert found(tmp_path) == {}


def test_the_command_never_writes_over_another_file(tmp_path: Path) -> None:
    (tmp_path / "scenario-1.JSON").write_text("one")
    (tmp_path / "scenario-1.json").write_text("other")

    run(["bash", "-c", misnamed.command(tmp_path / "scenario-1.JSON", Why.NAME)])

    assert (tmp_path / "scenario-1.JSON").read_text() == "one"
    assert (tmp_path / "scenario-1.json").read_text() == "other"


def test_the_command_for_a_folder_moves_the_files_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "from a friend"
    folder.mkdir()
    (folder / "scenario-1.json").write_text("kept")

    assert found(tmp_path) == {"from a friend": Why.FOLDER}
    subprocess.run(["bash", "-c", misnamed.command(folder, Why.FOLDER)], check=True)

    assert (tmp_path / "scenario-1.json").read_text() == "kept"


def test_the_command_for_a_link_drops_a_copy_of_the_file_it_leads_to(tmp_path: Path) -> None:
    outside, inbox = tmp_path / "outside", tmp_path / "inbox"
    outside.write_text("kept")
    inbox.mkdir()
    (inbox / "story.json").symlink_to(outside)

    assert found(inbox) == {"story.json": Why.LINK}
    subprocess.run(["bash", "-c", misnamed.command(inbox / "story.json", Why.LINK)], check=True)

    assert os.listdir(inbox) == ["scenario-story.json"]
    assert not (inbox / "scenario-story.json").is_symlink()
    assert outside.read_text() == "kept"


def test_the_command_for_a_compressed_file_unpacks_it(tmp_path: Path) -> None:
    path = tmp_path / "scenario-5.json"
    path.write_text("kept")
    subprocess.run(["gzip", str(path)], check=True)

    assert found(tmp_path) == {"scenario-5.json.gz": Why.COMPRESSED}
    command = misnamed.command(tmp_path / "scenario-5.json.gz", Why.COMPRESSED)
    subprocess.run(["bash", "-c", command], check=True)

    assert path.read_text() == "kept"


@pytest.mark.parametrize(
    ("name", "why", "words"),
    [
        ("scenarios-batch-001.json", Why.MANY, ["scenariodctl", "import", "{path}"]),
        ("scenarios.json", Why.MANY, ["scenariodctl", "import", "{path}"]),
        ("scenario-1.json.reason.json", Why.REASON, []),
        ("README.txt", Why.NAME, []),
    ],
)
def test_some_are_not_renamed(tmp_path: Path, name: str, why: Why, words: list[str]) -> None:
    path = tmp_path / name
    path.write_text("kept")

    command = misnamed.command(path, why)

    assert found(tmp_path) == {name: why}
    assert misnamed.why(path) is why
    assert shlex.split(command) == [word.format(path=path) for word in words]


@pytest.mark.parametrize("name", ["scenario-1.json.part", "scenario-1.json~", "sedAbC", "x.tmp"])
def test_what_its_writer_may_still_rename_is_left_out_until_it_is_old(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.touch()

    assert found(tmp_path, now_s=just_now(path)) == {}
    assert list(found(tmp_path, now_s=just_now(path) + LEFTOVER_S)) == [name]


@pytest.mark.parametrize("name", ["scenario-1.json", ".hidden", ".scenario-1.json.A7x"])
def test_what_is_taken_or_hidden_is_left_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    assert found(tmp_path) == {}


def test_the_search_ends_where_there_are_very_many(tmp_path: Path) -> None:
    for number in range(MOST_LEFT_ALONE + 50):
        (tmp_path / f"{number}.JSON").touch()

    many = misnamed.find(tmp_path, now_s=NOW_S)

    assert len(many) == MOST_LEFT_ALONE
    assert len(misnamed.shown(many, tmp_path)) == misnamed.MOST_SHOWN


def test_the_search_ends_where_very_many_are_still_being_written(tmp_path: Path) -> None:
    for number in range(MOST_LEFT_ALONE + 50):
        (tmp_path / f"{number}.part").touch()

    assert misnamed.find(tmp_path, now_s=just_now(tmp_path)) == []
    assert len(misnamed.find(tmp_path, now_s=NOW_S)) == MOST_LEFT_ALONE
