"""Bringing in what users have: files of many scenarios, packs, folders; asked twice, and killed."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.counters import KILL
from support.home import SCENARIODCTL, Home, run, wait_until
from support.makers import held, open_library, sql
from support.scenarios import scenario
from support.standstill import Standstill

from scenariod import backups
from scenariod.base.killpoint import VARIABLE, KillPoint, Order
from scenariod.cli import main as ctl
from scenariod.cli import terminal
from scenariod.transfer import importing as importer

pytestmark = pytest.mark.slow

KILLED = -signal.SIGKILL


def together(*documents: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return a file of the predecessor's kind that holds these documents."""
    return b'{%b"scenarios": [\n%b\n]%b}\n' % (before, b",\n".join(documents), after)


def many(count: int, *, prefix: str = "s") -> list[bytes]:
    return [scenario(f"{prefix}-{number}") for number in range(1, count + 1)]


def ids(home: Home) -> list[str]:
    with open_library(home.library) as library:
        return list(held(library))


def put(folder: Path, name: str, content: bytes) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return str(folder / name)


def bring(home: Home, *arguments: str, **how: Any) -> dict[str, Any]:
    """Import, and return what is answered in JSON, with the exit code."""
    ended = home.ctl("import", *arguments, "--json", **how)
    assert ended.out, ended.err
    answer = ended.json()
    assert isinstance(answer, dict)
    return {**answer, "code": ended.code}


def begun(home: Home, source: str, *, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start an import in a session of its own."""
    return subprocess.Popen(
        [*SCENARIODCTL, "--root", str(home.path), "import", source, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **environment},
    )


def counts(answer: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return how many were added, already added and refused, and the exit code."""
    return answer["added"], answer["already_added"], answer["refused"], answer["code"]


# What users have


@pytest.mark.parametrize(
    "content",
    [
        together(*many(3)),
        b"[%b]" % b",".join(many(3)),
        together(*many(3), before=b'"version": "1", "packInfo": {"packId": "7"}, '),
        b"\xef\xbb\xbf" + together(*many(3)),
    ],
    ids=["predecessor", "list", "pack", "with a byte order mark"],
)
def test_each_kind_of_file_is_brought_in(home: Home, tmp_path: Path, content: bytes) -> None:
    source = put(tmp_path, "scenarios-batch-001.json", content)

    answer = bring(home, source)

    assert counts(answer) == (3, 0, 0, 0)
    assert home.ids() == ["s-1", "s-2", "s-3"]
    assert Path(source).read_bytes() == content


def test_a_backup_of_our_own_is_brought_in_byte_for_byte(home: Home, tmp_path: Path) -> None:
    home.drop_many(range(1, 5))
    assert home.once().code == 0
    with open_library(home.library) as library:
        before = held(library)
    assert home.ctl("restore", "batch:1").code == 0
    full = next(b.path for b in backups.list_backups(home.backups) if b.count == 4)

    answer = bring(home, str(full))

    assert counts(answer) == (4, 0, 0, 0)
    with open_library(home.library) as library:
        # A slice leaves out the white space around a document.
        assert {i: c.strip() for i, c in held(library).items()} == {
            i: c.strip() for i, c in before.items()
        }


def test_a_folder_is_brought_in_whatever_its_files_are(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    put(folder, "scenarios-batch-010.json", together(*many(2, prefix="ten")))
    put(folder, "scenarios-batch-002.json", together(*many(2, prefix="two")))
    put(folder, "one.json", scenario("single"))
    put(folder, "notes.txt", b"not for us")
    put(folder, "package.json", b'{"name": "old"}')
    (folder / "backups.json").mkdir()
    os.mkfifo(folder / "pipe.json")

    answer = bring(home, str(folder))

    assert counts(answer) == (5, 0, 2, 3)
    assert ids(home) == ["single", "two-1", "two-2", "ten-1", "ten-2"]
    refused = {r["place"]: r["problems"][0]["code"] for r in answer["refusals"]}
    assert refused == {"package.json": "missing-field", "pipe.json": "not-a-regular-file"}


def test_of_a_folder_it_names_what_looks_like_scenarios_and_is_left_alone(
    home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "old project"
    (folder / "more").mkdir(parents=True)
    (folder / "empty").mkdir()
    files = {
        "scenario-1.json": "one",
        "scenario-2.JSON": "two",
        "scenario-3.json.txt": "three",
        "scenario-4.json": "four",
        "scenario-6": "six",
        "more/scenario-5.json": "five",
        ".hidden.JSON": "eight",
    }
    for name, scenario_id in files.items():
        (folder / name).write_bytes(scenario(scenario_id))
    run(["gzip", str(folder / "scenario-4.json")])
    for name in ("notes.txt", "scenario-8.json.part", "scenario-1.json.reason.json"):
        (folder / name).touch()

    ctl = shlex.join([*SCENARIODCTL, "--root", str(home.path)])

    text = home.ctl("import", str(folder))
    told = home.ctl("import", "--json", "--dry-run", str(folder)).json()
    for file in told["left_alone_files"]:
        command = file["command"].replace("scenariodctl", ctl)
        assert run(["bash", "-c", command]).code == 0

    assert text.code == 0
    assert told["left_alone"] == 5
    assert [(file["file"], file["reason"]) for file in told["left_alone_files"]] == [
        ("more", "it is a folder, and folders in folders are not read"),
        ("scenario-2.JSON", "its name does not end in .json"),
        ("scenario-3.json.txt", "its name does not end in .json"),
        ("scenario-4.json.gz", "it is compressed"),
        ("scenario-6", "its name does not end in .json"),
    ]
    assert "5 files are left alone:\n" in text.out
    assert all(f"    {file['command']}\n" in text.out for file in told["left_alone_files"])
    assert sorted(home.ids()) == ["five", "four", "one", "six", "three", "two"]


def test_a_name_that_is_not_utf8_is_answered_so_that_every_reader_takes_it(
    home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    put(folder, os.fsdecode(b"\xff.json"), together(*many(1), b"{}"))

    answers = [
        home.ctl("import", str(folder), "--json").json(),
        home.ctl("history", "--json").json(),
    ]

    json.dumps(answers, ensure_ascii=False).encode()
    assert answers[0]["refusals"][0]["place"] == r"\xff.json[2]"
    assert answers[1][0]["refusals"][0]["name"] == r"\xff.json[2]"


def test_a_file_on_standard_input_is_brought_in(home: Home, tmp_path: Path) -> None:
    source = put(tmp_path, "old.json", together(*many(2)))

    with open(source, "rb") as file:
        ended = subprocess.run(
            [*SCENARIODCTL, "--root", str(home.path), "import", "-"],
            stdin=file,
            capture_output=True,
            text=True,
            check=False,
        )

    assert ended.returncode == 0, ended.stderr
    assert ids(home) == ["s-1", "s-2"]
    assert "imported standard input: 2 added" in ended.stdout


def test_a_pipe_on_standard_input_is_refused_with_what_to_do(home: Home) -> None:
    command = [*SCENARIODCTL, "--root", str(home.path), "import", "-"]

    ended = subprocess.run(command, input="[]", capture_output=True, text=True, check=False)

    assert ended.returncode == 3
    assert "standard input (not-a-regular-file): it is a pipe, " in ended.stdout + ended.stderr
    assert "save what it holds in a file, and import that" in ended.stdout + ended.stderr


FOUR = [scenario(f"s-{number}") for number in range(1, 5)]


def _lines(documents: list[bytes]) -> int:
    return b"".join(documents).count(b"\n") + 1


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"[%b,%b]\n[%b,%b]" % tuple(FOUR), "not-json", _lines(FOUR[:2]) + 1),
        (together(*FOUR[:2]) + together(*FOUR[2:]), "not-json", None),
        (together(*FOUR[:2])[:-2], "not-json", None),
        (together(*FOUR[:2], after=b", nonsense"), "not-json", None),
        (
            together(*FOUR[:2], b"nope", after=b', "scenarios": [%b]' % FOUR[2]),
            "duplicate-key",
            None,
        ),
        (b"[%b,%b,]" % tuple(FOUR[:2]), "not-json", None),
    ],
    ids=["two lists", "two objects", "no last bracket", "garbage", "a second list", "a comma"],
)
def test_what_follows_a_list_and_is_not_read_is_told(
    home: Home, tmp_path: Path, content: bytes, code: str, line: int | None
) -> None:
    answer = bring(home, put(tmp_path, "old.json", content))

    assert (answer["added"], answer["code"]) == (2, 3)
    told = [problem for r in answer["refusals"] for problem in r["problems"]]
    assert code in [problem["code"] for problem in told]
    assert line is None or told[-1]["line"] == line
    assert ids(home) == ["s-1", "s-2"]


def test_what_should_be_a_list_and_is_none_is_called_so(home: Home, tmp_path: Path) -> None:
    answer = bring(home, put(tmp_path, "old.json", b'{"scenarios": "no"}'))

    assert counts(answer) == (0, 0, 1, 3)
    problem = answer["refusals"][0]["problems"][0]
    assert problem["message"] == "scenarios must be a list, not a string"
    assert (problem["line"], problem["column"]) == (1, 15)


def test_every_refusal_is_told_with_its_place_and_the_others_are_added(
    home: Home, tmp_path: Path
) -> None:
    bad = [b'{"id": "x",\n nope}', b'"a string"', scenario("no-title", title=None)]
    other = scenario("s-1", title="another")
    documents = [*many(1), *bad, other, b"{}" + b" " * 9_000_000, *many(2)]
    source = put(tmp_path, "old.json", together(*documents))

    answer = bring(home, source)

    assert counts(answer) == (2, 1, 5, 3)
    told = [(r["place"], r["problems"][0]["code"]) for r in answer["refusals"]]
    assert told == [
        ("old.json[2]", "not-json"),
        ("old.json[3]", "not-an-object"),
        ("old.json[4]", "missing-field"),
        ("old.json[5]", "conflict"),
        ("old.json[6]", "too-large"),
    ]
    lines = together(*documents).splitlines()
    problem = answer["refusals"][0]["problems"][0]
    assert lines[problem["line"] - 1] == b" nope},"
    words = home.ctl("import", source)
    assert words.code == 3
    assert "refused old.json[4] no-title (missing-field): title is missing (line" in words.out
    assert ids(home) == ["s-1", "s-2"]


def test_every_problem_of_a_refused_scenario_is_shown_with_its_advice(
    home: Home, tmp_path: Path
) -> None:
    source = put(tmp_path, "old.json", together(scenario("s-1", title=None, claim=5)))

    text, answer = home.ctl("import", source).out, bring(home, source)

    lines = [line for line in text.splitlines() if line.startswith("refused old.json[1] s-1 (")]
    problems = answer["refusals"][0]["problems"]
    assert [problem["code"] for problem in problems] == ["missing-field", "wrong-type"]
    assert len(lines) == 2
    for line, problem in zip(lines, problems, strict=True):
        assert line.startswith(f"refused old.json[1] s-1 ({problem['code']}): {problem['message']}")
        assert line.endswith(f"; {problem['advice']}")


@pytest.mark.parametrize(
    ("content", "added", "code"),
    [
        (together(*many(3))[:-4], 3, "not-json"),
        (together(*many(3))[:-40], 2, "not-json"),
        (b'{"scenarios": [1], "scenarios": []}', 0, "duplicate-key"),
        (b"", 0, "empty"),
        ("[1]".encode("utf-16"), 0, "not-utf8"),
    ],
    ids=["cut after the last", "cut in the last", "two lists", "empty", "utf-16"],
)
def test_of_a_broken_file_what_is_whole_is_added_and_the_rest_is_told(
    home: Home, tmp_path: Path, content: bytes, added: int, code: str
) -> None:
    answer = bring(home, put(tmp_path, "old.json", content))

    assert (answer["added"], answer["code"]) == (added, 3)
    assert {r["problems"][0]["code"] for r in answer["refusals"]} == {code}


def test_a_list_that_is_cut_off_is_told_with_the_place_where_it_ends(
    home: Home, tmp_path: Path
) -> None:
    content = together(*many(2)).partition(b"\n]")[0]

    answer = bring(home, put(tmp_path, "old.json", content))

    (problem,) = answer["refusals"][0]["problems"]
    assert (answer["added"], problem["code"]) == (2, "not-json")
    assert "within its list of scenarios, after 2: it is cut off" in problem["message"]
    assert problem["line"] == content.count(b"\n") + 1


def test_one_that_takes_too_much_memory_is_refused_and_the_next_is_added(
    home: Home, tmp_path: Path
) -> None:
    home.configure(memory={"limit_mb": 256})
    bomb = scenario("bomb").rstrip().removesuffix(b"}") + b',"x":[%b]}' % b",".join(
        [b'{"a":0}'] * 1_000_000
    )
    documents = [scenario("one"), bomb, scenario("two")]
    source = put(tmp_path, "old.json", together(*documents))

    answer = bring(home, source)

    assert counts(answer) == (2, 0, 1, 3)
    (refusal,) = answer["refusals"]
    assert refusal["place"] == "old.json[2]"
    assert refusal["problems"][0]["code"] == "out-of-memory"


def test_where_the_machine_has_no_memory_to_spare_nothing_is_begun(
    home: Home, tmp_path: Path
) -> None:
    home.configure(memory={"reserve_mb": 1_000_000})

    ended = home.ctl("import", put(tmp_path, "old.json", together(*many(1))))

    assert ended.code == 17
    assert "can spare 0 MB now beside memory.reserve_mb = 1000000 MB" in ended.err
    assert not home.database.exists()


def test_the_smallest_limit_is_enough_for_what_is_small(home: Home, tmp_path: Path) -> None:
    home.configure(memory={"limit_mb": 64})

    answer = bring(home, put(tmp_path, "old.json", together(*many(3))))

    assert counts(answer) == (3, 0, 0, 0)


def test_what_is_not_there_is_named_with_the_cause(home: Home, tmp_path: Path) -> None:
    (link := tmp_path / "old.json").symlink_to("/mnt/unplugged/old.json")

    missing, dangling = (home.ctl("import", path) for path in ("/nowhere/old.json", str(link)))

    assert (missing.code, dangling.code) == (18, 18)
    assert "/nowhere/old.json, because /nowhere does not exist" in missing.err
    assert f"{link}, because it is a link to /mnt/unplugged/old.json, which does" in dangling.err


# In batches, and again


def test_a_large_file_is_brought_in_in_batches_after_one_backup(home: Home, tmp_path: Path) -> None:
    count = importer.BATCH_SCENARIOS * 2 + 3
    source = put(tmp_path, "old.json", together(*many(count)))

    answer = bring(home, source)

    assert counts(answer) == (count, 0, 0, 0)
    first, second, third = answer["batches"]
    after, before = backups.list_backups(home.backups)
    assert (before.path.name, before.count) == (answer["backup"], 0)
    assert (after.path.name, after.count) == (answer["closing_backup"], count)
    assert home.ctl("undo", "last", "--json").json()["batches"] == [first, second, third]
    assert ids(home) == []
    assert home.ctl("undo", "last").code == 0
    assert home.ctl("undo", str(second)).code == 0
    assert len(ids(home)) == importer.BATCH_SCENARIOS + 3
    assert home.ctl("restore", f"batch:{first}").code == 0
    assert ids(home) == []
    history = home.ctl("history", "--json").json()
    assert [b["kind"] for b in history if b["id"] in (first, second, third)] == ["import"] * 3


def test_asked_again_it_adds_nothing_and_writes_no_backup(home: Home, tmp_path: Path) -> None:
    source = put(tmp_path, "old.json", together(*many(3), b"{}"))
    bring(home, source)
    backups = sorted(os.listdir(home.backups))

    answer = bring(home, source)

    assert counts(answer) == (0, 3, 1, 3)
    assert answer["batches"] == []
    assert sorted(os.listdir(home.backups)) == backups


def test_where_conflicts_replace_the_new_versions_are_taken(home: Home, tmp_path: Path) -> None:
    home.configure(library={"on_conflict": "replace"})
    bring(home, put(tmp_path, "old.json", together(*many(2))))

    answer = bring(home, put(tmp_path, "new.json", together(scenario("s-1", title="new"))))

    assert (answer["replaced"], answer["code"]) == (1, 0)
    assert [s["title"] for s in home.scenarios() if s["id"] == "s-1"] == ["new"]


def test_a_dry_run_says_the_same_and_changes_nothing(home: Home, tmp_path: Path) -> None:
    bring(home, put(tmp_path, "first.json", together(*many(1))))
    again = scenario("s-3", title="another")
    source = put(tmp_path, "old.json", together(*many(3), *many(2), again, b"{}"))
    before = sql(home.database, "SELECT count(*) FROM batch"), sorted(os.listdir(home.backups))

    foreseen = bring(home, source, "--dry-run")

    assert (
        sql(home.database, "SELECT count(*) FROM batch"),
        sorted(os.listdir(home.backups)),
    ) == before
    done = bring(home, source)
    assert counts(foreseen) == counts(done) == (2, 3, 2, 3)
    places = [[r["place"] for r in answer["refusals"]] for answer in (foreseen, done)]
    assert places[0] == places[1] == ["old.json[6]", "old.json[7]"]


def test_a_dry_run_needs_no_library(home: Home, tmp_path: Path) -> None:
    answer = bring(home, put(tmp_path, "old.json", together(*many(2))), "--dry-run")

    assert counts(answer) == (2, 0, 0, 0)
    assert not home.database.exists()


def test_it_works_beside_the_daemon_which_goes_on(home: Home, tmp_path: Path) -> None:
    daemon = home.start()
    source = put(tmp_path, "old.json", together(*many(700)))
    importing = subprocess.Popen(
        [*SCENARIODCTL, "--root", str(home.path), "import", source], stdout=subprocess.DEVNULL
    )
    home.drop_all({f"scenario-{n}.json": scenario(f"d-{n}") for n in range(6)})

    assert importing.wait() == 0
    daemon.wait_for("added d-", times=6)
    wait_until(lambda: len(home.ids()) == 706, "all is published")
    assert daemon.terminate() == 0
    assert sorted(ids(home)) == sorted(home.ids())


# Packs


def test_what_a_pack_says_goes_with_its_scenarios_through_undo_and_restore(
    home: Home, tmp_path: Path
) -> None:
    pack = together(*many(2), before=b'"version": "1", "packInfo": {"packId": "7"},')
    first = bring(home, put(tmp_path, "pack-007.json", pack))
    loose = bring(home, put(tmp_path, "loose.json", together(*many(3))))
    assert home.ctl("undo", str(first["batches"][0])).code == 0
    assert home.ctl("restore", f"batch:{loose['batches'][0]}").code == 0

    with open_library(home.library) as library, library.snapshot() as snapshot:
        packs = list(snapshot.packs())
        ((row, said),) = packs
        assert said.name == "pack-007.json"
        assert json.loads(said.about) == {"version": "1", "packInfo": {"packId": "7"}}
        assert [v.id for v in snapshot.versions_of(row)] == ["s-1", "s-2"]
        assert [v.id for v in snapshot.versions_of(None)] == []
        before = loose["batches"][0] + 1  # the undo
        assert [v.id for v in snapshot.versions_of(None, before=before)] == ["s-3"]
        assert [v.id for v in snapshot.versions_of(row, before=before)] == ["s-1", "s-2"]


BEYOND_INTEGERS = b'"checksum": 18446744073709551615, "scale": 1e300'


@pytest.mark.parametrize(
    "content",
    [
        together(*many(3), before=BEYOND_INTEGERS + b', "packInfo": {"packId": "7"}, '),
        together(*many(3), after=b', "packInfo": {"packId": "7"}, ' + BEYOND_INTEGERS),
        together(
            *many(2),
            scenario("s-3").replace(b'"A claim."', b'"A claim.", ' + BEYOND_INTEGERS),
            after=b', "packInfo": {"packId": "7"}',
        ),
    ],
    ids=["before", "after", "within"],
)
def test_numbers_beyond_those_of_machines_cost_neither_scenarios_nor_what_the_pack_says(
    home: Home, tmp_path: Path, content: bytes
) -> None:
    answer = bring(home, put(tmp_path, "pack.json", content))

    assert counts(answer) == (3, 0, 0, 0)
    ((about,),) = sql(home.database, "SELECT about FROM pack")
    assert '"packId": "7"' in str(about)
    assert home.ctl("export", "--output", str(tmp_path / "out")).code == 0
    assert b"18446744073709551615" in (tmp_path / "out" / "pack.json").read_bytes()


def test_what_not_every_reader_takes_is_refused_and_left_out_of_what_a_pack_says(
    home: Home, tmp_path: Path
) -> None:
    odd = [
        scenario("far").replace(b"{", b'{"n": -1e309,', 1),
        scenario("long").replace(b"12.5", b"0.%b" % (b"1" * 1000)),
        scenario("half").replace(b"A claim.", rb"\udc00"),
    ]
    pack = together(*many(1), *odd, before=b'"packInfo": {}, "scale": 1e400, "x": "\\ud83d", ')

    answer = bring(home, put(tmp_path, "pack.json", pack))

    assert counts(answer) == (1, 0, 4, 3)
    told = [(r["place"], p["code"], p["field"]) for r in answer["refusals"] for p in r["problems"]]
    assert told == [
        ("pack.json", "too-large", None),
        ("pack.json[2]", "wrong-value", "n"),
        ("pack.json[3]", "wrong-value", "answerWeights.agenda"),
        ("pack.json[4]", "not-text", "claim"),
    ]
    assert sql(home.database, "SELECT about FROM pack") == [('{"packInfo": {}, "x": "?"}',)]


def test_a_pack_may_say_much_of_itself_in_any_script(home: Home, tmp_path: Path) -> None:
    pack = together(*many(2), before='"packInfo": {{"x": "{}"}},'.format("語" * 750_000).encode())

    answer = bring(home, put(tmp_path, "pack.json", pack))

    assert counts(answer) == (2, 0, 0, 0)
    assert sql(home.database, "SELECT length(about) FROM pack") == [
        (750_000 + len('{"packInfo": {"x": ""}}'),)
    ]
    assert home.ctl("restore", f"batch:{answer['batches'][0]}").code == 0
    assert home.ctl("restore", answer["closing_backup"]).code == 0
    assert home.ctl("library", "verify").code == 0


def test_what_a_pack_says_beyond_the_bound_is_told_and_its_scenarios_are_added(
    home: Home, tmp_path: Path
) -> None:
    said = '"packInfo": {{"x": "{}"}}, "note": 1,'.format("語" * 1_100_000).encode()
    source = put(tmp_path, "pack.json", together(*many(2), before=said))

    foreseen = bring(home, source, "--dry-run")
    answer = bring(home, source)

    assert counts(foreseen) == counts(answer) == (2, 0, 1, 3)
    (refusal,) = answer["refusals"]
    (problem,) = refusal["problems"]
    assert (refusal["place"], problem["code"]) == ("pack.json", "too-large")
    assert problem["message"].startswith('"packInfo" is not kept: ')
    assert ids(home) == ["s-1", "s-2"]
    assert sql(home.database, "SELECT about FROM pack") == []


def test_scenarios_that_are_there_already_join_the_pack_that_is_imported(
    home: Home, tmp_path: Path
) -> None:
    bring(home, put(tmp_path, "loose.json", together(*many(2))))
    pack = together(*many(2), after=b', "packInfo": {"packId": "7"}')

    answer = bring(home, put(tmp_path, "pack.json", pack))
    again = bring(home, str(tmp_path / "pack.json"))

    assert counts(answer) == counts(again) == (0, 2, 0, 0)
    assert sql(home.database, "SELECT scenario_id FROM packed") == [("s-1",), ("s-2",)]
    assert "packId" in (home.backups / answer["closing_backup"]).read_text()
    assert again["closing_backup"] is None


# Cut off


@pytest.mark.parametrize(
    ("point", "batches"),
    [
        (KillPoint.SCENARIO_UNPACKED, 0),
        (KillPoint.BACKUP_BEING_WRITTEN, 0),
        (KillPoint.IMPORT_BACKED_UP, 0),
        (KillPoint.SCENARIO_ADDED, 0),
        (KillPoint.BATCH_RECORDED, 0),
        (KillPoint.IMPORT_COMMITTED, 1),
        (KillPoint.IMPORTED, 3),
        (KillPoint.LIBRARY_BEING_PUBLISHED, 3),
        (KillPoint.LIBRARY_PUBLISHED, 3),
        (KillPoint.PUBLISHED_MARKED, 3),
    ],
)
def test_killed_at_any_point_what_was_committed_stays_and_it_goes_on_when_asked_again(
    home: Home,
    tmp_path: Path,
    orders_folder: Path,
    still: Standstill,
    point: KillPoint,
    batches: int,
    record_property: Callable[[str, object], None],
) -> None:
    size = importer.BATCH_SCENARIOS
    count = 2 * size + 3
    pack = together(*many(count), before=b'"packInfo": {"packId": "7"},')
    source = put(tmp_path, "old.json", pack)
    in_unpacker = point is KillPoint.SCENARIO_UNPACKED  # nobody there can kill the importer
    (orders_folder / point).write_text(Order.HOLD if in_unpacker else Order.HERE)

    importing = begun(home, source, environment=still.environment)
    if in_unpacker:
        still.wait_for(importing.pid, "scenariod.transfer.unpacker")
        importing.kill()
    _, err = importing.communicate()

    assert importing.returncode == KILLED, err
    assert os.listdir(orders_folder) == []
    wait_until(lambda: not home.processes(), "no process is left")
    there = min(batches * size, count)
    assert ids(home) == [f"s-{number}" for number in range(1, there + 1)]
    record_property(KILL, f"{point}/import")

    answer = bring(home, source)
    assert counts(answer) == (count - there, there, 0, 0)
    assert home.ids() == ids(home) == [f"s-{number}" for number in range(1, count + 1)]
    assert sql(home.database, "SELECT count(*) FROM packed") == [(count,)]
    assert sql(home.database, "PRAGMA integrity_check") == [("ok",)]
    checked = [backups.verify(b.path) for b in backups.list_backups(home.backups)]
    assert {type(found) for found in checked} == {backups.Verified}


def test_killed_before_its_closing_backup_it_writes_that_when_asked_again(
    home: Home, tmp_path: Path, orders_folder: Path
) -> None:
    source = put(tmp_path, "old.json", together(*many(3)))
    (orders_folder / KillPoint.IMPORT_COMMITTED).write_text("here")
    assert home.ctl("import", source, environment={VARIABLE: str(orders_folder)}).code == KILLED

    answer = bring(home, source)

    newest = backups.newest(home.backups)
    assert counts(answer) == (0, 3, 0, 0)
    assert newest is not None
    assert (newest.path.name, newest.count) == (answer["closing_backup"], 3)
    assert bring(home, source)["closing_backup"] is None


def test_the_reader_killed_once_costs_only_what_it_was_reading(
    home: Home, tmp_path: Path, orders_folder: Path
) -> None:
    source = put(tmp_path, "old.json", together(*many(20)))
    (orders_folder / KillPoint.SCENARIO_UNPACKED).write_text("here")

    answer = bring(home, source, environment={VARIABLE: str(orders_folder)})

    assert answer["added"] + answer["refused"] == 20
    assert answer["refused"] <= 1
    again = bring(home, source)
    assert counts(again) == (answer["refused"], answer["added"], 0, 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal_what_was_added_stays_and_it_goes_on_when_asked_again(
    home: Home, tmp_path: Path, number: signal.Signals, still: Standstill
) -> None:
    count = 5000
    source = put(tmp_path, "old.json", together(*many(count)))
    still.order(KillPoint.IMPORT_COMMITTED)
    process = begun(home, source, environment=still.environment)

    importing = still.wait_until_still(process.pid)  # the first batch is there
    os.killpg(process.pid, number)  # as a terminal does: the unpacker hears it too
    importing.resume()
    out, err = process.communicate()

    assert (process.returncode, err) == (20, b"")
    answer = json.loads(out)
    assert answer["interrupted"] is True
    assert answer["added"] == importer.BATCH_SCENARIOS
    assert home.ids() == ids(home) == [f"s-{n}" for n in range(1, answer["added"] + 1)]
    again = bring(home, source)
    assert (again["added"], again["already_added"]) == (count - answer["added"], answer["added"])


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        ({"all.json": 3}, ["0 of 3 scenarios done; reading all.json"]),
        (
            {"a.json": 1, "b.json": 2},
            ["0 of 1 scenarios done; reading a.json", "0 scenarios done; reading b.json"],
        ),
    ],
)
def test_progress_counts_scenarios_over_all_files(
    home: Home, monkeypatch: pytest.MonkeyPatch, files: dict[str, int], shown: list[str]
) -> None:
    for name, count in files.items():
        put(home.path / "drop", name, together(*many(count, prefix=name)))
    terminal_shown = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal_shown)
    monkeypatch.setattr(terminal, "PROGRESS_EVERY_S", 0.0)

    ctl.main(["--root", str(home.path), "import", str(home.path / "drop")])

    words = terminal_shown.getvalue().replace("\x1b[K", "").split("\r")
    last = "3 of 3 scenarios done; reading all.json" if len(files) == 1 else "3 scenarios done"
    assert words[1 : 1 + len(shown)] == shown
    assert words[-2].startswith(last)
