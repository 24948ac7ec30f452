"""The scenarios at which an engine gave up: they come last, lest they hold up all others.

Pure. Forgets all when the daemon ends: that costs one more pause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 3
"""So often may an engine give up at a scenario, and speak others in between."""


class Setbacks:
    """Iterate over it for the ids of those that come last."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._is_counted: set[str] = set()

    def add(self, scenario_id: str, *, is_obscure: bool) -> None:
        """Note that the engine gave up at a scenario.

        That speaks against the scenario only where the reason is obscure, and once until the engine
        has spoken another: while it is down, it gives up at every one.
        """
        self._counts.setdefault(scenario_id, 0)
        if is_obscure and scenario_id not in self._is_counted:
            self._is_counted.add(scenario_id)
            self._counts[scenario_id] += 1

    def note_success(self) -> None:
        """Note that the engine has spoken a scenario."""
        self._is_counted.clear()

    def is_to_blame(self, scenario_id: str) -> bool:
        """Say whether it is the scenario that cannot be spoken, not the engine that is down."""
        return self._counts.get(scenario_id, 0) >= MOST

    def forget(self, scenario_id: str) -> None:
        """Forget a scenario, which was spoken or has failed."""
        self._counts.pop(scenario_id, None)
        self._is_counted.discard(scenario_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)
