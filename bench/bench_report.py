"""The report at 20,000 and 100,000 scenarios: time linear, memory flat, a change cheap.

    .venv/bin/python bench/bench_report.py [--few 20000] [--many 100000]

Scenarios of varied lengths and languages, half of them dialogues, are imported; then the builder
makes the report, and makes it again after one more scenario. Times are of the processor: they
count on a busy machine, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_MIB = 256
WANTED_MIB = 128
WANTED_RATIO = 1.3
"""Of the times a scenario: more is not linear."""
WANTED_SHARE = 0.1
"""Of the first run: what the report may take after one change."""
ANSWERS = ("logic", "emotion", "balanced", "agenda")
SPEAKERS = ("Anna", "Dr. Chen", "CALLER 2", "u/goose_fan", "Narrator")
WORDS_A_LINE = 12
CTL = "import sys; from scenariod.cli.main import main; sys.exit(main())"
WATCHED = """
import sys
from pathlib import Path
from scenariod.reports import builder
code = builder.main(sys.argv[1:])
status = Path("/proc/self/status").read_text()
sys.stderr.write("PEAK " + status.split("VmHWM:")[1].split()[0] + "\\n")
sys.exit(code)
"""


def vocabulary(chance: random.Random) -> list[str]:
    """Return made-up words in four scripts."""
    latin = [
        "".join(chance.choices("bcdfglmnprst", k=2)) + chance.choice("aeiou") for _ in "a" * 99
    ]
    words = ["".join(chance.choices(latin, k=chance.randint(1, 3))) for _ in range(8000)]
    for first, last, count in ((0x430, 0x44F, 3000), (0x4E00, 0x5E00, 1000), (0x5D0, 0x5EA, 500)):
        letters = [chr(code) for code in range(first, last)]
        words += ["".join(chance.choices(letters, k=chance.randint(2, 8))) for _ in range(count)]
    return words


def document(number: int, words: list[str], chance: random.Random) -> dict[str, object]:
    """Return a scenario of some words; its length varies as people's do."""
    length = min(int(chance.paretovariate(1.5) * 60), 4000)
    story = [words[min(int(chance.expovariate(1 / 900)), len(words) - 1)] for _ in range(length)]
    lines = [" ".join(story[at : at + WORDS_A_LINE]) for at in range(0, length, WORDS_A_LINE)]
    if number % 2:
        lines = [f"{chance.choice(SPEAKERS)}: {line}" for line in lines]
    return {
        "id": f"s-{chance.getrandbits(40):x}-{number}",
        "title": " ".join(chance.choices(words, k=4)),
        "claim": " ".join(chance.choices(words, k=8)),
        "correctAnswer": chance.choice(ANSWERS),
        "answerWeights": {name: chance.randint(0, 100) for name in ANSWERS},
        "text": "\n".join(lines),
        "difficulty": chance.choice(["easy", "hard", 3]),
        "logicalFallacies": [{"fallacyId": chance.choice(words[:60])}],
        "reviewKeywords": {"logic": {"keywords": chance.choices(words, k=5)}},
    }


def ctl(root: Path, *arguments: str) -> None:
    """Run scenariodctl on `root`; it must succeed."""
    command = [sys.executable, "-c", CTL, "--root", str(root), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")


def import_some(root: Path, numbers: range) -> None:
    """Import a scenario for each of `numbers`."""
    chance = random.Random(numbers.start)
    words = vocabulary(random.Random(0))
    bundle = root / "bundle.json"
    with bundle.open("w", encoding="utf-8") as file:
        for number in numbers:
            file.write("[" if number == numbers.start else ",\n")
            file.write(json.dumps(document(number, words, chance), ensure_ascii=False))
        file.write("]\n")
    ctl(root, "import", str(bundle))
    bundle.unlink()


def report(root: Path) -> tuple[float, float, dict[str, int]]:
    """Make the report; return its processor time in seconds, its peak in MiB, what it did."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", WATCHED, "--root", str(root), "--parent", str(os.getpid())]
    command += ["--limit-bytes", str(LIMIT_MIB << 20)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.returncode}\n{done.stdout}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, int(done.stderr.rsplit("PEAK ", 1)[1]) / 1024, json.loads(done.stdout)


def measure(folder: Path, count: int) -> tuple[float, float, float]:
    """Return seconds a scenario, the share of a second report, and the largest peak in MiB."""
    root = folder / "root"
    (root / "inbox").mkdir(parents=True)
    (root / "config").mkdir()
    (root / "config" / "scenariod.toml").write_text("[memory]\nlimit_mb = 512\nreserve_mb = 0\n")
    import_some(root, range(count))
    first_s, first_mib, did = report(root)
    print(f"{count} scenarios: {first_s:.1f} s, peak {first_mib:.1f} MiB, {did}", flush=True)
    import_some(root, range(count, count + 1))
    again_s, again_mib, did = report(root)
    print(f"  after one more: {again_s:.1f} s, peak {again_mib:.1f} MiB, {did}")
    index = (root / "reports" / "index.html").stat().st_size
    print(f"  index.html: {index / 1000:.0f} kB", flush=True)
    return first_s / count, again_s / first_s, max(first_mib, again_mib)


def main() -> None:
    """Measure few and many; end with 1 where something is beyond what is wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--few", type=int, default=20_000)
    parser.add_argument("--many", type=int, default=100_000)
    options = parser.parse_args()
    found = []
    for count in (options.few, options.many):
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
            found.append(measure(Path(folder), count))
    ratio = found[1][0] / found[0][0]
    print(f"time of a scenario, {options.many} to {options.few}: {ratio:.2f} times")
    wrong = [f"ratio {ratio:.2f}"] if ratio > WANTED_RATIO else []
    for _, share, mib in found:
        wrong += [f"share {share:.2f}"] if share > WANTED_SHARE else []
        wrong += [f"peak {mib:.0f} MiB"] if mib > WANTED_MIB else []
    print(
        f"  (wanted: {WANTED_RATIO} times, {WANTED_SHARE} of it after a change, {WANTED_MIB} MiB)"
    )
    sys.exit(f"beyond it: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
