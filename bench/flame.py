"""Draw a flame graph: from collapsed stacks on standard input to an SVG on standard output.

    py-spy record --subprocesses --format raw --output run.txt -- scenariod --root DIR --once
    python bench/flame.py [SAMPLES] <run.txt >run.svg

Give two pictures the same SAMPLES, those of the longer run, to draw them at the same scale.
A row is a call, its width the time, calls grow downwards. Processes of a kind are one; what Python
itself does to import a module is left out, so that `import NAME` is all there is of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from html import escape

WIDTH, ROW, DEPTH = 1200, 17, 14
PROGRAMS = {
    "workers/template.py": "template and its forks",
    "workers/worker.py": "workers",
    "voices/speaker.py": "speaker",
    "daemon/main.py": "supervisor",
}
THREADS = "its threads"
WAITS = re.compile(r"_worker|_check_inotify_fd|Condition.wait|DelayedQueue.get|select|_do_waitpid")
"""Calls that wait in the kernel, which a sampler takes for work."""
COLOURS = {"import": "#e8a35c", "scenariod": "#7fb07f", "other": "#c8c8c8"}

Tree = dict[str, tuple[int, "Tree"]]


def read(lines: Iterable[str]) -> Iterator[tuple[list[str], int]]:
    """Yield each stack, from its program to its innermost call, and how often it was seen."""
    for line in lines:
        stack, _, count = line.rpartition(" ")
        calls = stack.split(";")[1:]
        program = next((name for part, name in PROGRAMS.items() if part in stack), THREADS)
        if not WAITS.search(stack.rpartition(";")[2].partition(" (")[0]):
            yield [program, *(words for call in calls if (words := shown(call)))], int(count)


def shown(call: str) -> str:
    """Return a call for people, or nothing for what only runs others."""
    found = re.fullmatch(r"(.+) \((.+):\d+\)", call)
    if not found or "<frozen" in call or "threading" in call or "concurrent" in call:
        return ""
    function, path = found.groups()
    module = re.sub(r"(/__init__)?\.py$", "", path).replace("/", ".")
    return f"import {module}" if function == "<module>" else f"{module}: {function}"


def grown(stacks: Iterable[tuple[list[str], int]]) -> Tree:
    """Return all stacks as one tree."""
    tree: Tree = {}
    for calls, count in stacks:
        level = tree
        for call in calls[:DEPTH]:
            seen, below = level.get(call, (0, {}))
            level[call] = (seen + count, below)
            level = below
    return tree


def drawn(tree: Tree, *, left: float, depth: int, scale: float) -> Iterator[str]:
    """Yield the rectangles of a tree, the widest first; `scale` is pixels a sample."""
    for name, (count, below) in sorted(tree.items(), key=lambda each: -each[1][0]):
        width, top = count * scale, depth * ROW
        if width >= 2:
            kind = name.partition(" ")[0] if name.startswith("import") else name.partition(".")[0]
            colour = COLOURS.get(kind, COLOURS["other"])
            yield (
                f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}" '
                f'fill="{colour}"><title>{escape(name)}</title></rect>'
            )
            if (letters := int(width / 6.3)) > 3:
                text = name if len(name) <= letters else f"{name[: letters - 1]}…"
                yield f'<text x="{left + 3:.1f}" y="{top + 12}">{escape(text)}</text>'
            yield from drawn(below, left=left, depth=depth + 1, scale=scale)
        left += width


def main() -> None:
    """Draw the stacks on standard input; SAMPLES of them, all by default, fill the width."""
    most = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    tree = grown(read(sys.stdin))
    samples = sum(count for count, _ in tree.values())
    scale = WIDTH / max(most, samples)
    height = (DEPTH + 1) * ROW
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="monospace" font-size="10.5">'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    )
    print("\n".join(drawn(tree, left=0.0, depth=0, scale=scale)))
    print("</svg>")


if __name__ == "__main__":
    main()
