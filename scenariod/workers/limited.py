"""What the limited processes have in common that talk to the supervisor in lines of JSON.

Owns how such a process begins, what it says, and how it leaves. Never reads a file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, NoReturn

from scenariod.base.value import as_dict
from scenariod.workers.confinement import cgroup_limit, set_rlimits, yield_to_others
from scenariod.workers.outcome import EXIT_ENVIRONMENT, EXIT_NO_LIMIT
from scenariod.workers.privileges import NOBODY, become_nobody, die_with

# Imports stay light: under rlimits no limit is in force yet.

_LIMITS = {"systemd": cgroup_limit, "rlimits": set_rlimits}


def parser(program: str) -> argparse.ArgumentParser:
    """Return a parser of what every such process is told; its own arguments are to be added."""
    made = argparse.ArgumentParser(prog=program, allow_abbrev=False)
    made.add_argument("--limit-bytes", type=int, required=True)
    made.add_argument("--launcher", choices=tuple(_LIMITS), required=True)
    made.add_argument("--supervisor-pid", type=int, required=True)
    return made


def confine(orders: argparse.Namespace) -> dict[str, Any]:
    """Put the limit in force, yield to others, die with the supervisor; return what READY says.

    Leaves where the limit is not in force.
    """
    die_with(orders.supervisor_pid)
    limit = _LIMITS[orders.launcher](orders.limit_bytes)
    if isinstance(limit, str):
        leave(EXIT_NO_LIMIT, "no-limit", reason=limit)
    yield_error = yield_to_others()
    return {"pid": os.getpid(), **as_dict(limit), "oom_score_adj_error": yield_error}


def say(event: str, **details: object) -> None:
    """Tell the supervisor; ASCII, so that any file name gets through."""
    sys.stdout.write(json.dumps({"event": event, **details}) + "\n")
    sys.stdout.flush()


def stop_being_root(who: str, supervisor_pid: int) -> None:
    """Become nobody, or leave; `who` is what this process is."""
    try:
        become_nobody(supervisor_pid)
    except OSError as error:
        reason = f"{who} cannot become user {NOBODY}, and never reads a file as root: {error}"
        leave(EXIT_NO_LIMIT, "no-limit", reason=reason)


def leave_to_environment(error: OSError, *, file: str | None) -> NoReturn:
    """Leave because of the disk; `file` is what it failed on, where that is known."""
    message = error.strerror or str(error)
    leave(EXIT_ENVIRONMENT, "environment", errno=error.errno, message=message, file=file)


def leave(status: int, event: str, **details: object) -> NoReturn:
    """Say a last word, and end."""
    say(event, **details)
    raise SystemExit(status)
