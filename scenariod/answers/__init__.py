"""What each command of scenariodctl answers: a document for programs, lines for people.

One module a subject, loaded when it is first asked for: on a small machine the library, the
backups and what else a command has no need of take longer to load than its answer. ctl.py has the
table of commands.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from scenariod.answers.answer import Answer

if TYPE_CHECKING:
    from scenariod.answers import (
        backups,
        bundles,
        exporting,
        files,
        history,
        library,
        memory,
        settings,
        status,
        stopped,
        upkeep,
    )

__all__ = [
    "Answer",
    "backups",
    "bundles",
    "exporting",
    "files",
    "history",
    "library",
    "memory",
    "settings",
    "status",
    "stopped",
    "upkeep",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
