"""What a worker a pair costs, as a fork of a template and as a program of its own, in one run.

CPU seconds and wall seconds of `scenariod --once` with 50 files, and the time from the rename of a
pair into the inbox of an idle daemon until both are in done/. The floor is `python -c pass`.
Run: .venv/bin/python bench/bench_pairs.py [ROUNDS [FOLDER OF SCENARIOS]]
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

FILES = 50
DROPS = 20
SCENARIOD = (sys.executable, "-m", "scenariod")
WEIGHTS = {"logic": 90, "emotion": 15, "balanced": 40, "agenda": 20}


def scenario(number: int) -> bytes:
    """Return a scenario of 4 kB, as most are."""
    story = "The fern drooped on Monday, and so did the sales. " * 70
    body = {
        "id": f"pair-{number}",
        "title": "Ferns",
        "claim": "It is the fern.",
        "text": f"{number}. {story}",
    }
    return json.dumps(body | {"correctAnswer": "logic", "answerWeights": WEIGHTS}).encode()


def root(folder: Path, *, start: str) -> Path:
    """Make a root folder whose workers are started this way."""
    (folder / "inbox").mkdir(parents=True)
    (folder / "config").mkdir()
    text = f'[worker]\nstart = "{start}"\nworkers = 1\n[intake]\npair_wait_s = 5.0\n'
    (folder / "config" / "scenariod.toml").write_text(text)
    return folder


def once(folder: Path, *, start: str, files: list[bytes]) -> tuple[float, float]:
    """Return CPU and wall seconds of all processes for these files."""
    made = root(folder, start=start)
    for number, content in enumerate(files):
        (made / "inbox" / f"scenario-{number:03}.json").write_bytes(content)
    return costs([*SCENARIOD, "--once", "--root", str(made)])


def costs(command: list[str]) -> tuple[float, float]:
    """Return CPU and wall seconds of a command and all that it starts."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def drops(folder: Path, *, start: str) -> list[float]:
    """Return how long each of some pairs took, dropped alone into an idle daemon's inbox."""
    made = root(folder, start=start)
    log = (made / "log").open("wb")
    daemon = subprocess.Popen([*SCENARIOD, "--root", str(made)], stderr=log, stdout=log)
    try:
        return [_drop(made, number) for number in range(DROPS)]
    finally:
        daemon.terminate()
        daemon.wait()
        log.close()


def _drop(made: Path, number: int) -> float:
    names = [f"scenario-{number:03}-{half}.json" for half in "ab"]
    for place, name in enumerate(names):
        (made / name).write_bytes(scenario(2 * number + place))
    _await_idle(made)
    started = time.perf_counter()
    for name in names:
        (made / name).rename(made / "inbox" / name)
    tick = threading.Event()
    while not all((made / "done" / name).exists() for name in names):
        tick.wait(0.002)
    return time.perf_counter() - started


def _await_idle(made: Path) -> None:
    """Wait until nothing is going on, the template made anew included."""
    tick = threading.Event()
    run = "import sys; from scenariod.cli.main import main; sys.exit(main())"
    ask = [sys.executable, "-c", run, "--root", str(made), "status", "--json"]
    while True:
        said = subprocess.run(ask, capture_output=True, check=False).stdout
        if b'"state": "idle"' in said:
            break
        tick.wait(0.05)
    tick.wait(1.0)


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    given = sorted(Path(sys.argv[2]).glob("*.json"))[:FILES] if len(sys.argv) > 2 else []
    files = [path.read_bytes() for path in given] or [scenario(n) for n in range(FILES)]
    cpu: dict[str, list[float]] = {"fork": [], "exec": [], "python -c pass": []}
    wall: dict[str, list[float]] = {name: [] for name in cpu}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            for start in ("fork", "exec"):
                spent = once(Path(folder, f"{start}{number}"), start=start, files=files)
                cpu[start].append(spent[0])
                wall[start].append(spent[1])
            spent = costs([sys.executable, "-I", "-c", "pass"])
            cpu["python -c pass"].append(spent[0])
            wall["python -c pass"].append(spent[1])
        waits = {
            start: drops(Path(folder, f"drop-{start}"), start=start) for start in ("fork", "exec")
        }
    print(f"{len(files)} files by --once, medians of {rounds}")
    for name, spent_cpu in cpu.items():
        middle = statistics.median(spent_cpu), statistics.median(wall[name])
        print(f"  {name:16} CPU {middle[0]:6.3f} s   wall {middle[1]:6.3f} s")
    for what, of in (("CPU", cpu), ("wall", wall)):
        ratio = statistics.median(of["fork"]) / statistics.median(of["exec"])
        print(f"  {what} of fork / exec: {ratio:.2f}")
    print(f"a pair dropped alone until both are in done/, {DROPS} times")
    for start, took in waits.items():
        ordered = sorted(took)
        print(f"  {start}: p50 {statistics.median(took):.3f} s, p95 {ordered[-2]:.3f} s")


if __name__ == "__main__":
    main()
