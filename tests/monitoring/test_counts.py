from __future__ import annotations

import pytest

from scenariod.library import Result
from scenariod.monitoring.counts import Counts


def test_results_are_counted_by_their_names_and_a_file_that_changed_is_not() -> None:
    results = [Result.ADDED, Result.REPLACED, Result.ALREADY_ADDED, Result.ADDED, Result.REFUSED]

    counts = Counts.of([*results, Result.CHANGED])

    assert counts == Counts(added=2, replaced=1, already_added=1, refused=1)


def test_counts_are_added_up_each_by_itself() -> None:
    total = Counts(added=1, replaced=2) + Counts(added=10, already_added=3, refused=4)

    assert total == Counts(added=11, replaced=2, already_added=3, refused=4)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(), "0 added, 0 refused"),
        (Counts(added=2, refused=1), "2 added, 1 refused"),
        (Counts(replaced=1), "0 added, 1 replaced, 0 refused"),
        (Counts(1, 2, 3, 4), "1 added, 2 replaced, 3 already added, 4 refused"),
    ],
)
def test_in_words_what_is_rare_is_named_where_it_happened(counts: Counts, words: str) -> None:
    assert counts.words() == words
