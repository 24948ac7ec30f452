"""The same mistake gets the same words, whether its file is dropped or imported."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.home import SCENARIODCTL, Home
from support.mistakes import COMPACT, MISTAKES, PACKS, Mistake
from support.scenarios import scenario

pytestmark = pytest.mark.slow

Problems = list[dict[str, Any]]
WITHIN = {name: mistake for name, mistake in MISTAKES.items() if mistake.within}
THROUGH_A_PIPE = ["fence", "utf-16 without mark", "empty", "comma", "key in another style"]


def file_name(name: str) -> str:
    return f"scenario-{name.replace(' ', '-')}.json"


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Problems]:
    """Drop all mistakes, and return what is said of each."""
    with closing(Home(tmp_path_factory.mktemp("dropped") / "root")) as home:
        everything = {**MISTAKES, **PACKS}
        home.drop_all({file_name(name): each.content for name, each in everything.items()})
        assert home.once().code == 3
        return {name: home.reason(file_name(name))["problems"] for name in everything}


def put(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in contents.items():
        (folder / file_name(name)).write_bytes(content)
    return folder


def refusals(home: Home, source: Path) -> dict[str, Problems]:
    ended = home.ctl("import", "--dry-run", str(source), "--json")
    assert ended.code == 3, ended.err
    return {each["place"]: each["problems"] for each in ended.json()["refusals"]}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Problems]:
    """Import a folder with all mistakes, and return what is said of each file."""
    folder = tmp_path_factory.mktemp("imported")
    source = put(folder / "files", {name: each.content for name, each in MISTAKES.items()})
    with closing(Home(folder / "root")) as home:
        return refusals(home, source)


@pytest.fixture(scope="module")
def in_lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Problems]:
    """Import each mistake as one of a list, and return what is said of each place."""
    folder = tmp_path_factory.mktemp("lists")
    lists = {
        name: b"[%b,\n  %b, %b]" % (COMPACT.encode(), each.content.rstrip(), scenario("two"))
        for name, each in WITHIN.items()
    }
    source = put(folder / "files", lists)
    with closing(Home(folder / "root")) as home:
        return refusals(home, source)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_file_is_told_the_same_dropped_and_imported(
    name: str, dropped: dict[str, Problems], imported: dict[str, Problems]
) -> None:
    assert imported[file_name(name)] == dropped[name]
    assert MISTAKES[name].words in dropped[name][0]["message"]
    assert dropped[name][0]["code"] == MISTAKES[name].code


@pytest.mark.parametrize(("name", "mistake"), WITHIN.items(), ids=WITHIN)
def test_one_of_a_list_is_told_the_same_at_its_place_in_the_file(
    name: str,
    mistake: Mistake,
    dropped: dict[str, Problems],
    in_lists: dict[str, Problems],
) -> None:
    found = in_lists[f"{file_name(name)}[2]"]

    said = [{**each, "line": None, "column": None} for each in found]
    assert said == [{**each, "line": None, "column": None} for each in dropped[name]]
    line, column = mistake.line, mistake.column
    assert line is not None
    assert column is not None
    at = line + 1, column + 2 if line == 1 else column
    assert (found[0]["line"], found[0]["column"]) == at


@pytest.mark.parametrize("name", THROUGH_A_PIPE)
def test_standard_input_is_told_the_same(
    name: str, home: Home, tmp_path: Path, dropped: dict[str, Problems]
) -> None:
    (tmp_path / "file").write_bytes(MISTAKES[name].content)

    with open(tmp_path / "file", "rb") as file:
        command = [*SCENARIODCTL, "--root", str(home.path), "import", "-"]
        ended = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)

    first = dropped[name][0]
    assert ended.returncode == 3
    assert "refused standard input" in ended.stdout
    assert f"({first['code']}): {first['message'].replace(chr(92), chr(92) * 2)}" in ended.stdout


@pytest.mark.parametrize("name", PACKS)
def test_a_dropped_pack_is_told_to_be_imported_and_that_works(name: str, home: Home) -> None:
    home.drop("scenario-pack.json", PACKS[name].content)

    assert home.once().code == 3
    reason = home.reason("scenario-pack.json")
    command = reason["advice"].split("`")[1].split()
    imported = home.ctl(*command[1:])

    assert reason["code"] == "many-scenarios"
    assert command[:2] == ["scenariodctl", "import"]
    assert imported.code == 0, imported.err
    assert home.ids()[0] == "one"


def test_a_fenced_file_or_one_of_lines_is_told_so_however_large_it_is(
    home: Home, tmp_path: Path
) -> None:
    home.configure(intake={"max_scenario_bytes": 2048})
    large = (COMPACT + "\n") * 20
    source = put(tmp_path / "files", {"lines": large.encode(), "fence": f"```\n{large}".encode()})

    told = refusals(home, source)

    assert "another object or list follows" in told[file_name("lines")][0]["message"]
    assert "Markdown code fence" in told[file_name("fence")][0]["message"]
