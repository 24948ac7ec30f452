from __future__ import annotations

import asyncio
from pathlib import Path

from scenariod.workers.gauge import Gauge
from scenariod.workers.job import Job, Reading
from scenariod.workers.launchers.cgroup import Counters

JOB = Job(
    root=Path("/r"),
    batch_id=1,
    folder=Path("/r/work/000001"),
    names=("scenario-1.json",),
    limit_bytes=100,
    soft_limit_bytes=80,
    max_scenario_bytes=100,
    tasks_max=10,
    ready_timeout_s=60,
    timeout_s=60,
    stop_grace_s=60,
)


class Memory:
    """A worker's memory: these figures in bytes, one a reading, then the worker is gone."""

    def __init__(self, *used_bytes: int) -> None:
        self._used_bytes = list(used_bytes)

    def read(self, job: Job) -> Reading:
        if not self._used_bytes:
            raise ProcessLookupError
        used = self._used_bytes.pop(0)
        return Reading(used_bytes=used, limit_bytes=job.limit_bytes, peak_bytes=used)

    def biggest(self) -> str:
        raise NotImplementedError

    def counters(self) -> Counters:
        raise NotImplementedError


def test_each_reading_has_the_peak_so_far() -> None:
    seen: list[Reading] = []

    asyncio.run(Gauge(JOB, on_reading=seen.append).keep_reading(Memory(10, 30, 20)))

    assert [(r.used_bytes, r.peak_bytes) for r in seen] == [(10, 10), (30, 30), (20, 30)]
