"""The report is made by a process of its own, limited, and gives way at once."""

from __future__ import annotations

import errno
import fcntl
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from support import makers, reporting
from support.scenarios import BOMB_LIMIT_MB, memory_bomb

from scenariod.base import durable
from scenariod.base.config import Config, Memory
from scenariod.base.errors import ExitCode, NotEnoughMemoryError
from scenariod.base.value import replace
from scenariod.reports import builder, folder, making
from scenariod.reports.making import Making, ReportError
from scenariod.workers.outcome import EXIT_NO_LIMIT


@pytest.fixture
def config(tmp_path: Path) -> Config:
    documents = [reporting.document(n) for n in range(5)]
    found = reporting.root_with(tmp_path / "root", documents)
    return replace(found, memory=Memory(reserve_mb=0))


def test_a_report_is_made_by_another_process(config: Config) -> None:
    made = Making(config).run()

    assert made is not None
    assert (made.scenarios, made.pages) == (5, 1)
    assert folder.made_at(config.reports) is not None


def test_one_that_is_stopped_before_it_begins_makes_nothing(config: Config) -> None:
    making = Making(config)
    making.stop()

    assert making.run() is None
    assert not config.reports.exists()


def test_one_that_is_stopped_ends_at_once(config: Config) -> None:
    config.reports.mkdir()
    making = Making(config)
    results: list[object] = []
    with (config.reports / folder.LOCK_FILE).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # it waits for that, so it cannot be done before
        thread = threading.Thread(target=lambda: results.append(making.run()))
        thread.start()
        while making._process is None:
            thread.join(0.01)
        making.stop()
        thread.join(30)

    assert results == [None]
    assert not (config.reports / "index.html").exists()


def test_two_at_a_time_are_one_too_many(config: Config) -> None:
    config.reports.mkdir()
    with (config.reports / folder.LOCK_FILE).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with pytest.raises(ReportError) as error:
            Making(config).run()

    assert error.value.exit_code is ExitCode.LIBRARY_LOCKED
    assert "fuser" in error.value.hint


def test_without_a_library_there_is_no_report(config: Config) -> None:
    config.database.unlink()

    with pytest.raises(ReportError, match="there is no library") as error:
        Making(config).run()

    assert error.value.exit_code is ExitCode.NOT_FOUND


def test_a_folder_that_cannot_be_made_is_told_of(config: Config) -> None:
    config.reports.write_text("in the way")

    with pytest.raises(OSError, match="reports") as error:
        Making(config).run()

    assert error.value.errno == errno.EEXIST


def test_a_machine_without_memory_to_spare_makes_none(config: Config) -> None:
    full = replace(config, memory=Memory(reserve_mb=1 << 20))

    with pytest.raises(NotEnoughMemoryError, match="a report needs"):
        Making(full).run()


def test_a_builder_without_a_limit_reads_nothing(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(builder, "set_rlimits", lambda _: "setrlimit failed")
    monkeypatch.setattr(builder, "die_with", lambda _: None)
    monkeypatch.setattr(builder, "drop_capabilities", lambda: None)

    status = builder.main(["--root", str(config.root), "--parent", "1", "--limit-bytes", "1"])

    assert status == EXIT_NO_LIMIT
    assert not config.reports.exists()
    assert "setrlimit failed" in capsys.readouterr().out


@pytest.mark.slow
def test_a_scenario_that_does_not_fit_into_the_memory_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reporting.root_with(tmp_path / "root", [reporting.document(1)])
    with reporting.open_library(found) as library:
        makers.add(library, memory_bomb("bomb"))
    monkeypatch.setattr(making, "LIMIT_BYTES", (BOMB_LIMIT_MB + 16) << 20)

    made = Making(replace(found, memory=Memory(reserve_mb=0))).run()

    assert made is not None
    said = json.loads((found.reports / "analytics.json").read_bytes())
    assert [each["id"] for each in said["attention"]["left_out"]["worst"]] == ["bomb"]
    assert "too large" in (found.reports / "library" / "page-000001.html").read_text()


def contents(config: Config) -> dict[str, bytes]:
    """Return the report's files but for the times at which it was made."""
    paths = [config.reports / "analytics.json", *config.reports.rglob("*.html")]
    found = {str(path.relative_to(config.reports)): path.read_bytes() for path in paths}
    return {
        name: re.sub(rb"20[0-9]{2}-[0-9-]{5}[T ][0-9:]{5,8}", b"", v) for name, v in found.items()
    }


@pytest.mark.slow
def test_cut_off_at_any_file_it_goes_on_from_there(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporting.report_on(config)
    whole = contents(config)
    replacing, cut_at = durable.replacing, 0

    @contextmanager
    def cut_off(path: Path, **options: Any) -> Iterator[BinaryIO]:
        nonlocal cut_at
        cut_at -= 1
        with replacing(path, **options) as file:
            yield file
            if cut_at == 0:
                raise KeyboardInterrupt

    monkeypatch.setattr(durable, "replacing", cut_off)
    for number in range(1, len(whole) + 2):
        shutil.rmtree(config.reports)
        cut_at = number
        with pytest.raises(KeyboardInterrupt):
            builder.make(config)
        if (config.reports / "analytics.json").exists():
            assert contents(config).items() <= whole.items()

        cut_at = 0
        builder.make(config)

        assert contents(config) == whole
