"""Where a key is looked for, and that it does not show itself."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from scenariod.voices.engines import elevenlabs, openai
from scenariod.voices.engines.engine import EngineUnavailableError
from scenariod.voices.engines.secret import CREDENTIAL, VARIABLE, Secret, find_key

TOP = Path(__file__).parents[3]

USUAL = "ELEVENLABS_API_KEY"


def found(environment: dict[str, str]) -> str | None:
    key = find_key(environment, usual_variable=USUAL)
    return None if key is None else key.reveal()


def with_credential(tmp_path: Path, content: bytes) -> dict[str, str]:
    (tmp_path / "voices-key").write_bytes(content)
    return {"CREDENTIALS_DIRECTORY": str(tmp_path)}


def test_the_credential_comes_first_then_our_variable_then_the_usual_one(tmp_path: Path) -> None:
    usual = {USUAL: "usual"}
    ours = usual | {"SCENARIOD_VOICES_KEY": "ours"}

    assert found({}) is None
    assert found(usual) == "usual"
    assert found(ours) == "ours"
    assert found(ours | with_credential(tmp_path, b"credential\n")) == "credential"


def test_other_credentials_of_the_service_do_not_hide_the_environment(tmp_path: Path) -> None:
    assert found({"CREDENTIALS_DIRECTORY": str(tmp_path), USUAL: "usual"}) == "usual"


def test_a_blank_variable_is_none() -> None:
    assert found({"SCENARIOD_VOICES_KEY": " ", USUAL: " usual "}) == "usual"


@pytest.mark.parametrize("content", [b"key", b"key\n", b" key\r\n\r\n", b"\xef\xbb\xbfkey\n"])
def test_what_an_editor_adds_to_the_key_is_left_out(tmp_path: Path, content: bytes) -> None:
    assert found(with_credential(tmp_path, content)) == "key"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"one\ntwo\n", "more than one line"),
        (b"KEY=one two", "characters that no key has"),
        (b"caf\xc3\xa9", "characters that no key has"),
        (b"\xff\xfek\0e\0y\0", "characters that no key has"),
        (b"x" * 10_000, "is too long"),
    ],
)
def test_a_file_that_holds_no_key_is_refused_without_showing_it(
    tmp_path: Path, content: bytes, why: str
) -> None:
    with pytest.raises(EngineUnavailableError, match=why) as raised:
        found(with_credential(tmp_path, content))

    assert str(tmp_path / "voices-key") in str(raised.value)
    assert "docs/VOICES.md" in raised.value.hint
    assert "one" not in str(raised.value).replace("more than one line", "")


def test_a_variable_that_holds_no_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match="variable SCENARIOD_VOICES_KEY"):
        found({"SCENARIOD_VOICES_KEY": "a b"})


def test_a_folder_in_the_place_of_the_key_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "voices-key").mkdir()

    with pytest.raises(EngineUnavailableError, match="cannot read the key") as raised:
        found({"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert str(tmp_path / "voices-key") in raised.value.hint + str(raised.value)
    assert raised.value.__context__ is None


def test_the_drop_in_and_the_page_name_the_key_as_it_is_looked_for() -> None:
    drop_in = (TOP / "systemd" / "voices-network.conf").read_text()
    page = (TOP / "docs" / "VOICES.md").read_text()
    unit = (TOP / "systemd" / "scenariod.service").read_text()

    assert f"\nLoadCredential={CREDENTIAL}:/etc/scenariod/voices-key\n" in drop_in
    assert "\nRestrictAddressFamilies=AF_INET AF_INET6\n" in drop_in
    assert "\nRestrictAddressFamilies=AF_UNIX\n" in unit
    for name in (CREDENTIAL, VARIABLE, elevenlabs.USUAL_VARIABLE, openai.USUAL_VARIABLE):
        assert f"`{name}`" in page
    commands = [line[1:].strip() for line in drop_in.splitlines() if line.startswith("#     sudo")]
    assert len(commands) == 4
    assert all(f"    {command}\n" in page for command in commands)


def test_a_key_hides_itself() -> None:
    secret = Secret("sk-123")

    shown = f"{secret} {secret!r} {[secret]} {secret!s:>30}"

    assert "sk-123" not in shown
    assert secret.hide_in("you sent sk-123.") == "you sent [the key]."
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_text_with_a_space_or_a_newline_is_no_key() -> None:
    for text in ("", "a b", "a\n", "é"):
        with pytest.raises(EngineUnavailableError):
            Secret(text)
