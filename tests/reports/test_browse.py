"""The scenarios to browse: all of them, found by id, answer and pack, and written only if new."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import makers, reporting
from support.html_page import Page, complaints

from scenariod.base.config import Config
from scenariod.library import Pack, voicing
from scenariod.library.voicing import Cast
from scenariod.reports import builder, folder, listing
from scenariod.voices.script import File, script_of

PAGE = "page-000001.html"


def made(tmp_path: Path, *documents: dict[str, object]) -> Config:
    config = reporting.root_with(tmp_path / "root", documents)
    reporting.report_on(config)
    return config


def page_of(config: Config, name: str = PAGE) -> Page:
    return Page(config.reports / "library" / name)


def inodes(config: Config) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in (config.reports / "library").iterdir()}


def test_every_scenario_is_on_a_page_and_in_the_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PAGE_ROWS", 10)
    config = made(tmp_path, *(reporting.document(n) for n in range(35)))

    names = sorted(inodes(config))
    pages = [page_of(config, name) for name in names if name.startswith("page-")]
    ids = {each for page in pages for each in page.values("id", tag="article")}
    listed = [page_of(config, name).words() for name in names if name.startswith("by-id-")]

    assert ids == {f"s-made-{n:05}" for n in range(35)}
    assert max(len(page.values("id", tag="article")) for page in pages) == 10
    assert all(any(f"made-{n:05}" in each for each in listed) for n in range(35))
    for name in names:
        page = page_of(config, name)
        assert (page.dangers(), page.broken_links()) == ([], [])
        assert complaints(page.path) == ""


def test_a_page_shows_a_scenario_with_weights_keywords_and_history(tmp_path: Path) -> None:
    config = made(tmp_path, reporting.document(3, text="PRIYA: Goose and geese.", claim="So be it"))

    text = (config.reports / "library" / PAGE).read_text()
    words = page_of(config).words()

    assert "<b><bdi>PRIYA</bdi>:</b> <mark>Goose</mark> and geese." in text
    assert "word 3 (not in the text)" in words
    assert "added by batch 1 (intake), from scenario-1.json" in words
    assert "So be it" in words
    assert [float(each) for each in page_of(config).values("width", tag="rect")] == [21, 52, 83, 13]


def test_a_page_shows_a_text_by_those_whom_voices_find(tmp_path: Path) -> None:
    text = (
        'Note: geese ahead.\n\nEmma Lee (whispers): "Hi!"\nAll is quiet.\n\nEmma: Geese: they fly.'
        "\nAnd so do I.\n\nZorp: Beep."
    )
    hints = {"characterVoices": {"Zorp": "metallic"}}
    config = made(tmp_path, reporting.document(3, text=text, audioHints=hints))

    names = re.findall("<b><bdi>(.*?)</bdi>", (config.reports / "library" / PAGE).read_text())
    spoken = script_of({"text": text, "audioHints": hints}).files[File.CONTENT]
    assert names == [line.speaker for line in spoken if line.speaker is not None]
    assert names == ["Emma Lee", "Emma Lee", "Zorp"]
    words = (
        "Note: geese ahead. Emma Lee (whispers): Hi! All is quiet. Emma Lee: Geese: they fly."
        " And so do I. Zorp: Beep."
    )
    assert words in page_of(config).words()


def test_once_it_was_spoken_a_page_tells_with_which_voices(tmp_path: Path) -> None:
    config = made(tmp_path, reporting.document(3, text="PRIYA: Hello."))
    assert "Who speaks, with which voice" not in page_of(config).words()
    spoken = Cast(
        scenario_id="made-00003",
        name="Priya",
        aliases=("Em",),
        kind="person",
        gender=None,
        evidence="",
        engine="flite",
        voice="slt",
        why="",
        is_certain=True,
    )
    with reporting.open_library(config) as library:
        voicing.record_cast(library, "made-00003", [spoken], kept={})

    builder.make(config)

    assert "Who speaks, with which voicePriya (slt)" in page_of(config).words()


def test_the_voices_that_are_there_can_be_played(tmp_path: Path) -> None:
    config = made(tmp_path, reporting.document(1), reporting.document(2))
    assert page_of(config).values("src") == []
    spoken = config.voices / "made-00002"
    spoken.mkdir(parents=True)
    (spoken / "content.mp3").write_bytes(b"mp3")
    reporting.report_on(config)

    (source,) = page_of(config).values("src", tag="audio")

    target = config.reports / "library" / source
    assert target.resolve() == (spoken / "content.mp3").resolve()


def test_scenarios_of_a_pack_are_listed_by_pack(tmp_path: Path) -> None:
    config = reporting.root_with(tmp_path / "root", [reporting.document(n) for n in range(4)])
    with reporting.open_library(config) as library:
        library.keep_pack(Pack("<geese>.json", "{}"), ["made-00001", "made-00003"])

    reporting.report_on(config)

    assert "<geese>.json: 2" in page_of(config, "by-pack.html").words()
    assert page_of(config).words().count("from the pack <geese>.json") == 2


def test_nothing_is_written_where_nothing_has_changed(tmp_path: Path) -> None:
    config = made(tmp_path, *(reporting.document(n) for n in range(5)))
    before = inodes(config)

    reporting.report_on(config)

    assert inodes(config) == before


def test_one_more_scenario_changes_its_page_and_what_leads_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PAGE_ROWS", 10)
    monkeypatch.setattr(listing, "_EVERY", 5)
    config = made(tmp_path, *(reporting.document(n) for n in range(95)))
    before = inodes(config)
    with reporting.open_library(config) as library:
        makers.add(library, reporting.content(reporting.document(500)))

    reporting.report_on(config)

    now = inodes(config)
    written = sorted(name for name in now if now[name] != before.get(name))
    assert [name for name in written if name.startswith("page-")] == ["page-000010.html"]
    assert len([name for name in written if name.startswith("by-id-")]) <= 2
    assert len(now) > 40


def test_a_page_whose_scenarios_are_gone_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PAGE_ROWS", 2)
    config = made(tmp_path, *(reporting.document(n) for n in range(2)))
    with reporting.open_library(config) as library:
        second = makers.add(library, *(reporting.content(reporting.document(n)) for n in (7, 8)))
    reporting.report_on(config)
    assert "page-000002.html" in inodes(config)
    with reporting.open_library(config) as library:
        library.undo(second, clock=makers.clock)

    reporting.report_on(config)

    names = inodes(config)
    assert "page-000002.html" not in names
    assert not any("made-00007" in page_of(config, name).text for name in names)


def test_a_text_of_a_megabyte_without_a_space_is_cut(tmp_path: Path) -> None:
    config = made(tmp_path, reporting.document(1, text="x" * (1 << 20)))

    assert (config.reports / "library" / PAGE).stat().st_size < 100_000
    assert "There is more: scenariodctl show made-00001" in page_of(config).words()


def test_files_of_the_report_are_for_all_who_may_enter_its_folder(tmp_path: Path) -> None:
    config = made(tmp_path, reporting.document(1))

    for path in config.reports.rglob("*.html"):
        assert path.stat().st_mode & 0o777 == 0o644
    assert (config.reports / "analytics.json").stat().st_mode & 0o777 == 0o644


def test_what_a_killed_builder_left_is_removed(tmp_path: Path) -> None:
    config = made(tmp_path, reporting.document(1))
    left = [config.reports / ".index.html.77.part", config.reports / "library" / ".x.html.77.part"]
    for path in left:
        path.write_text("cut o")

    reporting.report_on(config)

    assert not any(path.exists() for path in left)
