"""Runs the tests of this folder; one that fails is run once more, alone, at the end.

`python -m tests.machine [ARGUMENTS OF PYTEST]`, from the top of the checkout. Where all that failed
pass then, and they are fewer than three, the run is green and its last lines name them:
`unstable: NODE ID`. Each is a defect to fix; they are never taken for noise.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

MANY_UNSTABLE = 3
"""So many tests that fail the first time are a failure, whatever becomes of them."""
TESTS_FAILED = 1
"""Exit code of pytest: it has run them all, and some failed."""


def main(arguments: list[str]) -> int:
    """Return the exit code of pytest, or 0 where what failed has passed alone."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        code = pytest(*arguments, cache=cache)
        failed = failed_in(cache)
    if code != TESTS_FAILED or not failed:
        return code
    if len(failed) >= MANY_UNSTABLE:
        say(f"{len(failed)} failed: too many to be run once more")
        return code
    say("", f"once more, alone: {', '.join(failed)}", "")
    with tempfile.TemporaryDirectory() as folder:
        code = pytest(*failed, cache=Path(folder) / "cache")
    if code == 0:
        say(*(f"unstable: {name}" for name in failed))
    return code


def pytest(*arguments: str, cache: Path) -> int:
    """Run pytest with these arguments; `cache` is where it notes what failed."""
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
    return subprocess.run(command, check=False).returncode


def failed_in(cache: Path) -> list[str]:
    """Return the node IDs of the tests that failed in the run with this cache."""
    try:
        noted = json.loads((cache / "v" / "cache" / "lastfailed").read_bytes())
    except FileNotFoundError:
        return []
    # pytest-xdist appends "@GROUP" to those that one process runs together.
    return sorted(name.rpartition("@")[0] or name for name in noted)


def say(*lines: str) -> None:
    """Print below what pytest has printed."""
    print(*lines, sep="\n", flush=True)  # noqa: T201 - a command of its own


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
