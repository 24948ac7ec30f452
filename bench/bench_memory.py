"""The most memory that each part takes at 100,000 scenarios: it must be flat in their number.

    .venv/bin/python -m bench.bench_memory [--few 1000] [--many 100000]

Each step is the real command in a process of its own: import, export, restore, diff, verify, and
the daemon, which settles a pair in a library of that size, with backup and publishing, and rebuilds
a damaged one. A step's figure is that of the larger one of the command and what it starts (the
unpacker, the builder, a worker); see RUSAGE_CHILDREN in getrusage(2).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import scenarios

WANTED_MIB = 64
WATCHED = """
import resource, sys
from pathlib import Path
from scenariod.cli import main as ctl
from scenariod.daemon import main as daemon
main = ctl.main if sys.argv[1] == "ctl" else daemon.main
code = main(sys.argv[2:])
status = Path("/proc/self/status").read_text()
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.stderr.write("PEAK " + status.split("VmHWM:")[1].split()[0] + " " + str(children) + "\\n")
sys.exit(code)
"""


def write_bundle(path: Path, count: int) -> None:
    """Write one file with all scenarios, as `import` takes it."""
    with path.open("wb") as file:
        file.write(b'{"scenarios": [')
        for number in range(count):
            file.write((b",\n" if number else b"\n") + scenarios.scenario(f"scenario-{number:06d}"))
        file.write(b"\n]}\n")


def step(name: str, root: Path, *arguments: str, program: str = "ctl") -> float:
    """Run a command to its end; print its time, return its peak in MiB."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", WATCHED, program, "--root", str(root), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    if done.returncode not in {0, 3}:
        raise SystemExit(f"{name}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    own, children = (int(kib) / 1024 for kib in done.stderr.rsplit("PEAK ", 1)[1].split())
    started = f", what it starts {children:.1f} MiB" if children else ""
    print(f"  {name}: {seconds:.1f} s, peak {own:.1f} MiB{started}", flush=True)
    return max(own, children)


def settle_a_pair(root: Path, *names: str) -> float:
    """Have the daemon add a scenario for each of `names`; return the peak in MiB."""
    scenarios.write(root / "inbox", (f"new-{name}" for name in names))
    return step("supervisor, a pair", root, "--once", program="daemon")


def measure(folder: Path, count: int) -> dict[str, float]:
    """Return the peak of each step with so many scenarios, in MiB."""
    bundle = folder / "old.json"
    config = "[memory]\nlimit_mb = 512\nreserve_mb = 0\n"
    root = scenarios.make_root(folder / "root", config=config)
    write_bundle(bundle, count)
    print(f"with {count} scenarios, {bundle.stat().st_size >> 20} MiB:")
    peaks = {"import": step("import", root, "import", str(bundle))}
    peaks["import of what is there"] = step("import of what is there", root, "import", str(bundle))
    peaks["import --dry-run"] = step("import --dry-run", root, "import", str(bundle), "--dry-run")
    peaks["export"] = step("export", root, "export", "--output", str(folder / "out"))
    peaks["supervisor"] = settle_a_pair(root, "a", "b")
    peaks["restore to empty"] = step("restore to empty", root, "restore", "batch:1", "--yes")
    peaks["restore of all"] = step("restore of all", root, "restore", "latest", "--yes")
    latest = str(count // 500 + 3)
    peaks["diff"] = step("diff", root, "diff", f"batch:{latest}", "now", "--json")
    settle_a_pair(root, "c", "d")  # backs up all that was restored
    peaks["backups verify"] = step("backups verify", root, "backups", "verify", "latest")
    peaks["library verify"] = step("library verify", root, "library", "verify")
    with (root / "library" / "scenarios.db").open("r+b") as file:
        file.write(b"not SQLite at all")
    peaks["rebuild"] = step("rebuild", root, "--once", program="daemon")
    return peaks


def main() -> None:
    """Measure few and many; end with 1 where a step takes more than is wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=100_000)
    options = parser.parse_args()
    beyond = []
    for count in (options.few, options.many):
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
            peaks = measure(Path(folder), count)
            beyond += [name for name, peak in peaks.items() if peak > WANTED_MIB]
    print(f"  (wanted: below {WANTED_MIB} MiB each)")
    sys.exit(f"beyond it: {', '.join(beyond)}" if beyond else 0)


if __name__ == "__main__":
    main()
