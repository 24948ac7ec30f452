"""How a wrong command line is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenariod.base.arguments import Parser
from scenariod.base.errors import UsageError
from scenariod.daemon.main import main


@pytest.fixture
def parser() -> Parser:
    made = Parser(prog="program")
    made.add_argument("--root", type=Path)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    copy = commands.add_parser("copy")
    copy.add_argument("--output", type=Path, metavar="DIR")
    copy.add_argument("source", nargs="?", metavar="FILE")
    return made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["cpoy"], "unknown COMMAND 'cpoy' (did you mean copy?)"),
        (["remove"], "unknown COMMAND 'remove' (choose from copy)"),
        (["--rot", "/r", "copy"], "unknown argument --rot (did you mean --root?)"),
        (["--root", "/r", "--roo=/r", "copy"], "unknown argument --roo=/r (did you mean --root?)"),
        (["copy", "--outptu", "a"], "unknown argument --outptu (did you mean --output?)"),
        (["copy", "--outptu=a"], "unknown argument --outptu=a (did you mean --output?)"),
        (["copy", "--out", "a"], "unknown argument --out (did you mean --output?)"),
        (["copy", "a", "b"], "unknown argument b"),
        (["copy", "--output", ""], "the value of --output is empty; is a variable not set?"),
        (["copy", "--output="], "the value of --output is empty; is a variable not set?"),
        (["copy", ""], "the value of FILE is empty; is a variable not set?"),
        (["copy", "--output"], "argument --output: expected one argument"),
    ],
)
def test_what_is_wrong_is_named(parser: Parser, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parser.parse_args(arguments)

    assert str(caught.value) == message


def test_the_hint_is_the_help_of_the_command_that_was_wrong(parser: Parser) -> None:
    with pytest.raises(UsageError) as caught:
        parser.parse_args(["copy", "--nothing"])

    assert caught.value.hint == "see `program copy --help`"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--onc"], "unknown argument --onc (did you mean --once?)"),
        (["--root", ""], "the value of --root is empty"),
        (["--config="], "the value of --config is empty"),
    ],
)
def test_the_daemon_is_as_strict(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
