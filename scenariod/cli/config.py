"""The configuration in force, and whether the daemon could start with it. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base import config as configuration
from scenariod.base import root
from scenariod.base.units import MIB
from scenariod.cli.answer import Answer
from scenariod.workers import host, start_check
from scenariod.workers.budget import sizes_here

if TYPE_CHECKING:
    import argparse

    from scenariod.base.config import Config
    from scenariod.workers.sizes import Sizes


def config_check(config: Config, _: argparse.Namespace) -> Answer:
    """Answer every setting in force, with what "auto" memory sizes are here.

    Raises what the daemon would end with at its start; an invalid file has failed before this.
    """
    root.refuse_unusable(config)
    start_check.refuse_what_cannot_start(config)
    sizes = sizes_here(config.memory)
    settings = configuration.settings(config) | {
        f"memory.{name}": size for name, size in sizes.in_mb().items()
    }
    chosen = [f"memory.{name}" for name in sizes.chosen]
    source = str(config.source) if config.source else "no file: the defaults"
    document = {"valid": True, "source": source, "settings": settings, "chosen": chosen}
    lines = [f"valid ({source})"]
    lines += [_line(key, value, is_chosen=key in chosen) for key, value in settings.items()]
    return Answer(document, lines=lines + _notes(sizes))


def _line(key: str, value: object, *, is_chosen: bool) -> str:
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return f"  {key} = {shown}{' (auto)' if is_chosen else ''}"


def _notes(sizes: Sizes) -> list[str]:
    """Return what is allowed and of no use: a larger limit that this machine can never give."""
    now = host.look()
    if sizes.limit_max_bytes + sizes.reserve_bytes <= now.total_bytes:
        return []
    words = (
        f"note: no file gets a second try with {sizes.shown('limit_max_mb')}, which do not fit in "
        f"{now.name}'s {now.total_bytes // MIB} MB beside {sizes.shown('reserve_mb')} kept free"
    )
    return [words]
