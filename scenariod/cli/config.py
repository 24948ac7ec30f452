"""The configuration in force. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.base import config as configuration
from scenariod.cli.answer import Answer

if TYPE_CHECKING:
    import argparse

    from scenariod.base.config import Config


def config_check(config: Config, _: argparse.Namespace) -> Answer:
    """Answer every setting in force; an invalid configuration has failed before this."""
    settings = configuration.settings(config)
    source = str(config.source) if config.source else "no file: the defaults"
    lines = [f"valid ({source})", *(f"  {key} = {_shown(settings[key])}" for key in settings)]
    return Answer({"valid": True, "source": source, "settings": settings}, lines=lines)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
