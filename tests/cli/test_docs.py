"""The manual says what the code does: every code, setting, option and field is in its page."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tomli
from support.home import DEADLINE_S

from scenariod.base import config, settings
from scenariod.base.errors import EXIT_CODE_MEANING, ExitCode
from scenariod.cli import main as ctl
from scenariod.cli.commands import COMMANDS, Command
from scenariod.daemon import main as daemon
from scenariod.daemon import settle
from scenariod.library import Library
from scenariod.monitoring import status
from scenariod.monitoring.counts import Counts
from scenariod.monitoring.journal import Event
from scenariod.validation.problems import Reason

TOP = Path(__file__).parents[2]
MAN = TOP / "docs" / "man"
DAEMON_PAGE = MAN / "scenariod.8"
CTL_PAGE = MAN / "scenariodctl.1"
CONFIG_PAGE = MAN / "scenariod.toml.5"
PAGES = [DAEMON_PAGE, CTL_PAGE, CONFIG_PAGE]
CATALOG = TOP / "systemd" / "scenariod.catalog"
UNITS = [TOP / "systemd" / folder / "scenariod.service" for folder in ("", "user")]
SHIPPED_CONFIG = TOP / "config" / "scenariod.toml"
MARKDOWN = [TOP / "README.md", TOP / "CHANGELOG.md", *sorted((TOP / "docs").glob("*.md"))]

PARSERS = [(DAEMON_PAGE, daemon._parser()), (CTL_PAGE, ctl._parser())]


def items(page: Path) -> dict[str, str]:
    """Return what each `.It` of a page is about, and its text."""
    found = re.split(r"^\.It +(.*)\n", page.read_text(), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def defined(page: Path, macro: str) -> set[str]:
    """Return the words that the `.It`s of a page give to `macro`, at their start."""
    heads = [head for head in items(page) if head.startswith(f"{macro} ")]
    return {word for head in heads for word in head.removeprefix(f"{macro} ").split(" , ")}


def options(parser: argparse.ArgumentParser) -> set[str]:
    found = {option for action in parser._actions for option in action.option_strings}
    return found.union(*(options(sub) for sub in commands(parser).values()))


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    subs = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return {name: sub for action in subs for name, sub in action.choices.items()}


def documented_options(page: Path) -> set[str]:
    heads = [head for head in items(page) if head.startswith("Fl ")]
    return {f"-{name}" for head in heads for name in re.findall(r"Fl (\S+)", head)}


def told_fields() -> dict[Event, set[str]]:
    """Return the journal fields that the code gives to each kind of event."""
    found: dict[Event, set[str]] = {event: set() for event in Event}
    for module in sorted((TOP / "scenariod").rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and node.args and _name(node.func) == "tell":
                given = {f"SCENARIOD_{k.arg.upper()}" for k in node.keywords if k.arg}
                for event in _events(node.args[0]):
                    found[event] |= given
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _events(node: ast.expr) -> list[Event]:
    if isinstance(node, ast.Attribute) and _name(node.value) == "Event":
        return [Event[node.attr]]
    if isinstance(node, ast.Subscript) and _name(node.value) == "_EVENT_OF":
        return list(settle._EVENT_OF.values())
    assert _name(node) == "event", f"no kind of event is known for {ast.unparse(node)}"
    return []


def all_told_fields() -> set[str]:
    return set().union(*told_fields().values())


def catalog() -> dict[str, tuple[dict[str, str], str]]:
    """Return header and text of each entry of the catalog, by MESSAGE_ID."""
    found = re.split(r"^-- (\S+)\n", CATALOG.read_text(), flags=re.MULTILINE)
    entries = {}
    for message_id, entry in zip(found[1::2], found[2::2], strict=True):
        assert message_id not in entries, f"{message_id} is in the catalog twice"
        header, _, text = entry.partition("\n\n")
        entries[message_id] = (dict(h.split(": ", 1) for h in header.splitlines()), text)
    return entries


def setting_defaults() -> dict[str, Any]:
    checked = config.load(config=None, root=Path("/nonexistent"), cwd=Path("/"))
    return {key: value for key, value in config.settings(checked).items() if key != "root"}


def as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


# Exit codes


def test_every_exit_code_has_a_meaning() -> None:
    assert set(EXIT_CODE_MEANING) == set(ExitCode)


@pytest.mark.parametrize("page", [DAEMON_PAGE, CTL_PAGE], ids=lambda page: page.name)
def test_a_page_lists_every_exit_code_with_its_meaning_and_no_other(page: Path) -> None:
    listed = {int(h): t.splitlines()[0] for h, t in items(page).items() if h.isdecimal()}

    assert listed == {code.value: meaning for code, meaning in EXIT_CODE_MEANING.items()}


@pytest.mark.parametrize("unit", UNITS, ids=["system", "user"])
def test_the_page_of_the_daemon_tells_after_which_codes_the_service_is_not_started_again(
    unit: Path,
) -> None:
    told = re.search(r"any other code than ([\d, and]+),\nevery five sec", DAEMON_PAGE.read_text())
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), flags=re.MULTILINE))

    assert told is not None
    assert re.findall(r"\d+", told[1]) == ["0", *settings["RestartPreventExitStatus"].split()]
    assert settings["RestartSec"] == "5"
    assert settings["StartLimitIntervalSec"] == "0"  # "however often"


# Settings


def test_the_configuration_page_lists_every_setting_and_no_other() -> None:
    assert defined(CONFIG_PAGE, "Cm") == set(config.known_keys())


@pytest.mark.parametrize(("key", "default"), setting_defaults().items())
def test_the_configuration_page_tells_the_default_of_a_setting(key: str, default: object) -> None:
    assert f"Default: {as_toml(default)}\n" in items(CONFIG_PAGE)[f"Cm {key}"] + "\n"


@pytest.mark.parametrize("key", setting_defaults())
def test_the_configuration_page_tells_the_bounds_of_a_setting(key: str) -> None:
    section, name = key.split(".")
    allowed = settings.bounds(type(getattr(config._File(), section)), name)

    if allowed.ge is not None:
        assert f"\n{allowed.ge} to {allowed.le}" in items(CONFIG_PAGE)[f"Cm {key}"]


def test_the_configuration_page_tells_what_the_unit_needs_for_another_root() -> None:
    lines = UNITS[0].read_text().splitlines()
    of_the_root = {line.removesuffix("=/var/lib/scenariod") for line in lines} - {*lines}

    told = set(re.findall(r"^(\w+)=DIR$", items(CONFIG_PAGE)["Cm root"], flags=re.MULTILINE))

    assert of_the_root == {"RequiresMountsFor", "ReadWritePaths"} == told


def test_the_configuration_page_has_each_setting_in_its_section() -> None:
    sections = re.split(r"^\.Ss \[(.+)\] section\n", CONFIG_PAGE.read_text(), flags=re.MULTILINE)
    listed = {
        section: {
            key.partition(".")[0] for key in re.findall(r"^\.It Cm (.+)$", text, re.MULTILINE)
        }
        for section, text in zip(sections[1::2], sections[2::2], strict=True)
    }

    assert listed == {section: {section} for section in listed}


def test_the_shipped_configuration_shows_every_setting_commented_with_its_default() -> None:
    text = SHIPPED_CONFIG.read_text()
    uncommented = re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE)

    shown = tomli.loads(uncommented)

    assert shown.pop("root") == str(config.SYSTEM_ROOT)
    assert {
        f"{section}.{key}": value for section, keys in shown.items() for key, value in keys.items()
    } == setting_defaults()
    assert all(not keys for keys in tomli.loads(text).values())


# Commands and options


@pytest.mark.parametrize(("page", "parser"), PARSERS, ids=lambda value: getattr(value, "name", ""))
def test_a_page_lists_every_option_of_its_command_and_no_other(
    page: Path, parser: argparse.ArgumentParser
) -> None:
    assert documented_options(page) == options(parser)


def test_the_page_of_scenariodctl_lists_every_command_with_its_argument() -> None:
    heads = items(CTL_PAGE)

    found = commands(ctl._parser())
    found |= {
        f"{name} {part}": p for name, sub in found.items() for part, p in commands(sub).items()
    }
    for name, parser in found.items():
        arguments = [
            a
            for a in parser._actions
            if not a.option_strings and not isinstance(a, argparse._SubParsersAction)
        ]
        words = [f" {c}" for a in arguments for c in a.choices or ()]
        names = [f" Ar {a.metavar}" for a in arguments if a.metavar]
        assert f"Cm {name}{''.join(words)}{''.join(names)}" in heads


def test_the_page_of_scenariodctl_names_every_field_of_the_status() -> None:
    text = items(CTL_PAGE)["Cm status"] + CTL_PAGE.read_text().partition(".Ss JSON documents")[2]

    for record in (status.Status, Counts, status.Running, status.Memory):
        for name in set(record.__annotations__) - {"counts"}:
            assert re.search(rf"\b{name}\b", text), name
    assert all(str(state) in text for state in status.State if state.value != "none")


def test_the_page_of_scenariodctl_names_every_key_of_an_answer() -> None:
    text = CTL_PAGE.read_text().partition(".Ss JSON documents")[2].partition("\n.Sh ")[0]
    written_down = {"words"}  # of a refusal, for the lines that people read
    keys = {
        key.value
        for module in sorted((TOP / "scenariod" / "cli").glob("*.py"))
        if module.name not in {"commands.py", "main.py"}  # theirs are of argparse
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }

    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} == written_down


# The journal


def test_the_page_of_the_daemon_lists_every_message_id_and_journal_field_and_no_other() -> None:
    message_ids = {event.message_id for event in Event}
    listed = defined(DAEMON_PAGE, "Dv")

    assert {name for name in listed if re.fullmatch("[0-9a-f]{32}", name)} == message_ids
    assert {name for name in listed if name.startswith("SCENARIOD_")} == all_told_fields()


def test_the_catalog_has_one_entry_for_each_message_id() -> None:
    entries = catalog()

    assert set(entries) == {event.message_id for event in Event}
    for header, text in entries.values():
        assert header["Defined-By"] == "scenariod"
        assert header["Subject"]
        assert (MAN / _page_of(header["Documentation"])).exists()
        assert text.strip()


def _page_of(reference: str) -> str:
    return re.sub(r"^man:(.+)\((\d)\)$", r"\1.\2", reference)


def test_an_entry_of_the_catalog_uses_only_fields_that_its_event_has() -> None:
    told = told_fields()

    for event in Event:
        assert catalog_fields(event) <= told[event], event.name


def test_every_journal_field_is_used_in_the_catalog() -> None:
    assert set().union(*(catalog_fields(event) for event in Event)) == all_told_fields()


def catalog_fields(event: Event) -> set[str]:
    header, text = catalog()[event.message_id]
    return set(re.findall("@([A-Z_]+)@", header["Subject"] + text))


def test_journalctl_takes_the_catalog_where_there_is_a_journalctl(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    shutil.copy(CATALOG, folder)

    if shutil.which("journalctl") is not None:
        updated = run("journalctl", f"--root={tmp_path}", "--update-catalog")
        listed = run("journalctl", f"--root={tmp_path}", "--list-catalog")

        assert updated.stderr == ""
        assert len(listed.stdout.splitlines()) == len(Event)


# Refused files


def test_the_page_of_the_daemon_explains_every_reason_code_and_no_other() -> None:
    codes = DAEMON_PAGE.read_text().partition("The codes:\n")[2].partition("\n.El\n")[0]

    assert re.findall(r"^\.It Cm (\S+)$", codes, flags=re.MULTILINE) == [str(r) for r in Reason]


# The rest of the documentation


def test_the_architecture_lists_every_package_and_no_other() -> None:
    text = (TOP / "docs" / "ARCHITECTURE.md").read_text().partition("| Package |")[2]

    listed = re.findall(r"^\| `([a-z_]+)/` \|", text, flags=re.MULTILINE)

    assert sorted(listed) == sorted(p.parent.name for p in TOP.glob("scenariod/*/__init__.py"))


@pytest.mark.parametrize(
    "init",
    sorted((TOP / "scenariod").glob("*/**/__init__.py")),
    ids=lambda init: init.parent.relative_to(TOP).as_posix(),
)
def test_a_package_lists_every_module_of_it_and_no_other(init: Path) -> None:
    text = ast.get_docstring(ast.parse(init.read_text())) or ""
    modules = {p.stem for p in init.parent.glob("*.py") if p != init}
    subpackages = {p.parent.name for p in init.parent.glob("*/__init__.py")}

    listed = re.findall(r"^- `([a-z0-9_]+)`: ", text, flags=re.MULTILINE)

    assert sorted(listed) == sorted(modules | subpackages)


def test_the_picture_of_the_packages_shows_the_rule_of_imports() -> None:
    text = (TOP / "docs" / "ARCHITECTURE.md").read_text()
    picture = text.partition("```mermaid\n")[2].partition("```")[0]
    floors = re.findall(r"^    subgraph (\w+).*\n((?:.*\n)+?)    end$", picture, re.MULTILINE)
    rows = [set(re.findall(r"^        (\w+)\[", names, re.MULTILINE)) for _, names in floors]
    arrows = re.findall(r"^    (\w+) --> (\w+)$", picture, re.MULTILINE)
    names = [name for name, _ in floors]

    contracts = tomli.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]
    (outer,) = (c for c in contracts["contracts"] if c.get("containers") == ["scenariod"])
    layers = [set(layer.split(" | ")) for layer in outer["layers"] if layer != "__main__"]

    assert rows == layers
    assert arrows == list(pairwise(names))


def test_the_library_page_lists_every_table_with_its_columns(tmp_path: Path) -> None:
    text = (TOP / "docs" / "LIBRARY.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| (.*) \|$", text, flags=re.MULTILINE)
    listed = {table: set(re.findall(r"`(\w+)`", columns)) for table, columns in rows}

    with closing(new_library(tmp_path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM pragma_table_list")]
        ours = [name for name in tables if not name.startswith("sqlite_")]
        columns = {t: {c[1] for c in db.execute(f"PRAGMA table_info({t})")} for t in ours}

    assert set(listed) == set(columns)
    assert all(columns[table] <= listed[table] for table in columns)


def test_every_query_of_the_library_page_runs(tmp_path: Path) -> None:
    lines = code_lines(TOP / "docs" / "LIBRARY.md")
    queries = [shlex.split(line)[-1] for line in lines if line.startswith("sqlite3 ")]

    with closing(new_library(tmp_path)) as db:
        for query in queries:
            db.execute(query).fetchall()

    assert len(queries) > 5


def new_library(folder: Path) -> sqlite3.Connection:
    Library.open(folder / "scenarios.db", busy_timeout_s=1).close()
    return sqlite3.connect(folder / "scenarios.db")


def code_lines(page: Path) -> list[str]:
    return [line.strip() for line in page.read_text().splitlines() if line.startswith("    ")]


def test_every_scenariodctl_command_that_is_shown_is_one() -> None:
    shown = [line for page in MARKDOWN for line in code_lines(page)]
    shown += [
        line for page in PAGES for line in re.findall(r"^\.Dl \$ (.*)$", page.read_text(), re.M)
    ]
    called = [re.search(r"scenariodctl ([^|&<>]*)", line) for line in shown]
    arguments = [shlex.split(call[1]) for call in called if call]

    for words in arguments:
        ctl._parser().parse_args(words)

    assert len(arguments) > 10


def test_every_command_has_something_that_answers_it() -> None:
    for command in commands_of_table():
        module, _, function = command.answerer.partition(":")
        answering = getattr(import_module(f"scenariod.cli.{module}"), function)

        assert len(inspect.signature(answering).parameters) == 2


def commands_of_table() -> list[Command]:
    return [each for command in COMMANDS for each in (command, *command.parts)]


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), flags=re.MULTILINE))
    named = {
        target
        for page in [*MARKDOWN, *PAGES]
        for target in re.findall(
            r"(?:^    (?:sudo )?|`(?:sudo )?|Ql )make ([a-z-]+)", page.read_text(), re.M
        )
    }

    assert {"run", "test", "install", "install-user", "uninstall"} <= named <= targets


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())

    for link in (link for link in links if "://" not in link):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*MARKDOWN, *PAGES, CATALOG], ids=lambda page: page.name)
def test_a_page_has_no_loose_ends(page: Path) -> None:
    text = page.read_text()

    assert text.endswith("\n")
    assert not re.search(r"[ \t]$", text, flags=re.MULTILINE)
    assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b|/home/|/root\b|/tmp/", text)


# The form of the manual pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_the_sections_that_readers_look_for(page: Path) -> None:
    sections = re.findall(r"^\.Sh (.+)$", page.read_text(), flags=re.MULTILINE)

    expected = ["NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "FILES", "EXIT STATUS"]
    assert [s for s in sections if s in expected] == expected
    assert {"EXAMPLES", "SEE ALSO"} <= set(sections)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_closes_what_it_opens(page: Path) -> None:
    text = page.read_text()

    for opened, closed in (("Bl", "El"), ("Bd", "Ed")):
        counts = [len(re.findall(rf"^\.{m}\b", text, flags=re.M)) for m in (opened, closed)]
        assert counts[0] == counts[1]
    assert text.splitlines()[1].startswith(".Dd ")
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_formatters_that_are_here_have_nothing_to_say_about_a_page(page: Path) -> None:
    formatters = [
        ("groff", "-mandoc", "-Tutf8", "-ww", "-z"),
        ("mandoc", "-Tlint", "-Wwarning"),
    ]

    for command in formatters:
        if shutil.which(command[0]) is not None:
            result = run(*command, str(page))
            assert (result.stdout, result.stderr) == ("", "")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
