"""What each command of scenariodctl answers: a document for programs, lines for people.

One module a subject; ctl.py has the table of commands.
"""

from scenariod.answers import backups, bundles, files, history, library, memory, settings, status
from scenariod.answers.answer import Answer

__all__ = [
    "Answer",
    "backups",
    "bundles",
    "files",
    "history",
    "library",
    "memory",
    "settings",
    "status",
]
