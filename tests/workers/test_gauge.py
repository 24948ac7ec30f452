from __future__ import annotations

import asyncio
from pathlib import Path

from scenariod.base import config
from scenariod.intake.batch import Batch
from scenariod.workers.gauge import Gauge
from scenariod.workers.job import Job, Reading
from scenariod.workers.launchers.cgroup import Counters


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


def test_each_reading_has_the_peak_so_far(tmp_path: Path) -> None:
    loaded = config.load(config=None, root=tmp_path, cwd=tmp_path)
    job = Job(loaded, Batch(1, tmp_path), ("scenario-1.json",), limit_bytes=100)
    seen: list[Reading] = []

    asyncio.run(Gauge(job, on_reading=seen.append).keep_reading(Memory(10, 30, 20)))

    assert [(r.used_bytes, r.peak_bytes) for r in seen] == [(10, 10), (30, 30), (20, 30)]
