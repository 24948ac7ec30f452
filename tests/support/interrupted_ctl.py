"""scenariodctl, interrupted as by Ctrl-C just before or just after a call.

`interrupted_ctl.py MODULE ATTRIBUTE before|after ARGUMENT...`: at the first call of
MODULE.ATTRIBUTE it sends itself SIGINT.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

from scenariod.cli import main as ctl


def interrupt_at(module: str, attribute: str, when: str) -> None:
    """Replace MODULE.ATTRIBUTE by one that interrupts this process at its first call."""
    owner: Any = importlib.import_module(module)
    *path, name = attribute.split(".")
    for step in path:
        owner = getattr(owner, step)
    original = getattr(owner, name)

    def interrupting(*args: Any, **named: Any) -> Any:
        setattr(owner, name, original)
        if when == "before":
            os.kill(os.getpid(), signal.SIGINT)
        result = original(*args, **named)
        if when == "after":
            os.kill(os.getpid(), signal.SIGINT)
        return result

    setattr(owner, name, interrupting)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the shell ignores it
    interrupt_at(*sys.argv[1:4])
    sys.exit(ctl.main(sys.argv[4:]))
