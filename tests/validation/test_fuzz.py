"""Whatever bytes are dropped: a verdict on each, in time, and one that the supervisor can read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from support.home import DEADLINE_S
from support.mutation import mutants

from scenariod.base.names import printable
from scenariod.validation.problems import Reason
from scenariod.validation.readable import made_readable
from scenariod.validation.scenario import judge
from scenariod.validation.verdict import (
    MAX_MESSAGE,
    MAX_PROBLEMS,
    MAX_VERDICT_BYTES,
    VERDICT_FILE,
    Accepted,
    Rejected,
    Verdict,
    decode,
    encode,
)
from scenariod.workers.launchers.commands import worker

pytestmark = pytest.mark.slow

SAMPLES = [
    path.read_bytes() for path in sorted((Path(__file__).parents[2] / "samples").glob("*.json"))
]
FUZZ = int(os.environ.get("SCENARIOD_FUZZ", "10000"))
PER_SEED = FUZZ // 5
A_WORKER = 200
"""Files that one worker judges here."""
HANG_S = 60.0
"""CPU time that the verdict on one small input may take; less than a thousandth is usual."""
OF_BYTES_ALONE = {
    *(Reason.NOT_UTF8, Reason.NOT_JSON, Reason.NOT_AN_OBJECT, Reason.DUPLICATE_KEY),
    *(Reason.NOT_A_NUMBER, Reason.TOO_DEEP, Reason.MISSING_FIELD, Reason.WRONG_TYPE),
    *(Reason.WRONG_VALUE, Reason.NOT_TEXT),
}
"""Reasons that judging alone can find, and so must meet here."""


class HangError(Exception):
    """An input took all the time it may."""


@contextmanager
def limited_time() -> Iterator[Callable[[], None]]:
    """Yield a function that gives the next input its time; HangError is raised once it is up."""

    def hang(_number: int, _frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGVTALRM, hang)
    try:
        yield lambda: signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S) and None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_every_input_gets_a_verdict_that_survives_the_way_to_the_supervisor(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    codes: Counter[Reason] = Counter()
    accepted = 0

    with limited_time() as begin:
        for number, content in enumerate(mutants(SAMPLES, seed=seed, count=PER_SEED)):
            begin()
            try:
                verdict = judge(content, name="scenario-1.json")
                told = encode([verdict])
                assert decode(told) == [verdict]
                assert len(told) < MAX_VERDICT_BYTES / 8
                check(verdict, content)
            except BaseException as error:
                error.add_note(f"input {number} of seed {seed}: {content[:4000]!r}")
                raise
            accepted += isinstance(verdict, Accepted)
            if isinstance(verdict, Rejected):
                codes.update({problem.code for problem in verdict.problems})

    assert accepted > PER_SEED / 20
    assert codes.keys() >= OF_BYTES_ALONE
    record_property("fuzzed inputs with a verdict", PER_SEED)


def check(verdict: Verdict, content: bytes) -> None:
    """See that a verdict says what is so, as far as one can tell without judging anew."""
    assert verdict.size_bytes == len(content)
    if isinstance(verdict, Accepted):
        document = json.loads(content.decode("utf-8-sig"))
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        assert b"".join(made_readable([content.removeprefix(BOM_UTF8)])) in content
        assert verdict.scenario_id == document["id"]
        assert verdict.correct_answer == document["correctAnswer"]
        return
    assert 0 < len(verdict.problems) <= MAX_PROBLEMS + 1
    for problem in verdict.problems:
        assert 0 < len(problem.message) <= MAX_MESSAGE
        shown = problem.message + (problem.field or "")
        assert printable(shown).replace("\\\\", "\\") == shown
        assert problem.line is None or 1 <= problem.line <= content.count(b"\n") + 1


@pytest.mark.soak
def test_a_worker_says_of_every_input_what_is_so(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    inputs = list(mutants(SAMPLES, seed=1789, count=max(FUZZ // 10, A_WORKER)))
    names = [f"scenario-{number}.json" for number in range(len(inputs))]
    for start in range(0, len(inputs), A_WORKER):
        folder = tmp_path / f"{start:06d}"
        folder.mkdir()
        batch = dict(
            zip(names[start : start + A_WORKER], inputs[start : start + A_WORKER], strict=True)
        )

        said = verdicts_of_a_worker(folder, batch)

        assert said == [judge(content, name=name) for name, content in batch.items()]
        assert {n: (folder / n).read_bytes() for n in batch} == batch
    record_property("fuzzed inputs through real workers", len(inputs))


def verdicts_of_a_worker(folder: Path, batch: dict[str, bytes]) -> list[Verdict]:
    """Have a real worker judge the files of a batch; return what it says of them."""
    for name, content in batch.items():
        (folder / name).write_bytes(content)
    command = worker(
        folder,
        launcher="rlimits",
        limit_bytes=512 << 20,
        max_scenario_bytes=8 << 20,
        supervisor_pid=os.getpid(),
    )
    orders = json.dumps({"files": list(batch)}).encode() + b"\n"
    done = subprocess.run(
        command, input=orders, capture_output=True, timeout=DEADLINE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return decode((folder / VERDICT_FILE).read_bytes())
