"""What the Node scripts that scenariod replaces got wrong, each as a promise."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support.home import POWERLESS, mounted
from support.scenarios import BOMB_LIMIT_MB, BOMB_OBJECTS, memory_bomb, scenario

from scenariod.base.killpoint import VARIABLE, KillPoint
from scenariod.monitoring import status

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path

    from support.home import Home

BROKEN = b'{"id": "broken",\n  nope}'


def test_of_two_files_both_are_added(home: Home) -> None:
    home.drop("scenario-1.json", scenario("first"))
    home.drop("scenario-2.json", scenario("second"))

    ended = home.once()

    assert ended.code == 0
    assert home.ids() == ["first", "second"]
    assert "batch 1: scenario-1.json, scenario-2.json" in ended.err


@pytest.mark.parametrize(("bad", "good"), [(1, 2), (2, 1)], ids=["first", "second"])
def test_one_of_a_pair_being_bad_never_harms_its_partner(home: Home, bad: int, good: int) -> None:
    home.drop(f"scenario-{bad}.json", BROKEN)
    home.drop(f"scenario-{good}.json", scenario("good"))

    ended = home.once()

    assert ended.code == 3
    assert home.ids() == ["good"]
    assert home.names("done") == [f"scenario-{good}.json"]
    assert home.names("failed") == [f"scenario-{bad}.json"]
    assert home.reason(f"scenario-{bad}.json")["code"] == "not-json"


@pytest.mark.parametrize("bad", [3, 4], ids=["first", "second"])
def test_a_bad_file_in_the_second_of_five_batches_stops_neither_its_partner_nor_the_next(
    home: Home, bad: int
) -> None:
    home.drop_many(range(1, 11))
    home.drop(f"scenario-{bad}.json", BROKEN)

    ended = home.once()

    good = [number for number in range(1, 11) if number != bad]
    assert ended.code == 3
    assert "batch 2: ok; 1 added, 1 refused" in ended.err
    assert "batch 5: ok; 2 added, 0 refused" in ended.err
    assert home.ids() == [f"s-{number}" for number in good]
    assert sorted(home.names("done")) == sorted(f"scenario-{number}.json" for number in good)
    assert home.names("failed") == [f"scenario-{bad}.json"]
    assert home.reason(f"scenario-{bad}.json")["problems"][0]["line"] == 2


def test_a_name_with_spaces_is_a_name(home: Home) -> None:
    content = scenario("spaced")
    home.drop("scenario-two  words .json", content)

    ended = home.once()

    assert ended.code == 0
    assert home.ids() == ["spaced"]
    assert (home.done / "scenario-two  words .json").read_bytes() == content


def test_a_weight_of_zero_is_a_weight(home: Home) -> None:
    weights = {"logic": 0, "emotion": 0, "balanced": 0, "agenda": 0}
    home.drop("scenario-1.json", scenario("zero", answerWeights=weights))

    ended = home.once()

    assert ended.code == 0
    assert home.scenarios()[0]["answerWeights"] == weights


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"null", "not-an-object"),
        (b"null\n", "not-an-object"),
        (scenario("nulled").replace(b'"A claim."', b"null"), "wrong-type"),
    ],
    ids=["alone", "as a line", "as a claim"],
)
def test_null_is_no_scenario_and_stops_nothing(home: Home, content: bytes, code: str) -> None:
    home.drop("scenario-1.json", content)
    home.drop("scenario-2.json", scenario("partner"))
    home.drop("scenario-3.json", scenario("next"))

    ended = home.once()

    assert ended.code == 3
    assert home.ids() == ["partner", "next"]
    assert home.reason("scenario-1.json")["code"] == code


@pytest.mark.parametrize("name", ["scenarios.db", "scenarios.json"])
def test_an_empty_library_file_is_an_empty_library(home: Home, name: str) -> None:
    home.library.mkdir()
    (home.library / name).touch()
    home.drop("scenario-1.json", scenario("first"))

    ended = home.once()

    assert ended.code == 0, ended.err
    assert home.ids() == ["first"]


DROPS = """
import os, sys
inbox, who = sys.argv[1:]
for number in range(8):
    content = sys.stdin.readline()
    if number % 2:  # as `mv` does
        with open(f"{inbox}/.{who}-{number}", "w") as file:
            file.write(content)
        os.rename(f"{inbox}/.{who}-{number}", f"{inbox}/scenario-{number}-{who}.json")
    else:  # as `cat >` does, the line in two pieces
        with open(f"{inbox}/scenario-{number}-{who}.json", "w") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            file.write(content[len(content) // 2 :])
"""


def test_two_who_drop_at_once_lose_nothing(home: Home) -> None:
    daemon = home.start()
    ids = {who: [f"{who}-{number}" for number in range(8)] for who in ("ann", "bob")}
    contents = {
        who: b"".join(json.dumps(json.loads(scenario(i))).encode() + b"\n" for i in known)
        for who, known in ids.items()
    }

    droppers = {
        who: subprocess.Popen(
            [sys.executable, "-c", DROPS, str(home.inbox), who], stdin=subprocess.PIPE
        )
        for who in ids
    }
    for who, dropper in droppers.items():
        with dropper:
            assert dropper.stdin is not None
            dropper.stdin.write(contents[who])
    daemon.wait_for_status(lambda s: s["added"] == 16 and s["state"] == "idle")
    daemon.wait_for("published 16 scenarios")

    assert [dropper.returncode for dropper in droppers.values()] == [0, 0]
    assert sorted(home.ids()) == sorted(ids["ann"] + ids["bob"])
    assert home.names("failed") == home.names("inbox") == []


def test_a_batch_takes_as_much_memory_beside_a_large_library_as_beside_an_empty_one(
    home: Home,
) -> None:
    home.configure(memory={"limit_mb": 256})
    home.drop("scenario-1.json", scenario("first"))
    home.once()
    for number in range(2, 8):
        home.drop(f"scenario-{number}.json", scenario(f"s{number}", text="x" * 7_000_000))
    home.once()
    home.drop("scenario-8.json", scenario("last"))

    ended = home.once()

    assert ended.code == 0
    assert len(home.ids()) == 8
    peaks = [_peak_mb(line) for line in ended.err.splitlines() if ": ok;" in line]
    assert len(peaks) == 1
    assert peaks[0] < 64


def _peak_mb(line: str) -> int:
    return int(line.partition("peak ")[2].split()[0])


def test_a_file_that_would_exhaust_the_memory_fails_alone(home: Home) -> None:
    home.configure(memory={"limit_mb": BOMB_LIMIT_MB})
    home.drop("scenario-1.json", memory_bomb("bomb"))
    home.drop("scenario-2.json", scenario("partner"))
    home.drop("scenario-3.json", scenario("next"))

    ended = home.once()

    assert ended.code == 3
    assert sorted(home.ids()) == ["next", "partner"]
    assert home.names("failed") == ["scenario-1.json"]
    assert "its 2 files run one at a time" in ended.err
    reason = home.reason("scenario-1.json")
    assert reason["code"] == "out-of-memory"
    assert reason["memory_limit_bytes"] == BOMB_LIMIT_MB << 20
    assert 40 << 20 < reason["memory_peak_bytes"] <= BOMB_LIMIT_MB << 20
    assert f"MB, limit {BOMB_LIMIT_MB} MB" in reason["message"]
    assert f"the file holds {BOMB_OBJECTS:,} ".replace(",", " ")[:-4] in reason["message"]
    assert reason["advice"] == "split it, or raise memory.limit_max_mb"
    assert reason["size_bytes"] > 3 * BOMB_OBJECTS
    assert os.listdir(home.work) == []


def test_a_second_run_adds_nothing_twice(home: Home) -> None:
    dropped = home.drop_many(range(1, 5))
    home.once()
    before = home.published.read_bytes()
    backups = os.listdir(home.backups)
    for name, content in dropped.items():
        home.drop(name, content)

    again = home.once()

    assert again.code == 0
    assert "4 already added" in again.out
    assert home.published.read_bytes() == before
    assert os.listdir(home.backups) == backups
    assert len(home.names("done")) == 8


def test_another_scenario_with_a_known_id_is_refused_and_changes_nothing(home: Home) -> None:
    home.drop("scenario-1.json", scenario("same", title="the first"))
    home.once()
    before = home.published.read_bytes()
    home.drop("scenario-2.json", scenario("same", title="another"))

    ended = home.once()

    assert ended.code == 3
    assert home.published.read_bytes() == before
    reason = home.reason("scenario-2.json")
    assert (reason["code"], reason["problems"][0]["field"]) == ("conflict", "id")
    assert '"same"' in reason["message"]


def test_there_is_a_backup_from_before_the_last_drain_and_it_brings_the_library_back(
    home: Home,
) -> None:
    home.drop("scenario-1.json", scenario("first"))
    home.once()
    before = home.published.read_bytes()
    home.drop("scenario-2.json", scenario("second"))
    home.once()

    _, former, latest = sorted(home.backups.glob("scenarios-backup-*.json"))
    kept = [json.loads(path.read_bytes())["scenarios"] for path in (former, latest)]
    restored = home.ctl("restore", former.name)

    assert [[found["id"] for found in each] for each in kept] == [["first"], ["first", "second"]]
    assert restored.code == 0
    assert home.published.read_bytes() == before


def test_programs_find_whole_json_in_the_library_at_any_moment(home: Home) -> None:
    home.drop("scenario-0.json")
    daemon = home.start()
    daemon.wait_for("published 1 scenarios")
    home.drop_many(range(1, 9))
    counts, tick = set(), threading.Event()

    while status.ask(home.socket) is not None and len(home.names("done")) < 9:
        counts.add(len(json.loads(home.published.read_bytes())["scenarios"]))
        tick.wait(0.01)
    daemon.wait_for("published 9 scenarios")

    assert counts <= set(range(1, 10))
    assert len(home.ids()) == 9


def test_unknown_fields_and_exact_numbers_are_kept_as_they_were_dropped(home: Home) -> None:
    content = (
        scenario("exact")
        .replace(b"12.5", b"12.50")
        .replace(b"{", b'{\n  "x": [1.0e300, 9007199254740993],', 1)
    )
    home.drop("scenario-1.json", content)

    home.once()

    assert content.strip() in home.published.read_bytes()
    assert (home.done / "scenario-1.json").read_bytes() == content


def test_all_of_it_works_without_roots_power(home: Home) -> None:
    home.drop("scenario-1.json", scenario("good"))
    home.drop("scenario-2.json", BROKEN)

    ended = home.once(before=POWERLESS)

    assert ended.code == 3
    assert home.ids() == ["good"]


# Writing: what the scripts tore, and then restored


def test_killed_in_the_middle_of_a_write_the_library_is_whole_and_a_start_goes_on(
    home: Home, tmp_path: Path
) -> None:
    home.drop("scenario-1.json")
    assert home.once().code == 0
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / KillPoint.LIBRARY_BEING_PUBLISHED).touch()
    home.drop("scenario-2.json")

    killed = home.once(environment={VARIABLE: str(orders)})

    assert killed.code == -signal.SIGKILL
    assert home.ids() == ["scenario-1"]
    assert home.once().code == 0
    assert home.ids() == ["scenario-1", "scenario-2"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_where_the_disk_for_backups_is_full_nothing_is_added_until_there_is_room(
    home: Home,
) -> None:
    home.drop("scenario-1.json")
    assert home.once().code == 0
    with mounted("-t", "tmpfs", "-o", "size=4k", "scenariod-test", at=home.backups):
        home.drop("scenario-2.json", scenario("two", text="x" * 9000))

        stopped = home.once(before=POWERLESS)
        added = home.ctl("list", "--json").json()
        left = sorted(path.name for path in home.backups.glob("*.json"))

    assert stopped.code == 17, stopped.err
    assert "No space left on device" in stopped.err
    assert [each["id"] for each in added] == ["scenario-1"]
    assert left == []
    assert home.once().code == 0
    assert home.ids() == ["scenario-1", "two"]


def test_a_torn_backup_is_never_restored_over_a_good_library(home: Home) -> None:
    home.drop("scenario-1.json")
    assert home.once().code == 0
    newest = max(home.backups.glob("scenarios-backup-*.json"))
    newest.write_bytes(newest.read_bytes()[:-10])

    restored = home.ctl("restore", "latest")

    assert restored.code == 16
    assert "it is cut off" in restored.err
    assert home.ids() == ["scenario-1"]
    assert [each["id"] for each in home.ctl("list", "--json").json()] == ["scenario-1"]
