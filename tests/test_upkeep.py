from __future__ import annotations

import pytest

from scenariod.upkeep import is_due


@pytest.mark.parametrize(
    ("every", "scenarios", "backed_up", "due"),
    [
        ("drain", 0, None, True),
        ("drain", 50_000, None, True),
        ("drain", 9, 0, False),
        ("drain", 10, 0, True),
        ("drain", 99, 90, False),
        ("drain", 100, 90, True),
        ("drain", 1_099, 1_000, False),
        ("drain", 1_100, 1_000, True),
        ("drain", 900, 1_000, False),
        ("batch", 1_000, 1_000, True),
        ("batch", 1_002, 1_000, True),
    ],
)
def test_a_backup_is_due_at_a_drains_start_after_growth_or_before_each_batch(
    every: str, *, scenarios: int, backed_up: int | None, due: bool
) -> None:
    assert is_due(every=every, growth=0.1, scenarios=scenarios, backed_up=backed_up) is due
