from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import tomli

from scenariod.base import config
from scenariod.base.config import Config, known_keys, load, load_for_command, usual_places
from scenariod.base.errors import ConfigError, ExitCode

DEFAULTS = {
    "intake.batch_size": 2,
    "intake.pair_wait_s": 5.0,
    "intake.settle_s": 2.0,
    "intake.watch": "auto",
    "intake.rescan_s": 30.0,
    "intake.poll_s": 5.0,
    "intake.max_scenario_bytes": 8 << 20,
    "worker.launcher": "auto",
    "worker.start": "auto",
    "worker.workers": "auto",
    "worker.timeout_s": 600.0,
    "worker.ready_timeout_s": 120.0,
    "worker.stop_grace_s": 30.0,
    "worker.tasks_max": 32,
    "memory.limit_mb": "auto",
    "memory.limit_max_mb": "auto",
    "memory.allow_over_4096_mb": False,
    "memory.soft_limit_percent": 70,
    "memory.reserve_mb": "auto",
    "library.busy_timeout_s": 30.0,
    "library.on_conflict": "refuse",
    "library.auto_restore": True,
    "backups.every": "auto",
    "backups.small_mb": 16,
    "backups.max_age_h": 24,
    "backups.growth": 0.1,
    "retention.done_age_days": 90,
    "retention.done_count": 100_000,
    "retention.failed_age_days": "off",
    "retention.failed_count": "off",
    "backups.keep_last": 10,
    "backups.keep_hourly": 24,
    "backups.keep_daily": 7,
    "backups.keep_weekly": 5,
    "backups.keep_monthly": 12,
    "backups.max_total_mb": 8192,
    "voices.engine": "off",
    "voices.narrator": "",
    "voices.cast": {},
    "voices.limit_mb": "auto",
    "voices.timeout_s": 21600.0,
    "voices.model": "",
    "voices.base_url": "",
    "voices.voices": [],
    "voices.rate_hz": 24_000,
    "voices.weights": "",
    "voices.credits_per_month": "off",
    "voices.price_per_1000": 0.0,
}
SHIPPED = Path(__file__).parents[2] / "config" / "scenariod.toml"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def load_text(folder: Path, text: str) -> Config:
    return load(config=write(folder / "c.toml", text), root=None, cwd=folder)


def test_without_a_file_every_setting_has_its_default(tmp_path: Path) -> None:
    loaded = load(config=None, root=tmp_path, cwd=tmp_path)

    assert config.settings(loaded) == {"root": str(tmp_path), **DEFAULTS}
    assert loaded.source is None


def test_the_shipped_file_is_valid_and_changes_nothing() -> None:
    loaded = load(config=SHIPPED, root=None, cwd=Path("/"))

    assert config.settings(loaded) == {"root": str(SHIPPED.parent.parent), **DEFAULTS}


def test_the_shipped_file_shows_every_key_with_its_true_default(tmp_path: Path) -> None:
    lines = SHIPPED.read_text().splitlines()
    shown = [
        line.removeprefix("# ")
        for line in lines
        if line.startswith("[") or (line.startswith("# ") and " = " in line[:24])
    ]

    document = tomli.loads("\n".join(shown))
    loaded = load_text(tmp_path, "\n".join(line for line in shown if "root =" not in line))

    sections = {k: v for k, v in document.items() if isinstance(v, dict)}
    keys = {f"{name}.{key}" for name, keys in sections.items() for key in keys}
    assert keys | {"root"} == set(known_keys())
    assert config.settings(loaded) | {"root": ""} == {"root": "", **DEFAULTS}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[intake]\nbatchsize = 3",
            "unknown key intake.batchsize (did you mean intake.batch_size?)",
        ),
        ("[intake]\npair_wait = 3", "did you mean intake.pair_wait_s?"),
        ("[memory]\nlimit = 3", "did you mean memory.limit_mb?"),
        ("colour = 3", "unknown key colour"),
        ("[wroker]\ntimeout_s = 3", "unknown key wroker"),
        (
            "[intake]\nbatch_size = 9",
            "intake.batch_size = 9: should be less than or equal to 8",
        ),
        (
            "[intake]\nbatch_size = 0",
            "intake.batch_size = 0: should be greater than or equal to 1",
        ),
        ('[intake]\nbatch_size = "2"', 'intake.batch_size = "2": should be a valid integer'),
        ("[intake]\nbatch_size = 2.0", "intake.batch_size = 2.0: should be a valid integer"),
        ("[intake]\nbatch_size = true", "intake.batch_size = true: should be a valid integer"),
        ("[intake]\nsettle_s = nan", "intake.settle_s = nan: "),
        ("[intake]\npair_wait_s = inf", "intake.pair_wait_s = inf: "),
        (
            "[memory]\nlimit_mb = 8192",
            'memory.limit_mb = 8192: it must be "auto" or a number from 64 to 4096',
        ),
        ('[worker]\nlauncher = "docker"', """worker.launcher = "docker": should be 'auto' or """),
        (
            "[worker]\nworkers = 0",
            'worker.workers = 0: it must be "auto" or a number from 1 to 64',
        ),
        ('[worker]\nworkers = "many"', 'worker.workers = "many": it must be "auto" or a number'),
        ("[worker]\nworkers = true", 'worker.workers = true: it must be "auto" or a number'),
        ('intake = "fast"', 'intake = "fast": '),
        ("root = 7", "root = 7: should be a valid string"),
        ('root = ""', 'root = "": '),
        ('root = "a\\u0000b"', "NUL"),
        ("[intake\nbatch_size = 2", "is not TOML: "),
        ("[intake]\nbatch_size = 2\nbatch_size = 3", "is not TOML: "),
    ],
)
def test_a_bad_file_is_told_with_key_value_and_what_is_allowed(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)

    assert said in str(caught.value)
    assert str(tmp_path / "c.toml") in str(caught.value)
    assert "scenariodctl config check" in caught.value.hint
    assert caught.value.exit_code is ExitCode.CONFIG


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, "[intake]\nbatch_size = 9\nsetle_s = 1\n[memory]\nlimit_mb = 1")

    told = str(caught.value)
    assert "intake.batch_size" in told
    assert "intake.setle_s" in told
    assert "memory.limit_mb" in told


def test_a_hostile_value_is_told_in_a_way_that_is_safe_to_print(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, '[worker]\nlauncher = "\\u001b[2J"\n"\\u001bkey" = 1')

    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.write_bytes(b'root = "\xff"'), "line 1 of"),
    ],
    ids=["missing", "a folder", "not UTF-8"],
)
def test_a_file_that_is_named_and_cannot_be_read_is_an_error(
    tmp_path: Path, make: object, said: str
) -> None:
    path = tmp_path / "named.toml"
    assert callable(make)
    make(path)

    with pytest.raises(ConfigError) as caught:
        load(config=Path("named.toml"), root=None, cwd=tmp_path)

    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_roots_own_file_is_found_by_its_root(tmp_path: Path) -> None:
    own = write(tmp_path / "r" / "config" / "scenariod.toml", "[intake]\nbatch_size = 5")
    write(tmp_path / "config" / "scenariod.toml", "[intake]\nbatch_size = 7")

    loaded = load(config=None, root=Path("r"), cwd=tmp_path)

    assert (loaded.root, loaded.source) == (tmp_path / "r", own)
    assert loaded.intake.batch_size == 5


def test_in_a_checkout_its_own_file_is_found_and_the_checkout_is_the_root(tmp_path: Path) -> None:
    own = write(tmp_path / "config" / "scenariod.toml", "[intake]\nbatch_size = 7")
    places = usual_places(cwd=tmp_path, home=tmp_path / "home", prefix=tmp_path / ".venv")

    loaded = load(config=None, root=None, cwd=tmp_path, places=places)

    assert (loaded.root, loaded.source) == (tmp_path, own)


def test_the_installed_program_means_its_service_in_whatever_folder_one_stands() -> None:
    home, checkout = Path("/home/pi"), Path("/home/pi/src/scenariod")
    own_prefix = home / ".local" / "share" / "scenariod" / "venv"

    of_machine = usual_places(cwd=checkout, home=home, prefix=Path("/opt/scenariod"))
    of_user = usual_places(cwd=checkout, home=home, prefix=own_prefix)

    assert of_machine == (Path("/etc/scenariod/scenariod.toml"),)
    assert of_user[0] == home / "scenariod" / "config" / "scenariod.toml"


def test_a_relative_root_starts_at_the_file_and_the_command_line_wins(tmp_path: Path) -> None:
    file = write(tmp_path / "etc" / "s.toml", 'root = "../data"')

    from_file = load(config=file, root=None, cwd=Path("/"))
    from_line = load(config=file, root=Path("other"), cwd=tmp_path)

    assert from_file.root.resolve() == tmp_path / "data"
    assert from_line.root == tmp_path / "other"


def test_every_folder_lies_in_the_root(tmp_path: Path) -> None:
    loaded = load(config=None, root=tmp_path, cwd=Path("/"))

    paths = [
        *(loaded.inbox, loaded.work, loaded.done, loaded.failed, loaded.backups),
        *(loaded.database, loaded.published, loaded.socket, loaded.lock),
    ]
    assert all(path.is_relative_to(tmp_path) for path in paths)
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("text", ['intake = "fast"', 'root = "a\\u0000b"'])
def test_what_is_wrong_is_told_in_the_words_of_toml_and_not_of_python(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)

    told = str(caught.value)
    assert text.partition(" ")[0] + " = " in told
    assert "instance of" not in told
    assert "{'" not in told


def test_more_than_4096_mb_must_be_said_twice(tmp_path: Path) -> None:
    once = "[memory]\nlimit_max_mb = 6144\n"

    with pytest.raises(ConfigError, match=r"memory\.limit_max_mb = 6144: .*allow_over_4096_mb"):
        load_text(tmp_path, once)
    twice = load_text(tmp_path, once + "allow_over_4096_mb = true\n")

    assert twice.memory.limit_max_mb == 6144


# Encodings


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CR LF"])
def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path, end: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(f"\ufeff[memory]{end}limit_mb = 1024{end}".encode())

    assert load(config=path, root=None, cwd=tmp_path).memory.limit_mb == 1024


@pytest.mark.parametrize(
    ("encoding", "words", "named"),
    [
        ("utf-16", "c.toml is in UTF-16", "UTF-16"),
        ("utf-16-le", "c.toml is in UTF-16", "UTF-16LE"),
        ("utf-16-be", "c.toml is in UTF-16", "UTF-16BE"),
        ("cp1252", "line 2 of", "WINDOWS-1252"),
    ],
)
def test_a_file_in_another_encoding_is_named_with_the_command_that_converts_it(
    tmp_path: Path, encoding: str, words: str, named: str
) -> None:
    folder = tmp_path / "it's here"
    folder.mkdir()
    path = folder / "c.toml"
    path.write_bytes("[memory]\nlimit_mb = 1024  # für alle\n".encode(encoding))

    with pytest.raises(ConfigError, match=words) as caught:
        load(config=path, root=None, cwd=tmp_path)
    command = caught.value.hint.split("`")[1]
    assert f"iconv -f {named} " in command
    subprocess.run(["/bin/sh", "-c", command], check=True)

    assert load(config=path, root=None, cwd=tmp_path).memory.limit_mb == 1024


# Where there is less than usual


def test_a_configuration_that_is_a_link_to_nothing_is_an_error_and_not_the_defaults(
    tmp_path: Path,
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "scenariod.toml").symlink_to("/mnt/unplugged/scenariod.toml")

    with pytest.raises(ConfigError, match="No such file"):
        load_for_command(config=None, root=tmp_path)


@pytest.mark.parametrize("home", [None, "", "/nonexistent", "a file"])
def test_no_home_folder_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    def no_entry(_: int) -> object:
        raise KeyError("no entry in passwd")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    if home is None:
        monkeypatch.delenv("HOME", raising=False)
    else:
        monkeypatch.setenv("HOME", home)

    assert load_for_command(config=None, root=tmp_path).root == tmp_path
    assert load_for_command(config=None, root=None).root == tmp_path


def test_a_root_in_the_home_folder_of_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the home folder is not known") as caught:
        load_text(tmp_path, 'root = "~no-such-user/scenarios"')

    assert caught.value.hint == "write the full path"


def test_a_current_folder_that_is_gone_matters_only_to_what_is_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert load_for_command(config=None, root=tmp_path).root == tmp_path
    with pytest.raises(FileNotFoundError):
        load_for_command(config=None, root=Path("relative"))
