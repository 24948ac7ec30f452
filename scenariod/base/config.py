"""From `scenariod.toml` and the command line to checked settings.

Owns every setting, its default and what is allowed. Never touches anything but the one file.
"""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path
from typing import Annotated, Literal

from scenariod.base import config_file
from scenariod.base.errors import ConfigError
from scenariod.base.names import nearest, printable
from scenariod.base.settings import (
    Bounds,
    InvalidSettingsError,
    Pairs,
    Section,
    Words,
    Wrong,
    checked,
    names,
    values,
)
from scenariod.base.units import MIB
from scenariod.base.value import Value

SYSTEM_CONFIG = Path("/etc/scenariod/scenariod.toml")
SYSTEM_ROOT = Path("/var/lib/scenariod")
SYSTEM_PREFIX = Path("/opt/scenariod")
"""Where `make install` puts the program's virtual environment."""
LIMIT_CEILING_MB = 4096
"""No worker ever gets more, unless the configuration allows it twice."""
SMALLEST_LIMIT_MB = 64
MOST_WORKERS = 64
LARGEST_BATCH = 8
"""The most files that one worker processes together."""
MOST_BACKUPS = 1_000_000
LONGEST_RETRY_S = 60.0
"""What stood in the way once is tried again within a minute, whatever `rescan_s` is."""

Auto = int | Literal["auto"]
"""A number, or what fits the machine."""
LimitMb = Annotated[Auto, Bounds(ge=SMALLEST_LIMIT_MB, le=LIMIT_CEILING_MB)]


class Intake(Section):
    """How files get from `inbox/` into batches."""

    batch_size: Annotated[int, Bounds(ge=1, le=LARGEST_BATCH)] = 2
    pair_wait_s: Annotated[float, Bounds(ge=0, le=3600)] = 5.0
    settle_s: Annotated[float, Bounds(ge=0.1, le=3600)] = 2.0
    watch: Literal["auto", "events", "poll"] = "auto"
    rescan_s: Annotated[float, Bounds(ge=1, le=3600)] = 30.0
    poll_s: Annotated[float, Bounds(ge=0.2, le=3600)] = 5.0
    max_scenario_bytes: Annotated[int, Bounds(ge=1024, le=256 * MIB)] = 8 * MIB

    @property
    def longest_retry_s(self) -> float:
        """How long what stood in the way is left alone before it is tried again, at most."""
        return min(2 * self.rescan_s, LONGEST_RETRY_S)


class Worker(Section):
    """How the limited process is started and how long it may take."""

    launcher: Literal["auto", "systemd"] = "auto"
    start: Literal["auto", "fork", "exec"] = "auto"
    workers: Annotated[Auto, Bounds(ge=1, le=MOST_WORKERS)] = "auto"
    timeout_s: Annotated[float, Bounds(ge=1, le=86400)] = 600.0
    ready_timeout_s: Annotated[float, Bounds(ge=1, le=3600)] = 120.0
    stop_grace_s: Annotated[float, Bounds(ge=0, le=3600)] = 30.0
    tasks_max: Annotated[int, Bounds(ge=4, le=4096)] = 32


class Memory(Section):
    """What a worker may use, and what always stays with the system. In MB of 1,048,576 bytes.

    What "auto" means on a machine is for `workers/sizes.py` to say.
    """

    limit_mb: LimitMb = "auto"
    limit_max_mb: Annotated[Auto, Bounds(ge=SMALLEST_LIMIT_MB, le=1 << 20)] = "auto"
    allow_over_4096_mb: bool = False
    soft_limit_percent: Annotated[int, Bounds(ge=10, le=100)] = 70
    reserve_mb: Annotated[Auto, Bounds(ge=0, le=1048576)] = "auto"

    def soft_limit_bytes(self, limit_bytes: int) -> int:
        """Return what a worker of this limit may hold before it is asked to end, in bytes."""
        return limit_bytes * self.soft_limit_percent // 100


class Library(Section):
    """The SQLite database."""

    busy_timeout_s: Annotated[float, Bounds(ge=0, le=3600)] = 30.0
    on_conflict: Literal["refuse", "replace"] = "refuse"
    auto_restore: bool = True


class Backups(Section):
    """When the library is backed up, and which backups are kept."""

    every: Literal["auto", "drain", "batch"] = "auto"
    small_mb: Annotated[int, Bounds(ge=0, le=1048576)] = 16
    max_age_h: Annotated[int, Bounds(ge=1, le=8760)] = 24
    growth: Annotated[float, Bounds(ge=0.01, le=10)] = 0.10
    keep_last: Annotated[int, Bounds(ge=1, le=MOST_BACKUPS)] = 10
    keep_hourly: Annotated[int, Bounds(ge=0, le=MOST_BACKUPS)] = 24
    keep_daily: Annotated[int, Bounds(ge=0, le=MOST_BACKUPS)] = 7
    keep_weekly: Annotated[int, Bounds(ge=0, le=MOST_BACKUPS)] = 5
    keep_monthly: Annotated[int, Bounds(ge=0, le=MOST_BACKUPS)] = 12
    max_total_mb: Annotated[int, Bounds(ge=0, le=1048576)] = 8192


class Retention(Section):
    """How old files in `done/` and `failed/` may get, and how many there may be of them."""

    done_age_days: Annotated[float | Literal["off"], Bounds(ge=1, le=36500)] = 90
    done_count: Annotated[int | Literal["off"], Bounds(ge=1, le=10**9)] = 100_000
    failed_age_days: Annotated[float | Literal["off"], Bounds(ge=1, le=36500)] = "off"
    failed_count: Annotated[int | Literal["off"], Bounds(ge=1, le=10**9)] = "off"


class Voices(Section):
    """How scenarios are spoken, once the inbox is empty.

    What an empty setting means is for the engine to say.
    """

    engine: Literal["off", "flite", "kokoro", "elevenlabs", "openai"] = "off"
    narrator: str = ""
    cast: Pairs = ()
    limit_mb: LimitMb = "auto"
    timeout_s: Annotated[float, Bounds(ge=60, le=7 * 86400)] = 21600.0
    model: str = ""
    base_url: str = ""
    voices: Words = ()
    rate_hz: Annotated[int, Bounds(ge=8000, le=48_000)] = 24_000
    weights: str = ""
    credits_per_month: Annotated[int | Literal["off"], Bounds(ge=0, le=10**12)] = "off"
    price_per_1000: Annotated[float, Bounds(ge=0, le=10**6)] = 0.0


class _File(Section):
    """The whole file: the sections, and `root`."""

    root: Annotated[str | None, Bounds(pattern=r"^[^\x00]+$")] = None
    intake: Intake = Intake()
    worker: Worker = Worker()
    memory: Memory = Memory()
    library: Library = Library()
    backups: Backups = Backups()
    retention: Retention = Retention()
    voices: Voices = Voices()


class Config(Value):
    """Checked settings, the root folder (absolute) and the file they came from, if any."""

    root: Path
    source: Path | None
    intake: Intake
    worker: Worker
    memory: Memory
    library: Library
    backup_rules: Backups
    retention: Retention
    voice_rules: Voices

    @property
    def inbox(self) -> Path:
        """What people drop."""
        return self.root / "inbox"

    @property
    def work(self) -> Path:
        """Claimed batches."""
        return self.root / "work"

    @property
    def done(self) -> Path:
        """Processed files, as they were dropped."""
        return self.root / "done"

    @property
    def failed(self) -> Path:
        """Refused files, each with its reason."""
        return self.root / "failed"

    @property
    def backups(self) -> Path:
        """Whole JSON files of the library."""
        return self.root / "backups"

    @property
    def voices(self) -> Path:
        """The spoken scenarios, a folder each."""
        return self.root / "voices"

    @property
    def reports(self) -> Path:
        """The report, to look at in a browser."""
        return self.root / "reports"

    @property
    def database(self) -> Path:
        """The SQLite library."""
        return self.root / "library" / "scenarios.db"

    @property
    def published(self) -> Path:
        """The library as JSON, for programs to read."""
        return self.root / "library" / "scenarios.json"

    @property
    def socket(self) -> Path:
        """Where the running supervisor answers `scenariodctl status`."""
        return self.root / "library" / "scenariod.sock"

    @property
    def lock(self) -> Path:
        """Held by the one supervisor of this root."""
        return self.root / "library" / "scenariod.lock"


def usual_places(*, cwd: Path, home: Path | None, prefix: Path) -> tuple[Path, ...]:
    """Return where to look for a configuration that nobody names, in this order.

    `home` is None for a user without a home folder. `prefix` is where this program is installed
    (`sys.prefix`): the installed one means the service, whatever folder one stands in; one run
    from a checkout means the checkout.
    """
    checkout = cwd / "config" / "scenariod.toml"
    if prefix == SYSTEM_PREFIX:
        return (SYSTEM_CONFIG,)
    if home is None:
        return (checkout, SYSTEM_CONFIG)
    own = home / "scenariod" / "config" / "scenariod.toml"
    if prefix.is_relative_to(home / ".local"):
        return (own, SYSTEM_CONFIG)
    return (checkout, own, SYSTEM_CONFIG)


def load(
    *, config: Path | None, root: Path | None, cwd: Path, places: tuple[Path, ...] = ()
) -> Config:
    """Return the settings for what the command line names; raise `ConfigError`.

    Without `config`: `<root>/config/scenariod.toml` with a `root`, else the first of `places`
    that exists, else the defaults. Without `root`: the file's `root` (relative to its folder),
    else the folder that holds the file's `config/`, else /var/lib/scenariod for the file in
    /etc, else `cwd`.
    """
    source = (cwd / config) if config is not None else _find(root=root, cwd=cwd, places=places)
    settings = _File() if source is None else _parse(source)
    return Config(
        root=_root(settings, source=source, root=root, cwd=cwd),
        source=source,
        intake=settings.intake,
        worker=settings.worker,
        memory=settings.memory,
        library=settings.library,
        backup_rules=settings.backups,
        retention=settings.retention,
        voice_rules=settings.voices,
    )


def _find(*, root: Path | None, cwd: Path, places: tuple[Path, ...]) -> Path | None:
    if root is not None:
        places = (cwd / root / "config" / "scenariod.toml",)
    return next((path for path in places if _is_there(path)), None)


def _is_there(path: Path) -> bool:
    """Say whether a file, or a link that leads nowhere, is at `path`: defaults replace neither."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _root(settings: _File, *, source: Path | None, root: Path | None, cwd: Path) -> Path:
    if root is not None:
        return (cwd / root).absolute()
    if source is None:
        return cwd.absolute()
    if settings.root is not None:
        return (source.parent / _expanded(settings.root, source)).absolute()
    if source == SYSTEM_CONFIG:
        return SYSTEM_ROOT
    return source.parent.parent.absolute() if source.parent.name == "config" else cwd.absolute()


def _expanded(root: str, source: Path) -> Path:
    try:
        return Path(root).expanduser()
    except RuntimeError as error:  # there is no such user, or one without a home folder
        raise ConfigError(
            f'{source}: root = "{printable(root)}": the home folder is not known',
            hint="write the full path",
        ) from error


def _parse(source: Path) -> _File:
    document = config_file.read(source)
    try:
        settings = checked(_File, document)
        _refuse_what_is_not_said_twice(settings.memory)
    except InvalidSettingsError as error:
        raise ConfigError(
            f"{source} is not valid: " + "; ".join(_sentence(wrong) for wrong in error.wrong),
            hint="the file that comes with scenariod explains every key, as does "
            "`man 5 scenariod.toml`; then `scenariodctl config check`",
        ) from error
    return settings


def _refuse_what_is_not_said_twice(memory: Memory) -> None:
    if memory.limit_max_mb == "auto" or memory.allow_over_4096_mb:
        return
    if memory.limit_max_mb > LIMIT_CEILING_MB:
        allowed = f"more than {LIMIT_CEILING_MB} needs memory.allow_over_4096_mb = true"
        raise InvalidSettingsError([Wrong("memory.limit_max_mb", memory.limit_max_mb, allowed)])


def _sentence(wrong: Wrong) -> str:
    """Say what is wrong: key, value, what is allowed."""
    if wrong.allowed is None:
        return f"unknown key {printable(wrong.key)}{nearest(wrong.key, known_keys())}"
    return f"{wrong.key} = {_shown(wrong.value)}: {wrong.allowed}"


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return printable(text if len(text) <= 80 else text[:77] + "...")


def load_for_command(*, config: Path | None, root: Path | None) -> Config:
    """Return the settings for a command that was started here and now; raise `ConfigError`."""
    try:
        cwd = Path.cwd()
    except FileNotFoundError:  # it was removed: that matters only to what is relative to it
        cwd = Path()
    places = usual_places(cwd=cwd, home=_home(), prefix=Path(sys.prefix))
    return load(config=config, root=root, cwd=cwd, places=places)


def _home() -> Path | None:
    """Return the user's home folder; None where there is none that this user may enter.

    In a container a user may be a number without an entry in passwd(5), or have the HOME of root.
    """
    try:
        home = os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None
    return Path(home) if os.access(home, os.X_OK) else None


def known_keys() -> list[str]:
    """Return every key the file may hold, dotted: `root`, `intake.batch_size`, ..."""
    return names(_File)


def settings(config: Config) -> dict[str, object]:
    """Return every setting in force, dotted, in the file's order."""
    sections = {name: getattr(config, name) for name in ("intake", "worker", "memory", "library")}
    sections |= {"backups": config.backup_rules, "retention": config.retention}
    sections["voices"] = config.voice_rules
    shown: dict[str, object] = {"root": str(config.root)}
    for name, section in sections.items():
        shown |= {f"{name}.{key}": value for key, value in values(section).items()}
    return shown
