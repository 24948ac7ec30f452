"""The wall clock, for records: aware UTC. Durations use `time.monotonic` instead."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment in aware UTC."""
    return datetime.now(UTC)
