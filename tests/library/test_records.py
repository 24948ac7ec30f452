from __future__ import annotations

import pytest
from support.makers import accepted, document

from scenariod.library import OnConflict, Result, decide

GIVEN = accepted(document("one"))
SAME = accepted(document("one")).content_sha256
OTHER = accepted(document("one", text="another story")).content_sha256


@pytest.mark.parametrize(
    ("present_sha256", "on_conflict", "result", "changes"),
    [
        (None, OnConflict.REFUSE, Result.ADDED, True),
        (None, OnConflict.REPLACE, Result.ADDED, True),
        (SAME, OnConflict.REFUSE, Result.ALREADY_ADDED, False),
        (SAME, OnConflict.REPLACE, Result.ALREADY_ADDED, False),
        (OTHER, OnConflict.REFUSE, Result.REFUSED, False),
        (OTHER, OnConflict.REPLACE, Result.REPLACED, True),
    ],
)
def test_what_becomes_of_a_file_depends_on_the_scenario_that_has_its_id(
    present_sha256: str | None, on_conflict: OnConflict, result: Result, *, changes: bool
) -> None:
    decided = decide(GIVEN, present_sha256=present_sha256, on_conflict=on_conflict)

    assert (decided, decided.changes) == (result, changes)
